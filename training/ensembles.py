"""The precise tier: an ensemble of independent learners for one target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from training.bodies import Body
from training.calibration import expit
from training.committees import Committee
from training.draws import random_alloys
from training.graphs import GatePart
from training.recipes import ConditionSpec, Gate, Member, Recipe
from training.residuals import corrected, left_over
from training.tasks import TaskRows, alloy_spec
from training.trees import BoostedLogit, BoostedValue, Regressor, extra_trees, tree_body

Array = NDArray[np.floating]
PLAIN = ("r_avg", "delta", "dH_mix", "en_avg", "d_en", "n_components")
CERTAIN = 4.6
"""Logit of 0.99: a forest that classifies averages labels of ±this, beside the logits of the other members."""
WEAK_DISTANCE = 0.10
"""Random compositions count as weakly crystalline from this ½Σ|Δc| to the nearest known glass."""
COMMON_METALS = (
    *("Al", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"),
    *("Zr", "Nb", "Mo", "Hf", "Ta", "W", "Mg", "Si", "Ag", "Sn"),
)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Fitted learners and their shares.

    Attributes:
        recipe: what they learned.
        models: fitted learners, in the order of the recipe's members.
        gate: predicts the probability that the learners read beside features and conditions.
        residual: has learned what the blend of them leaves unexplained.
    """

    recipe: Recipe
    models: tuple[Regressor, ...]
    gate: Ensemble | None = None
    residual: Regressor | None = None

    def predict(self, inputs: Array) -> Array:
        """Predict values in physical units, or uncalibrated logits, shape (b, f + k) → (b,)."""
        if self.gate is not None:
            inputs = np.hstack([inputs, self.gate.probability(inputs)[:, None]])
        total = np.zeros(len(inputs))
        for member, model in zip(self.recipe.members, self.models, strict=True):
            raw = model.predict(masked(inputs, member))
            total += member.weight * (np.exp(raw) if takes_log(self.recipe, member) else raw)
        if self.residual is None or self.recipe.residual is None:
            return total
        learned = self.residual.predict(masked(inputs, self.recipe.residual))
        return corrected(total, learned, log=self.recipe.log)

    def probability(self, inputs: Array) -> NDArray[np.float32]:
        """Predict uncalibrated probabilities at the reference conditions, shape (b, f + …) → (b,)."""
        features = inputs[:, : len(alloy_spec().names)]
        return expit(self.predict(np.hstack([features, at_references(self.recipe, len(inputs))]))).astype(np.float32)

    def bodies(self, n_inputs: int, name: str = "m") -> tuple[list[Body], list[float]]:
        """Give the graph parts on ``n_inputs`` columns and their shares."""
        n_inputs += self.gate is not None
        parts = [
            _body(model, n_inputs, f"{name}{k}", exponential=takes_log(self.recipe, member))
            for k, (member, model) in enumerate(zip(self.recipe.members, self.models, strict=True))
        ]
        return parts, [member.weight for member in self.recipe.members]

    def residual_body(self, n_inputs: int) -> Body | None:
        """Give the graph part on ``n_inputs`` columns that corrects the blend; None where nothing does."""
        if self.residual is None:
            return None
        return _body(self.residual, n_inputs + (self.gate is not None), "residual", exponential=self.recipe.log)

    def gate_part(self) -> GatePart | None:
        """Give the graph part that predicts the probability the bodies read."""
        if self.gate is None:
            return None
        references = tuple(c.reference for c in self.gate.recipe.conditions)
        bodies, weights = self.gate.bodies(len(alloy_spec().names) + len(references), "g")
        return GatePart(tuple(bodies), tuple(weights), references)


def fit_ensembles(tables: Mapping[str, TaskRows], seed: int) -> dict[str, Ensemble]:
    """Fit the ensemble of every target; those that others read come first.

    Args:
        tables: rows by target; a gate whose target is missing here is left out.
        seed: of draws and learners.
    """
    fitted: dict[str, Ensemble] = {}
    for target in sorted(tables, key=lambda name: tables[name].recipe.gate is not None):
        fitted[target] = fit_ensemble(tables[target], seed, fitted)
    return {target: fitted[target] for target in tables}


def fit_ensemble(rows: TaskRows, seed: int, others: Mapping[str, Ensemble] | None = None) -> Ensemble:
    """Fit every member of the recipe on ``rows``, rows of crowded systems capped and down-weighted.

    Args:
        rows: what is learned from.
        seed: of draws and learners.
        others: fitted ensembles of other targets, for the recipe's gate.
    """
    recipe, rng, every = rows.recipe, np.random.default_rng(seed), rows
    gate = gate_of(recipe.gate, others or {})
    rows = rows.take(capped(rows.system, recipe.rows_per_system, rng))
    inputs, y, weight = rows.inputs, rows.y, system_weights(rows)
    if gate is not None:
        predicted = gate.probability(inputs) if np.isnan(rows.glassy).any() else rows.glassy
        known = np.where(np.isnan(rows.glassy), predicted, rows.glassy).astype(np.float32)
        inputs = np.hstack([inputs, known[:, None]])
    if recipe.weak_negatives:
        weak = weak_negatives(rows, rng)
        inputs = np.vstack([inputs, weak])
        y = np.concatenate([y, np.zeros(len(weak))])
        weight = np.concatenate([weight, np.full(len(weak), recipe.weak_weight)])
    models = tuple(_fit(member, recipe, inputs, y, weight, seed + k) for k, member in enumerate(recipe.members))
    blend = Ensemble(recipe, models, gate)
    if recipe.residual is None:
        return blend
    return replace(blend, residual=_fit_residual(recipe.residual, blend, every, seed))


