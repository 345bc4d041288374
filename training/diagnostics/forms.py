"""Which formula of the composition a property follows: element by element, or by the mismatch of atoms.

Four nested or rival sets of terms are fitted by ridge regression and compared on held-out rows. Each set has its own
penalty, chosen within the training rows: many terms are then no worse than few for want of rows alone.

- F1: atomic fractions c_i (Nordheim's mixture without bowing);
- F2: c_i and c_i²;
- F3: c_i and c_i c_j, Scheffé's quadratic, complete because Σc = 1
  (1958, doi:10.1111/j.2517-6161.1958.tb00299.x);
- F4: δ^(2/3), δ^(4/3), x^(1/2), x^(2/3), δ^(2/3)·x^(1/2), δ^(4/3)·x^(2/3), with the size mismatch δ and the solute
  fraction x = 1 − max c_i: the powers of Fleischer 1963 (doi:10.1016/0001-6160(63)90213-X) and Labusch 1970
  (doi:10.1002/pssb.19700410221). The founding paper names its terms only in part; these are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics import r_squared

Array = NDArray[np.float64]
FORMS = ("F1", "F2", "F3", "F4")
PENALTIES = (1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""Ridge penalties to choose from, as shares of the largest variance along a direction of the terms."""
FOLDS = 5


@dataclass(frozen=True, slots=True)
class FormScore:
    """How well a set of terms predicts held-out rows.

    Attributes:
        terms: number of terms that vary.
        r2: R² of the held-out predictions of all folds together.
        mae: their mean absolute error, in units of the property.
    """

    terms: int
    r2: float
    mae: float


def form_terms(fractions: Array, mismatch: Array) -> dict[str, Array]:
    """Compute the terms of each form.

    Args:
        fractions: atomic fractions, rows sum to 1, shape (b, d).
        mismatch: size mismatch δ, at least 0, any unit, shape (b,).

    Returns:
        Terms of every form in `FORMS`, shape (b, terms) each.
    """
    c = np.asarray(fractions, np.float64)
    one, other = np.triu_indices(c.shape[1], 1)
    pairs = c[:, one] * c[:, other]
    delta, x = np.asarray(mismatch, np.float64), 1.0 - c.max(axis=1)
    powers = (
        delta ** (2 / 3),
        delta ** (4 / 3),
        x**0.5,
        x ** (2 / 3),
        delta ** (2 / 3) * x**0.5,
        delta ** (4 / 3) * x ** (2 / 3),
    )
    return {
        "F1": c,
        "F2": np.hstack([c, c**2]),
        "F3": np.hstack([c, pairs[:, np.ptp(pairs, axis=0) > 0.0]]),
        "F4": np.stack(powers, axis=1),
    }


def compare_forms(
    fractions: Array, mismatch: Array, y: Array, groups: NDArray[np.generic] | None = None, seed: int = 0
) -> dict[str, FormScore]:
    """Fit and score every form on the same five folds.

    Args:
        fractions: atomic fractions, shape (b, d).
        mismatch: size mismatch δ, shape (b,).
        y: property, shape (b,).
        groups: rows of one group share a fold, shape (b,); single rows where None.
        seed: of the folds.

    Raises:
        ValueError: fewer groups than folds.
    """
    fold = group_folds(np.arange(len(y)) if groups is None else groups, seed)
    scores = {}
    for name, terms in form_terms(fractions, mismatch).items():
        predicted = np.empty(len(y))
        for k in range(FOLDS):
            test = fold == k
            penalty = _best_penalty(terms[~test], y[~test], fold[~test])
            predicted[test] = fit_form(terms[~test], y[~test], penalty)(terms[test])
        varying = int((np.ptp(terms, axis=0) > 0.0).sum())
        scores[name] = FormScore(varying, r_squared(y, predicted), float(np.abs(predicted - y).mean()))
    return scores


def _best_penalty(terms: Array, y: Array, fold: NDArray[np.int64]) -> float:
    """Choose the penalty with the least squared error when each of the training folds is left out in turn."""
    error = np.zeros(len(PENALTIES))
    for k in np.unique(fold):
        out = fold == k
        path = ridge_path(terms[~out], y[~out])
        error += [float(((form(terms[out]) - y[out]) ** 2).sum()) for form in path]
    return PENALTIES[int(error.argmin())]


def group_folds(groups: NDArray[np.generic], seed: int) -> NDArray[np.int64]:
    """Deal groups to five folds at random, shape (b,).

    Raises:
        ValueError: fewer groups than folds.
    """
    names, code = np.unique(groups, return_inverse=True)
    if len(names) < FOLDS:
        raise ValueError(f"{FOLDS} folds need {FOLDS} groups")
    return (np.random.default_rng(seed).permutation(len(names)) % FOLDS)[code].astype(np.int64)


@dataclass(frozen=True, slots=True)
class LinearForm:
    """A sum of terms, fitted.

    Attributes:
        mean: of each term, shape (k,).
        weight: per unit of each term, shape (k,).
        offset: prediction where all terms are at their mean.
    """

    mean: Array
    weight: Array
    offset: float

    def __call__(self, terms: Array) -> Array:
        """Predict, shape (b, k) → (b,)."""
        return np.asarray((terms - self.mean) @ self.weight + self.offset)


def ridge_path(terms: Array, y: Array, penalties: Sequence[float] = PENALTIES) -> list[LinearForm]:
    """Fit terms (b, k) to a property (b,) with each of some penalties; the intercept is not penalised.

    Terms keep their scale. One that hardly varies, such as the product of two elements that meet in a single alloy,
    would otherwise get a slope from that alloy alone.
    """
    mean, offset = terms.mean(axis=0), float(np.mean(y))
    z = terms - mean
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    largest = max(float(values[-1]), np.finfo(np.float64).tiny)
    along = vectors.T @ (z.T @ (y - offset) / len(z))
    return [
        LinearForm(mean, vectors @ (along / (np.clip(values, 0.0, None) + penalty * largest)), offset)
        for penalty in penalties
    ]


def fit_form(terms: Array, y: Array, penalty: float = PENALTIES[0]) -> LinearForm:
    """Fit terms (b, k) to a property (b,) with one penalty."""
    return ridge_path(terms, np.asarray(y, np.float64), (penalty,))[0]


def power_law_cosine(n: float) -> float:
    """Cosine between the slopes of c(1 − c) and c^n over 0 ≤ c ≤ 1: (1 − 2n/(n + 1))·√3·√(2n − 1)/n.

    For n ≤ ½ the squared slope of c^n has no finite integral and the cosine is 0; a grid that stops short of c = 0
    finds another number, its own.

    Raises:
        ValueError: n is not positive.
    """
    if not n > 0.0:
        raise ValueError("a power law needs a positive exponent")
    return (1.0 - 2.0 * n / (n + 1.0)) * math.sqrt(3.0 * (2.0 * n - 1.0)) / n if n > 0.5 else 0.0
