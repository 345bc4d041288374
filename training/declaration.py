"""Targets of a user's table: the standing ones by their column names, and those that a TOML file declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from screener.errors import InputError
from training.given_files import require_readable
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY
from training.taken_names import refuse_taken_names
from training.toml_file import read_toml
from training.user_values import NUMERIC_CONDITIONS

COMPOSITION_COLUMNS = ("composition", "formula", "alloy")
CONDITION_COLUMNS = (*NUMERIC_CONDITIONS, "process_route")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Target:
    """A property to learn from a user's table.

    Attributes:
        name: task and result column.
        unit: physical unit, empty for labels.
        kind: regression or classification.
        column: column of the table.
        log: learn the logarithm.
    """

    name: str
    unit: str
    kind: Literal["regression", "classification"]
    column: str
    log: bool = False


STANDARD = (
    Target(RESISTIVITY, "µΩ·cm", "regression", RESISTIVITY),
    Target(HARDNESS, "GPa", "regression", HARDNESS),
    Target(AMORPHOUS, "", "classification", AMORPHOUS),
)


def read_declaration(path: Path) -> tuple[Target, ...]:
    """Read the targets that a TOML file declares.

    Raises:
        InputError: the file cannot be read or holds no TOML, or a target is not declared as it must be or has a name
            that is taken.
    """
    require_readable(path, "TOML")
    tables = read_toml(path, _EXAMPLE).get("targets")
    if not isinstance(tables, dict) or not tables:
        raise InputError(f"`{path.name}` declares no target", _EXAMPLE)
    targets = tuple(_target(name, body) for name, body in tables.items())
    refuse_taken_names(targets)
    return targets


_EXAMPLE = 'declare targets as in [targets.yield_mpa] unit = "MPa" kind = "regression"'


def _target(name: str, body: object) -> Target:
    """Check one declared target."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"`{name}` cannot name a target of your own",
            "choose lower-case letters, digits and underscores, a letter first",
        )
    if name in {target.name for target in STANDARD}:
        raise InputError(
            f"`{name}` cannot name a target of your own",
            f"a column `{name}` is learned as it is: take [targets.{name}] out, or choose another name",
        )
    fields = {"unit": "", "column": name, "log": False, **body} if isinstance(body, dict) else {}
    kind = fields.pop("kind", None)
    if kind not in ("regression", "classification"):
        told = "has no kind" if kind is None else f"has the kind `{kind}`, which there is not"
        raise InputError(f"target `{name}` {told}", 'add kind = "regression" or kind = "classification"')
    expected: Mapping[str, type] = {"unit": str, "column": str, "log": bool}
    for field, value in fields.items():
        if field not in expected or not isinstance(value, expected[field]):
            raise InputError(f"`{field}` of target `{name}` is not understood", "it takes kind, unit, column and log")
    if kind == "classification" and fields["log"]:
        raise InputError(f"target `{name}` is a class and has no logarithm", "remove log = true")
    return Target(name, str(fields["unit"]), kind, str(fields["column"]), bool(fields["log"]))
