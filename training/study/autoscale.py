"""Fixed weights from a short watched run: as good as a search of many, and better than none?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.autoscale.costs import COSTS
from training.autoscale.scheme import AutoScale, random_weights
from training.diagnostics.statistics import LEVEL, MARGIN, Equivalence, equivalence
from training.diagnostics.tails import rank_correlation
from training.multitask.config import MultiTaskConfig
from training.report_tables import Section, Value
from training.study.arms import hard, method, paper_weights
from training.study.autoscale_learners import AutoScaled, FrozenGradNorm
from training.study.base import Finding, Study, StudyContext, StudyResult, Verdict, training_note
from training.study.comparing import headline_metrics
from training.study.entries import spread_of
from training.study.learners import Together
from training.study.runs import Arm, Ask, Cell, select
from training.study.splits import GROUPED, PAPER, together
from training.study.table import Difference, Score, arms_table, both_tests, find, scores_of, short
from training.study.verdicts import pick, picks, sign_finding, told

UNIT, SEARCHED = "unit weights", "best of random weights"
CONDITION, SIMILARITY, LOSSES = "autoscale: condition", "autoscale: similarity", "autoscale: loss scale"
GRADNORM, FROZEN = "gradnorm", "gradnorm, frozen"
MEASURES = {CONDITION: "condition", SIMILARITY: "similarity", LOSSES: "loss_scale"}
_MEASURE_WORDS = {
    "condition": "fixed, those with the lowest condition number of the watched run's weighted gradients",
    "similarity": "fixed, those that make the watched run's weighted gradients most alike in length",
    "loss_scale": "fixed, those that make the watched run's weighted losses most alike in size",
}
RANDOM, QUICK_RANDOM = 20, 4
MEAN, OVERALL = "all", "headline"
"""Task and score of the mean over the tasks' headline scores."""


def run_autoscale(context: StudyContext) -> StudyResult:
    """Fit with weights of three measures, their control arms, and random weights on the outer folds."""
    config = hard(context.training(short=True))
    arms = autoscale_arms(context, config)
    drawn = random_weights(len(context.rows.tasks), QUICK_RANDOM if context.quick else RANDOM)
    searched = [
        Arm(_random(k), _words(weights), Together(replace(config, weighting=method("fixed", weights=_tuple(weights)))))
        for k, weights in enumerate(drawn)
    ]
    cells = context.run([*context.asks(arms), *_asks_of_search(context, searched)])
    chosen = list(best_of(list(select(cells, kind=GROUPED)), [arm.name for arm in searched]))
    kept = [cell for cell in cells if not cell.arm.name.startswith("random ")]
    scores = scores_of([*kept, *chosen])
    scores += list(_means(scores, headline_metrics(context)))
    metrics = {**headline_metrics(context), MEAN: [OVERALL]}
    ratio = together(context.grouped)
    tested = both_tests(scores, UNIT, metrics, ratio)
    frozen = both_tests(scores, FROZEN, metrics, ratio)
    against = both_tests(scores, SEARCHED, metrics, ratio)
    return StudyResult(
        "autoscale",
        "Fixed weights from a watched run",
        (
            *_tables(context, scores, tested),
            _described(arms, len(drawn)),
            _weights(context, [*cells, *chosen]),
            _measures(context, cells, drawn),
        ),
        tuple(scores),
        tuple(tested),
        findings=tuple(_findings(scores, tested, frozen, against, ratio)),
        notes=(
            "The scheme is `autoscale_like`: only abstract and reviews of its source, arXiv 2508.13979, are public; "
            "details are ours.",
            training_note(context),
            f"`{SEARCHED}` takes, in every outer fold, that of {len(drawn)} random weight vectors whose net has the "
            "lowest joint validation loss; it costs as many fits.",
            f"`{OVERALL}` is the mean over tasks of R² or average precision.",
        ),
    )


AUTOSCALE = Study("autoscale", "does one watched run find weights as good as a search?", run_autoscale)


def _described(arms: Sequence[Arm], drawn: int) -> Section:
    """What the arms are."""
    lines: list[dict[str, Value]] = [{"arm": arm.name, "words": arm.words} for arm in arms]
    lines.append(
        {"arm": SEARCHED, "words": f"the best by validation of {drawn} vectors of fixed weights, outer folds only"}
    )
    heads = (("arm", "arm"), ("words", "weights of the losses"))
    caption = "All arms are hard sharing; a watched run is a short one that logs losses and gradients of all tasks."
    return Section("autoscale-arms", "Arms", caption, heads, lines)