def _fit_residual(member: Member, blend: Ensemble, rows: TaskRows, seed: int) -> Regressor:
    """Learn what a blend leaves unexplained of every row, each as much as any other."""
    inputs = rows.inputs
    if blend.gate is not None:
        inputs = np.hstack([inputs, blend.gate.probability(inputs)[:, None]])
    model = _learner(member, blend.recipe, inputs.shape[1], seed + len(blend.models))
    model.fit(masked(inputs, member), left_over(rows.y, blend.predict(rows.inputs), log=blend.recipe.log))
    return model


def gate_of(gate: Gate | None, others: Mapping[str, Ensemble]) -> Ensemble | None:
    """Take the member that a gate names out of a fitted ensemble; None where there is none."""
    if gate is None or gate.target not in others:
        return None
    whole = others[gate.target]
    member = replace(whole.recipe.members[gate.member], weight=1.0)
    return Ensemble(replace(whole.recipe, members=(member,)), (whole.models[gate.member],))


def takes_log(recipe: Recipe, member: Member) -> bool:
    """Whether a member learns logarithms."""
    return recipe.log if member.log is None else member.log


def capped(system: NDArray[np.str_], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Keep at most ``most`` random rows of every chemical system, in their order."""
    order = rng.permutation(len(system))
    _, inverse = np.unique(system[order], return_inverse=True)
    by_system = np.argsort(inverse, kind="stable")
    starts = np.searchsorted(inverse[by_system], inverse[by_system])
    return np.sort(order[by_system[np.arange(len(system)) - starts < most]])


def system_weights(rows: TaskRows) -> Array:
    """Trust divided by a power of the number of alloys of the chemical system, mean 1 over the alloys."""
    _, inverse = np.unique(rows.system, return_inverse=True)
    counts = np.bincount(inverse, rows.main, inverse.max() + 1)
    weight = rows.trust / np.maximum(counts, 1.0)[inverse] ** rows.recipe.crowding
    return np.asarray(weight / weight[rows.main].mean())


def weak_negatives(rows: TaskRows, rng: np.random.Generator) -> Array:
    """Draw inputs of random alloys of common metals, at least 10 at.% from any glass of ``rows``.

    Where the process is a condition, each of them stands on the reference route and on every slower one.
    """
    from screener.descriptors.featurizer import featurize
    from training.pooling import nearest_distance

    recipe = rows.recipe
    count = min(recipe.weak_negatives, round(recipe.weak_share * rows.main.sum()))
    drawn = random_alloys(count, len(COMMON_METALS), rng, sizes=(3, 4, 5))
    columns = [element_symbols().index(s) for s in COMMON_METALS]
    glasses = rows.fractions[(rows.y > 0.5) & rows.main]
    dense = np.zeros((len(drawn), rows.fractions.shape[1]))
    dense[:, columns] = drawn
    far = nearest_distance(dense, glasses) >= WEAK_DISTANCE
    features = featurize(drawn[far], COMMON_METALS, alloy_spec())
    blocks = [np.hstack([features, at_references(recipe, len(features))])]
    for k, condition in enumerate(recipe.conditions):
        for level in sorted(condition.levels.values()):
            if level < condition.reference:
                blocks.append(blocks[0].copy())
                blocks[-1][:, len(alloy_spec().names) + k] = level
    return np.vstack(blocks)


def at_references(recipe: Recipe, n: int) -> NDArray[np.float32]:
    """Repeat the reference conditions, shape (n, k)."""
    return np.tile(np.array([c.reference for c in recipe.conditions], np.float32), (n, 1))


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
    model = _learner(member, recipe, inputs.shape[1], seed)
    model.fit(masked(inputs, member), _wanted(member, recipe, y), sample_weight=weight)
    return model


def _learner(member: Member, recipe: Recipe, n_inputs: int, seed: int) -> Regressor:
    """Make the learner of a member."""
    classes = recipe.kind == "classification"
    if member.learner == "extra_trees":
        return extra_trees(member.options, seed)
    if member.learner == "committee":
        return Committee(member.options, seed, classes=classes)
    kind = BoostedLogit if classes else BoostedValue
    return kind({**member.options, **_monotone(recipe.conditions, n_inputs)}, seed)


def _wanted(member: Member, recipe: Recipe, y: Array) -> Array:
    """Give what a member learns: values, their logarithms, labels, or labels on the scale of logits."""
    if recipe.kind == "classification" and member.learner == "extra_trees":
        return CERTAIN * (2.0 * y - 1.0)
    return np.log(y) if takes_log(recipe, member) else y


def _monotone(conditions: tuple[ConditionSpec, ...], n_inputs: int) -> dict[str, str]:
    """Constrain boosted trees to grow with the conditions that can only raise the result."""
    if not any(c.increasing for c in conditions):
        return {}
    signs = np.zeros(n_inputs, int)
    first = len(alloy_spec().names)
    signs[first : first + len(conditions)] = [int(c.increasing) for c in conditions]
    return {"monotone_constraints": ",".join(map(str, signs))}


def _body(model: Regressor, n_inputs: int, name: str, *, exponential: bool) -> Body:
    """Write one member as part of a graph."""
    if isinstance(model, Committee):
        return model.body(name, exponential=exponential)
    return tree_body(model, n_inputs, name, exponential=exponential)
