"""Where an exact search stands, as plain JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

from screener.exact._cell_kernels import count_all
from screener.exact.cells import Cells
from screener.exact.problem import Problem
from screener.exact.standing import Standing, Tally
from screener.runs.sealed import of_type, packed, unpacked


def stage_of(problem: Problem) -> int:
    """Number the searches of a run: how many winners the next ones must keep away from."""
    return 0 if problem.apart is None else len(problem.apart.centres)


def standing_as_json(standing: Standing) -> dict[str, object]:
    """Write down where a search stands."""
    cells, tally = standing.cells, standing.tally
    state: dict[str, object] = {
        "cells": None,
        "settled": standing.settled,
        "roots": standing.roots,
        "counts": packed(standing.counts),
        "high": packed(standing.high),
        "sure": packed(standing.sure),
        "threshold": packed(np.array([tally.threshold])),
        "tally": [tally.cells, tally.points],
    }
    if cells is not None:
        names = ("members", "lower", "upper", "ceiling", "place")
        state["cells"] = {name: packed(getattr(cells, name)) for name in names}
    return state


def standing_from_json(value: Mapping[str, object], problem: Problem, k: int) -> Standing:
    """Read what ``standing_as_json`` wrote.

    Args:
        value: plain JSON values.
        problem: what was searched for.
        k: most sure scores there may be.

    Raises:
        ValueError: it is something else.
    """
    d = len(problem.space.elements)
    counts = cast("NDArray[np.int16]", unpacked(value.get("counts"), "int16", d))
    high, sure, threshold = (_floats(value.get(name)) for name in ("high", "sure", "threshold"))
    cells, points = (of_type(each, int) for each in of_type(value.get("tally"), list))
    if len(high) != len(counts) or len(sure) > k or len(threshold) != 1:
        raise ValueError("candidates without scores")
    if len(counts) and not (problem.holds(counts).all() and (counts.sum(axis=1) == problem.space.units).all()):
        raise ValueError("candidates outside the space")
    settled, roots = of_type(value.get("settled"), int), of_type(value.get("roots"), int)
    found = None if value.get("cells") is None else _cells(of_type(value["cells"], dict), problem)
    if not 0 <= settled <= (0 if found is None else len(found)) or roots < 0:
        raise ValueError("more cells than there are")
    return Standing(found, settled, counts, high, sure, roots, Tally(cells, points, float(threshold[0])))


def _cells(value: Mapping[str, object], problem: Problem) -> Cells:
    """Read cells, and check that kernels may follow them."""
    d, units = len(problem.space.elements), problem.space.units
    ceiling = _floats(value.get("ceiling"))
    place = cast("NDArray[np.int64]", unpacked(value.get("place"), "int64"))
    width = _width(value.get("members"))
    members, lower, upper = (
        cast("NDArray[np.int16]", unpacked(value.get(name), "int16", width)) for name in ("members", "lower", "upper")
    )
    if not 1 <= width <= d or {len(members), len(lower), len(upper), len(ceiling)} != {len(place)}:
        raise ValueError("cells of another form")
    limits = ((members, 0, d - 1), (lower, 0, units), (upper, 0, units), (place, -1, width - 1))
    if not all(((each >= least) & (each <= most)).all() for each, least, most in limits):
        raise ValueError("cells outside the space")
    counts = np.empty(len(place))
    count_all(lower, np.maximum(lower, upper), units, np.empty((2, units + 1)), counts)
    return Cells(members, lower, upper, ceiling, counts, place)


def _width(value: object) -> int:
    """Read how many columns a table has."""
    shape = of_type(of_type(value, dict).get("shape"), list)
    return of_type(shape[1], int) if len(shape) == 2 else 0


def _floats(value: object) -> NDArray[np.float64]:
    """Read numbers, none of them missing."""
    array = cast("NDArray[np.float64]", unpacked(value, "float64"))
    if np.isnan(array).any():
        raise ValueError("a missing number")
    return array
