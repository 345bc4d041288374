"""Maps of a composition space: every candidate predicted again by the fast models, and projected onto triangles."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from screener.errors import ScreenerError
from screener.report import MOST_POINTS
from screener.report.compositions import MOST_PAIRED, OTHERS, RowCompositions, map_corners
from screener.report.question_words import direction_of, objectives
from screener.report.result_file import ResultFile
from screener.report.screened_space import coarser, space_of
from screener.report.used_models import UsedModels
from screener.space import CompositionSpace

if TYPE_CHECKING:
    import polars

    from screener.jobs import ClassifierChoice

_PAIRED_IN_LISTS = 8
"""Elements of a list that are paired; nothing is predicted for its maps."""


@dataclass(frozen=True, slots=True)
class MapGrid:
    """Values on the nodes of a triangle.

    Attributes:
        corners: what the corners stand for.
        units: grid steps along an edge, N.
        values: by column, shape (N + 1, N + 1): rows count the first corner, columns the second; NaN outside. Where
            several alloys fall on a node it is the best of them.
    """

    corners: tuple[str, str, str]
    units: int
    values: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Maps:
    """What can be drawn of a space.

    Attributes:
        corners: triangles to offer.
        grids: values on them; none where only the rows of the result can be drawn.
        note: what they show, in words.
    """

    corners: tuple[tuple[str, str, str], ...]
    grids: tuple[MapGrid, ...]
    note: str


def make_maps(
    result: ResultFile,
    compositions: RowCompositions | None,
    used: UsedModels,
    limit: int = MOST_POINTS,
    asked: tuple[str, str, str] | None = None,
) -> Maps:
    """Predict the space of a result again, and project it; without its models only the rows can be drawn.

    Args:
        result: the result.
        compositions: those of its rows.
        used: models of the result.
        limit: candidates to predict at most; 0 for none.
        asked: the corners of the one triangle to draw; None chooses them.
    """
    if compositions is None:
        return Maps((), (), "")
    space = space_of(result.question)
    elements = compositions.elements()
    if space is not None:
        elements = [s for s in elements if s in space.elements] + [s for s in space.elements if s not in elements]
        elements = list(space.elements) if len(space.elements) == 3 else elements
    corners = tuple(map_corners(elements, _PAIRED_IN_LISTS if space is None else MOST_PAIRED))
    corners = corners if asked is None else (asked,)
    reason = _why_not(result, space, used, limit)
    if reason or not corners or space is None:
        return Maps(corners, (), reason)
    coarse = coarser(result.question, space, limit)
    if coarse is None:
        return Maps(corners, (), f"No step makes the space smaller than {limit:,} candidates: only the rows are drawn.")
    try:
        frame = _predicted(result, coarse, used.folder)
    except ScreenerError as error:
        return Maps(corners, (), f"The space cannot be predicted again ({error.message}): only the rows are drawn.")
    return Maps(corners, tuple(_project(frame, coarse, each, result) for each in corners), _said(space, coarse))


def _why_not(result: ResultFile, space: CompositionSpace | None, used: UsedModels, limit: int) -> str:
    """Say why a space is not predicted again; empty where it can be."""
    if "elements" not in result.question:
        return (
            "Only the rows of the result are drawn: it is no composition space."
            if result.question
            else ("Only the rows of the result are drawn: the space they come from is unknown.")
        )
    if space is None:
        return "Only the rows of the result are drawn: the limits of the space cannot be read from its metadata."
    if not used.same:
        return "Only the rows of the result are drawn: the models that made it are not installed here."
    return "" if limit else "Only the rows of the result are drawn, as asked."


def _said(space: CompositionSpace, coarse: CompositionSpace) -> str:
    """Say what a map shows."""
    text = f"Colour: {coarse.size:,} candidates at {100 / coarse.units:g} at.%, predicted by the fast models"
    if coarse.units != space.units:
        text += f" (the space itself, at {100 / space.units:g} at.%, has {space.size:,})"
    if len(space.elements) > 3:
        text += "; where several alloys fall on one spot, the best of them is shown"
    return f"{text}. A filter of the question is not applied to it."


def _predicted(result: ResultFile, space: CompositionSpace, folder: Path | None) -> polars.DataFrame:
    """Predict every candidate under the conditions of the question."""
    from screener.pipeline import screen

    asked = result.question
    conditions = asked.get("conditions")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the result was made
        return screen(
            space,
            models=folder,
            device="cpu",
            maximize=_texts(asked.get("maximize")),
            minimize=_texts(asked.get("minimize")),
            rank_by=_text(asked.get("rank_by")),
            tier="screen",
            threshold=_number(asked.get("threshold")),
            recall=_number(asked.get("recall")),
            conditions=conditions if isinstance(conditions, dict) else None,
            process=_text(asked.get("process")),
            prior=_number(asked.get("prior")),
            classifier=cast("ClassifierChoice | None", _text(asked.get("classifier"))),
            top=space.size,
            max_candidates=max(space.size, 1),
        )


def _project(
    frame: polars.DataFrame, space: CompositionSpace, corners: tuple[str, str, str], result: ResultFile
) -> MapGrid:
    """Put the best value of every column on each node."""
    units = space.units
    frame = _inside(frame, corners)
    first, second = (np.rint(_amounts(frame, name) * units / 100).astype(np.int64) for name in corners[:2])
    node = first * (units + 1) + second
    values = {}
    for column in _mapped(frame, result):
        found = frame[column].to_numpy().astype(np.float64)
        found[~np.isfinite(found)] = np.nan
        least = direction_of(column, objectives(result)) == "min"
        grid = np.full((units + 1) ** 2, np.nan)
        (np.fmin if least else np.fmax).at(grid, node, found)
        if np.isfinite(grid).any():
            values[column] = grid.reshape(units + 1, units + 1)
    return MapGrid(corners, units, values)


def _inside(frame: polars.DataFrame, corners: Sequence[str]) -> polars.DataFrame:
    """Leave out alloys with elements that have no corner."""
    if OTHERS in corners:
        return frame
    held = sum((_amounts(frame, name) for name in corners), np.zeros(frame.height))
    return frame.filter(np.abs(held - 100.0) < 1e-6)


def _amounts(frame: polars.DataFrame, symbol: str) -> NDArray[np.float64]:
    """Give the at.% of an element (n,); none of one outside the space."""
    return frame[symbol].to_numpy() if symbol in frame.columns else np.zeros(frame.height)


def _mapped(frame: polars.DataFrame, result: ResultFile) -> list[str]:
    """Name the columns to map: predictions, descriptors that the question names, the score where it is no other."""
    ours = {"rank", "index", "nearest_distance", *(("score",) if not result.question.get("rank_by") else ())}
    names = [name for name in frame.columns if frame[name].dtype.is_float() and name in result.columns]
    elements: Sequence[str] = _texts(result.question.get("elements"))
    return [n for n in names if n not in ours and n not in elements and not n.endswith(("_low", "_high"))]


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
