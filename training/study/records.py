"""What a report says in words, as a file beside it: the written answer is made from these, whenever each study ran."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from training.publish import write_whole
from training.study.base import Effort, Finding, StudyResult, Verdict
from training.study.report import Stamp, to_csv


@dataclass(frozen=True, slots=True)
class Record:
    """A study that was run.

    Attributes:
        name: of the study.
        title: heading of its report.
        stamp: how its numbers came about.
        findings: claims of the paper that it decides.
        notes: what to know of the numbers.
        scores: names all its scores, 16 hexadecimal digits.
        own: whether the rows are of other tasks than the paper's.
    """

    name: str
    title: str
    stamp: Stamp
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    scores: str
    own: bool = False


def record_of(result: StudyResult, stamp: Stamp, *, own: bool = False) -> Record:
    """Keep what the answer needs of a result."""
    scores = hashlib.sha256(to_csv(result.scores, result.tested, result.quoted).encode()).hexdigest()[:16]
    return Record(result.name, result.title, stamp, result.findings, result.notes, scores, own)


def write_record(record: Record, folder: Path) -> None:
    """Write NAME.json beside the report.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(asdict(record), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    write_whole(folder / f"{record.name}.json", text.encode())


def records_beside(records: Sequence[Record], folder: Path, names: Iterable[str]) -> list[Record]:
    """Return records in the order of ``names``: those given, and those in the folder of the same rows and seeds.

    A file that cannot be read, or was made from other rows or seeds, counts as none.

    Args:
        records: of this run, at least one.
        folder: of the reports.
        names: of the studies that may be there.
    """
    own = {record.name: record for record in records}
    like = records[0].stamp
    found = ((name, own.get(name) or _read(folder / f"{name}.json", name)) for name in names)
    return [r for _, r in found if r is not None and (r.stamp.rows, r.stamp.how) == (like.rows, like.how)]


def joint_stamp(records: Sequence[Record]) -> Stamp:
    """Describe studies of the same rows and seeds as one."""
    days = sorted({record.stamp.date for record in records})
    effort = Effort(sum(r.stamp.effort.fits for r in records), sum(r.stamp.effort.seconds for r in records))
    first = records[0].stamp
    minutes = sum(record.stamp.minutes for record in records)
    return Stamp(" to ".join(dict.fromkeys((days[0], days[-1]))), first.rows, first.how, minutes, effort)


def joint_scores(records: Sequence[Record]) -> str:
    """Name the scores of several studies by 16 hexadecimal digits."""
    return hashlib.sha256(" ".join(record.scores for record in records).encode()).hexdigest()[:16]


def _read(path: Path, name: str) -> Record | None:
    """Read a record; None where there is none of this study."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        record = _from(found)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return record if record.name == name else None


def _from(found: Mapping[str, Any]) -> Record:
    """Make a record of its document; a part that is missing or too many is an error of Python's own."""
    stamp = Stamp(**{**found["stamp"], "effort": Effort(**found["stamp"]["effort"])})
    findings = tuple(Finding(**finding) for finding in found["findings"])
    parts = found["name"], found["title"], stamp, findings, tuple(found["notes"]), found["scores"]
    record = Record(*parts, found.get("own", False))
    texts = (record.name, record.title, record.scores, stamp.date, stamp.rows, stamp.how, *record.notes)
    texts += tuple(text for finding in findings for text in asdict(finding).values())
    verdicts = {finding.verdict for finding in findings} | {finding.by_seeds or "holds" for finding in findings}
    told = all(isinstance(text, str) for text in texts) and isinstance(record.own, bool)
    if not told or not verdicts <= set(get_args(Verdict)):
        raise TypeError("texts")
    return record
