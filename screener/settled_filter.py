"""A filter that decides every row as float64 does, whatever path its float32 columns came by."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from screener.doubt import Doubt, read_by
from screener.expression import Expression
from screener.float64_net import Float64Net
from screener.judge import Judge
from screener.space import CompositionSpace
from screener.tier_models import Columns, TierModels

Settle = Callable[[NDArray[np.intp]], Columns]
"""Gives the float64 columns of some rows of a block."""


class SettledFilter:
    """Keeps the rows of a block that meet a filter, those within float32 rounding of a limit by their float64 values.

    Models of the characterize tier have no float64 twin: what is read of them is decided as it comes.

    Args:
        where: the filter; None keeps every row.
        models: what predicted the columns.

    Attributes:
        columns: what must be given of every row.
    """

    def __init__(self, where: Expression | None, models: TierModels) -> None:
        self._where = where
        self._doubt = Doubt(where, models) if models.tier == "screen" else None
        self.columns = read_by(where, models)

    def holds(self, columns: Columns, settle: Settle, doubted: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Say which rows (b,) meet the filter.

        Args:
            columns: at least ``columns`` (b,).
            settle: gives at least those that the filter reads in float64.
            doubted: further rows (b,) to be settled.
        """
        if self._where is None:
            return np.ones(len(next(iter(columns.values()))), np.bool_)
        if self._doubt is None:
            return np.asarray(self._where.evaluate(columns), np.bool_)
        sure, possible = self._doubt.limits(columns)
        unsure = possible & ~sure if doubted is None else doubted | (possible & ~sure)
        if not unsure.any():
            return sure
        rows, holds = np.flatnonzero(unsure), sure.copy()
        holds[rows] = self._where.evaluate(settle(rows))
        return holds


class SpaceFilter:
    """A settled filter of the candidates of a space.

    Args:
        where: the filter; None keeps every candidate.
        models: what predicted the columns.
        space: where candidates come from.
    """

    def __init__(self, where: Expression | None, models: TierModels, space: CompositionSpace) -> None:
        self._settled = SettledFilter(where, models)
        self._where, self._models, self._space = where, models, space

    @cached_property
    def _judge(self) -> Judge:
        """Read the nets again: few runs hold a doubtful candidate, and those on other machines have no others."""
        assert self._where is not None
        needed = self._models.giving(self._settled.columns)
        nets = {name: Float64Net.read(model.content) for name, model in needed.items()}
        return Judge(self._models, nets, self._space.elements, self._where.columns)

    def passing(self, index: NDArray[np.int64], columns: Columns) -> tuple[NDArray[np.int64], Columns]:
        """Keep the candidates (b,) that meet the filter."""
        if self._where is None:
            return index, columns

        def settle(rows: NDArray[np.intp]) -> Columns:
            return self._judge.columns_of(self._space.counts(index[rows]) / self._space.units)

        rows = np.flatnonzero(self._settled.holds(columns, settle))
        return taken(index, columns, rows)


def taken(index: NDArray[np.int64], columns: Columns, rows: NDArray[np.intp]) -> tuple[NDArray[np.int64], Columns]:
    """Take some rows of a block (b,), without a copy where it is all of them."""
    if len(rows) == len(index):
        return index, columns
    return index[rows], {name: values[rows] for name, values in columns.items()}
