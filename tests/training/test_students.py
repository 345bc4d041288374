from __future__ import annotations

import numpy as np
import pytest

from training.nets import run_layers
from training.students import Schedule, fit_layers

SHORT = Schedule(epochs=30, batch=64, widths=(32, 16))


@pytest.fixture(scope="module")
def lesson():
    rng = np.random.default_rng(0)
    x = rng.normal([3.0, -1.0, 0.0, 5.0], [0.5, 2.0, 1.0, 0.01], (1200, 4))
    first = 40.0 + 3.0 * x[:, 0] * x[:, 1]
    second = np.maximum(x[:, 2], 0.0) + 100.0 * (x[:, 3] - 5.0)
    return x.astype(np.float32), np.stack([first, second], axis=1)


def r2(y, predicted):
    return 1.0 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum()


def test_every_task_is_learned_in_its_own_units(lesson):
    x, y = lesson
    layers = fit_layers(x, y, SHORT)
    assert [r2(y[:, t], run_layers(layers[t], x)) > 0.97 for t in range(2)] == [True, True]


def test_a_task_is_learned_from_the_rows_that_have_it(lesson):
    x, y = lesson
    gaps = y.copy()
    gaps[::2, 1] = np.nan
    layers = fit_layers(x, gaps, SHORT)
    assert r2(y[:, 0], run_layers(layers[0], x)) > 0.97
    assert r2(y[::2, 1], run_layers(layers[1], x[::2])) > 0.9


def test_rows_without_weight_are_not_learned(lesson):
    x, y = lesson
    wrong, weight = y[:, :1].copy(), np.ones((len(x), 1))
    wrong[:300] = 80.0 - wrong[:300]
    weight[:300] = 0.0
    learned = run_layers(fit_layers(x, wrong, SHORT, weight=weight)[0], x)
    assert r2(y[:, 0], learned) > 0.95
    assert r2(wrong[:, 0], learned) < 0.5


def test_the_seed_settles_every_weight(lesson):
    x, y = lesson[0][:200], lesson[1][:200]
    short = Schedule(epochs=2, batch=64, widths=(8,))
    first, again = (fit_layers(x, y, short) for _ in range(2))
    other = fit_layers(x, y, Schedule(epochs=2, batch=64, widths=(8,), seed=1))
    for one, two, three in zip(first, again, other, strict=True):
        assert all((a[0] == b[0]).all() and (a[1] == b[1]).all() for a, b in zip(one, two, strict=True))
        assert any((a[0] != b[0]).any() for a, b in zip(one, three, strict=True))


def test_constant_features_and_targets_stay_finite():
    x = np.column_stack([np.full(50, 7.0), np.linspace(0, 1, 50)]).astype(np.float32)
    layers = fit_layers(x, np.column_stack([np.full(50, 3.0), x[:, 1]]), Schedule(epochs=2, batch=16, widths=(4,)))
    far = np.array([[900.0, 0.5]])
    assert run_layers(layers[0], far) == pytest.approx([3.0], abs=1e-3)
    assert np.isfinite(run_layers(layers[1], far)).all()
