"""Predictions for compositions of many systems: in blocks of one shape, or in float64 where little is at stake."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from screener.engine import BlockEngine
from screener.formula_batch import FormulaBatch, dense_fractions
from screener.judge import Judge
from screener.list_search import Predict
from screener.plan import Plan
from screener.run_models import RunModels
from screener.tier_models import Columns, Conditions

_FEW = 8
"""Elements up to which a tile of any rows is as good as one of like rows."""


def predictor(models: RunModels, plan: Plan, block: int, *, exact: bool) -> Predict:
    """Make what predicts compositions.

    Args:
        models: models of the run.
        plan: filter and score, which name columns.
        block: rows predicted at once.
        exact: whether networks run in float64, as for lists that are short.
    """
    wanted = {*models.search.columns, *plan.wanted}
    nets = models.precise().nets

    def slowly(alloys: FormulaBatch, symbols: tuple[str, ...], conditions: Conditions) -> Columns:
        return Judge(models.search, nets, symbols, wanted).columns_of(dense_fractions(alloys, symbols), conditions)

    def fast(alloys: FormulaBatch, symbols: tuple[str, ...], conditions: Conditions) -> Columns:
        engine, fractions = BlockEngine(models.search, symbols, wanted), dense_fractions(alloys, symbols)
        if len(symbols) <= _FEW:
            return engine.columns_of(fractions, conditions, block, pad=bool(nets))
        order = _by_system(alloys, symbols)
        given = {k: v[order] if isinstance(v, np.ndarray) else v for k, v in conditions.items()}
        columns = engine.columns_of(fractions[order], given, block, pad=bool(nets))
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return {name: values[back] for name, values in columns.items()}

    return slowly if exact and nets else fast


def _by_system(alloys: FormulaBatch, symbols: Sequence[str]) -> NDArray[np.intp]:
    """Order compositions (n,) so that like elements stand together: tiles of the featurizer then hold few elements."""
    place = {symbol: min(bit, 63) for bit, symbol in enumerate(symbols)}
    bit = np.array([place.get(symbol, 63) for symbol in element_symbols()], np.uint64)
    present = np.uint64(1) << bit[alloys.element]
    if not len(present):
        return np.arange(len(alloys.start) - 1)
    return np.argsort(np.bitwise_or.reduceat(present, alloys.start[:-1]))
