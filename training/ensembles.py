"""The precise tier: an ensemble of independent learners for one target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from training.draws import random_alloys
from training.graphs import Body
from training.recipes import Member, Recipe
from training.tasks import TaskRows, alloy_spec
from training.trees import BoostedLogit, BoostedValue, Regressor, extra_trees, tree_body

Array = NDArray[np.floating]
PLAIN = ("r_avg", "delta", "dH_mix", "en_avg", "d_en", "n_components")
WEAK_DISTANCE = 0.10
"""Random compositions count as weakly crystalline from this ½Σ|Δc| to the nearest known glass."""
COMMON_METALS = (
    "Al",
    "Ti",
    "V",
    "Cr",
    "Mn",
    "Fe",
    "Co",
    "Ni",
    "Cu",
    "Zn",
    "Zr",
    "Nb",
    "Mo",
    "Hf",
    "Ta",
    "W",
    "Mg",
    "Si",
    "Ag",
    "Sn",
)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Fitted learners and their shares.

    Attributes:
        recipe: what they learned.
        models: fitted learners, in the order of the recipe's members.
    """

    recipe: Recipe
    models: tuple[Regressor, ...]

    def predict(self, inputs: Array) -> Array:
        """Predict values in physical units, or uncalibrated logits, shape (b, f + k) → (b,)."""
        total = np.zeros(len(inputs))
        for member, model in zip(self.recipe.members, self.models, strict=True):
            raw = model.predict(masked(inputs, member))
            total += member.weight * (np.exp(raw) if self.recipe.log else raw)
        return total

    def bodies(self, n_inputs: int) -> tuple[list[Body], list[float]]:
        """Give the graph parts and their shares."""
        parts = [
            tree_body(model, n_inputs, f"m{k}", exponential=self.recipe.log) for k, model in enumerate(self.models)
        ]
        return parts, [member.weight for member in self.recipe.members]


def fit_ensemble(rows: TaskRows, seed: int) -> Ensemble:
    """Fit every member of the recipe on ``rows``, rows of crowded systems capped and down-weighted."""
    recipe, rng = rows.recipe, np.random.default_rng(seed)
    rows = rows.take(capped(rows.system, recipe.rows_per_system, rng))
    inputs, y, weight = rows.inputs, np.log(rows.y) if recipe.log else rows.y, system_weights(rows)
    if recipe.weak_negatives:
        weak = weak_negatives(rows, rng)
        inputs = np.vstack([inputs, weak])
        y = np.concatenate([y, np.zeros(len(weak))])
        weight = np.concatenate([weight, np.full(len(weak), recipe.weak_weight)])
    models = tuple(_fit(member, recipe, inputs, y, weight, seed + k) for k, member in enumerate(recipe.members))
    return Ensemble(recipe, models)


def capped(system: NDArray[np.str_], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Keep at most ``most`` random rows of every chemical system, in their order."""
    order = rng.permutation(len(system))
    _, inverse = np.unique(system[order], return_inverse=True)
    by_system = np.argsort(inverse, kind="stable")
    starts = np.searchsorted(inverse[by_system], inverse[by_system])
    return np.sort(order[by_system[np.arange(len(system)) - starts < most]])


def system_weights(rows: TaskRows) -> Array:
    """Trust divided by the root of the number of rows of the chemical system, mean 1."""
    _, inverse, counts = np.unique(rows.system, return_inverse=True, return_counts=True)
    weight = rows.trust / np.sqrt(counts[inverse])
    return np.asarray(weight / weight.mean())


def weak_negatives(rows: TaskRows, rng: np.random.Generator) -> Array:
    """Draw inputs of random alloys of common metals, at least 10 at.% from any glass of ``rows``."""
    from screener.descriptors.featurizer import featurize
    from training.pooling import nearest_distance

    drawn = random_alloys(rows.recipe.weak_negatives, len(COMMON_METALS), rng, sizes=(3, 4, 5))
    columns = [element_symbols().index(s) for s in COMMON_METALS]
    glasses = rows.fractions[rows.y > 0.5]
    dense = np.zeros((len(drawn), glasses.shape[1]))
    dense[:, columns] = drawn
    far = nearest_distance(dense, glasses) >= WEAK_DISTANCE
    references = [c.reference for c in rows.recipe.conditions]
    features = featurize(drawn[far], COMMON_METALS, alloy_spec())
    return np.hstack([features, np.tile(np.array(references, np.float32), (int(far.sum()), 1))])


def masked(inputs: Array, member: Member) -> Array:
    """Blank the columns a member does not read; trees never split on a constant."""
    if member.columns == "all":
        return inputs
    keep = np.ones(inputs.shape[1], bool)
    keep[: len(alloy_spec().names)] = plain_columns()
    return np.where(keep, inputs, np.float32(0.0))


def plain_columns() -> NDArray[np.bool_]:
    """Mark the fractions and the six scalars among the `alloy` descriptors, shape (f,)."""
    return np.array([n in PLAIN or (n.startswith("c_") and n != "c_max") for n in alloy_spec().names])


def _fit(member: Member, recipe: Recipe, inputs: Array, y: Array, weight: Array, seed: int) -> Regressor:
    """Fit one member."""
    makers: Mapping[str, type[BoostedLogit]] = {"classification": BoostedLogit, "regression": BoostedValue}
    model: Regressor = (
        extra_trees(member.options, seed)
        if member.learner == "extra_trees"
        else makers[recipe.kind](member.options, seed)
    )
    model.fit(masked(inputs, member), y, sample_weight=weight)
    return model