def autoscale_arms(context: StudyContext, config: MultiTaskConfig) -> list[Arm]:
    """Make the contenders beside random weights."""
    fixed = {
        UNIT: ("all 1: losses added", None),
        "inverse size": ("by the inverse of a task's labels", method("fixed", weights="inverse_size")),
        "paper's weights": ("those of the paper's main table", paper_weights(context.rows)),
        GRADNORM: ("learned by GradNorm all along", method("gradnorm")),
    }
    if not context.rows.standard:  # of other tasks these are by inverse size, too
        del fixed["paper's weights"]
    arms = [Arm(name, words, Together(replace(config, weighting=each))) for name, (words, each) in fixed.items()]
    every = 5 if context.quick else 10
    arms += [
        Arm(name, _MEASURE_WORDS[measure], AutoScaled(config, AutoScale(measure=measure, every=every)))
        for name, measure in MEASURES.items()
    ]
    return [*arms, Arm(FROZEN, "fixed, as a whole fit with GradNorm left them at its end", FrozenGradNorm(config))]


def best_of(cells: Sequence[Cell], arms: Sequence[str]) -> Iterator[Cell]:
    """Pick the cell with the lowest joint validation loss among some arms, for every split and seed.

    The loss is that of the epoch which predicts, as a share of the best constant's.
    """
    places = dict.fromkeys((cell.split.number, cell.seed) for cell in cells if cell.arm.name in arms)
    for number, seed in places:
        mine = [c for c in cells if c.arm.name in arms and (c.split.number, c.seed) == (number, seed)]
        best = min(mine, key=joint_loss)
        yield replace(best, arm=replace(best.arm, name=SEARCHED))


def joint_loss(cell: Cell) -> float:
    """Mean over tasks of the validation loss at the best joint epoch, by that of a constant."""
    rows, split = cell.rows, cell.split
    hidden = np.zeros(rows.rows.known.shape, bool) if split.hidden is None else split.hidden
    shares = []
    for task, label in enumerate(rows.rows.is_label.tolist()):
        train, valid = (
            rows.rows.y[part, task][rows.rows.known[part, task] & ~hidden[part, task]]
            for part in (split.train, split.valid)
        )
        known = rows.rows.known[split.valid, task] & ~hidden[split.valid, task]
        said = cell.outcome.valid_joint[known, task]
        shares.append(
            _loss(said, valid, label=label) / max(_loss(_constant(train, label, valid), valid, label=label), 1e-12)
        )
    return float(np.mean(shares))


def _loss(said: NDArray[np.floating], y: NDArray[np.floating], *, label: bool) -> float:
    """Squared error, or cross-entropy of logits."""
    return float(np.mean(np.logaddexp(0.0, said) - y * said if label else (said - y) ** 2))


def _constant(train: NDArray[np.floating], label: bool, valid: NDArray[np.floating]) -> NDArray[np.floating]:
    """Predict the mean, as a logit for labels."""
    mean = float(np.mean(train))
    share = min(max(mean, 0.5 / len(train)), 1.0 - 0.5 / len(train))
    return np.full(len(valid), float(np.log(share / (1.0 - share))) if label else mean)


def _asks_of_search(context: StudyContext, arms: Sequence[Arm]) -> list[Ask]:
    """Random weights, on the outer folds only."""
    return context.asks(arms, paper=False)


def _random(number: int) -> str:
    """Name a random arm."""
    return f"random {number:02d}"


def _tuple(weights: NDArray[np.floating]) -> tuple[float, ...]:
    """Weights as plain numbers."""
    return tuple(float(weight) for weight in weights)


def _words(weights: NDArray[np.floating]) -> str:
    """Write weights."""
    return ", ".join(f"{weight:.2g}" for weight in weights)


def _means(scores: Sequence[Score], metrics: Mapping[str, Sequence[str]]) -> Iterator[Score]:
    """Mean of the tasks' headline scores, per seed or outer fold."""
    for arm, split, rows in dict.fromkeys((s.arm, s.split, s.rows) for s in scores):
        found = [find(scores, arm, task, names[0], split, rows) for task, names in metrics.items()]
        parts = [each.values for each in found if each is not None]
        if len(parts) == len(metrics) and len(set(map(len, parts))) == 1:
            yield Score(rows, split, arm, MEAN, OVERALL, tuple(np.mean(parts, axis=0).tolist()))


