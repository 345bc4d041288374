"""Each weighting against its own formula."""

from __future__ import annotations

import math

import pytest
import torch

from screener.errors import ScreenerError
from training.methods import build
from training.weighting import WEIGHTINGS
from training.weighting.base import bounded_log
from training.weighting.dwa import DynamicWeightAverage
from training.weighting.famo import Famo
from training.weighting.fixed import Fixed
from training.weighting.gls import GeometricMean
from training.weighting.imtl_l import ImpartialLoss
from training.weighting.rlw import RandomWeights
from training.weighting.stch import SmoothTchebycheff
from training.weighting.uncertainty import Uncertainty

ALL = torch.ones(3, dtype=torch.bool)
IDEAL_LATE = "option `ideal` of weighting `stch` is `[0.1, 0.1, 0.1]`"
LOSSES = torch.tensor([0.7, 1.9, 0.4])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("equal", (1, 1, 1)),
        ("paper", (1, 65, 62)),
        ("mitigation", (1, 10, 10)),
        ("inverse_size", (1, 36670 / 560, 36670 / 588)),
        ([0.5, 2, 3.0], (0.5, 2, 3)),
    ],
)
def test_fixed_weights(weights, expected):
    method = Fixed(3, weights, sizes=(36670, 560, 588))
    assert method.weights().tolist() == pytest.approx(expected)
    assert method(LOSSES, ALL, 0, 0).item() == pytest.approx(
        sum(w * x for w, x in zip(expected, LOSSES.tolist(), strict=True))
    )


def test_weights_of_the_paper_are_those_of_its_sizes():
    by_size = Fixed(3, "inverse_size", sizes=(36670, 560, 588)).weights()
    assert by_size.floor().tolist() == list(Fixed(3, "paper").weights().tolist())


@pytest.mark.parametrize(
    ("name", "options", "message", "hint"),
    [
        (
            "fixed",
            {"weights": [1.0, 2.0]},
            "option `weights` of weighting `fixed` is `[1.0, 2.0]`",
            "give 3 numbers, one per task",
        ),
        (
            "fixed",
            {"weights": [1.0, 0.0, 2]},
            "option `weights` of weighting `fixed` is `[1.0, 0.0, 2]`",
            "give numbers above 0",
        ),
        (
            "fixed",
            {"weights": "inverse_size"},
            "option `weights` of weighting `fixed` is `inverse_size`",
            "it needs the number of labels of every task",
        ),
        ("dwa", {"temperature": 0.0}, "option `temperature` of weighting `dwa` is `0.0`", "give a number above 0"),
        ("stch", {"smooth": -1}, "option `smooth` of weighting `stch` is `-1`", "give a number above 0"),
        ("stch", {"warm_up": -1}, "option `warm_up` of weighting `stch` is `-1`", "give 0 or a number of epochs"),
        ("stch", {"ideal": [0.1, 0.1, 0.1]}, IDEAL_LATE, "it is for the plain form: set `warm_up` to 0"),
        (
            "stch",
            {"warm_up": 0, "preference": [1.0, 0.0, 1.0]},
            "option `preference` of weighting `stch` is `[1.0, 0.0, 1.0]`",
            "give numbers above 0",
        ),
        *(
            (
                name,
                {"least": least},
                f"option `least` of weighting `{name}` is `{least}`",
                "give a number from -80 to 80",
            )
            for name in ("gls", "stch", "famo", "imtl_l", "uncertainty")
            for least in (-1000.0, -81.0)
        ),
        ("gls", {"least": 1000}, "option `least` of weighting `gls` is `1000`", "give a number from -80 to 80"),
        ("famo", {"lr": 0}, "option `lr` of weighting `famo` is `0`", "give a number above 0"),
        ("famo", {"lowest": [0.1]}, "option `lowest` of weighting `famo` is `[0.1]`", "give 3 numbers, one per task"),
        ("gradnorm", {"alpha": -0.5}, "option `alpha` of weighting `gradnorm` is `-0.5`", "give 0 or a number above 0"),
        (
            "gradnorm",
            {"decay": 1.0},
            "option `decay` of weighting `gradnorm` is `1.0`",
            "give a number from 0 to below 1",
        ),
        (
            "uncertainty",
            {"start": -9.0},
            "option `start` of weighting `uncertainty` is `-9.0`",
            "give a number not below `least`",
        ),
    ],
)
def test_options_out_of_their_limits_are_refused(name, options, message, hint):
    with pytest.raises(ScreenerError) as refusal:
        build("weighting", WEIGHTINGS, name, options, {"tasks": 3})
    assert (refusal.value.message, refusal.value.hint) == (message, hint)


