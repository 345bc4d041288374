"""Reports of studies: CSV, Markdown and figures in a folder."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from training.publish import write_whole
from training.study.base import Effort, Finding, StudyContext, StudyResult
from training.study.store import study_digest
from training.study.table import Difference, Score


@dataclass(frozen=True, slots=True)
class Stamp:
    """How numbers came about.

    Attributes:
        date: day, in ISO format.
        rows: what was studied, with counts and digest.
        how: seeds and whether the run was quick.
        minutes: wall time; what was looked up took none.
        effort: fits behind the numbers and their processor time, those looked up included.
    """

    date: str
    rows: str
    how: str
    minutes: float
    effort: Effort

    def line(self) -> str:
        """Say it in one line."""
        fits = f"{self.effort.fits:,} fits of {self.effort.seconds / 60.0:.1f} min of one processor in all"
        return f"{self.date}; {self.rows}; {self.how}; {fits}, {self.minutes:.1f} min here beside what was looked up."


def stamp_of(context: StudyContext, date: str, minutes: float, effort: Effort) -> Stamp:
    """Describe a run."""
    counts = ", ".join(f"{task} {count:,}" for task, count in context.rows.counts().items())
    rows = f"{context.rows.words}: {len(context.rows):,} compositions ({counts}), data {study_digest(context.rows)}"
    seeds = ", ".join(map(str, context.seeds))
    return Stamp(
        date, rows, f"seeds {seeds}{'; a quick look, not to be quoted' if context.quick else ''}", minutes, effort
    )


def markdown(result: StudyResult, stamp: Stamp) -> str:
    """Write the report of one study; figures lie beside it."""
    parts = [f"# {result.title}", "", stamp.line(), "", *(f"- {note}" for note in result.notes), ""]
    parts += [section.markdown() for section in result.sections]
    if result.findings:
        parts += ["## Findings", "", *(finding_markdown(finding) for finding in result.findings)]
    parts += [f"![{plot.name}]({result.name}-{plot.name}.svg)\n" for plot in result.plots]
    return "\n".join(parts)


def finding_markdown(finding: Finding) -> str:
    """Write one finding."""
    lines = [
        f"**{finding.claim}** {finding.verdict.capitalize()}.",
        f"- Measured: {finding.measured}.",
        f"- Rule: {finding.rule}.",
        *([f"- By the same rule, seeds of one split alone: {finding.by_seeds}."] if finding.by_seeds else []),
    ]
    return "\n".join([*lines, *([f"- Quoted: {finding.quoted}."] if finding.quoted else []), ""])


def write_report(result: StudyResult, stamp: Stamp, folder: Path) -> None:
    """Write NAME.csv, NAME.md and NAME-*.svg.

    Raises:
        OutputError: a file cannot be written.
    """
    write_whole(folder / f"{result.name}.csv", to_csv(result.scores, result.tested, result.quoted).encode())
    for plot in result.plots:
        write_whole(folder / f"{result.name}-{plot.name}.svg", plot.svg.encode())
    write_whole(folder / f"{result.name}.md", markdown(result, stamp).encode())


def printed(result: StudyResult) -> str:
    """Write the tables and findings for a terminal."""
    parts = [section.markdown() for section in result.sections]
    return "\n".join([*parts, *(finding_markdown(finding) for finding in result.findings)])


def one_line(result: StudyResult) -> str:
    """Write the tables and findings as one line of JSON; a number that cannot be had is null."""
    document = {
        "study": result.name,
        "title": result.title,
        "sections": {section.name: section.document() for section in result.sections},
        "findings": [asdict(finding) for finding in result.findings],
        "notes": list(result.notes),
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def to_csv(scores: Sequence[Score], tested: Sequence[Difference], quoted: Mapping[str, Mapping[str, float]]) -> str:
    """Write every score on a line of its own, with its difference from the reference and the quoted figure."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    of = {(d.rows, d.split, d.arm, d.task, d.metric): d for d in tested}
    compared = ("difference", "low", "high", "p", "q")
    writer.writerow(["rows", "split", "arm", "task", "metric", "mean", "sd", "n", *compared, "quoted"])
    for s in scores:
        d = of.get((s.rows, s.split, s.arm, s.task, s.metric))
        test = ("", "", "", "", "") if d is None else tuple(map(_text, (d.mean, d.low, d.high, d.p, d.q)))
        figure = quoted.get(s.arm, {}).get(f"{s.task}.{s.metric}")
        own = (_text(s.spread.mean), _text(s.spread.sd), s.spread.n)
        writer.writerow([s.rows, s.split, s.arm, s.task, s.metric, *own, *test, "" if figure is None else figure])
    return stream.getvalue()


def _text(value: float) -> str:
    """A number with six digits, nothing for none."""
    return f"{value:.6g}" if math.isfinite(value) else ""
