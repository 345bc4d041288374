"""Our aggregators against those of torchjd, where both are exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchjd.aggregation import (
    AlignedMTLWeighting,
    CAGradWeighting,
    GradVacWeighting,
    IMTLGWeighting,
    MGDAWeighting,
    PCGradWeighting,
    UPGradWeighting,
)
from torchjd.linalg import QuadprogProjector

from training.aggregators.aligned_mtl import AlignedMTL
from training.aggregators.cagrad import CAGrad
from training.aggregators.gradvac import GradVac
from training.aggregators.imtl_g import IMTLG
from training.aggregators.mgda import MGDA
from training.aggregators.pcgrad import PCGrad
from training.aggregators.upgrad import UPGrad

SEEDS = range(10)


def gramian_of(tasks, seed, width=10):
    """The Gramian of random gradients of different lengths."""
    rng = np.random.default_rng(seed)
    rows = torch.from_numpy(rng.normal(size=(tasks, width)) * 10.0 ** (0.3 * rng.normal(size=(tasks, 1))))
    return rows @ rows.T


def same(mine, other):
    """Whether weights agree to 1e-6."""
    return torch.allclose(mine, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_imtl_g_and_aligned_mtl(tasks, seed):
    gramian = gramian_of(tasks, seed)
    assert same(IMTLG()(gramian), IMTLGWeighting()(gramian))
    for scale in ("min", "median", "rmse"):
        assert same(AlignedMTL(scale)(gramian), AlignedMTLWeighting(scale_mode=scale)(gramian))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_upgrad_where_the_ridge_of_the_other_is_small(tasks, seed):
    gramian = gramian_of(tasks, seed, width=5)
    other = UPGradWeighting(projector=QuadprogProjector(norm_eps=0.0, reg_eps=1e-10))
    assert same(UPGrad()(gramian), other(gramian))


def test_upgrad_with_the_ridge_of_the_other_is_a_little_off():
    gramian = gramian_of(3, seed=1, width=5)
    mine, other = UPGrad()(gramian), UPGradWeighting()(gramian)
    assert torch.allclose(mine, other, atol=1e-2)


def test_upgrad_of_short_gradients_is_not_the_mean():
    gramian = 1e-5 * torch.tensor([[1.04, -0.7], [-0.7, 0.89]], dtype=torch.float64)
    assert same(UPGrad()(gramian), UPGrad()(1e5 * gramian))
    assert UPGradWeighting()(gramian).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("seed", SEEDS)
def test_pcgrad_mgda_and_gradvac_of_two_tasks(seed):
    gramian = gramian_of(2, seed)
    assert same(PCGrad()(gramian), PCGradWeighting()(gramian))
    assert same(MGDA()(gramian), MGDAWeighting()(gramian))
    mine, other = GradVac(), GradVacWeighting()
    for step in range(5):
        later = gramian_of(2, 10 * step + seed)
        assert same(mine(later), other(later))


def test_pcgrad_of_three_tasks_reaches_the_same_sums():
    rows = torch.tensor([[1.0, 0.1, 0.0], [-0.8, 1.0, 0.3], [-0.5, -0.9, 1.0]], dtype=torch.float64)
    gramian = rows @ rows.T
    mine, other = PCGrad(), PCGradWeighting()
    torch.manual_seed(0)
    found = [torch.stack([each(gramian) for _ in range(80)]) for each in (mine, other)]
    distances = (found[0][:, None] - found[1]).norm(dim=2)
    assert float(distances.min(dim=0).values.max()) < 1e-9
    assert float(distances.min(dim=1).values.max()) < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_cagrad_serves_the_worst_off_task_as_well_as_by_the_interior_point_of_the_other(tasks, seed):
    gramian = gramian_of(tasks, seed)
    mine, other = CAGrad(0.5)(gramian), CAGradWeighting(c=0.5, norm_eps=1e-12)(gramian)
    served = [float((gramian @ weights).min()) for weights in (mine, other)]
    assert served[0] >= served[1] * (1 - 1e-6)
    assert served[0] == pytest.approx(served[1], rel=5e-3)
    assert torch.allclose(mine, other, atol=1e-3)  # it stops where its cost is flat


@pytest.mark.parametrize("seed", SEEDS)
def test_mgda_is_never_longer_than_by_the_steps_of_the_other(seed):
    gramian = gramian_of(4, seed)
    mine, other = MGDA()(gramian), MGDAWeighting(epsilon=1e-9, max_iters=3000)(gramian)
    length, longer = float(mine @ gramian @ mine), float(other @ gramian @ other)
    assert length <= longer * (1 + 1e-12)
    assert longer == pytest.approx(length, rel=1e-2)