def test_a_preset_is_for_its_three_tasks():
    with pytest.raises(ScreenerError) as refusal:
        build("weighting", WEIGHTINGS, "fixed", {"weights": "paper"}, {"tasks": 2})
    assert refusal.value.hint == "it is for resistivity, hardness and glass formation"
    with pytest.raises(ScreenerError, match="option `weights` of weighting `fixed` is `paper`"):
        build("weighting", WEIGHTINGS, "fixed", {"weights": "paper"}, {"tasks": 3, "labels": (False, True, False)})


def settle(method, losses, steps=800):
    """Let learned numbers find their optimum for losses that stand still."""
    optimiser = torch.optim.Adam(method.parameters(), lr=0.02)
    for step in range(steps):
        optimiser.zero_grad()
        total = method(losses, ALL, 0, step)
        total.backward()
        optimiser.step()
    return method(losses, ALL, 0, steps).item()


def test_uncertainty_settles_at_the_log_losses():
    method = Uncertainty(3, labels=[False, False, True])
    total = settle(method, LOSSES)
    expected = [math.log(0.7), math.log(1.9), math.log(2 * 0.4)]
    assert [each.item() for each in method.log_variance.values] == pytest.approx(expected, abs=1e-3)
    assert total == pytest.approx(sum(0.5 * (1 + each) for each in expected), abs=1e-5)


def test_half_is_only_on_regression():
    method = Uncertainty(2, labels=[False, True])
    assert method(torch.tensor([1.0, 1.0]), torch.ones(2, dtype=torch.bool), 0, 0).item() == 1.5


def test_impartial_losses_settle_at_one():
    method = ImpartialLoss(3)
    settle(method, LOSSES)
    assert (method.weights() * LOSSES).tolist() == pytest.approx([1.0] * 3, abs=1e-3)


@pytest.mark.parametrize("loss", [1e-6, 0.01, 0.0183, 0.5, 3.0])
def test_the_line_below_the_logarithm_is_what_a_bounded_variance_gives(loss):
    # min over s ≥ −4 of ½·exp(−s)·L + ½s is ½(1 + log L), or at the bound where log L lies below it.
    grid = torch.linspace(-4.0, 3.0, 700_001, dtype=torch.float64)
    least = float((0.5 * torch.exp(-grid) * loss + 0.5 * grid).min())
    assert float(bounded_log(torch.tensor(loss, dtype=torch.float64))) == pytest.approx(2 * least - 1, abs=1e-9)


def test_dynamic_weights_are_even_for_two_epochs_and_then_follow_the_rates():
    method = DynamicWeightAverage(3)
    for means in ([1.0, 2.0, 4.0], [0.5, 2.0, 3.0]):
        method(LOSSES, ALL, 0, 0)
        assert method.weights().tolist() == [1.0, 1.0, 1.0]
        method.end_epoch(torch.tensor(means), ALL)
    method(LOSSES, ALL, 2, 0)
    expected = [math.exp(rate / 2) for rate in (0.5, 1.0, 0.75)]
    assert method.weights().tolist() == pytest.approx([3 * each / sum(expected) for each in expected])
    assert float(method.weights().sum()) == pytest.approx(3.0)
    method.end_epoch(torch.tensor([0.4, 1.6, 2.4]), ALL)
    method(LOSSES, ALL, 3, 0)
    assert method.weights().tolist() == pytest.approx([1.0] * 3)


def test_random_weights_average_to_equal_ones():
    method = RandomWeights(3, seed=0)
    drawn = []
    for step in range(4000):
        method(LOSSES, ALL, 0, step)
        drawn.append(method.weights())
    drawn = torch.stack(drawn)
    assert torch.allclose(drawn.sum(dim=1), torch.ones(4000))
    deviation = drawn.std(dim=0) / 4000**0.5
    assert ((drawn.mean(dim=0) - 1 / 3).abs() < 4 * deviation).all()


def test_random_weights_do_not_depend_on_who_was_absent():
    one, other = RandomWeights(3, seed=2), RandomWeights(3, seed=2)
    one(LOSSES, ALL, 0, 0)
    other(LOSSES, torch.tensor([True, False, False]), 0, 0)
    one(LOSSES, ALL, 0, 1)
    other(LOSSES, ALL, 0, 1)
    assert torch.equal(one.weights(), other.weights())


def test_geometric_mean():
    method = GeometricMean(3)
    assert method(LOSSES, ALL, 0, 0).item() == pytest.approx(float(LOSSES.prod()) ** (1 / 3))
    some = torch.tensor([True, False, True])
    assert method(LOSSES, some, 0, 0).item() == pytest.approx((0.7 * 0.4) ** 0.5)


