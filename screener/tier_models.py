"""The models of one tier as a run uses them: with flags, conditions and the columns they give."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from screener.card import Target, Tier
from screener.elements import element_symbols
from screener.flag import Flag, flag_column, sigmoid
from screener.model import Model

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
        flags: decision rule by classification target.
        conditions: measurement conditions given for the run, by name.
    """

    tier: Tier
    models: Mapping[str, Model]
    flags: Mapping[str, Flag]
    conditions: Mapping[str, float] = field(default_factory=dict)

    @property
    def domain(self) -> frozenset[str]:
        """Elements that every model was trained on."""
        return frozenset.intersection(*(frozenset(model.card.elements) for model in self.models.values()))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the models give, in the order of a result."""
        return tuple(name for model in self.models.values() for name in target_columns(model.card.target))

    def giving(self, wanted: Collection[str]) -> dict[str, Model]:
        """Pick the models that are needed for some columns."""
        return {
            name: model
            for name, model in self.models.items()
            if not set(wanted).isdisjoint((f"{name}_logit", *target_columns(model.card.target)))
        }

    def present(self, target: Target, outputs: Mapping[str, NDArray[np.floating]], wanted: Collection[str]) -> Columns:
        """Turn a model's outputs (b,) into those of its columns that are wanted."""
        if target.kind == "regression":
            return {name: values for name, values in outputs.items() if name in wanted}
        name, flag, logit = target.name, self.flags[target.name], outputs[f"{target.name}_logit"]
        columns: Columns = {}
        if f"{name}_logit" in wanted:
            columns[f"{name}_logit"] = logit.astype(np.float64)
        if name in wanted:
            columns[name] = sigmoid(logit)
        if flag.column in wanted:
            columns[flag.column] = flag.holds(logit)
        if name == AMORPHOUS and BORDERLINE_COLUMN in wanted:
            columns[BORDERLINE_COLUMN] = flag.borderline(logit)
        return columns


def target_columns(target: Target) -> tuple[str, ...]:
    """Name the result columns of one target, in order."""
    if target.kind == "regression":
        return (target.name, f"{target.name}_low", f"{target.name}_high")
    borderline = (BORDERLINE_COLUMN,) if target.name == AMORPHOUS else ()
    return (target.name, flag_column(target.name), *borderline)


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
    return np.round(100.0 * fractions.astype(np.float64), 4)
