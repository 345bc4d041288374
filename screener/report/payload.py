"""What the page of a report knows: columns, compositions, maps, as JSON that cannot break out of its element."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from screener.formula_batch import FormulaBatch
from screener.nearest import AlloyIndex
from screener.report.column_words import axis_of, words_of
from screener.report.compositions import RowCompositions, batch_of
from screener.report.maps import MapGrid, Maps
from screener.report.question_words import direction_of, objectives
from screener.report.result_file import ResultColumn, ResultFile
from screener.report.used_models import UsedModels

_GAP = 65_535
"""Number of a node without a value."""
_MOST_TRAINING = 3_000
"""Training alloys drawn at most."""
_FIRST = ("p_amorphous", "hardness_gpa", "resistivity_uohm_cm", "p_bulk_glass")


def payload_of(
    result: ResultFile, compositions: RowCompositions | None, maps: Maps, used: UsedModels
) -> dict[str, object]:
    """Collect everything the page draws, as plain JSON values."""
    asked = objectives(result)
    named = [each.name for each in result.columns.values()]
    training = training_formulas(result, compositions, used)
    return {
        "rows": result.rows,
        "file": result.path.stem,
        "columns": [_column(each, direction_of(each.name, asked)) for each in result.columns.values()],
        "symbols": list(element_symbols()),
        "alloys": None if compositions is None else _packed(compositions.batch),
        "formula": compositions.column if compositions else next((n for n in named if n == "formula"), named[0]),
        "corners": [list(each) for each in maps.corners],
        "grids": [_grid(each) for each in maps.grids],
        "training": {"formulas": training, "alloys": _packed(batch_of(training))},
        "axes": chosen_axes(result),
        "shown": main_columns(result),
    }


def embedded(payload: Mapping[str, object]) -> str:
    """Write JSON for a script element: no text in it can end the element or begin a comment."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def main_columns(result: ResultFile) -> list[str]:
    """Name the columns worth a first look: objectives, then predictions, then other numbers; at most six."""
    numeric = [each.name for each in result.numeric()]
    ends = ("_low", "_high", "_screen")
    elements = {name for name in numeric if name in element_symbols()}
    plain = [n for n in numeric if not n.endswith(ends) and n not in elements and n not in ("rank", "index", "row")]
    wanted = [name for name in (*objectives(result), *_FIRST) if name in plain]
    found = list(dict.fromkeys([*wanted, *(name for name in plain if name not in ("score", "front"))]))
    return found[:6] or plain[:1] or numeric[:1]


def chosen_axes(result: ResultFile) -> dict[str, str]:
    """Choose the axes of the first scatter and its colour."""
    names = main_columns(result)
    if not names:
        return {}
    asked = [name for name in objectives(result) if name in names]
    order = list(dict.fromkeys([*asked, *names]))
    return {"x": order[0], "y": order[min(1, len(order) - 1)], "colour": order[min(2, len(order) - 1)]}


def training_formulas(result: ResultFile, compositions: RowCompositions | None, used: UsedModels) -> list[str]:
    """List training alloys to mark: the nearest ones of the rows, and those within the elements of the result."""
    near = result.columns.get("nearest_training_alloy")
    found = dict.fromkeys(text for text in (near.text if near else ()) if text)
    if compositions is not None and used.same and used.index is not None and "elements" in result.question:
        found |= dict.fromkeys(_within(used.index, set(compositions.elements())))
    named = list(found)
    return named if len(named) <= _MOST_TRAINING else named[:: len(named) // _MOST_TRAINING + 1]


def _within(index: AlloyIndex, elements: set[str]) -> list[str]:
    """List the alloys of an index that consist of some elements alone."""
    known = np.array([symbol in elements for symbol in index.symbols])
    alloys = np.repeat(np.arange(len(index)), np.diff(index.start))
    outside = np.zeros(len(index), np.bool_)
    outside[alloys[~known[index.element]]] = True
    return [index.formula(int(row)) for row in np.flatnonzero(~outside)]


def _column(column: ResultColumn, direction: str) -> dict[str, object]:
    """Pack one column: its texts in one string where no value holds a line end."""
    whole = "\n".join(column.text)
    packed: str | Sequence[str] = column.text if whole.count("\n") >= len(column.text) else whole
    words, axis = words_of(column.name), axis_of(column.name)
    return {
        "name": column.name, "kind": column.kind, "words": words, "axis": axis, "better": direction, "text": packed,
    }  # fmt: skip


def _packed(batch: FormulaBatch) -> dict[str, str]:
    """Pack compositions: elements of each alloy, their numbers, their amounts in 0.01 at.%."""
    return {
        "count": _base64(np.diff(batch.start).astype(np.uint8)),
        "element": _base64(batch.element.astype(np.uint8)),
        "amount": _base64(np.rint(batch.fraction * 10_000).astype("<u2")),
    }


def _grid(grid: MapGrid) -> dict[str, object]:
    """Pack a map: sixteen bits a node between its least and greatest value."""
    values = {}
    for name, nodes in grid.values.items():
        low, high = float(np.nanmin(nodes)), float(np.nanmax(nodes))
        scaled = np.rint((nodes - low) / ((high - low) or 1.0) * (_GAP - 1))
        packed = np.where(np.isnan(scaled), _GAP, scaled).astype("<u2")
        values[name] = {"axis": axis_of(name), "low": low, "high": high, "nodes": _base64(packed)}
    return {"units": grid.units, "values": values}


def _base64(values: NDArray[np.generic]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