def test_famo_moves_weight_to_the_loss_that_fell_least():
    method = Famo(3)
    after = LOSSES * torch.tensor([0.5, 0.9, 0.6])
    for _ in range(20):
        method.after_step(LOSSES, after, ALL)
    assert method.logits[1] > 0.1
    assert (method.logits[[0, 2]] < -0.1).all()


def test_famo_rests_where_all_fall_by_the_same_share():
    method = Famo(3)
    method.after_step(LOSSES, 0.8 * LOSSES, ALL)
    # Equal falls have no gradient; what rounding leaves is scaled to a whole step by Adam, so ask before the step.
    assert float(method.adam.mean.abs().max()) < 1e-7
    alone = torch.tensor([False, True, False])
    before = method.logits.clone()
    method.after_step(LOSSES, 0.1 * LOSSES, alone)
    assert torch.equal(method.logits, before)


def test_famo_weighs_by_the_inverse_losses():
    method = Famo(3)
    total = method(LOSSES, ALL, 0, 0)
    inverse = 1 / LOSSES
    scale = 1 / (inverse / 3).sum()
    assert method.weights().tolist() == pytest.approx((scale / 3 * inverse).tolist())
    assert total.item() == pytest.approx(float(scale / 3 * LOSSES.log().sum()))


def test_famo_reads_losses_above_the_lowest_they_can_reach():
    lowest = torch.tensor([0.1, 0.2, 0.05])
    method, above = Famo(3, lowest=lowest.tolist()), Famo(3)
    assert method(LOSSES, ALL, 0, 0).item() == pytest.approx(above(LOSSES - lowest, ALL, 0, 0).item())
    assert method.weights().tolist() == pytest.approx(above.weights().tolist())
    for each, shift in ((method, 0.0), (above, lowest)):
        each.after_step(LOSSES - shift, LOSSES * torch.tensor([0.5, 0.9, 0.6]) - shift, ALL)
    assert method.logits.tolist() == pytest.approx(above.logits.tolist())


def test_the_plain_smooth_maximum_by_hand():
    method = SmoothTchebycheff(3, 0.5, warm_up=0, ideal=[0.1, 0.2, 0.0], preference=[1.0, 2.0, 0.5])
    terms = torch.tensor([1.0, 2.0, 0.5]) * (LOSSES - torch.tensor([0.1, 0.2, 0.0])) / 0.5
    assert method(LOSSES, ALL, 0, 0).item() == pytest.approx(0.5 * float(torch.logsumexp(terms, dim=0)))
    slopes = torch.softmax(terms, dim=0) * torch.tensor([1.0, 2.0, 0.5])
    assert method.weights().tolist() == pytest.approx(slopes.tolist())


def warmed(smooth=1.0):
    """A smooth Tchebycheff weighting whose reference is (1, 2, 0.5)."""
    method = SmoothTchebycheff(3, smooth, warm_up=2)
    for epoch, means in enumerate(([9.0, 9.0, 9.0], [1.0, 2.0, 0.5])):
        assert method(LOSSES, ALL, epoch, 0).item() == pytest.approx(float(LOSSES.log().sum()))
        method.end_epoch(torch.tensor(means), ALL)
    return method


def test_smooth_maximum_after_the_warm_up():
    method = warmed(0.5)
    logs = torch.log(LOSSES / torch.tensor([1.0, 2.0, 0.5]))
    expected = 3 * 0.5 * torch.logsumexp(logs / 0.5, dim=0)
    assert method(LOSSES, ALL, 2, 0).item() == pytest.approx(float(expected))
    shares = 3 * torch.softmax(logs / 0.5, dim=0) / LOSSES
    assert method.weights().tolist() == pytest.approx(shares.tolist())
    assert warmed(1e-4)(LOSSES, ALL, 2, 0).item() == pytest.approx(3 * float(logs.max()), abs=1e-3)


def test_a_task_unseen_in_the_warm_up_goes_on_with_its_logarithm():
    method = SmoothTchebycheff(3, warm_up=1)
    some = torch.tensor([True, False, True])
    method.end_epoch(torch.tensor([1.0, torch.nan, 0.5]), some)
    logs = torch.log(LOSSES / torch.tensor([1.0, 1.0, 0.5]))
    expected = 2 * torch.logsumexp(logs[some], dim=0) + logs[1]
    assert method(LOSSES, ALL, 1, 0).item() == pytest.approx(float(expected))
    method.end_epoch(torch.tensor([0.1, 1.9, 0.1]), ALL)
    assert method.reference.tolist() == pytest.approx([1.0, 1.9, 0.5])
