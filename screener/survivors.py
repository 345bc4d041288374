"""A closer look at the alloys that are reported: precise predictions, domain, neighbours, descriptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.catalogue import catalogue
from screener.descriptors.featurizer import compile_plan, featurize
from screener.descriptors.reference import describe
from screener.descriptors.specs import FeatureSpec
from screener.domain import reads_distance, training_distances, widened, within_limits
from screener.engine import BlockEngine
from screener.errors import CompositionError, ModelError
from screener.formula import canonical_formula
from screener.jobs import CHARACTERIZE_UP_TO
from screener.nearest import AlloyIndex
from screener.results import ResultTable, Values
from screener.run_models import RunModels
from screener.tier_models import Columns, Conditions, TierModels, in_domain


@dataclass(frozen=True, slots=True)
class Survivors:
    """Alloys that are reported, n rows.

    Attributes:
        fractions: atomic fractions (n, d).
        symbols: d element symbols.
        columns: values from the searching tier, by name (n,).
        score: what they are ranked by (n,).
        conditions: condition values by name, where rows have their own (n,).
        front: number of the Pareto front (n,).
    """

    fractions: NDArray[np.float64]
    symbols: tuple[str, ...]
    columns: Columns
    score: NDArray[np.float64]
    conditions: Conditions
    front: NDArray[np.int64] | None = None


def result_table(
    lead: Mapping[str, Values], survivors: Survivors, models: RunModels, descriptors: Columns
) -> ResultTable:
    """Characterize survivors and lay out their result.

    Args:
        lead: columns that identify the rows.
        survivors: the alloys.
        models: searching and precise models, training alloys.
        descriptors: descriptors to report, by name (n,).

    Raises:
        ModelError: models or training alloys cannot be loaded.
        CompositionError: an element lacks a property that the precise models need.
    """
    precise, search = models.precise(), models.search
    predictions, domain, screened = survivors.columns, search.domain, {}
    if precise.models is not None:
        engine = BlockEngine(precise.models, survivors.symbols, precise.models.columns)
        described = engine.columns_of(survivors.fractions, survivors.conditions)
        _refuse_missing(described, survivors, precise.models)
        predictions = predictions | described
        screened = {t: survivors.columns[t] for t in search.models if t in precise.models.models}
        domain &= precise.models.domain
    inside = in_domain(survivors.fractions > 0, survivors.symbols, domain)
    plain = models.reported()
    if precise.index is not None:
        cards = {target: model.card for target, model in plain.items() if reads_distance(model.card)}
        distances = training_distances(precise.index, survivors.fractions, survivors.symbols, cards)
        inside &= within_limits(cards, distances)
        for target, card in cards.items():
            predictions = predictions | widened(card, predictions, distances[target])
    return ResultTable(
        lead,
        plain,
        predictions,
        inside,
        survivors.score,
        nearest_alloys(precise.index, survivors) if precise.index else None,
        survivors.front,
        screened,
        descriptors,
    )


def _refuse_missing(columns: Columns, survivors: Survivors, tier: TierModels) -> None:
    """Refuse values that are not finite: rows are ranked already.

    Raises:
        ModelError: a model gives one.
    """
    for name, model in tier.models.items():
        gaps = np.flatnonzero(np.isnan(columns[name]))
        if len(gaps):
            alloy = canonical_formula(survivors.symbols, 100.0 * survivors.fractions[gaps[0]])
            raise ModelError(
                f"`{model.name}` has no finite {name} for `{alloy}`", "leave the alloy out, or use `--tier screen`"
            )


def descriptor_columns(
    fractions: NDArray[np.float64], symbols: Sequence[str], names: Sequence[str], exact: bool | None = None
) -> Columns:
    """Compute descriptors to report, by name (n,): in float64, or in float32 for tables too long to wait for."""
    known = [catalogue()[name] for name in names]
    if len(fractions) <= CHARACTERIZE_UP_TO if exact is None else exact:
        values: NDArray[np.floating] = describe(fractions, symbols, known)
    else:
        values = featurize(fractions, symbols, FeatureSpec("reported", tuple(names)))
    return {name: values[:, place] for place, name in enumerate(names)}


def nearest_alloys(index: AlloyIndex, survivors: Survivors) -> tuple[list[str], NDArray[np.float64]]:
    """Find the nearest training alloy of every survivor: formula and distance in at.%."""
    rows, distances = index.nearest(survivors.fractions, survivors.symbols)
    return [index.formula(row) for row in rows[:, 0]], np.round(distances[:, 0], 4)


def shown_descriptors(symbols: Sequence[str], referenced: Sequence[str], everything: bool) -> tuple[str, ...]:
    """Name the descriptors to report: those a question names, or all that every element has the properties for."""
    if not everything:
        return tuple(referenced)
    return tuple(name for name in catalogue() if has_properties(name, symbols))


def has_properties(name: str, symbols: Sequence[str]) -> bool:
    """Say whether every element has what a descriptor needs, each by itself."""
    try:
        compile_plan([catalogue()[name]], tuple(symbols), apart=True)
    except CompositionError:
        return False
    return True
