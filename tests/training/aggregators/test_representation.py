"""MGDA-UB and what it cannot see."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.aggregators import AGGREGATORS, representation_gramian

SIZES = (8, 4, 4)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6), nn.ReLU()), nn.ModuleList(nn.Linear(6, 1) for _ in range(3))


def losses_of(net, known):
    """Losses of three tasks, the same targets with one of them turned round, each on the rows it has labels for."""
    trunk, heads = net
    torch.manual_seed(1)
    x = torch.randn(16, 5)
    y = x.sum(dim=1, keepdim=True) * torch.tensor([1.0, -1.0, 1.0])
    z = trunk(x)
    out = torch.cat([head(z) for head in heads], dim=1)
    return [((out[:, t] - y[:, t]) ** 2)[known[:, t]].mean() for t in range(3)], z, list(trunk.parameters())


def gramian_of(losses, parameters):
    """The Gramian of the trunk's parameters."""
    found = [torch.autograd.grad(loss, parameters, retain_graph=True) for loss in losses]
    rows = torch.stack([torch.cat([each.flatten() for each in gradients]) for gradients in found])
    return rows @ rows.T


def disjoint():
    """Sixteen rows of which every one has a single label."""
    known = torch.zeros(16, 3, dtype=torch.bool)
    for task, (start, stop) in enumerate(((0, 8), (8, 12), (12, 16))):
        known[start:stop, task] = True
    return known


def test_gramian_is_diagonal_where_no_row_has_two_labels(net):
    losses, z, parameters = losses_of(net, disjoint())
    gramian = representation_gramian(losses, z)
    assert torch.equal(gramian, torch.diag(torch.diagonal(gramian)))
    inverse = 1.0 / torch.diagonal(gramian)
    weights = AGGREGATORS["mgda_ub"]()(gramian)
    assert weights.tolist() == pytest.approx((inverse / inverse.sum()).tolist(), rel=1e-5)
    # The same losses on the same rows do meet in the trunk.
    shared = gramian_of(losses, parameters)
    assert (shared[~torch.eye(3, dtype=torch.bool)].abs() > 1e-4).all()


def test_rows_with_two_labels_show_conflict(net):
    losses, z, _ = losses_of(net, torch.ones(16, 3, dtype=torch.bool))
    gramian = representation_gramian(losses, z)
    assert (gramian[~torch.eye(3, dtype=torch.bool)].abs() > 1e-6).all()
    rows = torch.stack([torch.autograd.grad(loss, z, retain_graph=True)[0].flatten() for loss in losses])
    assert torch.allclose(gramian, rows @ rows.T)
    sum(losses).backward()


def test_only_mgda_ub_reads_the_representation():
    assert [name for name, each in AGGREGATORS.items() if each.of_representation] == ["mgda_ub"]
