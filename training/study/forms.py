"""Functional forms: does resistivity follow the elements one by one, and hardness the mismatch of atoms?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.specs import feature_spec
from training.diagnostics.forms import FORMS, PENALTIES, fit_form, form_terms, power_law_cosine, ridge_path
from training.diagnostics.statistics import LEVEL
from training.report_tables import Section, Value
from training.sources.table import HARDNESS, RESISTIVITY
from training.study.base import Finding, Study, StudyContext, StudyResult, Verdict
from training.study.data import FEATURES, StudyRows
from training.study.entries import Entry, gathered
from training.study.measures import task_scores
from training.study.splits import GROUPED, PAPER, Split, together
from training.study.table import Difference, Score, arms_table, differences, find, short
from training.study.verdicts import pick, told

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
MISMATCH = "delta"
"""Feature that holds the size mismatch δ."""
WORDS = {
    "F1": "fractions c",
    "F2": "c and c²",
    "F3": "c and all products: Scheffé's quadratic",
    "F4": "powers of δ and of the solute fraction",
}
EXPONENTS = (0.5, 0.7, 1.0)
_QUOTED_ANGLES = {0.5: 66.5, 0.7: 74.0}
"""Degrees between the slopes of c(1 − c) and c^n as the paper prints them."""


def run_forms(context: StudyContext) -> StudyResult:
    """Fit all forms to every regression task, and score them on the test rows of all splits."""
    scores = gathered(each for split in (context.paper, *context.grouped) for each in _entries(context.rows, split))
    tasks = [task for task, label in zip(context.rows.tasks, context.rows.rows.is_label, strict=True) if not label]
    ratio = together(context.grouped)
    tested = differences(scores, "F4", {task: ["r2"] for task in tasks}, split=GROUPED, ratio=ratio)
    return StudyResult(
        "forms",
        "Functional forms",
        (*_tables(scores, tested, tasks, context.rows.name), _angles()),
        tuple(scores),
        tuple(tested),
        findings=tuple(_findings(tested, tasks)),
        notes=(
            "Ridge regression on the terms alone; the penalty is that with the least squared error on validation rows. "
            "Targets as learned, the logarithm of resistivity; nothing is random, so that seeds have no part in it.",
            "Squares are all that c² and c(1 − c) together add to c: the three depend on each other.",
        ),
    )


FORMS_STUDY = Study("forms", "do properties follow formulas of different kinds?", run_forms)


def mismatch_of(rows: StudyRows) -> NDArray[np.float64]:
    """Return the size mismatch δ of every row."""
    return np.asarray(rows.rows.x[:, feature_spec(FEATURES).names.index(MISMATCH)], np.float64)


def fit_and_predict(terms: Array, y: Array, train: Rows, valid: Rows, test: Rows) -> Array:
    """Fit with the penalty that is best on validation rows, once more on both, and predict the test rows.

    Args:
        terms: of all rows, shape (n, k).
        y: property of all rows, read where trained and validated, shape (n,).
        train: row numbers.
        valid: row numbers.
        test: row numbers, b of them.
    """
    errors = [float(((form(terms[valid]) - y[valid]) ** 2).mean()) for form in ridge_path(terms[train], y[train])]
    both = np.concatenate([train, valid])
    return fit_form(terms[both], y[both], PENALTIES[int(np.argmin(errors))])(terms[test])


def _entries(rows: StudyRows, split: Split) -> Iterator[Entry]:
    """Scores of every form and regression task on one split."""
    mismatch, fractions = mismatch_of(rows), np.asarray(rows.fractions[:, rows.fractions.max(axis=0) > 0.0], np.float64)
    for column, task in enumerate(rows.tasks):
        if rows.rows.is_label[column]:
            continue
        known = rows.rows.known[:, column]
        place = np.cumsum(known) - 1
        train, valid = (place[part[known[part]]] for part in (split.train, split.valid))
        y = np.asarray(rows.rows.y[known, column], np.float64)
        tested = split.test[known[split.test]]
        for form, terms in form_terms(fractions[known], mismatch[known]).items():
            predicted = np.zeros(len(split.test))
            predicted[known[split.test]] = fit_and_predict(terms, y, train, valid, place[tested])
            scores = task_scores(rows, split, column, predicted, np.zeros(len(split.valid)))
            varying = float((np.ptp(terms, axis=0) > 0.0).sum())
            yield Entry(rows.name, split.kind, split.number, form, task, {**scores, "terms": varying})


def _tables(
    scores: Sequence[Score], tested: Sequence[Difference], tasks: Sequence[str], rows: str
) -> Iterator[Section]:
    """Scores on both kinds of splits, and what the forms are."""
    columns = [(task, metric) for task in tasks for metric in ("r2", "mae")]
    for split, words in ((PAPER, "One split"), (GROUPED, "Outer folds by chemical system, mean ± standard deviation")):
        caption = f"{words}; errors in standard deviations of the training labels."
        caption += " q against `F4`." if split == GROUPED else ""
        args = (f"forms-{split}", f"Split `{split}`", caption, scores, columns)
        yield arms_table(*args, split=split, rows=rows, tested=tested)
    lines: list[dict[str, Value]] = []
    for form in FORMS:
        terms = {task: find(scores, form, task, "terms", PAPER) for task in tasks}
        counts = {task: round(score.mean) for task, score in terms.items() if score is not None}
        lines.append({"form": form, "words": WORDS[form], **counts})
    heads = (("form", "form"), ("words", "terms"), *((task, f"terms of {short(task)}") for task in tasks))
    yield Section("forms-terms", "Forms", "Terms that vary among the alloys of each property.", heads, lines)


def angle(n: float) -> float:
    """Degrees between the slopes of c(1 − c) and c^n over 0 ≤ c ≤ 1."""
    return math.degrees(math.acos(power_law_cosine(n)))


def _angles() -> Section:
    """Angles between the slopes of two forms."""
    lines: list[dict[str, Value]] = [
        {"n": f"{n:g}", "cosine": power_law_cosine(n), "angle": angle(n), "quoted": _QUOTED_ANGLES.get(n)}
        for n in EXPONENTS
    ]
    heads = (("n", "exponent n"), ("cosine", "cosine"), ("angle", "degrees"), ("quoted", "quoted degrees"))
    caption = (
        "Between the slopes of c(1 − c) and c^n, in closed form. At n = ½ the squared slope of c^n has no finite "
        "integral: a grid that stops short of c = 0 finds a number of its own."
    )
    return Section("forms-angles", "Angles between forms", caption, heads, lines)


def form_verdict(differing: Difference | None, *, elementwise: bool) -> Verdict:
    """Judge the claim that a form of elements (or else of mismatch) describes a property better.

    Args:
        differing: R² with terms of the elements less that with terms of the mismatch.
        elementwise: whether the claim is for the elements.
    """
    if differing is None or not differing.q < LEVEL:
        return "not decided"
    return "holds" if (differing.mean > 0.0) == elementwise else "does not hold"


def _findings(tested: Sequence[Difference], tasks: Sequence[str]) -> Iterator[Finding]:
    """Judge which property follows which kind of formula."""
    for task, elementwise in ((RESISTIVITY, True), (HARDNESS, False)):
        if task in tasks:
            found = pick(tested, "F2", task, "r2")
            kind = "its elements one by one" if elementwise else "the mismatch of its atoms"
            yield Finding(
                f"{short(task).capitalize()} follows {kind}.",
                form_verdict(found, elementwise=elementwise),
                "holds where R² on held-out chemical systems is higher with these terms (F2 of elements, F4 of "
                f"mismatch), q below {LEVEL:g}; does not hold where it is lower",
                f"F2 less F4: {told(found)}",
            )
    exact = {n: angle(n) for n in _QUOTED_ANGLES}
    wrong = [n for n, printed in _QUOTED_ANGLES.items() if abs(exact[n] - printed) > 0.5]
    yield Finding(
        "The slopes of both kinds of formulas are far from parallel, 66.5° at n = ½ and 74.0° at n = 0.7.",
        "does not hold" if wrong else "holds",
        "holds where the closed form gives the printed angles to half a degree",
        ", ".join(f"{exact[n]:.1f}° at n = {n:g}" for n in exact),
        "66.5° and 74.0°",
    )
