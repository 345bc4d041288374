"""The written answer: which findings of the paper hold on these rows, from the studies' own records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from training.report_tables import Section
from training.study.base import Finding, Verdict
from training.study.quoted import citation
from training.study.records import Record, joint_scores, joint_stamp
from training.study.report import finding_markdown

_QUESTION = (
    "The founding paper reports what multi-task learning does to three properties of alloys. Its table is not public; "
    "the studies ask the same questions of the rows named below, and add the control arms without which its answers "
    "could not be told from other causes. Every verdict follows from the numbers by the rule that stands with it."
)
_BY_SEEDS = (
    "That is asked of outer folds by chemical system. The last column asks as the paper does: one split at random, of "
    "which several seeds are learned, by the same rule; a dash says that it was not asked so. A claim that holds only "
    "there is true of further nets on these rows, where tested alloys have near relatives among those learned from; it "
    "is not shown for new systems."
)
_VERDICTS: Mapping[Verdict, str] = {
    "holds": "holds here",
    "does not hold": "does not hold here",
    "explained otherwise": "is there, and has another cause than the paper's",
    "not decided": "is not decided by these rows",
}


def answer(records: Sequence[Record], missing: Sequence[str] = (), folder: str = "") -> str:
    """Write the answer.

    Args:
        records: of the studies that were run, of the same rows and seeds, at least one.
        missing: names of studies that were not run.
        folder: where their reports lie, as seen from the answer; no links where empty.
    """
    parts = ["# What multi-task learning does to alloy properties", "", _QUESTION, ""]
    said = f"{joint_stamp(records).line()} Scores {joint_scores(records)}."
    parts += [f"{said} Written by `training study`. Quoted: {citation()}.", ""]
    if missing:
        parts += [f"Not run for this answer: {', '.join(f'`{name}`' for name in missing)}.", ""]
    parts += [_summary(records)]
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


def _summary(records: Sequence[Record]) -> str:
    """All claims in one table, and how many share a verdict."""
    pairs = [(record.name, finding) for record in records for finding in record.findings]
    counts = Counter(finding.verdict for _, finding in pairs)
    said = "; ".join(f"{counts[verdict]} × {words}" for verdict, words in _VERDICTS.items() if counts[verdict])
    caption = f"Of {len(pairs)} claims: {said}." if pairs else "No study that was run judges a claim."
    if any(finding.by_seeds for _, finding in pairs):
        caption += f" {_BY_SEEDS}"
    columns = (
        *(("study", "study"), ("claim", "claim of the paper")),
        *(("verdict", "on other alloy systems"), ("by_seeds", "seeds of one split")),
    )
    return Section("answer", "In short", caption, columns, [_line(name, finding) for name, finding in pairs]).markdown()


def _line(name: str, finding: Finding) -> dict[str, str | int | float | None]:
    """One row of the summary."""
    return {"study": name, "claim": finding.claim, "verdict": finding.verdict, "by_seeds": finding.by_seeds or None}
