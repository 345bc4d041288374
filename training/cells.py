"""Cells: fit contenders on some rows, predict others; what was answered before is taken from a store.

Everything that two contenders share, such as teachers, is fitted once where both are missing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.cell_store import Answer, CellStore, answer_key, file_digest, rows_digest
from training.effort import FULL, Effort
from training.tasks import TaskRows
from training.workers import in_order

Asked = tuple[str, str]
"""Target and contender."""
Mask = NDArray[np.bool_]
_NETS = ("union_nets", "baselines", "nets")


@dataclass(frozen=True, slots=True)
class Cell:
    """What to fit on which rows, and which rows to predict.

    Attributes:
        split: what the cell belongs to, such as `grouped`.
        seed: of everything fitted.
        fold: number within the split.
        train: rows to learn from by target, shape (n,) each.
        test: rows to predict by target, shape (n,) each; a target without any is only learned for the others' sake.
        models: contenders.
        effort: how much work goes into our tiers.
    """

    split: str
    seed: int
    fold: int
    train: Mapping[str, Mask]
    test: Mapping[str, Mask]
    models: tuple[str, ...]
    effort: Effort = FULL


@dataclass(frozen=True, slots=True)
class _Missing:
    """A cell with what is to be computed, and under which keys it is stored."""

    cell: Cell
    keys: Mapping[Asked, str]
    store: CellStore | None


def run_cells(
    cells: Sequence[Cell], tables: Mapping[str, TaskRows], workers: int = 2, store: CellStore | None = None
) -> Iterator[dict[Asked, Answer]]:
    """Give the answers of every cell, in order.

    Args:
        cells: what to fit and predict.
        tables: rows by target.
        workers: processes; 1 works in this one.
        store: where answers are looked up and kept; None computes everything.

    Raises:
        OutputError: an answer cannot be stored.
    """
    digests = {target: rows_digest(rows) for target, rows in tables.items()} if store else {}
    found: list[dict[Asked, Answer]] = []
    todo: list[_Missing] = []
    for cell in cells:
        keys = {asked: _key(cell, tables, digests, asked) if store else "" for asked in wanted(cell, tables)}
        stored = {a: store.load(key, int(cell.test[a[0]].sum())) for a, key in keys.items()} if store else {}
        found.append({asked: answer for asked, answer in stored.items() if answer})
        missing = {asked: key for asked, key in keys.items() if asked not in found[-1]}
        todo += [_Missing(cell, missing, store)] if missing else []
    computed = in_order(_compute, dict(tables), todo, workers)
    unfinished = {id(part.cell) for part in todo}
    for cell, known in zip(cells, found, strict=True):
        answers = known | next(computed) if id(cell) in unfinished else known
        yield {asked: answers[asked] for asked in wanted(cell, tables)}


def wanted(cell: Cell, tables: Mapping[str, TaskRows]) -> list[Asked]:
    """Name every target with rows to predict and every contender that there is for it."""
    from training.contenders import SCREEN, SCREEN_ALONE, SHARED_NET, wanted_students

    def has(target: str, model: str) -> bool:
        if model in (SCREEN, SCREEN_ALONE):
            return model in wanted_students(tables, target, (model,))
        return model != SHARED_NET or (len(_sharing(tables)) > 1 and target in _sharing(tables))

    return [(t, m) for t in tables if t in cell.test and cell.test[t].any() for m in cell.models if has(t, m)]


def learned_from(tables: Mapping[str, TaskRows], asked: Asked) -> tuple[str, ...]:
    """Name the targets whose rows and recipes decide an answer, in the order of the tables."""
    from training.baselines import BASELINES
    from training.classroom import shares_with
    from training.contenders import NET, SCREEN, SHARED_NET

    target, model = asked
    if model in (*BASELINES, NET):
        return (target,)
    if model == SHARED_NET:
        return _sharing(tables)
    taught = (target, *(shares_with(tables, target) if model == SCREEN else ()))
    needed = {name for each in taught for name in (each, *_gate(tables, each))}
    return tuple(name for name in tables if name in needed)


def _gate(tables: Mapping[str, TaskRows], target: str) -> tuple[str, ...]:
    """Name the target whose probability is an input of this one, if it is among the tables."""
    gate = tables[target].recipe.gate
    return (gate.target,) if gate is not None and gate.target in tables else ()


def _sharing(tables: Mapping[str, TaskRows]) -> tuple[str, ...]:
    """Name the targets that the hard-sharing net learns: those of the paper and a user's own."""
    from training.routes import BULK_GLASS

    return tuple(target for target, rows in tables.items() if rows.recipe.task != BULK_GLASS)


