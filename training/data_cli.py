"""``training data``: list, fetch and check the measured data sets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from screener.errors import InputError
from screener.visible_text import visible, visible_json
from training.options import Units

if TYPE_CHECKING:
    from training.curation import Curated, CurationReport
    from training.user_table import UserTable

data_app = typer.Typer(help="List, fetch and check the measured data behind the models.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@data_app.command("list")
def list_(as_json: _Json = False) -> None:
    """Show every data set: what it holds, under which licence, and where it was found.

    Example: training data list
    """
    from training.catalogue import catalogue, find
    from training.sources import LOADERS

    lines = []
    for entry in catalogue().values():
        path, place = find(entry.files[0])
        used = "yes" if entry.key in LOADERS else "no"
        lines.append((entry.key, entry.n_records, used, entry.licence, place, str(path or ""), entry))
    if as_json:
        documents = [
            {**dataclasses.asdict(entry), "used": used == "yes", "found": place, "path": path}
            for _, _, used, _, place, path, entry in lines
        ]
        typer.echo(visible_json(json.dumps(documents, ensure_ascii=False, indent=1)))
        return
    _print_table(("key", "records", "read", "licence", "found"), [line[:5] for line in lines])


@data_app.command()
def fetch(
    keys: Annotated[list[str] | None, typer.Argument(help="Data sets, as `training data list` names them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every data set that training reads.")] = False,
    as_json: _Json = False,
) -> None:
    """Find or download data sets and verify their digests.

    With --all their measured values are written for `screener explain`, too.

    Example: training data fetch matbench_glass ward_2018
    """
    from training.catalogue import fetch as fetch_set
    from training.sources import LOADERS

    if bool(keys) == everything:
        raise InputError("fetch takes either data sets or --all", "training data fetch --all")
    found: list[tuple[str, str]] = []
    refused: list[InputError] = []
    for key in keys or LOADERS:
        try:
            found += [(key, str(path)) for path in fetch_set(key)]
        except InputError as error:
            if not everything:
                raise
            refused.append(error)
            typer.echo(f"{error}\n", err=True)
    if as_json:
        typer.echo(
            visible_json(json.dumps([{"key": key, "path": path} for key, path in found], ensure_ascii=False, indent=1))
        )
    else:
        _print_table(("key", "path"), found)
    if refused:
        raise InputError(f"{len(refused)} of {len(LOADERS)} data sets could not be had", "see the lines above")
    if everything:
        _leave_values()


def _leave_values() -> None:
    """Write the measured values that `screener explain` shows."""
    from training.measured import load_measured
    from training.measured_values import write_measured_values

    path = write_measured_values(load_measured().tables)
    typer.echo(f"measured values for `screener explain`: {path}", err=True)


@data_app.command()
def check(
    as_json: _Json = False,
    data: Annotated[Path | None, typer.Option("--data", help="Check your own table instead.")] = None,
    targets: Annotated[
        Path | None, typer.Option("--targets", help="TOML file that declares targets of your own.")
    ] = None,
    units: Units = None,
) -> None:
    """Load and curate everything; show counts, rows left out by reason, conflicts, classes and elements.

    With --data only your table is read, and every row of it that is left out or read with care is named.

    Example: training data check --data my.csv --targets my.toml
    """
    from training.curation import curate
    from training.measured import require_table
    from training.sources import load_sources
    from training.user_table import read_user_table

    require_table(data, targets, units)
    if data is None:
        table, curated = None, curate(load_sources())
    else:
        table = read_user_table(data, targets, units=units)
        curated = curate([table.rows], label_tasks=table.label_tasks)
    if as_json:
        document = _document(curated)
        if table is not None:
            document |= {"notes": table.notes, "findings": [dataclasses.asdict(finding) for finding in table.findings]}
            document["too_little_alone"] = _too_little(curated, table)
        typer.echo(visible_json(json.dumps(document, ensure_ascii=False, indent=1)))
        return
    _print_sections(curated)
    if table is not None:
        _print_findings(table, curated.report)
        if lacking := _too_little(curated, table):
            typer.echo(visible(f"too little for `training fit` to learn from it alone: {lacking}"))


def _too_little(curated: Curated, table: UserTable) -> str:
    """Say why models could not be fitted and proved on a table alone; nothing where they could."""
    from training.crossval import check_folds, fold_rows
    from training.measured import rows_alone

    try:
        tables = rows_alone(table, curated)
        check_folds(tables, fold_rows(tables, "grouped", 0))
    except InputError as error:
        return error.message
    return ""


def _print_findings(table: UserTable, report: CurationReport) -> None:
    """Print the rows of a user's table that are left out or read with care, then what else to know of it."""
    contradictions = (
        ("as many labels for as against, left out", report.tied),
        ("labels for and against, the majority is kept", report.contradicted),
        ("numbers far apart, the median is kept", report.scattered),
    )
    rows = [finding for finding in table.findings if finding.row]
    typer.echo(f"\nyour table, row by row: {len(rows)} findings")
    shown = [("left out" if f.left_out else "kept", f.row, f.column, f.text, f.reason) for f in rows[:_MOST_FINDINGS]]
    _print_table(("", "row", "column", "text", "reason"), shown)
    if len(rows) > len(shown):
        typer.echo(f"… and {len(rows) - len(shown):,} more; `--json` lists them all")
    for what, keys in contradictions:
        if keys:
            more = f" and {len(keys) - _MOST_KEYS:,} more" if len(keys) > _MOST_KEYS else ""
            typer.echo(visible(f"{what}: {', '.join(keys[:_MOST_KEYS])}{more}"))
    for note in table.notes:
        typer.echo(visible(note))


