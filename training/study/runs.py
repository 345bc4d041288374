"""Cells of a study, one per arm, split and seed: looked up where learned before, else spread over processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.cell_store import answer_key
from training.study.code import code_digest
from training.study.data import StudyRows
from training.study.learners import Job, Learner, Outcome
from training.study.splits import Split
from training.study.store import OutcomeStore, study_digest
from training.workers import in_order

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Arm:
    """A contender of a study.

    Attributes:
        name: short, unique within the study.
        words: what it is, for a table's caption.
        learner: how it learns.
    """

    name: str
    words: str
    learner: Learner


@dataclass(frozen=True, slots=True)
class Ask:
    """An arm to be run on a split of some rows, once per seed."""

    rows: StudyRows
    split: Split
    arm: Arm
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one seed of an arm gave on one split."""

    rows: StudyRows
    split: Split
    arm: Arm
    seed: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Part:
    """What is missing of an ask, seeds of one call; the rows by their place among those that all share."""

    rows: int
    split: Split
    learner: Learner
    seeds: tuple[int, ...]
    keys: tuple[str, ...]
    store: OutcomeStore | None


def run(asks: Iterable[Ask], workers: int, store: OutcomeStore | None, say: Say) -> list[Cell]:
    """Run all asks, in order; what is in the store is not learned again.

    Raises:
        ScreenerError: rows or methods that cannot be trained, or an outcome that cannot be stored.
    """
    asked = list(asks)
    tables = _distinct([ask.rows for ask in asked])
    digests = [study_digest(rows) for rows in tables]
    found: dict[str, Outcome] = {}
    keys: list[tuple[str, ...]] = []
    todo: list[_Part] = []
    for ask in asked:
        place = next(i for i, rows in enumerate(tables) if rows is ask.rows)
        keys.append(tuple(_key(ask, digests[place], seed) for seed in ask.seeds))
        stored = {key: store.load(key) for key in keys[-1]} if store else {}
        found |= {key: outcome for key, outcome in stored.items() if outcome is not None}
        todo += _missing(ask, place, keys[-1], {*found, *(key for part in todo for key in part.keys)}, store)
    for part in todo:
        part.learner.check(Job(tables[part.rows], part.split))
    if found:
        say(f"{len(found)} fits were there already")
    done = 0
    for part, outcomes in zip(todo, in_order(_learn, tuple(tables), todo, workers), strict=True):
        found |= dict(zip(part.keys, outcomes, strict=True))
        done += len(part.keys)
        if done % 10 < len(part.keys):
            say(f"{done} of {sum(len(each.keys) for each in todo)} fits")
    cells = [
        Cell(ask.rows, ask.split, ask.arm, seed, found[key])
        for ask, named in zip(asked, keys, strict=True)
        for seed, key in zip(ask.seeds, named, strict=True)
    ]
    for cell in cells:
        if (cell.outcome.extras.get("best_epochs", np.zeros(1)) < 0).any():
            say(f"`{cell.arm.name}`, {cell.split.name}, seed {cell.seed}: no epoch ended with a finite loss, no score")
    return cells


def select(
    cells: Iterable[Cell], *, rows: str | None = None, kind: str | None = None, arm: str | None = None
) -> Iterator[Cell]:
    """Pick cells by the name of their rows, the kind of their split, and their arm."""
    for cell in cells:
        named = ((rows, cell.rows.name), (kind, cell.split.kind), (arm, cell.arm.name))
        if all(wanted is None or wanted == given for wanted, given in named):
            yield cell


def _distinct(rows: Sequence[StudyRows]) -> list[StudyRows]:
    """Every table once."""
    return list({id(each): each for each in rows}.values())


def _key(ask: Ask, digest: str, seed: int) -> str:
    """Name one outcome by what decides it."""
    learner = ask.arm.learner
    what: Mapping[str, object] = {
        "study": 1,
        "rows": digest,
        "learner": dict(learner.describe()),
        "seed": seed,
        "seeds": list(ask.seeds) if learner.at_once else [],
        "packages": code_digest(learner.modules),
        "split": [part.tolist() for part in (ask.split.train, ask.split.valid, ask.split.test)],
    }
    return answer_key(what, () if ask.split.hidden is None else (ask.split.hidden.ravel(),), ())


def _missing(
    ask: Ask, place: int, keys: tuple[str, ...], known: set[str], store: OutcomeStore | None
) -> Iterator[_Part]:
    """Split what is not known of an ask into calls."""
    learner = ask.arm.learner
    if learner.at_once:
        if not known.issuperset(keys):
            yield _Part(place, ask.split, learner, ask.seeds, keys, store)
        return
    for seed, key in zip(ask.seeds, keys, strict=True):
        if key not in known:
            yield _Part(place, ask.split, learner, (seed,), (key,), store)


def _learn(tables: tuple[StudyRows, ...], part: _Part) -> list[Outcome]:
    """Learn and store; CPU time of seeds learned at once is shared out evenly."""
    start = time.process_time()
    outcomes = part.learner.learn(Job(tables[part.rows], part.split), part.seeds)
    seconds = (time.process_time() - start) / len(outcomes)
    outcomes = [replace(outcome, seconds=seconds) for outcome in outcomes]
    if part.store:
        for key, outcome in zip(part.keys, outcomes, strict=True):
            part.store.save(key, outcome)
    return outcomes
