from __future__ import annotations

import pytest
import torch

from training.architectures import HardNet, IndependentNet
from training.architectures.layers import share_generator
from training.architectures.passes import SeedPasses
from training.architectures.seeds import SeedNets

NETS = {
    "hard": lambda: HardNet(5, 3, widths=(9, 7), head_hidden=4),
    "plain": lambda: HardNet(5, 2, widths=(9,), head_hidden=0, norm="none", dropout=0.0),
    "single": lambda: IndependentNet(5, 1, widths=(9, 7)),
}


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("rows", [1, 11])
def test_written_out_passes_are_those_of_autograd(kind, count, rows):
    torch.manual_seed(0)
    nets = SeedNets([NETS[kind]() for _ in range(count)]).double()
    x = torch.randn(count, rows, 5, dtype=torch.float64)
    slope = torch.randn(count, nets.tasks, rows, dtype=torch.float64)
    found = {}
    start = {name: value.clone() for name, value in nets.state_dict().items()}
    for way in ("autograd", "written out"):
        nets.load_state_dict(start)
        nets.zero_grad()
        share_generator(nets, torch.Generator().manual_seed(1))
        if way == "autograd":
            out = nets(x).transpose(1, 2)
            torch.autograd.backward((out * slope).sum())
        else:
            passes = SeedPasses(nets)
            out = passes.forward(x)
            passes.backward(slope)
        gradients = {name: p.grad.clone() for name, p in nets.named_parameters()}
        buffers = {name: b.clone() for name, b in nets.named_buffers()}
        found[way] = {"out": out.detach(), **gradients, **buffers}
    assert found["autograd"].keys() == found["written out"].keys()
    for name, expected in found["autograd"].items():
        torch.testing.assert_close(found["written out"][name], expected, msg=name)
