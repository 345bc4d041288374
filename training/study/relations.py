"""Structured sharing: is there anything in the learned graph of tasks?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Option
from training.report_tables import Section, Value, spread
from training.study.arms import hard, method, paper_weights
from training.study.base import Finding, Study, StudyContext, StudyResult, training_note
from training.study.comparing import compare, per_task
from training.study.learners import Together
from training.study.runs import Arm, Cell, select
from training.study.splits import PAPER
from training.study.table import short
from training.study.verdicts import picks, sign_finding

HARD, PUBLISHED, FIXED = "hard", "graph as published", "graph mended"
EQUAL = 1e-6
"""Edges of one net that differ by less are the same number."""


def run_relations(context: StudyContext) -> StudyResult:
    """Fit both forms of the graph, beside one without corrections."""
    training, weights = context.training(short=True), paper_weights(context.rows)

    def structured(**options: Option) -> Together:
        architecture = method("structured", **options)
        return Together(MultiTaskConfig(architecture=architecture, weighting=weights, training=training))

    arms = [
        Arm(HARD, "no graph", Together(hard(training, weights))),
        Arm(PUBLISHED, "self-loops and a penalty on the diagonal", structured(gcn="paper")),
        Arm(FIXED, "no self-loops, embeddings kept", structured(gcn="fixed")),
        Arm("graph mended, no penalty", "λ1 = 0", structured(gcn="fixed", lambda1=0.0)),
        Arm("graph mended, α 1", "corrections ten times as strong", structured(gcn="fixed", alpha=1.0, lambda1=0.0)),
        Arm("graph mended, not detached", "corrections train what they read", structured(gcn="fixed", detach=False)),
    ]
    found = compare(context, "relations", arms, HARD, label=("f1", "recall"), matched=HARD)
    findings = [_degenerate(found.cells)]
    findings += [
        sign_finding(
            f"A graph of tasks improves {words} beyond hard sharing.",
            *picks(found.tested, FIXED, task, metric),
            positive=True,
        )
        for task, words, metric in per_task(context)
    ]
    return StudyResult(
        "relations",
        "Relations between tasks",
        (*found.sections, _edges(found.cells)),
        tuple(found.scores),
        tuple(found.tested),
        findings=tuple(findings),
        notes=(
            training_note(context),
            "On a full graph with self-loops one convolution makes all embeddings of tasks equal, so every edge of the "
            "published graph is the same number. The penalties move that number, not the data: one on the edges pulls "
            "it to 0, one on the diagonal rewards 1.",
        ),
    )


RELATIONS = Study("relations", "does a learned graph of tasks say or add anything?", run_relations)


def edges_of(cell: Cell) -> np.ndarray:
    """Return the off-diagonal relations of a structured net, shape (t·(t − 1),)."""
    matrix = np.asarray(cell.outcome.extras["relations"])
    return matrix[~np.eye(len(matrix), dtype=bool)]


def _structured(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    """Structured nets of the paper's split by arm."""
    chosen = [cell for cell in select(cells, kind=PAPER) if "relations" in cell.outcome.extras]
    return {arm: [c for c in chosen if c.arm.name == arm] for arm in dict.fromkeys(c.arm.name for c in chosen)}


def _edges(cells: Sequence[Cell]) -> Section:
    """Learned strengths of all pairs, and how far they differ within a net."""
    rows: list[dict[str, Value]] = []
    columns: list[tuple[str, str]] = [("arm", "arm")]
    for arm, chosen in _structured(cells).items():
        tasks = chosen[0].rows.tasks
        pairs = [f"{short(a)} from {short(b)}" for a in tasks for b in tasks if a != b]
        columns = [("arm", "arm"), *((pair, pair) for pair in pairs), ("range", "largest difference in a net")]
        edges = np.array([edges_of(cell) for cell in chosen])
        row: dict[str, Value] = {"arm": arm, "range": f"{float(np.ptp(edges, axis=1).max()):.2g}"}
        rows.append(row | {pair: spread(edges[:, k].tolist()) for k, pair in enumerate(pairs)})
    caption = "Edge strengths W in (0, 1) at the best epoch, mean ± standard deviation over seeds."
    return Section("relations-edges", "Learned relations", caption, tuple(columns), rows)


def _degenerate(cells: Sequence[Cell]) -> Finding:
    """Judge the published graph: do its edges differ at all?"""
    ranges = {arm: [float(np.ptp(edges_of(c))) for c in chosen] for arm, chosen in _structured(cells).items()}
    widest = max(ranges[PUBLISHED])
    return Finding(
        "The learned graph shows how the properties relate.",
        "explained otherwise" if widest < EQUAL else "holds",
        f"explained otherwise, by the graph's construction, where all edges of every published net agree to {EQUAL:g}",
        f"edges of one net differ by at most {widest:.2g} as published, by up to {max(ranges[FIXED]):.2g} when mended",
        "six strengths of 0.006 to 0.007 ± 0.012 to 0.013",
    )