_MOST_FINDINGS = 40
_MOST_KEYS = 12


def _document(curated: Curated) -> dict[str, object]:
    """Return everything `check` shows as one JSON document."""
    from training.data_summary import source_table, summarize

    return {
        "tasks": [dataclasses.asdict(summary) for summary in summarize(curated)],
        "sources": [
            dict(zip(("source", "task", "entered", "left_out"), line, strict=True)) for line in source_table(curated)
        ],
        "dropped": [dataclasses.asdict(drop) for drop in curated.report.dropped],
        "tied": list(curated.report.tied),
        "contradicted": list(curated.report.contradicted),
        "scattered": list(curated.report.scattered),
    }


def _print_sections(curated: Curated) -> None:
    """Print the summary, the rows left out, the conflicts and the elements."""
    from training.data_summary import LEAST_COVERAGE, source_table, summarize

    summaries = summarize(curated)
    _print_table(
        ("task", "rows", "compositions", "systems", "merged", "effective", "least", "median", "most", "positive"),
        [
            (
                s.task,
                s.rows,
                s.compositions,
                s.systems,
                s.repeated,
                f"{s.effective_rows:.0f}",
                f"{s.least:.4g}",
                f"{s.median:.4g}",
                f"{s.most:.4g}",
                "" if s.positives is None else f"{s.positives} ({s.positives / s.rows:.1%})",
            )
            for s in summaries
        ],
    )
    typer.echo("\nrecords read (no task) and measurements by source")
    _print_table(("source", "task", "entered", "left out"), source_table(curated))
    typer.echo("\nleft out, by reason")
    _print_table(
        ("source", "task", "rows", "reason"), [(d.source, d.task, d.count, d.reason) for d in curated.report.dropped]
    )
    typer.echo("\nlabels by kind")
    _print_table(("task", "kind", "rows"), [(s.task, kind, n) for s in summaries for kind, n in s.kinds.items()])
    conflicts = curated.report
    typer.echo(
        f"\nconflicting labels: {len(conflicts.tied)} compositions dropped, {len(conflicts.contradicted)} decided"
    )
    typer.echo(f"repeated numbers far apart: {len(conflicts.scattered)} compositions, median kept")
    for s in summaries:
        covered = " ".join(f"{symbol} {count}" for symbol, count in s.elements.items())
        typer.echo(f"\nelements with at least {LEAST_COVERAGE} rows of {s.task}: {len(s.elements)}\n{covered}")


def _print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print left-aligned columns, numbers to the right."""
    texts = [[str(field) for field in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in texts)) if texts else len(name) for i, name in enumerate(header)]
    numeric = [bool(rows) and all(isinstance(row[i], int) for row in rows) for i in range(len(header))]
    for line in (list(header), *texts):
        cells = [t.rjust(w) if n else t.ljust(w) for t, w, n in zip(line, widths, numeric, strict=True)]
        typer.echo(visible("  ".join(cells).rstrip()))
