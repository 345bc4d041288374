"""Answers of cells on disk, by the content of all that decides them, so that a long run resumes where it stopped.

A file is there whole or not at all, and carries a digest of its values; one that does not prove itself is as good as
missing.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from training.publish import write_whole
from training.tasks import TaskRows, alloy_spec

Array = NDArray[np.float64]
CELLS_VARIABLE = "SCREENER_CELLS"
PACKAGES = ("numpy", "scipy", "scikit-learn", "lightgbm", "catboost", "torch")
"""Packages whose versions decide what learners answer."""
_FORMAT = "1"
_ROWS_THEMSELVES = frozenset(("tasks", "recipes", "merging", "catalogue", "sources"))
"""Modules that only decide which rows and settings there are; those are told by their content."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one contender says of the test rows of one cell.

    Attributes:
        values: predictions, shape (b,).
        seconds: CPU time it took, s; what was fitted together is shared out evenly.
    """

    values: Array
    seconds: float


@dataclass(frozen=True, slots=True)
class CellStore:
    """A folder of answers by key."""

    folder: Path

    def load(self, key: str, n: int) -> Answer | None:
        """Return the answer of a key for ``n`` rows; None where there is none or the file is damaged."""
        try:
            content = io.BytesIO(self._path(key).read_bytes())
            with np.load(content, allow_pickle=False) as stored:
                values, seconds, proof = stored["values"], float(stored["seconds"]), str(stored["proof"])
        except Exception:  # damaged archives raise many unrelated classes, and none of them matters
            return None
        sound = values.dtype == np.float64 and values.shape == (n,) and proof == _proof(key, values)
        return Answer(values, seconds) if sound else None

    def save(self, key: str, answer: Answer) -> None:
        """Store an answer.

        Raises:
            OutputError: it cannot be written.
        """
        content = io.BytesIO()
        proof = np.array(_proof(key, answer.values))
        np.savez(content, values=answer.values, seconds=np.float64(answer.seconds), proof=proof)
        write_whole(self._path(key), content.getvalue())

    def _path(self, key: str) -> Path:
        """Place of a key's file."""
        return self.folder / key[:2] / f"{key}.npz"


def cell_folder() -> Path:
    """Return the folder of answers: `$SCREENER_CELLS`, or one in the user's cache; whether or not it exists."""
    named = os.environ.get(CELLS_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("alloy-screener", appauthor=False)) / "cells"


def rows_digest(rows: TaskRows) -> str:
    """Name the content of every column of a task's rows; the recipe is no part of it."""
    state = hashlib.sha256()
    for field in fields(rows):
        column = getattr(rows, field.name)
        if isinstance(column, np.ndarray):
            state.update(f"{field.name} {column.dtype.str} {column.shape}\n".encode())
            state.update(np.ascontiguousarray(column).tobytes())
    return state.hexdigest()


def answer_key(what: Mapping[str, object], masks: Iterable[NDArray[np.bool_]], modules: tuple[str, ...]) -> str:
    """Name an answer by everything that decides it.

    Args:
        what: contender, target, settings, digests of rows, seed; anything JSON knows.
        masks: training and test rows.
        modules: files of this package in which the contender begins, such as `ensembles`.
    """
    told = {**what, "format": _FORMAT, "code": code_digest(modules), "with": _versions(), "spec": alloy_spec().digest}
    state = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for mask in masks:
        state.update(f"{len(mask)}".encode() + np.packbits(mask).tobytes())
    return state.hexdigest()


@cache
def code_digest(modules: tuple[str, ...]) -> str:
    """Name the source of modules of this package, of those they import, and of settings that lie beside them."""
    folder, state = Path(__file__).parent, hashlib.sha256()
    for name in sorted(_reached(modules, folder)):
        for path in (folder / f"{name}.py", folder / f"{name}.toml"):
            if path.is_file():
                state.update(path.name.encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


@cache
def file_digest(name: str) -> str:
    """Name the source of one module of this package, whatever it imports."""
    return hashlib.sha256((Path(__file__).parent / f"{name}.py").read_bytes()).hexdigest()


def _reached(modules: Iterable[str], folder: Path) -> set[str]:
    """Collect the modules that these import, directly or not, without those that only make rows."""
    reached: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name in reached or name in _ROWS_THEMSELVES:
            continue
        reached.add(name)
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)):
            package, _, module = (node.module or "").partition(".")
            if package == "training":
                todo += [module.split(".")[0]] if module else [alias.name for alias in node.names]
    return reached


@cache
def _versions() -> dict[str, str]:
    """Versions of the packages that fit."""
    return {name: version(name) for name in PACKAGES}


def _proof(key: str, values: Array) -> str:
    """Digest that ties values to their key."""
    return hashlib.sha256(key.encode() + np.ascontiguousarray(values).tobytes()).hexdigest()
