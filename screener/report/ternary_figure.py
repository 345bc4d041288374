"""A triangle of compositions for papers: the space in colour, winners and training alloys on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from screener.errors import InputError
from screener.report.column_words import axis_of
from screener.report.compositions import OTHERS, RowCompositions, batch_of, row_compositions, shares
from screener.report.maps import MapGrid, make_maps
from screener.report.payload import training_formulas
from screener.report.result_file import ResultFile
from screener.report.used_models import UsedModels, used_models

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection, PolyCollection

Corners = tuple[str, str, str]

_HEIGHT = np.sqrt(3) / 2
_WINNERS = 100
_VERMILLION = "#D55E00"


def draw_ternary(
    axes: Axes, result: ResultFile, name: str | None, asked: Corners | None, models: Path | None, points: int
) -> None:
    """Draw the alloys of a result over a map of their space.

    Raises:
        InputError: no formulas, fewer than three elements, or no such column or corner.
        ModelError: the models cannot be loaded.
    """
    from screener.report.figures import numeric_column

    compositions = row_compositions(result)
    if compositions is None:
        raise InputError(f"no column of `{result.path.name}` holds formulas", "a ternary needs a column `formula`")
    _check_corners(compositions, asked)
    column = numeric_column(result, name)
    used = used_models(result, models)
    maps = make_maps(result, compositions, used, points, asked)
    if not maps.corners:
        raise InputError(f"`{result.path.name}` has fewer than three elements", "draw it with --kind pareto")
    corners = maps.corners[0]
    grid = next((each for each in maps.grids if each.corners == corners and column.name in each.values), None)
    _frame(axes, corners)
    if grid is not None:
        drawn: PolyCollection | PathCollection = _map(axes, grid, column.name)
        placed = compositions.shares(corners)[:_WINNERS]
        x, y = positions(placed)
        axes.scatter(x, y, s=9, c="white", edgecolors="black", linewidths=0.6, zorder=4, label="best of the result")
    else:
        x, y = positions(compositions.shares(corners))
        drawn = axes.scatter(x, y, s=9, c=column.numbers, cmap="cividis", linewidths=0, zorder=4, label="alloys")
    _training(axes, result, compositions, used, corners)
    axes.figure.colorbar(drawn, ax=axes, label=axis_of(column.name), shrink=0.7)
    axes.legend(loc="upper left", fontsize=6, handletextpad=0.2, bbox_to_anchor=(-0.08, 1.05))


def positions(parts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Place compositions (n, 3) in the plane: the corners are (0, 0), (1, 0) and (½, √3/2)."""
    return parts[:, 1] + parts[:, 2] / 2, parts[:, 2] * _HEIGHT


def _check_corners(compositions: RowCompositions, asked: Corners | None) -> None:
    """Refuse corners that are no elements.

    Raises:
        InputError: one is none.
    """
    for place, corner in enumerate(asked or ()):
        if corner not in element_symbols() and not (place == 2 and corner == OTHERS):
            known = ", ".join(compositions.elements())
            raise InputError(f"corner `{corner}` is no element", f"choose from {known}; the last may be others")


def _frame(axes: Axes, corners: Sequence[str]) -> None:
    """Draw edges, grid lines every 20 at.%, their numbers and the names of the corners."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.plot([0, 1, 0.5, 0], [0, 0, _HEIGHT, 0], c="black", lw=0.8, zorder=3)
    for percent in (20, 40, 60, 80):
        share, rest = percent / 100, 1 - percent / 100
        ends = np.array(
            [
                [[share, rest, 0], [share, 0, rest]],
                [[rest, share, 0], [0, share, rest]],
                [[rest, 0, share], [0, rest, share]],
            ]
        )
        for line in ends:
            axes.plot(*positions(line), c="0.35", lw=0.3, ls=":", zorder=3)
        axes.text(share, -0.03, str(percent), ha="center", va="top", fontsize=6)
        axes.text(1 - share / 2 + 0.02, share * _HEIGHT, str(percent), ha="left", va="center", fontsize=6)
        axes.text(rest / 2 - 0.02, rest * _HEIGHT, str(percent), ha="right", va="center", fontsize=6)
    axes.text(-0.03, -0.04, corners[0], ha="right", va="top", weight="bold")
    axes.text(1.03, -0.04, corners[1], ha="left", va="top", weight="bold")
    axes.text(0.5, _HEIGHT + 0.03, corners[2], ha="center", va="bottom", weight="bold")
    axes.text(0.5, -0.1, "at.%", ha="center", va="top", fontsize=7)


def _map(axes: Axes, grid: MapGrid, column: str) -> PolyCollection:
    """Colour every node with a hexagon, clipped to the triangle."""
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Polygon

    first, second = np.nonzero(np.isfinite(grid.values[column]))
    third = grid.units - first - second
    x, y = positions(np.column_stack([first, second, third]) / grid.units)
    turn = np.pi / 6 + np.arange(6) * np.pi / 3
    radius = 1.02 / (np.sqrt(3) * grid.units)
    corners = np.stack([x[:, None] + radius * np.cos(turn), y[:, None] + radius * np.sin(turn)], axis=2)
    cells = PolyCollection(list(corners), array=grid.values[column][first, second], cmap="cividis", zorder=1)
    cells.set(linewidth=0, antialiased=False, rasterized=True)
    axes.add_collection(cells)
    cells.set_clip_path(Polygon([(0, 0), (1, 0), (0.5, _HEIGHT)], transform=axes.transData))
    return cells


def _training(
    axes: Axes, result: ResultFile, compositions: RowCompositions, used: UsedModels, corners: Sequence[str]
) -> None:
    """Mark training alloys that lie in the triangle."""
    formulas = training_formulas(result, compositions, used)
    if formulas:
        x, y = positions(shares(batch_of(formulas), corners))
        if np.isfinite(x).any():
            axes.scatter(x, y, s=5, c=_VERMILLION, marker="x", linewidths=0.5, zorder=3.5, label="training alloys")
