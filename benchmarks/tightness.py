"""What the relaxation gap costs and gives: `python -m benchmarks.tightness [--rows N] [--into docs/exact_search.md]`.

For every target of the shipped models two nets learn the same lesson from the characterize tier, one without and one
with the penalty that `training fit` uses. Beside each other: how well they repeat their teacher on alloys of a fresh
seed, and what proving the best 100 alloys takes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.bench_exact import CASES, TOP, Run
from benchmarks.cases import models_folder
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.device import Device
from screener.float64_net import Float64Net
from screener.jobs import Question
from screener.model import Model
from screener.model_set import ALLOY_INDEX, load_models
from screener.nearest import AlloyIndex
from screener.space import CompositionSpace
from training.bodies import dense_body
from training.distillation import LEAST_SHARE, LOGIT_LIMIT
from training.draws import random_alloys, student_alloys
from training.effort import FULL
from training.graphs import Head, build_model
from training.metrics import r_squared
from training.nets import Layer, run_layers
from training.parity import SEED, SIZES
from training.readme import replace_block
from training.students import Schedule, fit_layers
from training.tightness import Boxes, make_boxes

Array = NDArray[np.floating]
SPACES = CASES[:2]
FRESH = 10_000
"""Alloys that both nets are held to their teacher on."""
ROWS = 400_000
"""Alloys of a lesson: a quarter of those that the nets in use learned from."""
_BOXES = 20_000
_AT_ONCE = 20_000
_SEEDS = (1, 2)


@dataclass(frozen=True, slots=True)
class Class:
    """A teacher, a lesson and an examination.

    Attributes:
        teacher: model of the characterize tier.
        inputs: what a student reads, lesson and examination, shape (n, f).
        answers: what the teacher says of them, as a logit or logarithm, shape (n,).
        boxes: around alloys of the lesson.
    """

    teacher: Model
    inputs: tuple[NDArray[np.float32], NDArray[np.float32]]
    answers: tuple[Array, Array]
    boxes: Boxes


@dataclass(frozen=True, slots=True)
class Learned:
    """One student.

    Attributes:
        r2: R² against the teacher on fresh alloys.
        spearman: rank correlation with it.
        cells: bounded in each space.
        seconds: CPU time of the searches, s.
    """

    r2: float
    spearman: float
    cells: tuple[int, ...]
    seconds: tuple[float, ...]


def classes(rows: int) -> Iterator[Class]:
    """Make the class of every target."""
    folder = models_folder()
    index = AlloyIndex.read(folder / ALLOY_INDEX)
    for target, teacher in load_models(folder, Device("cpu"), ("characterize",)).characterize.items():
        elements = teacher.card.elements
        rng = np.random.default_rng(_SEEDS[0])
        drawn = student_alloys(rows, measured(index.of_target(target), elements), rng)
        fresh = random_alloys(FRESH, len(elements), np.random.default_rng(SEED), sizes=SIZES)
        lesson, examination = inputs_of(teacher, drawn), inputs_of(teacher, fresh)
        boxes = make_boxes(drawn[:_BOXES], elements, feature_spec("screen"), lesson[:_BOXES])
        yield Class(teacher, (lesson, examination), (asked(teacher, drawn), asked(teacher, fresh)), boxes)


def measured(index: AlloyIndex, elements: Sequence[str]) -> NDArray[np.float64]:
    """Lay out the alloys of an index over elements, atomic fractions (n, d)."""
    found = np.zeros((len(index), len(index.symbols)))
    found[np.repeat(np.arange(len(index)), np.diff(index.start)), index.element] = index.permille / 1000.0
    dense = found[:, [index.symbols.index(each) for each in elements]]
    return np.asarray(dense / dense.sum(axis=1, keepdims=True))


def inputs_of(teacher: Model, fractions: NDArray[np.float64]) -> NDArray[np.float32]:
    """Lay out screen features of alloys (n, d) and the reference conditions."""
    features = featurize(fractions, teacher.card.elements, feature_spec("screen"))
    conditions = np.tile([each.reference for each in teacher.card.conditions], (len(fractions), 1))
    return np.hstack([features, conditions]).astype(np.float32)


def asked(teacher: Model, fractions: NDArray[np.float64]) -> Array:
    """Ask a teacher about alloys (n, d): logits within the limits of a lesson, or logarithms of values."""
    target = teacher.card.target
    column = f"{target.name}_logit" if target.kind == "classification" else target.name
    blocks = [fractions[start : start + _AT_ONCE] for start in range(0, len(fractions), _AT_ONCE)]
    said = [teacher.predict(featurize(each, teacher.card.elements, teacher.spec))[column] for each in blocks]
    answers = np.concatenate(said).astype(np.float64)
    if target.kind == "classification":
        return np.clip(answers, -LOGIT_LIMIT, LOGIT_LIMIT)
    return np.log(np.maximum(answers, LEAST_SHARE * target.low))


def learned(one: Class, schedule: Schedule) -> Learned:
    """Let a student learn, examine it and search with it."""
    (lesson, examination), (answers, truth) = one.inputs, one.answers
    layers = fit_layers(lesson, answers[:, None], schedule, boxes=one.boxes)[0]
    said = run_layers(layers, examination)
    searches = [searched(one.teacher, layers, elements) for _, elements, _, _ in SPACES]
    cells, seconds = zip(*searches, strict=True)
    return Learned(r_squared(truth, said), float(spearmanr(truth, said).statistic), cells, seconds)


def searched(teacher: Model, layers: Sequence[Layer], elements: str) -> tuple[int, float]:
    """Prove the best alloys of a space by a net: cells, and the CPU seconds of the faster of two runs."""
    card = teacher.card
    run = Run(CompositionSpace.build(elements, 1), Question(maximize=(card.target.name,)))
    body = dense_body(layers, exponential=card.target.kind == "regression")
    head = Head(card.target.name, card.target.kind)
    graph = build_model([body], [1.0], head, len(feature_spec("screen").names), len(card.conditions))
    run.nets[card.target.name] = Float64Net.read(graph.SerializeToString())
    seconds = []
    for _ in range(2):
        start = time.process_time()
        found = run.exactly(TOP)
        seconds.append(time.process_time() - start)
    return found.proof.tally.cells, min(seconds)


def table(rows: int) -> str:
    """Write the comparison as a Markdown table."""
    names = [name for name, *_ in SPACES]
    lines = [
        f"| target | R² without | with | Spearman without | with | cells, {names[0]} | cells, {names[1]} | CPU time |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    weight = FULL.schedule.gap
    for one in classes(rows):
        plain, tight = (learned(one, replace(FULL.schedule, gap=gap, seed=_SEEDS[1])) for gap in (0.0, weight))
        cells = [f"{a:,} → {b:,}" for a, b in zip(plain.cells, tight.cells, strict=True)]
        times = f"1 → {sum(tight.seconds) / sum(plain.seconds):.2f}"
        scores = f"{plain.r2:.4f} | {tight.r2:.4f} | {plain.spearman:.4f} | {tight.spearman:.4f}"
        lines.append(f"| `{one.teacher.card.target.name}` | {scores} | {cells[0]} | {cells[1]} | {times} |")
        print(lines[-1], file=sys.stderr, flush=True)
    said = (
        f"Weight {weight:g}, lessons of {rows:,} random alloys, {FULL.schedule.epochs} epochs; R² and Spearman against "
        f"the characterize tier on {FRESH:,} alloys of another seed (logits or logarithms); the best {TOP} at 1 at.%."
    )
    return "\n".join([*lines, "", said])


def main() -> int:
    """Print the table and write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tightness", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="alloys of a lesson (default: %(default)s)")
    parser.add_argument("--into", type=Path, help="file with the marks `<!-- tightness -->` and `<!-- /tightness -->`")
    given = parser.parse_args()
    text = table(given.rows)
    print(text)
    if given.into:
        replace_block(given.into, "tightness", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
