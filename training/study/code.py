"""The source of modules and of all that they import, packages included, as one digest."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_ROWS_THEMSELVES = frozenset(
    ("tasks", "recipes", "merging", "catalogue", "sources", "measured", "union", "curation", "user_table")
)
"""Modules that only decide which rows there are; those are told by their content."""


@cache
def code_digest(modules: tuple[str, ...]) -> str:
    """Name the source of modules such as `multitask.loop`, and of everything of `training` that these import."""
    state = hashlib.sha256()
    for path in sorted(_reached(modules)):
        state.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


def _reached(modules: Iterable[str]) -> set[Path]:
    """Collect the files of modules and of their imports, directly or not."""
    reached: set[Path] = set()
    todo = [path for module in modules for path in _files(module)]
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            todo += _imported(path)
    return reached


def _imported(path: Path) -> Iterator[Path]:
    """Find the files that a file imports from `training`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "training":
            module = (node.module or "").partition(".")[2]
            yield from _files(module)
            for alias in node.names:
                yield from _files(f"{module}.{alias.name}".lstrip("."))


def _files(module: str) -> list[Path]:
    """Files of a module: its own, or that of its package; none for a name that is no module."""
    if not module or module.split(".")[0] in _ROWS_THEMSELVES:
        return []
    place = _ROOT.joinpath(*module.split("."))
    return [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
