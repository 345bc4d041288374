"""`screener report` and `screener plot`: a result to look at, and pictures of it for papers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from screener.cli import options
from screener.report import MOST_POINTS

REPORT_HELP = """Write a report of a result: one HTML file that opens in any browser, also offline.

RESULT is what `screener enumerate` or `screener score` wrote with -o, as CSV, JSON lines or Parquet. The report says
what was asked and what to mind, maps the composition space, plots any two columns with their Pareto front, lists all
rows in a table to sort, filter and download, and shows how wrong the models are. Pictures and table share a selection.

Maps predict the space again with the fast models, at a wider step where it has more than --map-points candidates.
Needs the extra `report`: pip install 'alloy-screener[report]'."""
REPORT_EXAMPLES = """\b
Examples:
  screener report best.csv -o report.html
  screener report predicted.parquet -o report.html --map-points 0"""
PLOT_HELP = """Draw a picture of a result for a paper, as PNG, SVG or PDF.

Kinds: ternary, the alloys in a triangle of amounts in at.%, over a map of their composition space; pareto, two columns
against each other with the alloys that none beats in both; histogram, the distribution of a column. Axes carry units.
Needs the extra `report`: pip install 'alloy-screener[report]'."""
PLOT_EXAMPLES = """\b
Examples:
  screener plot best.csv --kind ternary --column hardness_gpa -o map.pdf
  screener plot best.csv --kind pareto --x density_g_cm3 --y hardness_gpa -o front.svg
  screener plot best.csv --kind histogram --column p_amorphous -o p.png"""

_Result = Annotated[Path, typer.Argument(metavar="RESULT", help="Result as .csv, .jsonl or .parquet.")]
_Points = Annotated[
    int,
    typer.Option(
        "--map-points",
        metavar="N",
        min=0,
        help="Candidates to predict again for maps, at most; 0 draws the rows alone.",
    ),
]


def report(
    result: _Result,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="HTML file to write.")],
    map_points: _Points = MOST_POINTS,
    models: options.ModelsFolder = None,
    quiet: options.Quiet = False,
) -> None:
    """Write the report of a result."""
    from screener.errors import OutputError
    from screener.sinks import OutputTarget, check_output

    if output.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"unknown report format `{output.suffix or output}`", "end -o in .html")
    check_output(OutputTarget(output, "csv"))

    from screener.cli.terminal import terminal
    from screener.report.document import write_report

    with terminal(quiet) as told:
        written = write_report(result, output, models, map_points)
        rows = f"{written.rows:,} row{'' if written.rows == 1 else 's'}"
        told.note(f"{rows}, {output.stat().st_size / 1e6:.1f} MB: open `{output}` in a browser")


def plot(
    result: _Result,
    kind: Annotated[str, typer.Option("--kind", metavar="ternary|pareto|histogram", help="What to draw.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Picture: .png, .svg or .pdf.")],
    column: Annotated[
        str | None,
        typer.Option(
            "--column", metavar="COL", help="Column for colour, or for the histogram. Default: the first target."
        ),
    ] = None,
    x: Annotated[str | None, typer.Option("--x", metavar="COL", help="Column across, of pareto.")] = None,
    y: Annotated[str | None, typer.Option("--y", metavar="COL", help="Column up, of pareto.")] = None,
    corners: Annotated[
        str | None,
        typer.Option("--corners", metavar="A,B,C", help="Corners of ternary: elements, the last may be `others`."),
    ] = None,
    width: Annotated[
        float, typer.Option("--width", metavar="MM", min=30, max=400, help="Width of the picture in mm.")
    ] = 85.0,
    map_points: _Points = MOST_POINTS,
    models: options.ModelsFolder = None,
) -> None:
    """Draw a picture of a result."""
    from screener.report.figures import FigureRequest, write_figure
    from screener.sinks import OutputTarget, check_output

    request = FigureRequest.checked(kind, output, column, x, y, corners, width)
    check_output(OutputTarget(output, "csv"))

    from screener.cli.terminal import terminal

    with terminal(quiet=True):
        write_figure(result, request, models, map_points)
