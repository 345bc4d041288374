from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.nets import SharedNet, dense_layers, run_layers, single_thread


def trained(net: SharedNet, x: torch.Tensor, steps: int = 5) -> SharedNet:
    """Move weights and the running statistics of batch normalisation away from where they start."""
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        torch.autograd.backward((net(x) - x[:, :1]).square().mean())
        optimiser.step()
    return net.eval()


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.integers(2, 12), min_size=1, max_size=3),
    st.integers(1, 3),
    st.sampled_from([0, 5]),
    st.booleans(),
    st.integers(0, 99),
)
def test_folded_layers_answer_as_the_module(widths, tasks, head_width, norm, seed):
    single_thread()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    mean, scale = rng.normal(size=6), rng.uniform(0.1, 4.0, 6)
    raw = rng.normal(mean, scale, (80, 6))
    x = torch.from_numpy(((raw - mean) / scale).astype(np.float32))
    net = trained(SharedNet(6, widths, tasks, head_width=head_width, norm=norm), x)
    with torch.no_grad():
        expected = net(x).numpy().astype(np.float64)
    for task in range(tasks):
        layers = dense_layers(net, task, mean, scale, out_scale=2.5, out_mean=-1.0)
        assert run_layers(layers, raw) == pytest.approx(2.5 * expected[:, task] - 1.0, abs=1e-4)
        assert all(w.dtype == b.dtype == np.float32 for w, b in layers)


def test_the_papers_net_has_the_papers_size():
    net = SharedNet(21, (128, 64))
    parameters = sum(p.numel() for p in net.parameters())
    assert parameters == (21 * 128 + 128) + 2 * 128 + (128 * 64 + 64) + 2 * 64 + (64 + 1)
    backbone = SharedNet(21, (128, 128), 3, head_width=64).trunk
    assert sum(p.numel() for p in backbone.parameters()) == 19_840


def test_torch_works_on_one_thread():
    torch.set_num_threads(2)
    single_thread()
    assert torch.get_num_threads() == 1
