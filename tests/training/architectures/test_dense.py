from __future__ import annotations

import numpy as np
import pytest
import torch

from screener.errors import InputError
from training.architectures import HardNet, IndependentNet, SoftNet, StructuredNet
from training.architectures.dense import dense_layers_of

NETS = {
    "hard": lambda: HardNet(5, 3, widths=(9, 7), head_hidden=4),
    "linear heads": lambda: HardNet(5, 3, widths=(9,), head_hidden=0, norm="none"),
    "norms per task": lambda: HardNet(5, 3, widths=(9, 7), head_hidden=4, norm="task_bn"),
    "independent": lambda: IndependentNet(5, 3, widths=(9, 7)),
    "soft": lambda: SoftNet(5, 3, widths=(9, 7), head_hidden=4, same_start=False),
    "structured": lambda: StructuredNet(5, 3, widths=(9, 7), head_hidden=4, embedding=6),
    "published": lambda: StructuredNet(5, 3, widths=(9, 7), head_hidden=4, gcn="paper", per="target"),
    "structured, linear heads": lambda: StructuredNet(5, 2, widths=(9, 7), head_hidden=0, alpha=1.0),
}


def trained(kind):
    """A net whose every parameter and running statistic has moved."""
    torch.manual_seed(0)
    net = NETS[kind]()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    net.train()
    for _ in range(3):
        net(torch.randn(20, 5) * 2 + 1)
    return net.eval()


@pytest.mark.parametrize("kind", NETS)
def test_dense_layers_answer_as_the_net(kind):
    net, x = trained(kind), torch.randn(50, 5) * 3
    with torch.no_grad():
        expected = net(x).numpy()
    for task in range(net.tasks):
        value = x.numpy().astype(np.float64)
        *hidden, (weight, bias) = dense_layers_of(net, task)
        for w, b in hidden:
            value = np.maximum(value @ w + b, 0.0)
        np.testing.assert_allclose((value @ weight + bias)[:, 0], expected[:, task], rtol=2e-5, atol=2e-5)


def test_what_normalises_rows_by_themselves_is_refused():
    with pytest.raises(InputError, match="layers of `LayerNorm` cannot be exported") as refused:
        dense_layers_of(HardNet(5, 2, norm="ln"), 0)
    assert refused.value.hint == 'choose norm = "bn" or "none"'
    with pytest.raises(InputError, match="structured nets with a backbone per task cannot be exported"):
        dense_layers_of(StructuredNet(5, 2, norm="task_bn"), 0)
