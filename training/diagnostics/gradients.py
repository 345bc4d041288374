"""Do task gradients really conflict? Cosines corrected for the noise of the rows they were computed on.

Two gradients of one task on different rows of a small batch are nearly orthogonal, because each is mostly noise; a
cosine near 0 between tasks says nothing until that is taken out. The cosine between disjoint halves of a task's rows is
its reliability ρ, and c / √(ρ_t ρ_s) estimates what the cosine between two tasks would be without noise (correction
for attenuation, Spearman 1904, doi:10.2307/1412159). Conflicts describe; they do not predict transfer (Mueller 2024,
doi:10.48550/arXiv.2408.14677).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.diagnostics.gramians import cosines, gramian_of

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Probe = Callable[[Rows], Array]
"""Row numbers (b,) to the gradient of one task's mean loss over them (p,)."""

LEAST_RELIABILITY = 0.1
LEAST_ROWS = 8
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class CosineReport:
    """Cosines between task gradients, t tasks.

    Attributes:
        raw: mean cosine between halves of different tasks, shape (t, t), reliability on the diagonal.
        reliability: ρ, mean cosine between two halves of one task, shape (t,).
        corrected: c / √(ρρ'), shape (t, t); NaN where a reliability is 0.1 or less.
        low: lower end of the 95 % interval of the corrected cosine, shape (t, t).
        high: upper end.
        conflict: share of resamples with a negative cosine, shape (t, t).
        full: cosines of the gradients on all rows, shape (t, t).
        gramian: inner products of the gradients on all rows, shape (t, t).
    """

    raw: Array
    reliability: Array
    corrected: Array
    low: Array
    high: Array
    conflict: Array
    full: Array
    gramian: Array


def noise_corrected_cosines(
    probes: Sequence[Probe],
    rows: Sequence[Rows],
    *,
    most: int | None = None,
    splits: int = 4,
    resamples: int = 20,
    seed: int = 0,
) -> CosineReport:
    """Estimate the cosines between task gradients without the noise of their rows.

    The estimate is the mean over random splits of each task's rows into halves. Halves that make up the whole hardly
    vary from split to split, so the interval comes from random halves of the rows, each split again: their scatter is
    that of the estimate itself. A row that several tasks share is on the same side for all of them, and tasks that
    share rows are compared across sides only; the common rows would otherwise make them look alike.

    Args:
        probes: gradient of each task, length t.
        rows: labelled rows of each task, without repeats, length t.
        most: rows of one half at most; all that there are where None.
        splits: splits of the estimate.
        resamples: half samples of the interval.
        seed: of the draws.

    Raises:
        ValueError: a task with fewer than eight rows, or as many probes as row lists do not match.
    """
    if len(probes) != len(rows) or min(len(r) for r in rows) < LEAST_ROWS:
        raise ValueError(f"gradients need {LEAST_ROWS} rows of every task, and one probe each")
    rng = np.random.default_rng(seed)
    limit = [min(len(r), 2 * most) if most else len(r) for r in rows]
    whole = [_half_cosines(probes, _fewer(rows, limit, rng), rng) for _ in range(splits)]
    parts = [_half_cosines(probes, _fewer(rows, [n // 2 for n in limit], rng), rng) for _ in range(resamples)]
    raw = np.mean(whole, axis=0)
    corrected = _corrected(raw, np.diagonal(raw))
    spread = np.array(parts)
    resampled = np.array([_corrected(c, np.diagonal(spread.mean(0))) for c in spread])
    low, high = np.quantile(resampled, INTERVAL, axis=0)
    gramian = gramian_of(np.stack([probe(r) for probe, r in zip(probes, rows, strict=True)]))
    return CosineReport(
        raw, np.diagonal(raw).copy(), corrected, low, high, (spread < 0.0).mean(0), cosines(gramian), gramian
    )


def _corrected(raw: Array, reliability: Array) -> Array:
    """Divide cosines by the root of both reliabilities, 1 on the diagonal; NaN where one is too small."""
    scale = np.sqrt(np.where(reliability > LEAST_RELIABILITY, reliability, np.nan))
    corrected = raw / np.outer(scale, scale)
    np.fill_diagonal(corrected, np.where(np.isnan(scale), np.nan, 1.0))
    return np.asarray(corrected)


def _half_cosines(probes: Sequence[Probe], rows: Sequence[Rows], rng: np.random.Generator) -> Array:
    """Mean cosine between halves: of two tasks off the diagonal, of one task on it, shape (t, t)."""
    halves = split_halves(rows, rng)
    t = len(probes)
    gradients = [probe(half[side]) for side in (0, 1) for probe, half in zip(probes, halves, strict=True)]
    c = cosines(gramian_of(np.stack(gradients))).reshape(2, t, 2, t)
    across = (c[0, :, 1, :] + c[1, :, 0, :]) / 2.0
    beside = (c[0, :, 0, :] + c[1, :, 1, :]) / 2.0
    apart = np.array([[not np.intersect1d(a, b).size for b in rows] for a in rows])
    return np.where(apart, (across + beside) / 2.0, across)


def split_halves(rows: Sequence[Rows], rng: np.random.Generator) -> list[tuple[Rows, Rows]]:
    """Split each task's rows into two halves that share none, a row of several tasks on one side for all."""
    union = np.unique(np.concatenate(list(rows)))
    member = np.stack([np.isin(union, r) for r in rows])
    pattern = (1 << np.arange(len(rows))) @ member
    order = rng.permutation(len(union))
    order = order[np.argsort(pattern[order], kind="stable")]
    first = np.empty(len(union), bool)
    first[order] = (np.arange(len(union)) + rng.integers(2)) % 2 == 0
    return [(union[m & first], union[m & ~first]) for m in member]


def _fewer(rows: Sequence[Rows], counts: Sequence[int], rng: np.random.Generator) -> list[Rows]:
    """Draw some rows of each task, rows of several tasks together."""
    union = np.unique(np.concatenate(list(rows)))
    key = rng.random(len(union))
    return [r[np.argsort(key[np.searchsorted(union, r)])[:n]] for r, n in zip(rows, counts, strict=True)]


def cosines_by_layer(gradients: Array, sizes: Mapping[str, int]) -> dict[str, Array]:
    """Cosines within each layer of gradients (t, p) whose columns are layers of the given sizes, (t, t) each.

    Raises:
        ValueError: the sizes do not add up to p.
    """
    if sum(sizes.values()) != gradients.shape[1]:
        raise ValueError(f"layers of {sum(sizes.values())} parameters, gradients of {gradients.shape[1]}")
    ends = np.cumsum(list(sizes.values()))
    return {
        name: cosines(gramian_of(gradients[:, end - size : end]))
        for (name, size), end in zip(sizes.items(), ends, strict=True)
    }


def gradient_probe(net: nn.Module, parameters: Sequence[nn.Parameter], loss: Callable[[Tensor], Tensor]) -> Probe:
    """Make the probe of one task: the gradient of its loss with dropout off and normalisation by running statistics.

    Args:
        net: put in evaluation mode during each probe, and left as it was.
        parameters: those that tasks share, p numbers in all.
        loss: row numbers (b,) to the task's mean loss over them.
    """

    def probe(rows: Rows) -> Array:
        modes = {module: module.training for module in net.modules()}
        net.eval()
        found = torch.autograd.grad(loss(torch.from_numpy(rows)), list(parameters), materialize_grads=True)
        for module, mode in modes.items():
            module.training = mode
        return np.concatenate([g.detach().cpu().numpy().ravel() for g in found]).astype(np.float64)

    return probe