def _key(cell: Cell, tables: Mapping[str, TaskRows], digests: Mapping[str, str], asked: Asked) -> str:
    """Name one answer by what decides it."""
    from training.baselines import BASELINES
    from training.contenders import NET, SCREEN, SCREEN_ALONE, SHARED_NET

    target, model = asked
    names = learned_from(tables, asked)
    recipes = [tables[name].recipe for name in names]
    simple = model in (*BASELINES, NET, SHARED_NET)
    what = {
        "target": target,
        "model": model,
        "seed": cell.seed,
        "rows": [(name, digests[name]) for name in names],
        "recipes": [(r.kind, r.log) if simple else repr(r) for r in recipes],
        "calls": file_digest("contenders"),
        "effort": repr(cell.effort) if model in (SCREEN, SCREEN_ALONE) else "",
    }
    masks = [cell.train[name] for name in names] + [cell.test[target]]
    return answer_key(what, masks, _modules(model))


def _modules(model: str) -> tuple[str, ...]:
    """Name the modules in which a contender begins."""
    from training.baselines import BASELINES
    from training.contenders import NET, PRECISE, SHARED_NET

    if model in BASELINES:
        return ("baselines",)
    return {PRECISE: ("ensembles",), NET: _NETS, SHARED_NET: _NETS}.get(model, ("contenders",))


def _compute(tables: Mapping[str, TaskRows], part: _Missing) -> dict[Asked, Answer]:
    """Fit and predict, and store every part as soon as it is there."""
    from training.contenders import answer

    cell, answers = part.cell, dict[Asked, Answer]()
    for names, targets, models in _together(part.keys, tables):
        train = {t: tables[t].take(np.flatnonzero(cell.train[t])) for t in names}
        test = {t: tables[t].take(np.flatnonzero(cell.test[t])) for t in targets}
        start = time.process_time()
        given = answer(train, test, models, cell.seed, cell.effort)
        share = (time.process_time() - start) / max(1, len(given))
        new = {a: Answer(np.asarray(v, np.float64), share) for a, v in given.items() if a in part.keys}
        answers |= new
        if part.store:
            for asked, value in new.items():
                part.store.save(part.keys[asked], value)
    return answers


def _together(
    missing: Mapping[Asked, str], tables: Mapping[str, TaskRows]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Split what is missing into calls: targets to learn, targets to predict, contenders.

    Students of one call share its teachers.
    """
    from training.contenders import PRECISE, SCREEN, SCREEN_ALONE, SHARED_NET

    tiers = (PRECISE, SCREEN, SCREEN_ALONE)
    for target, model in missing:
        if model not in (*tiers, SHARED_NET):
            yield (target,), (target,), (model,)
    if found := tuple(t for t in tables if (t, SHARED_NET) in missing):
        yield _sharing(tables), found, (SHARED_NET,)
    groups: list[tuple[set[str], set[str]]] = []
    for target, model in missing:
        if model in tiers:
            # A single-task student exists only beside the one that shares.
            needed = set(learned_from(tables, (target, SCREEN if model == SCREEN_ALONE else model)))
            touched = [group for group in groups if group[0] & needed]
            groups = [group for group in groups if group not in touched]
            groups.append((needed.union(*(g[0] for g in touched)), {target}.union(*(g[1] for g in touched))))
    for needed, targets in groups:
        models = tuple(m for m in tiers if any((t, m) in missing for t in targets))
        yield tuple(t for t in tables if t in needed), tuple(t for t in tables if t in targets), models
