"""What searches came to: one line for each target, kept in the repository and printed as a table."""

from __future__ import annotations

import datetime
import json
import platform
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fuzzing.targets import FOLDER, TARGETS

RESULTS = FOLDER / "results.json"
FOUND = FOLDER / "found.toml"
_PACKAGES = ("atheris", "numba", "numpy", "polars")


@dataclass(frozen=True, slots=True)
class Row:
    """The last search of a target.

    Attributes:
        target: its name.
        seconds: how long it ran.
        executions: inputs tried.
        edges: branches reached.
        features: branches and how often they were taken, told apart coarsely.
        corpus: inputs kept because they reach something new.
        slowest: seconds of the slowest input, whole.
        memory: most memory taken, MB.
        crashes: 1 where an input broke the contract, which ends a search.
        date: ISO date.
    """

    target: str
    seconds: int
    executions: int
    edges: int
    features: int
    corpus: int
    slowest: int
    memory: int
    crashes: int
    date: str


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect that fuzzing found.

    Attributes:
        target: which search, or harness, found it.
        what: an input, and what became of it.
        now: what becomes of it now.
        test: file and name of the test that keeps it so.
    """

    target: str
    what: str
    now: str
    test: str


def defects() -> list[Defect]:
    """List the defects found, all of them mended."""
    return [Defect(**each) for each in tomllib.loads(FOUND.read_text(encoding="utf-8"))["defect"]]


def facts() -> dict[str, str]:
    """Say when, and with what."""
    found = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def read_rows(path: Path) -> list[Row]:
    """Read the lines of targets that there still are, in their order."""
    rows = {each["target"]: Row(**each) for each in json.loads(path.read_text(encoding="utf-8"))["rows"]}
    return [rows[name] for name in TARGETS if name in rows]


def write_rows(path: Path, row: Row, made_with: dict[str, str]) -> None:
    """Replace the line of one target."""
    rows = {each.target: each for each in read_rows(path)} if path.exists() else {}
    rows[row.target] = row
    kept = [asdict(rows[name]) for name in TARGETS if name in rows]
    path.write_text(json.dumps({"made with": made_with, "rows": kept}, indent=1) + "\n", encoding="utf-8")


def found() -> str:
    """Write the defects that were found as a table in Markdown."""
    lines = [f"| {each.target} | {each.what} | {each.now} |" for each in defects()]
    return "\n".join(["| target | input, and what became of it | now |", "|---|---|---|", *lines])


def caption() -> str:
    """Say when the searches were made, and with what."""
    about = json.loads(RESULTS.read_text(encoding="utf-8"))["made with"]
    packages = ", ".join(f"{package} {about[package]}" for package in _PACKAGES)
    days = sorted({row.date for row in read_rows(RESULTS)})
    when = " to ".join(dict.fromkeys((days[0], days[-1])))
    return f"Searched {when} with Python {about['python']}, {packages}, on two cores that other work kept busy."


def table(rows: Sequence[Row]) -> str:
    """Write lines as a table in Markdown, with a sum."""
    mended = Counter(each.target for each in defects())
    lines = [
        "| target | reads | held against | minutes | inputs tried | branches | crashes | found before and mended |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        target = TARGETS[row.target]
        lines.append(
            f"| {row.target} | {target.reads} | {target.oracle} | {row.seconds / 60:g} | {row.executions:,} "
            f"| {row.edges:,} | {row.crashes} | {mended[row.target]} |"
        )
    minutes, tried = sum(row.seconds for row in rows) / 60, sum(row.executions for row in rows)
    crashes, before = sum(row.crashes for row in rows), sum(mended[row.target] for row in rows)
    return "\n".join([*lines, f"| all | | | {minutes:g} | {tried:,} | | {crashes} | {before} |"])
