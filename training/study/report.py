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
from training.study.base import FOLDS, QUICK_FOLDS, Effort, Finding, StudyContext, StudyResult
from training.study.splits import GROUPED
from training.study.store import study_digest
from training.study.table import Difference, Score

QUICK = "a quick look, not to be quoted"


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

    @property
    def quick(self) -> bool:
        """Whether the numbers are a first look, not to be quoted."""
        return QUICK in self.how

    def line(self) -> str:
        """Say it in one line; fits are left out where there are none."""
        parts = [self.date, self.rows, self.how]
        if not self.effort.fits:
            return "; ".join([*parts, f"{self.minutes:.1f} min."])
        fits = f"{self.effort.fits:,} fits of {self.effort.seconds / 60.0:.1f} min of one processor in all"
        return "; ".join([*parts, f"{fits}, {self.minutes:.1f} min here beside what was looked up."])


def stamp_of(context: StudyContext, date: str, minutes: float, effort: Effort) -> Stamp:
    """Describe a run."""
    counts = ", ".join(f"{task} {count:,}" for task, count in context.rows.counts().items())
    rows = f"{context.rows.words}: {len(context.rows):,} compositions ({counts}), data {study_digest(context.rows)}"
    seeds = ", ".join(map(str, context.seeds))
    return Stamp(date, rows, f"seeds {seeds}{f'; {QUICK}' if context.quick else ''}", minutes, effort)


def markdown(result: StudyResult, stamp: Stamp) -> str:
    """Write the report of one study; figures lie beside it."""
    notes = [repeats_note(result.scores, stamp), *result.notes]
    parts = [f"# {result.title}", "", stamp.line(), "", *(f"- {note}" for note in notes if note), ""]
    parts += [section.markdown() for section in result.sections]
    if result.findings:
        parts += ["## Findings", "", *(finding_markdown(finding) for finding in result.findings)]
    parts += [f"![{plot.name}]({result.name}-{plot.name}.svg)\n" for plot in result.plots]
    return "\n".join(parts)


def repeats_note(scores: Sequence[Score], stamp: Stamp) -> str:
    """Say over how many seeds or outer folds the means of each kind of splits are; empty without any."""
    counts: dict[str, set[int]] = {}
    for score in scores:
        counts.setdefault(score.split, set()).add(len(score.values))
    kinds = sorted(counts, key=lambda kind: kind == GROUPED)
    said = [f"{_repeats(kind, sorted(counts[kind]), stamp)} (split `{kind}`)" for kind in kinds]
    return f"Means are over {', '.join(said)}." if said else ""


def _repeats(kind: str, counts: Sequence[int], stamp: Stamp) -> str:
    """Write the numbers of repeats of one kind of splits."""
    times, folds = " or ".join(map(str, counts)), QUICK_FOLDS if stamp.quick else FOLDS
    if kind != GROUPED:
        return "one value" if counts == [1] else f"{times} seeds"
    groupings = counts[-1] // folds
    said = f" in {groupings} groupings of {folds}" if groupings > 1 and counts == [groupings * folds] else ""
    return f"{times} outer folds{said}" + (" with one seed each" if stamp.effort.fits else "")


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


def printed(result: StudyResult, stamp: Stamp) -> str:
    """Write the tables and findings for a terminal, below the stamp and, of a quick look, a warning."""
    warning = [f"{QUICK[0].upper()}{QUICK[1:]}.", ""] if stamp.quick else []
    parts = [*warning, stamp.line(), "", *(section.markdown() for section in result.sections)]
    return "\n".join([*parts, *(finding_markdown(finding) for finding in result.findings)])


def one_line(result: StudyResult, stamp: Stamp) -> str:
    """Write the tables and findings as one line of JSON; a number that cannot be had is null."""
    document = {
        "study": result.name,
        "title": result.title,
        "quick": stamp.quick,
        "stamp": asdict(stamp),
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