def _tables(context: StudyContext, scores: Sequence[Score], tested: Sequence[Difference]) -> Iterator[Section]:
    """Scores on both kinds of splits."""
    columns = [(MEAN, OVERALL), *((task, names[0]) for task, names in headline_metrics(context).items())]
    for split, words in ((PAPER, "One split, over seeds"), (GROUPED, "Outer folds by chemical system")):
        caption = f"{words}, mean ± standard deviation; q against `{UNIT}`."
        args = (f"autoscale-{split}", f"Split `{split}`", caption, scores, columns)
        yield arms_table(*args, split=split, rows=context.rows.name, tested=tested)


def _weights(context: StudyContext, cells: Sequence[Cell]) -> Section:
    """Weights that were found, with a mean of 1."""
    lines: list[dict[str, Value]] = []
    for arm in dict.fromkeys(cell.arm.name for cell in cells):
        mine = [
            c for c in select(cells, arm=arm, kind=GROUPED) if arm == SEARCHED or "found_weights" in c.outcome.extras
        ]
        if mine:
            found = np.array([c.outcome.extras.get("found_weights", c.outcome.extras["weights"][-1]) for c in mine])
            found /= found.mean(axis=1, keepdims=True)
            named = {task: spread_of(found[:, k].tolist()) for k, task in enumerate(context.rows.tasks)}
            lines.append({"arm": arm, **named})
    heads = (("arm", "arm"), *((task, short(task)) for task in context.rows.tasks))
    return Section("autoscale-weights", "Weights", "Scaled to a mean of 1, over outer folds.", heads, lines)


def _measures(context: StudyContext, cells: Sequence[Cell], drawn: NDArray[np.floating]) -> Section:
    """Whether random weights with a better measure have a lower validation loss."""
    lines: list[dict[str, Value]] = []
    watched = {c.split.number: c for c in select(cells, arm=CONDITION, kind=GROUPED)}
    for measure, cost in COSTS.items():
        found = []
        for number, cell in watched.items():
            gramians, losses = cell.outcome.extras["gramians"], cell.outcome.extras["window_losses"]
            costs = [float(np.mean([cost(w, g, x) for g, x in zip(gramians, losses, strict=True)])) for w in drawn]
            nets = [c for c in select(cells, kind=GROUPED) if c.split.number == number]
            by = {c.arm.name: joint_loss(c) for c in nets if c.arm.name.startswith("random ")}
            found.append(rank_correlation(np.array(costs), np.array([by[_random(k)] for k in range(len(drawn))])))
        lines.append({"measure": measure, "rank": spread_of(found)})
    heads = (("measure", "cost"), ("rank", "Spearman's ρ with the joint validation loss"))
    caption = (
        "Costs of the random weights at the gradients and losses of the watched run, over outer folds; above 0 where "
        "weights that look better by the measure are better."
    )
    return Section("autoscale-measures", "Do good weights look good?", caption, heads, lines)


def search_verdict(test: Equivalence | None, difference: Difference | None) -> Verdict:
    """Judge the claim that weights are as good as searched ones: equivalent within the margin, or better."""
    if test is None or difference is None:
        return "not decided"
    if test.equivalent or (difference.q < LEVEL and difference.mean > 0.0):
        return "holds"
    return "does not hold" if difference.q < LEVEL else "not decided"


def _findings(
    scores: Sequence[Score],
    tested: Sequence[Difference],
    frozen: Sequence[Difference],
    against: Sequence[Difference],
    ratio: float,
) -> Iterator[Finding]:
    """Judge the scheme against a search, no weights, and frozen ones."""
    one, searched = (find(scores, arm, MEAN, OVERALL, GROUPED) for arm in (CONDITION, SEARCHED))
    test = None
    if one is not None and searched is not None:
        test = equivalence([a - b for a, b in zip(one.values, searched.values, strict=True)], ratio)
    difference = pick(against, CONDITION, MEAN, OVERALL)
    yield Finding(
        f"One watched run finds weights (`{CONDITION}`) as good as a search of many (`{SEARCHED}`).",
        search_verdict(test, difference),
        f"holds where two one-sided tests place the difference of the mean headline score within ±{MARGIN:g}, or where "
        "it is above 0, q below 0.05; does not hold where it is below 0, q below 0.05",
        told(difference) + (f"; equivalence p = {test.p:.3f}" if test else ""),
        "0.697/0.727/0.703 with weights of the lowest condition number against 0.695/0.725/0.706 with searched ones: "
        "three scores on another data set, which the lines known of arXiv 2508.13979 do not name further",
    )
    for claim, found in (
        (f"The weights of `{CONDITION}` beat unit weights.", tested),
        (f"The weights of `{CONDITION}` beat those that GradNorm ends with (`{FROZEN}`).", frozen),
    ):
        yield sign_finding(claim, *picks(found, CONDITION, MEAN, OVERALL), positive=True)
