from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from training.diagnostics.gradients import (
    cosines_by_layer,
    gradient_probe,
    noise_corrected_cosines,
    split_halves,
)
from training.diagnostics.gramians import cosines, gramian_of
from training.nets import SharedNet, single_thread

single_thread()
P = 300


def noisy_probe(true: np.ndarray, noise: float, n: int, seed: int):
    """A task whose rows each have the true gradient plus noise of their own."""
    each = true + noise * np.random.default_rng(seed).normal(size=(n, len(true)))
    return lambda rows: each[rows].mean(0)


def pair(cosine: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors with a given cosine."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(P, 2)))
    return q[:, 0], cosine * q[:, 0] + np.sqrt(1 - cosine**2) * q[:, 1]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.integers(8, 40), st.integers(8, 40), st.integers(0, 8))
def test_halves_share_nothing_and_agree_on_shared_rows(seed, n, m, shared):
    rows = [np.arange(n), np.arange(n - shared, n - shared + m)]
    halves = split_halves(rows, np.random.default_rng(seed))
    for own, (a, b) in zip(rows, halves, strict=True):
        assert sorted([*a, *b]) == own.tolist()
        assert abs(len(a) - len(b)) <= 2
    for one, other in ((0, 1), (1, 0)):
        assert not np.intersect1d(halves[0][one], halves[1][other]).size


@pytest.mark.parametrize("cosine", [-0.6, 0.0, 0.5, 0.95])
def test_noise_is_taken_out_of_the_cosine(cosine):
    n = 800
    one, other = pair(cosine, 1)
    probes = [noisy_probe(one, 1.5, n, 2), noisy_probe(other, 1.5, n, 3)]
    report = noise_corrected_cosines(probes, [np.arange(n), np.arange(n)], seed=4)
    # Same row numbers, but the rows of each task have noise of their own.
    rho = report.reliability
    assert (rho < 0.6).all()
    assert abs(report.raw[0, 1]) <= abs(cosine) * 0.75 + 0.05
    assert report.corrected[0, 1] == pytest.approx(cosine, abs=0.12)
    assert report.low[0, 1] - 0.05 <= cosine <= report.high[0, 1] + 0.05
    assert np.diagonal(report.corrected).tolist() == [1.0, 1.0]
    assert report.corrected[0, 1] == report.corrected[1, 0]


def test_one_task_against_itself_is_one():
    n = 1200
    probe = noisy_probe(pair(0.0, 1)[0], 1.5, n, 2)
    same = noise_corrected_cosines([probe, probe], [np.arange(n)] * 2)
    assert same.corrected[0, 1] == pytest.approx(1.0)
    assert same.raw[0, 1] == pytest.approx(same.reliability[0])
    apart = noise_corrected_cosines([probe, probe], [np.arange(0, n, 2), np.arange(1, n, 2)])
    assert apart.raw[0, 1] < 0.5
    assert apart.corrected[0, 1] == pytest.approx(1.0, abs=0.2)
    assert apart.full[0, 1] < 0.6


def test_partly_shared_rows_do_not_make_tasks_alike():
    n = 900
    true, _ = pair(0.0, 1)
    each = true + 1.5 * np.random.default_rng(5).normal(size=(n, P))

    def probe(rows):
        return each[rows].mean(0)

    rows = [np.arange(600), np.arange(300, 900)]
    report = noise_corrected_cosines([probe, probe], rows)
    assert report.corrected[0, 1] == pytest.approx(1.0, abs=0.15)
    # The gradients on all rows share the noise of a third of them, the halves do not.
    assert report.raw[0, 1] < report.full[0, 1]


def test_intervals_of_unrelated_tasks_cover_zero():
    covered = 0
    for seed in range(20):
        one, other = np.random.default_rng(seed).normal(size=(2, P)) / np.sqrt(P)
        other = other - (one @ other) / (one @ one) * one
        probes = [noisy_probe(one, 1.0, 300, seed), noisy_probe(other, 1.0, 300, 100 + seed)]
        report = noise_corrected_cosines(probes, [np.arange(300), np.arange(300)], splits=1, seed=seed)
        covered += report.low[0, 1] <= 0.0 <= report.high[0, 1]
        assert abs(report.corrected[0, 1]) < 0.5
    assert covered >= 16


