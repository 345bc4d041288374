"""The written answer: which claims, the paper's or a user's, hold on these rows, from the studies' records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.report_tables import Section
from training.study.base import Finding, Verdict
from training.study.quoted import citation
from training.study.records import Record, joint_scores, joint_stamp
from training.study.report import finding_markdown


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said of rows of one kind.

    Attributes:
        question: what the studies ask.
        seeds: how the last column asks.
        claim: heading of the claims.
        otherwise: what a claim is whose cause is another.
    """

    question: str
    seeds: str
    claim: str
    otherwise: str


_PAPER = _Words(
    "The founding paper reports what multi-task learning does to three properties of alloys. Its table is not public; "
    "the studies ask the same questions of the rows named below, and add the control arms without which its answers "
    "could not be told from other causes.",
    "as the paper does: one split",
    "claim of the paper",
    "is there, and has another cause than the paper's",
)
_OWN = _Words(
    "Does it help to learn several properties of alloys together, and which remedy does? The studies ask it of the "
    "rows named below, with the control arms without which an answer could not be told from other causes.",
    "of one split",
    "claim",
    "is there, and has another cause than it names",
)
"""Of other tasks than the paper's."""
_RULES = "Every verdict follows from the numbers by the rule that stands with it."
_BY_SEEDS = (
    "That is asked of outer folds by chemical system. The last column asks {} at random, of which several seeds are "
    "learned, by the same rule; a dash says that it was not asked so. A claim that holds only there is true of further "
    "nets on these rows, where tested alloys have near relatives among those learned from; it is not shown for new "
    "systems."
)


def answer(records: Sequence[Record], missing: Sequence[str] = (), folder: str = "") -> str:
    """Write the answer.

    Args:
        records: of the studies that were run, of the same rows and seeds, at least one.
        missing: names of studies that were not run.
        folder: where their reports lie, as seen from the answer; no links where empty.
    """
    words = _OWN if records[0].own else _PAPER
    parts = ["# What multi-task learning does to alloy properties", "", f"{words.question} {_RULES}", ""]
    said = f"{joint_stamp(records).line()} Scores {joint_scores(records)}. Written by `training study`."
    parts += [said if records[0].own else f"{said} Quoted: {citation()}.", ""]
    if missing:
        parts += [f"Not run for this answer: {', '.join(f'`{name}`' for name in missing)}.", ""]
    parts += [_summary(records, words)]
    for record in records:
        if record.findings:
            link = f": [tables and figures]({folder}/{record.name}.md)" if folder else ""
            parts += [f"## {record.title}", "", f"Study `{record.name}`{link}.", ""]
            parts += [finding_markdown(finding) for finding in record.findings]
            parts += [f"- {note}" for note in record.notes] + [""]
    silent = [record.name for record in records if not record.findings]
    if silent:
        parts += [f"Studies without a claim to judge: {', '.join(f'`{name}`' for name in silent)}.", ""]
    return "\n".join(parts)


def _summary(records: Sequence[Record], words: _Words) -> str:
    """All claims in one table, and how many share a verdict."""
    pairs = [(record.name, finding) for record in records for finding in record.findings]
    counts = Counter(finding.verdict for _, finding in pairs)
    said = "; ".join(f"{counts[verdict]} × {meant}" for verdict, meant in _verdicts(words).items() if counts[verdict])
    caption = f"Of {len(pairs)} claims: {said}." if pairs else "No study that was run judges a claim."
    if any(finding.by_seeds for _, finding in pairs):
        caption += f" {_BY_SEEDS.format(words.seeds)}"
    columns = (
        *(("study", "study"), ("claim", words.claim)),
        *(("verdict", "on other alloy systems"), ("by_seeds", "seeds of one split")),
    )
    return Section("answer", "In short", caption, columns, [_line(name, finding) for name, finding in pairs]).markdown()


def _line(name: str, finding: Finding) -> dict[str, str | int | float | None]:
    """One row of the summary."""
    return {"study": name, "claim": finding.claim, "verdict": finding.verdict, "by_seeds": finding.by_seeds or None}


def _verdicts(words: _Words) -> Mapping[Verdict, str]:
    """What every verdict means."""
    return {
        "holds": "holds here",
        "does not hold": "does not hold here",
        "explained otherwise": words.otherwise,
        "not decided": "is not decided by these rows",
    }
