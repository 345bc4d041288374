"""Random compositions of an element domain: the unlabelled alloys on which students learn from teachers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Fractions = NDArray[np.float64]
SYSTEM_SIZES = (1, 2, 3, 4, 5, 6)
_SIZE_SHARES = (0.01, 0.14, 0.30, 0.25, 0.20, 0.10)
_GRID = 0.005


def random_alloys(
    n: int,
    d: int,
    rng: np.random.Generator,
    weights: NDArray[np.float64] | None = None,
    sizes: Sequence[int] = SYSTEM_SIZES,
) -> Fractions:
    """Draw compositions of one to six elements, uniform on their simplex.

    Args:
        n: how many.
        d: number of elements in the domain.
        rng: generator.
        weights: relative chance of each element, shape (d,); uniform if absent.
        sizes: how many elements an alloy may have.

    Returns:
        Atomic fractions, shape (n, d).
    """
    sizes = [s for s in sizes if s <= d]
    shares = np.array([_SIZE_SHARES[s - 1] for s in sizes])
    count = rng.choice(sizes, size=n, p=shares / shares.sum())
    chance = np.ones(d) if weights is None else weights
    keys = rng.random((n, d)) ** (1.0 / np.maximum(chance / chance.max(), 1e-6))
    order = np.argsort(-keys, axis=1)
    member = np.zeros((n, d), bool)
    np.put_along_axis(member, order, np.arange(d)[None, :] < count[:, None], axis=1)
    amount = np.where(member, rng.exponential(size=(n, d)), 0.0)
    return np.asarray(amount / amount.sum(axis=1, keepdims=True))


def near_alloys(n: int, known: Fractions, rng: np.random.Generator, spread: float = 0.15) -> Fractions:
    """Draw compositions around and between known ones: two of them mixed, then every amount jittered.

    Args:
        n: how many.
        known: compositions to stay near, shape (m, d).
        rng: generator.
        spread: relative jitter of each amount.

    Returns:
        Atomic fractions, shape (n, d), with the elements of at most two known alloys each.
    """
    first, second = known[rng.integers(len(known), size=n)], known[rng.integers(len(known), size=n)]
    share = np.where(rng.random(n) < 0.5, 0.0, rng.beta(0.5, 2.0, size=n))[:, None]
    mixed = (1.0 - share) * first + share * second
    jittered = mixed * np.exp(spread * rng.standard_normal(mixed.shape))
    return np.asarray(jittered / jittered.sum(axis=1, keepdims=True))


def student_alloys(n: int, known: Fractions, rng: np.random.Generator, share_near: float = 0.25) -> Fractions:
    """Draw a student's lesson: a share near known alloys, the rest anywhere in their element domain.

    Of the rest a third favours elements that are often alloyed, two thirds favour none. Half of the drawn compositions
    are rounded to the grid of usual searches, trace amounts included.
    """
    near = round(n * share_near)
    favoured = (n - near) // 3
    frequency = (known > 0).sum(axis=0).astype(np.float64)
    wide = random_alloys(favoured, known.shape[1], rng, np.sqrt(frequency))
    even = random_alloys(n - near - favoured, known.shape[1], rng)
    drawn = np.vstack([near_alloys(near, known, rng), wide, even])
    on_grid = rng.random(n) < 0.5
    rounded = np.round(drawn[on_grid] / _GRID) * _GRID
    drawn[on_grid] = rounded / np.maximum(rounded.sum(axis=1, keepdims=True), _GRID)
    drawn[~np.isfinite(drawn).all(axis=1) | (drawn.sum(axis=1) < 0.5)] = known[0]
    return rng.permutation(drawn)