def test_pure_noise_has_no_corrected_cosine():
    probes = [noisy_probe(np.zeros(P), 1.0, 200, seed) for seed in (1, 2)]
    report = noise_corrected_cosines(probes, [np.arange(200)] * 2)
    assert (np.abs(report.reliability) < 0.1).all()
    assert np.isnan(report.corrected).all()
    assert np.isnan(report.low).all()
    assert 0.0 < report.conflict[0, 1] < 1.0


def test_the_number_of_rows_of_a_half_is_bounded():
    seen = []

    def probe(rows):
        seen.append(len(rows))
        return np.ones(3) + 0.1 * rows.mean()

    noise_corrected_cosines([probe], [np.arange(100)], most=10, splits=2, resamples=3)
    assert sorted(set(seen)) == [5, 10, 100]


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="8 rows of every task"):
        noise_corrected_cosines([lambda rows: rows * 1.0], [np.arange(7)])
    with pytest.raises(ValueError, match="one probe each"):
        noise_corrected_cosines([lambda rows: rows * 1.0], [np.arange(9)] * 2)


@pytest.fixture
def shared_net():
    torch.manual_seed(0)
    return SharedNet(5, (16, 8), n_tasks=2, head_width=4)


def losses(net: SharedNet, sign: float = 1.0):
    """Losses of two tasks on the same invented rows, the second with the sign of its target turned."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(400, 5, generator=generator)
    y = 4.0 + x[:, 0] + 0.3 * torch.randn(400, generator=generator)
    net.heads[1].load_state_dict(net.heads[0].state_dict())
    return [lambda rows, t=t, s=s: ((net(x[rows])[:, t] - s * y[rows]) ** 2).mean() for t, s in ((0, 1.0), (1, sign))]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_turned_target_turns_the_gradient(shared_net, sign):
    parameters = list(shared_net.trunk.parameters())
    probes = [gradient_probe(shared_net, parameters, loss) for loss in losses(shared_net, sign)]
    report = noise_corrected_cosines(probes, [np.arange(0, 200), np.arange(200, 400)], splits=2, resamples=5)
    assert report.corrected[0, 1] == pytest.approx(sign, abs=0.15)
    assert report.conflict[0, 1] == (sign < 0)
    assert report.gramian == pytest.approx(
        gramian_of(np.stack([probes[0](np.arange(200)), probes[1](np.arange(200, 400))]))
    )


def test_a_probe_is_the_gradient_without_dropout_and_moves_nothing(shared_net):
    loss = losses(shared_net)[0]
    shared_net.trunk[3].eval()
    parameters = list(shared_net.trunk.parameters())
    before = {name: value.clone() for name, value in shared_net.state_dict().items()}
    probe = gradient_probe(shared_net, parameters, loss)
    rows = np.arange(50)
    found = probe(rows)
    assert np.array_equal(found, probe(rows))
    assert shared_net.training
    assert not shared_net.trunk[3].training
    assert all(torch.equal(value, before[name]) for name, value in shared_net.state_dict().items())
    assert all(p.grad is None for p in shared_net.parameters())
    shared_net.eval()
    expected = torch.autograd.grad(loss(torch.from_numpy(rows)), parameters)
    assert found == pytest.approx(nn.utils.parameters_to_vector(expected).numpy())


def test_layers_part_the_gradient():
    rows = np.random.default_rng(0).normal(size=(2, 9))
    found = cosines_by_layer(rows, {"first": 4, "second": 5})
    assert found["first"] == pytest.approx(cosines(gramian_of(rows[:, :4])))
    assert found["second"] == pytest.approx(cosines(gramian_of(rows[:, 4:])))
    with pytest.raises(ValueError, match="layers of 8 parameters"):
        cosines_by_layer(rows, {"first": 8})
