"""Our weightings against the scalarisations of torchjd, with every task present."""

from __future__ import annotations

import pytest
import torch
from torchjd import scalarization

from training.weighting.dwa import DynamicWeightAverage
from training.weighting.famo import Famo
from training.weighting.fixed import Fixed
from training.weighting.gls import GeometricMean
from training.weighting.imtl_l import ImpartialLoss
from training.weighting.rlw import RandomWeights
from training.weighting.stch import SmoothTchebycheff
from training.weighting.uncertainty import Uncertainty

ALL = torch.ones(3, dtype=torch.bool)


def drawn(seed):
    """Random losses well above the bound of the logarithms."""
    return 0.1 + 2 * torch.rand(3, generator=torch.Generator().manual_seed(seed))


def compare(mine, other, seed=0):
    """Values and derivatives agree."""
    one, two = drawn(seed).requires_grad_(), drawn(seed).requires_grad_()
    total, expected = mine(one), other(two)
    total.backward()
    expected.backward()
    assert total.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    assert torch.allclose(one.grad, two.grad, rtol=1e-5)


def test_constant():
    mine = Fixed(3, [1.0, 65.0, 62.0])
    compare(lambda x: mine(x, ALL, 0, 0), scalarization.Constant(torch.tensor([1.0, 65.0, 62.0])))


def test_uncertainty_and_impartial_losses_with_learned_numbers():
    for mine, name, other, theirs in (
        (Uncertainty(3), "log_variance", scalarization.UW(3), "log_var"),
        (ImpartialLoss(3), "log_scale", scalarization.IMTLL(3), "log_scale"),
    ):
        with torch.no_grad():
            for k, value in enumerate((0.3, -1.2, 0.8)):
                getattr(mine, name).values[k].fill_(value)
                getattr(other, theirs)[k] = value
        compare(lambda x, mine=mine: mine(x, ALL, 0, 0), other)
        slopes = [float(each.grad) for each in getattr(mine, name).values]
        assert slopes == pytest.approx(getattr(other, theirs).grad.tolist(), rel=1e-5)


def test_dynamic_weights_over_epochs():
    mine, other = DynamicWeightAverage(3), scalarization.DWA()
    for epoch in range(5):
        compare(lambda x, epoch=epoch: mine(x, ALL, epoch, 0), other, seed=epoch)
        other.step()
        mine.end_epoch(drawn(epoch), ALL)


def test_geometric_mean():
    mine = GeometricMean(3)
    compare(lambda x: mine(x, ALL, 0, 0), scalarization.GeometricMean())


def test_random_weights_from_the_same_numbers():
    mine = RandomWeights(3, seed=7)
    torch.manual_seed(7)
    compare(lambda x: mine(x, ALL, 0, 0), scalarization.Random())


@pytest.mark.parametrize("lowest", [[0.0, 0.0, 0.0], [0.01, 0.02, 0.0]])
def test_famo_over_steps(lowest):
    mine = Famo(3, lr=0.025, decay=1e-3, lowest=lowest)
    other = scalarization.FAMO(3, min_losses=torch.tensor(lowest))
    for step in range(20):
        compare(lambda x, step=step: mine(x, ALL, 0, step), other, seed=step)
        before, after = drawn(step), drawn(1000 + step)
        mine.after_step(before, after, ALL)
        other.update(after)
    assert torch.allclose(mine.logits, other._w.detach(), atol=1e-6)


@pytest.mark.parametrize("smooth", [0.05, 1.0])
def test_smooth_maximum_plain_and_after_the_warm_up(smooth):
    plain = SmoothTchebycheff(3, smooth, warm_up=0)
    compare(lambda x: plain(x, ALL, 0, 0), scalarization.STCH(smooth))
    preference, ideal = [0.2, 0.3, 0.5], [0.05, 0.0, 0.1]
    chosen = SmoothTchebycheff(3, smooth, warm_up=0, ideal=ideal, preference=preference)
    others = scalarization.STCH(smooth, reference=torch.tensor(ideal), weights=torch.tensor(preference))
    compare(lambda x: chosen(x, ALL, 0, 0), others)
    warm = SmoothTchebycheff(3, smooth, warm_up=1)
    reference = torch.tensor([1.0, 2.0, 0.5])
    warm.end_epoch(reference, ALL)
    other = scalarization.STCH(smooth, weights=torch.ones(3))
    compare(lambda x: warm(x, ALL, 1, 0), lambda x: 3 * other(torch.log(x / reference)))
