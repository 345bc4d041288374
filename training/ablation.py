"""What descriptors are worth: held-out scores without a group, with a group alone, and with one more.

Choices are made on groupings of chemical systems that the tables of `training evaluate` do not use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from training.candidates import CANDIDATES
from training.crossval import FOLDS, fold_rows
from training.ensembles import fit_ensembles
from training.evaluation import score
from training.recipes import thinned
from training.tasks import TaskRows, alloy_spec
from training.workers import in_order

CHOICE_SEED = 10
"""First grouping used for choices; the tables of scores start from 0."""
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "size mismatch: r_avg, delta, volumes, covalent radii": r"r_avg|delta|volume_.*|covalent_.*",
        "mixing enthalpy: mean, least and largest pair, modulus": r"dH_.*",
        "disorder: entropy, Nordheim, largest amount, count": r"dS_mix|nordheim|c_max|n_components",
        "valence: VEC, its spread, s-p and d electrons, d-metals": (
            r"vec|d_vec|electrons_.*|d_count_.*|sp_count_.*|d_metal|vec_d_metals|period_.*"
        ),
        "electronegativity: mean, spread": r"en_avg|d_en",
        "melting and cohesion: liquidus estimate, its spread, cohesive energy": r"t_melt_k|d_t_melt_k|cohesion_.*",
        "elemental resistivity: mean and spread of its logarithm": r"ln_rho_.*",
        "Miedema: electron density, work function, volume, valence": r"(phi|nws|v_miedema|z_miedema)_.*",
        "Mendeleev number and magnetic moment": r"(mendeleev|moment)_.*",
        "covariances of properties": r"cov_.*",
        "families and their products": r"fam_.*",
        "Nordheim terms weighted by element": r"nordheim_.*",
        "sums over pairs": r"pairs_.*",
        "elastic: shear and bulk modulus, Pugh ratio": r"(shear|bulk)_.*_gpa|pugh",
    }
)
"""Groups of the `alloy` descriptors beside the amounts, by pattern of their names."""
TREES = 0.25
"""Share of the trees that trials of descriptors grow."""
HEADLINE = {"regression": "r2", "classification": "pr_auc"}
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """One variant of one target's recipe.

    Attributes:
        target: what is learned.
        name: of the variant.
        blank: columns of the features that the first member of the recipe, which learns alone, does not see (f,).
        more: descriptors it sees beside them, by their name among the candidates.
    """

    target: str
    name: str
    blank: NDArray[np.bool_]
    more: str = ""


def group_columns(name: str) -> NDArray[np.bool_]:
    """Mark the descriptors of a group, shape (f,)."""
    return np.array([re.fullmatch(GROUPS[name], column) is not None for column in alloy_spec().names])


def group_trials(target: str) -> list[Trial]:
    """List the trials of descriptor groups, with the first member of the recipe."""
    amounts = ~np.any([group_columns(name) for name in GROUPS], axis=0)
    nothing = np.zeros(len(amounts), bool)
    trials = [Trial(target, "everything", nothing), Trial(target, "amounts alone", ~amounts)]
    for name in GROUPS:
        group = group_columns(name)
        trials += [
            Trial(target, f"without {name}", group),
            Trial(target, f"with {name}", ~(amounts | group)),
        ]
    return trials


def candidate_trials(target: str) -> list[Trial]:
    """List the trials of descriptors that the `alloy` set leaves out, with the first member of the recipe."""
    nothing = np.zeros(len(alloy_spec().names), bool)
    return [Trial(target, f"and {name}", nothing, more=name) for name in CANDIDATES]


def run_trials(
    trials: Sequence[Trial],
    tables: Mapping[str, TaskRows],
    seed: int = CHOICE_SEED,
    workers: int = 2,
    progress: Progress = lambda _: None,
) -> dict[tuple[str, str], float]:
    """Score every trial out of fold on one grouping: (target, name) → R² or PR-AUC.

    Args:
        trials: variants.
        tables: rows by target.
        seed: of the grouping and the learners.
        workers: processes; 1 works in this one.
        progress: told of every trial.
    """
    found = {}
    for trial, value in zip(trials, in_order(_score, (dict(tables), seed), trials, workers), strict=True):
        found[trial.target, trial.name] = value
        progress(f"{trial.target}: {trial.name}: {value:.3f}")
    return found


def _score(shared: tuple[Mapping[str, TaskRows], int], trial: Trial) -> float:
    """Cross-validate one trial on tables and a seed."""
    tables, seed = shared
    fold = fold_rows(tables, "grouped", seed)[trial.target]
    rows = trial_rows(trial, tables[trial.target])
    out = np.zeros(len(rows))
    for k in range(FOLDS):
        fitted = fit_ensembles({trial.target: rows.take(np.flatnonzero(fold != k))}, seed)[trial.target]
        out[fold == k] = fitted.predict(rows.inputs[fold == k])
    return score(rows, out, "precise")[HEADLINE[rows.recipe.kind]]


def trial_rows(trial: Trial, rows: TaskRows) -> TaskRows:
    """Blank columns, add others and keep the first member alone; random alloys, which know none of that, stay out."""
    features, conditions = rows.features.copy(), rows.conditions
    features[:, trial.blank] = 0.0
    if trial.more:  # beside the conditions: the places of features are known by their names
        conditions = np.hstack([conditions, CANDIDATES[trial.more](rows.fractions)]).astype(np.float32)
    recipe = replace(thinned(rows.recipe, TREES), weak_negatives=0, residual=None)
    recipe = replace(recipe, members=(replace(recipe.members[0], weight=1.0),))
    return replace(rows, recipe=recipe, features=features, conditions=conditions)
