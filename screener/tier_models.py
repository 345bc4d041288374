"""The models of one tier as a run uses them: with flags, conditions and the columns they give."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from screener.card import ModelCard, Tier
from screener.elements import element_symbols
from screener.flag import Flag, flag_column, shifted
from screener.model import Model
from screener.ranking import finite

AMORPHOUS = "p_amorphous"
BORDERLINE_COLUMN = "amorphous_borderline"
Columns = dict[str, NDArray[np.generic]]
Conditions = Mapping[str, float | NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class TierModels:
    """Models of one tier with the decision rules and conditions of a run.

    Attributes:
        tier: `screen` or `characterize`.
        models: by target, in column order.
        flags: decision rule by classification target that has one.
        conditions: measurement conditions of the run, by name: those given, and those of the process.
        process: process whose levels are among them; None where no model knows it.
        shifts: what is added to a logit before it becomes a probability, by classification target.
    """

    tier: Tier
    models: Mapping[str, Model]
    flags: Mapping[str, Flag]
    conditions: Mapping[str, float] = field(default_factory=dict)
    process: str | None = None
    shifts: Mapping[str, float] = field(default_factory=dict)

    @property
    def domain(self) -> frozenset[str]:
        """Elements that every model was trained on."""
        return frozenset.intersection(*(frozenset(model.card.elements) for model in self.models.values()))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the models give, in the order of a result."""
        return tuple(name for model in self.models.values() for name in target_columns(model.card))

    def giving(self, wanted: Collection[str]) -> dict[str, Model]:
        """Pick the models that are needed for some columns."""
        return {
            name: model
            for name, model in self.models.items()
            if not set(wanted).isdisjoint((f"{name}_logit", *target_columns(model.card)))
        }

    def read(self, card: ModelCard, wanted: Collection[str]) -> tuple[str, ...]:
        """Name the outputs of a model that the wanted columns are made of: of a classifier its logit alone."""
        name = card.target.name
        if card.target.kind == "classification":
            return (f"{name}_logit",)
        return tuple(column for column in target_columns(card) if column in wanted)

    def present(self, card: ModelCard, outputs: Mapping[str, NDArray[np.floating]], wanted: Collection[str]) -> Columns:
        """Turn a model's outputs (b,) into those of its columns that are wanted.

        Logits, which rank, are those of the graph; a share of positives that was asked for moves probabilities only.
        What is not finite is missing: NaN, and no flag.
        """
        outputs = {name: finite(values) for name, values in outputs.items()}
        if card.target.kind == "regression":
            return {name: values for name, values in outputs.items() if name in wanted}
        name = card.target.name
        flag, logit = self.flags.get(name), outputs[f"{name}_logit"]
        columns: Columns = {}
        if f"{name}_logit" in wanted:
            columns[f"{name}_logit"] = logit.astype(np.float64)
        if name in wanted:
            columns[name] = shifted(logit, self.shifts.get(name, 0.0))
        if flag is None:
            return columns
        if flag.column in wanted:
            columns[flag.column] = flag.holds(logit)
        if name == AMORPHOUS and BORDERLINE_COLUMN in wanted:
            columns[BORDERLINE_COLUMN] = flag.borderline(logit)
        return columns


def target_columns(card: ModelCard) -> tuple[str, ...]:
    """Name the result columns of one model, in order."""
    name = card.target.name
    if card.target.kind == "regression":
        return (name, f"{name}_low", f"{name}_high")
    if not card.flagged:
        return (name,)
    return (name, flag_column(name), *((BORDERLINE_COLUMN,) if name == AMORPHOUS else ()))


def in_domain(present: NDArray[np.bool_], symbols: Iterable[str], domain: Collection[str]) -> NDArray[np.bool_]:
    """Say for which rows every element present (b, d) is in the training domain."""
    outside = np.array([symbol not in domain for symbol in symbols])
    if not outside.any():
        return np.ones(len(present), np.bool_)
    return np.logical_not(present[:, outside].any(axis=1))


def element_columns(fractions: NDArray[np.floating], symbols: Sequence[str], wanted: Collection[str]) -> Columns:
    """Give the at.% (b,) of the elements wanted, zero for one that none of the alloys (b, d) can hold."""
    asked = [symbol for symbol in element_symbols() if symbol in wanted]
    return {
        symbol: at_percent(fractions[:, symbols.index(symbol)]) if symbol in symbols else np.zeros(len(fractions))
        for symbol in asked
    }


def at_percent(fractions: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn atomic fractions into at.%, to four decimals as in formulas, so that grid values compare exactly."""
    wide = fractions.astype(np.float64)
    if fractions.dtype == np.float32:
        # float32 is nearer than this to every decimal of a grid
        wide = np.round(wide, 7)
    return np.round(100.0 * wide, 4)
