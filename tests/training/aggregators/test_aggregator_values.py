"""Numbers worked out elsewhere, and closed forms for two tasks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from training.aggregators import AGGREGATORS
from training.aggregators.cagrad import CAGrad, worst_mixture
from training.aggregators.gradvac import GradVac
from training.aggregators.imtl_g import IMTLG
from training.aggregators.mgda import MGDA
from training.aggregators.nash_mtl import NashMTL, bargain
from training.aggregators.pcgrad import PCGrad
from training.aggregators.upgrad import UPGrad

TWO = torch.tensor([[1.0, 0.2], [-0.8, 0.5]], dtype=torch.float64)
GOLDEN_WEIGHTS = {
    "mgda": (0.477477, 0.522523),
    "imtl_g": (0.480541, 0.519459),
    "nash_mtl": (1.878760, 2.030921),
    "aligned_mtl": (0.483039, 0.515241),
    "sum": (1.0, 1.0),
    "mean": (0.5, 0.5),
}
GOLDEN_DIRECTIONS = {"pcgrad": (0.243863, 1.227874), "gradvac": (0.243863, 1.227874), "upgrad": (0.121932, 0.613937)}


def gradients(tasks, seed, width=7, spread=0.5):
    """Random gradients whose lengths differ by powers of ten."""
    rng = np.random.default_rng(seed)
    lengths = 10.0 ** (spread * rng.normal(size=(tasks, 1)))
    return torch.from_numpy(rng.normal(size=(tasks, width)) * lengths)


def conflicting(seed):
    """Two random gradients that point against each other."""
    pair = gradients(2, seed)
    return pair if float(pair[0] @ pair[1]) < 0 else pair * torch.tensor([[1.0], [-1.0]], dtype=torch.float64)


@pytest.mark.parametrize(("name", "expected"), GOLDEN_WEIGHTS.items())
def test_weights_of_two_tasks(name, expected):
    assert AGGREGATORS[name]()(TWO @ TWO.T).tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("name", "expected"), GOLDEN_DIRECTIONS.items())
def test_directions_of_two_tasks(name, expected):
    assert (AGGREGATORS[name]()(TWO @ TWO.T) @ TWO).tolist() == pytest.approx(expected, abs=1e-6)


def test_cagrad_of_two_tasks_is_the_minimum_of_a_line():
    # Solvers that stop early agree to five digits, (.711548, .778672); a golden-section search gives the sixth.
    gramian = TWO @ TWO.T
    weights = CAGrad(0.5)(gramian)
    assert weights.tolist() == pytest.approx((0.711548, 0.778672), abs=3e-6)
    values = gramian.numpy()
    mean = np.full(2, 0.5)
    radius = 0.5 * np.sqrt(mean @ values @ mean)

    def cost(first):
        w = np.array([first, 1.0 - first])
        return w @ values @ mean + radius * np.sqrt(w @ values @ w)

    low, high = 0.0, 1.0
    for _ in range(200):
        one, two = low + 0.382 * (high - low), low + 0.618 * (high - low)
        low, high = (low, two) if cost(one) < cost(two) else (one, high)
    w = np.array([low, 1.0 - low])
    assert weights.tolist() == pytest.approx((mean + radius / np.sqrt(w @ values @ w) * w).tolist(), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_two_conflicting_tasks_in_closed_form(seed):
    pair = conflicting(seed)
    gramian = pair @ pair.T
    product = float(gramian[0, 1])
    expected = [1.0 - product / float(gramian[0, 0]), 1.0 - product / float(gramian[1, 1])]
    assert PCGrad()(gramian).tolist() == pytest.approx(expected)
    assert UPGrad()(gramian).tolist() == pytest.approx([each / 2 for each in expected])


@pytest.mark.parametrize("seed", range(5))
def test_two_tasks_in_closed_form(seed):
    pair = gradients(2, seed)
    gramian = pair @ pair.T
    first, second = pair.norm(dim=1).tolist()
    assert IMTLG()(gramian).tolist() == pytest.approx([second / (first + second), first / (first + second)])
    cosine = float(gramian[0, 1]) / first / second
    bargained = [1.0 / (first * (1.0 + cosine) ** 0.5), 1.0 / (second * (1.0 + cosine) ** 0.5)]
    assert NashMTL()(gramian).tolist() == pytest.approx(bargained, rel=1e-6)
    share = float((pair[1] - pair[0]) @ pair[1] / ((pair[0] - pair[1]) ** 2).sum())
    share = min(max(share, 0.0), 1.0)
    assert MGDA()(gramian).tolist() == pytest.approx([share, 1.0 - share], abs=1e-12)


def projections(rows):
    """Every sum that PCGrad can reach, one per choice of an order for each task."""
    count = len(rows)
    orders = [list(itertools.permutations([j for j in range(count) if j != i])) for i in range(count)]
    for chosen in itertools.product(*orders):
        total = torch.zeros_like(rows[0])
        for i, order in enumerate(chosen):
            h = rows[i].clone()
            for j in order:
                product = h @ rows[j]
                if product < 0:
                    h = h - product / (rows[j] @ rows[j]) * rows[j]
            total = total + h
        yield total


def test_pcgrad_of_three_tasks_reaches_all_of_its_eight_sums_and_no_other():
    rows = torch.tensor([[1.0, 0.1, 0.0], [-0.8, 1.0, 0.3], [-0.5, -0.9, 1.0]], dtype=torch.float64)
    reachable = torch.stack(list(projections(rows)))
    pcgrad = PCGrad(seed=5)
    found = torch.stack([pcgrad(rows @ rows.T) @ rows for _ in range(100)])
    distances = (found[:, None] - reachable).norm(dim=2)
    assert float(distances.min(dim=1).values.max()) < 1e-12
    assert float(distances.min(dim=0).values.max()) < 1e-12


def test_pcgrad_counts_what_it_projects():
    pcgrad = PCGrad()
    assert np.isnan(pcgrad.projection_rate)
    pcgrad(TWO @ TWO.T)
    assert pcgrad.projection_rate == 1.0
    pcgrad(torch.eye(2))
    assert pcgrad.projection_rate == 0.5
    pcgrad.reset()
    assert np.isnan(pcgrad.projection_rate)


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_first_step_of_gradvac_is_that_of_pcgrad(tasks):
    rows = torch.cat([conflicting(seed=0)[:, :3], gradients(tasks - 2, seed=tasks, width=3)])
    gramian = rows @ rows.T
    assert (gramian < 0).any()
    assert torch.allclose(GradVac(seed=9)(gramian), PCGrad(seed=9)(gramian), rtol=1e-12)


def test_gradvac_turns_a_gradient_to_the_target_cosine():
    towards = torch.tensor([[1.0, 0.0], [0.6, 0.8]], dtype=torch.float64)
    away = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    gradvac = GradVac(beta=1.0)
    assert gradvac(towards @ towards.T).tolist() == [1.0, 1.0]
    d = gradvac(away @ away.T) @ away
    # Each is turned to the cosine 0.6 with the other: (1, 0) + 0.75 · (0, 1) and the mirror image.
    assert d.tolist() == pytest.approx([1.75, 1.75])


def test_pairs_with_an_absent_task_keep_their_target():
    gradvac = GradVac()
    rows = gradients(3, seed=1)
    gradvac(rows @ rows.T)
    before = dict(gradvac.target)
    pair = rows[[0, 2]]
    gradvac(pair @ pair.T, present=torch.tensor([True, False, True]))
    changed = {key for key, value in gradvac.target.items() if value != before[key]}
    assert changed == {(0, 2), (2, 0)}


@pytest.mark.parametrize("tasks", [1, 2, 3, 6])
def test_bargain_gives_every_task_the_same_share(tasks):
    rows = gradients(tasks, seed=tasks, spread=1.0)
    gramian = rows @ rows.T
    alpha = NashMTL()(gramian)
    assert (alpha > 0).all()
    assert (gramian @ alpha * alpha).tolist() == pytest.approx([1.0] * tasks, abs=1e-5)
    assert float(alpha @ gramian @ alpha) == pytest.approx(tasks, rel=1e-5)
    clipped = NashMTL(max_norm=1.0)(gramian)
    assert float(clipped @ gramian @ clipped) == pytest.approx(1.0)


def test_bargain_without_a_solution_stays_finite():
    alpha = NashMTL()(torch.tensor([[1.0, -2.0], [-2.0, 4.0]]))
    assert alpha.isfinite().all()
    assert (alpha > 0).all()


def test_aligned_gradients_have_one_length():
    rows = gradients(3, seed=4)
    gramian = rows @ rows.T
    eigenvalues = torch.linalg.eigvalsh(gramian)
    for scale, length in (("min", eigenvalues[0]), ("median", eigenvalues[1]), ("rmse", eigenvalues.mean())):
        weights = AGGREGATORS["aligned_mtl"](scale=scale)(gramian)
        # BGB = λ1, so the mean of the three aligned gradients has the square λ/3.
        assert float(weights @ gramian @ weights) == pytest.approx(float(length) / 3)


def test_a_small_gradient_beside_a_huge_one_is_not_rounding():
    rows = torch.tensor([[1e4, 0.0, 0.0], [0.3, 1.0, 0.0], [0.1, -0.5, 1.0]])
    for name in ("aligned_mtl", "imtl_g", "nash_mtl", "cagrad"):
        weights = AGGREGATORS[name]()(rows @ rows.T)
        assert (weights != 0).all()
        assert float((weights @ rows).norm()) > 0


def test_equal_projections_of_imtl_g():
    rows = gradients(4, seed=3)
    d = IMTLG()(rows @ rows.T) @ rows
    projected = rows @ d / rows.norm(dim=1)
    assert projected.tolist() == pytest.approx([float(projected[0])] * 4)


def test_parallel_gradients_keep_the_two_task_form_of_imtl_g():
    rows = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    assert IMTLG()(rows @ rows.T).tolist() == pytest.approx([2 / 3, 1 / 3], abs=1e-6)


def test_imtl_g_may_turn_against_all_tasks():
    # A short gradient between two long ones: its negative weight outweighs theirs in the sum that is scaled to 1.
    units = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.4, 0.1], [0.9, -0.4, 0.1]], dtype=torch.float64)
    rows = units / units.norm(dim=1, keepdim=True) * torch.tensor([[0.01], [1.0], [1.0]], dtype=torch.float64)
    weights = IMTLG()(rows @ rows.T)
    assert float(weights.sum()) == pytest.approx(1.0)
    assert (rows @ (weights @ rows) < 0).all()


def test_imtl_g_without_a_common_direction_is_zero():
    assert IMTLG()(torch.tensor([[1.0, -1.0], [-1.0, 1.0]])).tolist() == [0.0, 0.0]


def test_cagrad_without_a_ball_is_the_mean_and_with_a_huge_one_mgda():
    rows = gradients(3, seed=8)
    gramian = rows @ rows.T
    assert CAGrad(0.0)(gramian).tolist() == pytest.approx([1 / 3] * 3)
    d, shortest = CAGrad(1e6)(gramian) @ rows, MGDA()(gramian) @ rows
    assert torch.allclose(d / d.norm(), shortest / shortest.norm(), atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("c", [0.2, 0.5, 2.0])
def test_cagrad_stays_on_its_ball_and_is_rescaled_on_request(seed, c):
    rows = gradients(3, seed)
    gramian = rows @ rows.T
    weights = CAGrad(c)(gramian)
    away = weights - 1 / 3
    radius = c * float(gramian.mean()) ** 0.5
    assert float(away @ gramian @ away) ** 0.5 == pytest.approx(radius)
    assert torch.allclose(CAGrad(c, rescale=True)(gramian), weights / (1 + c * c))


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_closed_forms_of_cagrad_agree_with_sequential_programming(tasks):
    from training.aggregators.cagrad import _by_slsqp, _cost

    for seed in range(20):
        rows = gradients(tasks, seed, spread=0.3)
        gramian = (rows @ rows.T).numpy()
        product, radius = gramian.mean(axis=1), 0.5 * gramian.mean() ** 0.5
        mine = _cost(worst_mixture(gramian, radius), gramian, product, radius)
        other = _cost(_by_slsqp(gramian, product, radius), gramian, product, radius)
        assert mine <= other + 1e-12
        assert mine == pytest.approx(other, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("c", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_cagrad_has_no_duality_gap(tasks, c):
    """max over d in the ball of min_t g_t·d = min over w of g_w·g₀ + c‖g₀‖‖g_w‖: reached together, both are exact."""
    for seed in range(20):
        rows = gradients(tasks, seed, spread=0.3)
        gramian = rows @ rows.T
        weights = CAGrad(c)(gramian).numpy()
        values = gramian.numpy()
        mean = np.full(tasks, 1.0 / tasks)
        radius = c * np.sqrt(mean @ values @ mean)
        worst = (weights - mean) / (weights - mean).sum()
        dual = worst @ values @ mean + radius * np.sqrt(worst @ values @ worst)
        assert (values @ weights).min() == pytest.approx(dual, rel=1e-9)
        assert np.sqrt((weights - mean) @ values @ (weights - mean)) == pytest.approx(radius, rel=1e-9)


def test_cagrad_of_many_tasks():
    rows = gradients(8, seed=0, width=20)
    gramian = rows @ rows.T
    weights = CAGrad(0.5)(gramian)
    worst, mean = rows @ (weights @ rows), rows @ rows.mean(dim=0)
    assert float(worst.min()) > float(mean.min())


@pytest.mark.parametrize(
    ("normalise", "divisors"),
    [("none", (1.0, 1.0)), ("l2", (2.0, 5.0)), ("loss", (0.5, 3.0)), ("loss+", (1.0, 15.0))],
)
def test_normalisers_of_mgda(normalise, divisors):
    # Orthogonal gradients: α ∝ 1/‖gₜ/nₜ‖².
    gramian, losses = torch.diag(torch.tensor([4.0, 25.0])), torch.tensor([0.5, 3.0])
    inverse = [divisors[0] ** 2 / 4.0, divisors[1] ** 2 / 25.0]
    share = [each / sum(inverse) for each in inverse]
    assert MGDA(normalise)(gramian, losses=losses).tolist() == pytest.approx(share)
    applied = MGDA(normalise, apply_to="normalized")(gramian, losses=losses)
    assert applied.tolist() == pytest.approx([a / n for a, n in zip(share, divisors, strict=True)])


def test_a_normaliser_by_losses_needs_them():
    with pytest.raises(ValueError, match="needs the losses"):
        MGDA("loss")(torch.eye(2))


def test_damped_steps_reach_the_bargain_where_whole_ones_leave_it():
    # With the last four seeds undamped Newton steps end at negative weights.
    for seed in (*range(50), 571, 696, 709, 1173):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(6, 6)) + 2.0 * rng.normal() * rng.normal(size=6)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        beta = bargain(rows @ rows.T)
        assert (beta > 0).all()
        assert (beta * (rows @ (rows.T @ beta))).tolist() == pytest.approx([1.0] * 6, abs=1e-4)
