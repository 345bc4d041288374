"""Pictures of a result for papers: triangle, Pareto front, histogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from screener.errors import InputError, OutputError
from screener.report import MOST_POINTS
from screener.report.column_words import axis_of
from screener.report.document import check_extra
from screener.report.payload import chosen_axes, main_columns
from screener.report.question_words import direction_of, objectives
from screener.report.result_file import ResultColumn, ResultFile, read_result, require_result
from screener.sinks import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

Kind: TypeAlias = Literal["ternary", "pareto", "histogram"]

_KINDS: tuple[Kind, ...] = ("ternary", "pareto", "histogram")
_SUFFIXES = (".png", ".svg", ".pdf")
_DOTS_PER_INCH = 300
_MM = 1 / 25.4
BLUE, VERMILLION = "#0072B2", "#D55E00"
"""Two of the colours that everybody can tell apart: doi:10.1038/nmeth.1618."""
_STYLE: Mapping[str, object] = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "alloy-screener",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a name of a column is no formula
}


@dataclass(frozen=True, slots=True)
class FigureRequest:
    """What to draw.

    Attributes:
        kind: triangle, front or histogram.
        out: file to write.
        column: column for colour or histogram; None takes the first target.
        x: column across; None takes the first objective.
        y: column up; None takes the second objective.
        corners: corners of a triangle; None takes those of the system.
        width: of the picture, mm.
    """

    kind: Kind
    out: Path
    column: str | None = None
    x: str | None = None
    y: str | None = None
    corners: tuple[str, str, str] | None = None
    width: float = 85.0

    @classmethod
    def checked(
        cls, kind: str, out: Path, column: str | None, x: str | None, y: str | None, corners: str | None, width: float
    ) -> FigureRequest:
        """Take options as people write them.

        Raises:
            OutputError: the suffix names no picture.
            InputError: there is no such kind, or the corners are not three.
        """
        if kind not in _KINDS:
            raise InputError(f"unknown kind `{kind}`", "use --kind ternary, pareto or histogram")
        if out.suffix.lower() not in _SUFFIXES:
            raise OutputError(f"unknown picture format `{out.suffix or out}`", "end -o in .png, .svg or .pdf")
        parts = None if corners is None else tuple(part.strip() for part in corners.split(","))
        if parts is not None and (len(parts) != 3 or len(set(parts)) < 3):
            raise InputError(f"corners `{corners}` are not three", "write `--corners Cu,Zr,others`")
        return cls(kind, out, column, x, y, parts, width)


def write_figure(path: Path, request: FigureRequest, models: Path | None = None, points: int = MOST_POINTS) -> None:
    """Draw a result; the file is complete or absent.

    Args:
        path: the result.
        request: what to draw.
        models: folder of models for the map behind a triangle; None looks them up.
        points: candidates to predict again for it, at most; 0 draws the rows alone.

    Raises:
        InputError: the result cannot be read, or lacks what is to be drawn.
        ModelError: the models cannot be loaded.
        OutputError: the file cannot be written.
        ScreenerError: the extra `report` is not installed.
    """
    check_extra("matplotlib")
    from matplotlib import rc_context

    result = read_result(path)
    require_result(result)
    with rc_context(_STYLE):  # type: ignore[arg-type]
        figure = _drawn(result, request, models, points)
        suffix = request.out.suffix.lower()[1:]
        # Without a date, equal results leave equal files.
        about = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix, {})
        with atomic_file(request.out) as file:
            figure.savefig(file, format=suffix, dpi=_DOTS_PER_INCH, bbox_inches="tight", metadata=about)


def _drawn(result: ResultFile, request: FigureRequest, models: Path | None, points: int) -> Figure:
    """Draw the kind asked for."""
    from matplotlib.figure import Figure

    height = request.width * (0.92 if request.kind == "ternary" else 0.75)
    figure = Figure(figsize=(request.width * _MM, height * _MM), layout="constrained")
    axes = figure.add_subplot()
    if request.kind == "ternary":
        from screener.report.ternary_figure import draw_ternary

        draw_ternary(axes, result, request.column, request.corners, models, points)
    elif request.kind == "pareto":
        _draw_pareto(axes, result, request)
    else:
        _draw_histogram(axes, numeric_column(result, request.column))
    return figure


def numeric_column(result: ResultFile, name: str | None) -> ResultColumn:
    """Take a column of numbers, or the first target where none is named.

    Raises:
        InputError: there is no such column, or it holds no numbers.
    """
    numeric = [each.name for each in result.numeric()]
    if name is None:
        names = main_columns(result)
        if not names:
            raise InputError(f"`{result.path.name}` holds no column of numbers", "name a result with predictions")
        return result.columns[names[0]]
    if name not in numeric:
        fact = f"column `{name}` holds no numbers" if name in result.columns else f"no column `{name}`"
        raise InputError(f"{fact} in `{result.path.name}`", f"there are {', '.join(numeric[:12])}")
    return result.columns[name]


def pareto_rows(
    x: NDArray[np.float64], y: NDArray[np.float64], less_x: bool = False, less_y: bool = False
) -> NDArray[np.int64]:
    """Find the rows (k,) that no other beats in both columns (n,), in order along the first."""
    first, second = (-x if less_x else x), (-y if less_y else y)
    rows = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    rows = rows[np.lexsort((rows, -second[rows], -first[rows]))]
    best = np.maximum.accumulate(second[rows])
    before = np.concatenate([[-np.inf], best[:-1]])
    alone = second[rows] > before
    # A twin of an alloy on the front is on it, too.
    for place in np.flatnonzero(~alone):
        above = place - 1
        alone[place] = bool(alone[above]) and x[rows[above]] == x[rows[place]] and y[rows[above]] == y[rows[place]]
    return rows[alone]


def _draw_pareto(axes: Axes, result: ResultFile, request: FigureRequest) -> None:
    """Draw two columns and their front."""
    chosen = chosen_axes(result)
    x, y = (numeric_column(result, given or chosen.get(axis)) for given, axis in ((request.x, "x"), (request.y, "y")))
    asked = objectives(result)
    less_x, less_y = (direction_of(each.name, asked) == "min" for each in (x, y))
    front = pareto_rows(x.numbers, y.numbers, less_x, less_y)
    size = 12 if result.rows < 500 else 3
    shade = None if request.column is None else numeric_column(result, request.column)
    points = axes.scatter(
        x.numbers,
        y.numbers,
        s=size,
        c=BLUE if shade is None else shade.numbers,
        cmap=None if shade is None else "cividis",
        linewidths=0,
        alpha=0.7,
        rasterized=result.rows > 5_000,
        label="alloys of the result",
    )
    axes.plot(x.numbers[front], y.numbers[front], "-o", ms=2.5, lw=1, c=VERMILLION, label="Pareto front")
    if shade is not None:
        axes.figure.colorbar(points, ax=axes, label=axis_of(shade.name), shrink=0.9)
    axes.set_xlabel(axis_of(x.name))
    axes.set_ylabel(axis_of(y.name))
    axes.legend(fontsize=7)


def _draw_histogram(axes: Axes, column: ResultColumn) -> None:
    """Draw the distribution of a column."""
    values = column.numbers[np.isfinite(column.numbers)]
    axes.hist(values, bins=min(40, max(8, round(len(values) ** 0.5))), color=BLUE, edgecolor="white", linewidth=0.4)
    axes.set_xlabel(axis_of(column.name))
    axes.set_ylabel("alloys")
