"""A user's own table of alloys: known columns become the standard tasks, declared ones targets of their own."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from screener.errors import InputError
from screener.formula import Units
from training.sources.collector import Collector, Conditions, Label, SourceRows
from training.sources.files import number, read_rows
from training.sources.table import AMORPHOUS, GPA_PER_HV, HARDNESS, RESISTIVITY, ROUTES

LEAST_ROWS = 30
_COMPOSITION_COLUMNS = ("composition", "formula", "alloy")
_HARDNESS_HV = "hardness_hv"
_YES = frozenset(("1", "1.0", "true", "yes"))
_NO = frozenset(("0", "0.0", "false", "no"))
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NUMERIC_CONDITIONS = ("film_thickness_nm", "process_temperature_k", "load_n")
_RESERVED = frozenset(
    (*_COMPOSITION_COLUMNS, *_NUMERIC_CONDITIONS, "process_route", _HARDNESS_HV, "key", "rank", "score")
)
_SAME_HARDNESS = 0.01


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


@dataclass(frozen=True, slots=True)
class UserTable:
    """Measurements of a user's table, ready for curation, and its targets in column order."""

    rows: SourceRows
    targets: tuple[Target, ...]

    @property
    def label_tasks(self) -> tuple[str, ...]:
        """Targets of the user's own that are labels."""
        return tuple(t.name for t in self.targets if t.kind == "classification" and t.name != AMORPHOUS)


_STANDARD = (
    Target(RESISTIVITY, "µΩ·cm", "regression", RESISTIVITY),
    Target(HARDNESS, "GPa", "regression", HARDNESS),
    Target(AMORPHOUS, "", "classification", AMORPHOUS),
)


def read_user_table(path: Path, declaration: Path | None = None, *, units: Units = "at") -> UserTable:
    """Read a .csv or .xlsx table with one alloy a row.

    Args:
        path: table with a column named composition, formula or alloy.
        declaration: TOML file with a table ``[targets.NAME]`` for every target of the user's own.
        units: whether amounts in formulas are atomic or weight per cent.

    Raises:
        InputError: no composition or target column, columns that contradict each other, an unknown process route,
            a target with fewer than 30 usable rows or one class only, or a declaration that does not read.
    """
    header, *records = read_rows(path) or [[]]
    columns = _columns(header, path)
    composition = next((columns[name] for name in _COMPOSITION_COLUMNS if name in columns), None)
    if composition is None:
        raise InputError(f"`{path.name}` has no composition column", "name it composition, formula or alloy")
    declared = () if declaration is None else read_declaration(declaration)
    targets = (*(t for t in _STANDARD if _has(t, columns)), *declared)
    if not targets:
        names = f"{_HARDNESS_HV}, {', '.join(t.name for t in _STANDARD)}"
        raise InputError(
            f"`{path.name}` has no target column", f"name one of {names}, or declare your own in a TOML file"
        )
    for target in declared:
        if target.column.casefold() not in columns:
            raise InputError(f"`{path.name}` has no column `{target.column}`", f"its columns are {', '.join(header)}")
    rows = _collect(path, records, columns, composition, targets, units)
    for target in targets:
        _check_usable(rows, target)
    return UserTable(rows, targets)


def read_declaration(path: Path) -> tuple[Target, ...]:
    """Read the targets that a TOML file declares.

    Raises:
        InputError: the file does not read, or a target is not declared as it must be.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"`{path.name}` does not read as TOML: {type(error).__name__}", _EXAMPLE) from None
    tables = content.get("targets")
    if not isinstance(tables, dict) or not tables:
        raise InputError(f"`{path.name}` declares no target", _EXAMPLE)
    return tuple(_target(name, body) for name, body in tables.items())


_EXAMPLE = 'declare targets as in [targets.yield_mpa] unit = "MPa" kind = "regression"'


def _target(name: str, body: object) -> Target:
    """Check one declared target."""
    if not _NAME.fullmatch(name) or name in _RESERVED or name in {t.name for t in _STANDARD}:
        raise InputError(
            f"`{name}` cannot name a target of your own", "choose lower-case letters, digits and underscores"
        )
    fields = {"unit": "", "column": name, "log": False, **body} if isinstance(body, dict) else {}
    kind = fields.pop("kind", None)
    if kind not in ("regression", "classification"):
        raise InputError(f"target `{name}` has no kind", 'add kind = "regression" or kind = "classification"')
    expected: Mapping[str, type] = {"unit": str, "column": str, "log": bool}
    for field, value in fields.items():
        if field not in expected or not isinstance(value, expected[field]):
            raise InputError(f"`{field}` of target `{name}` is not understood", "it takes kind, unit, column and log")
    if kind == "classification" and fields["log"]:
        raise InputError(f"target `{name}` is a class and has no logarithm", "remove log = true")
    return Target(name, str(fields["unit"]), kind, str(fields["column"]), bool(fields["log"]))


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    """Return column positions by lower-case name."""
    columns: dict[str, int] = {}
    for position, name in enumerate(header):
        folded = name.strip().casefold()
        if folded and folded in columns:
            raise InputError(f"`{path.name}` has two columns `{name.strip()}`", "rename one of them")
        columns[folded] = position
    return columns


def _has(target: Target, columns: Mapping[str, int]) -> bool:
    return target.column in columns or (target.name == HARDNESS and _HARDNESS_HV in columns)


def _collect(
    path: Path,
    records: Sequence[Sequence[str]],
    columns: Mapping[str, int],
    composition: int,
    targets: Sequence[Target],
    units: Units,
) -> SourceRows:
    """Gather every value of every record that reads."""
    rows = Collector(f"user:{path.stem.replace('+', '_')}")
    for record_number, record in enumerate(records, 1):
        fields = {name: record[i].strip() if i < len(record) else "" for name, i in columns.items()}
        if not any(fields.values()):
            continue
        alloy = rows.read(record[composition].strip() if composition < len(record) else "", units)
        if alloy is None:
            continue
        conditions = _conditions(fields, record_number)
        for target in targets:
            value = _value(fields, target, record_number)
            if value is not None and target.log and value <= 0.0:
                rows.drop(f"{target.name} not above zero")
            else:
                rows.add(target.name, alloy, value, conditions=conditions, label=_label(target, value))
    return rows.finish()


def _value(fields: Mapping[str, str], target: Target, record_number: int) -> float | None:
    """Return a number or a class, None where the field holds neither."""
    text = fields.get(target.column.casefold(), "")
    if target.kind == "classification":
        return 1.0 if text.casefold() in _YES else 0.0 if text.casefold() in _NO else None
    value = number(text)
    if target.name != HARDNESS:
        return value
    vickers = number(fields.get(_HARDNESS_HV, ""))
    converted = None if vickers is None else vickers * GPA_PER_HV
    if value is None or converted is None:
        return converted if value is None else value
    if not math.isclose(value, converted, rel_tol=_SAME_HARDNESS):
        raise InputError(
            f"row {record_number}: hardness_gpa `{value:g}` and hardness_hv `{vickers:g}` ({converted:.3g} GPa) differ",
            "keep one of the two columns",
        )
    return value


def _label(target: Target, value: float | None) -> Label:
    if target.name != AMORPHOUS:
        return Label()
    return Label("glass" if value else "crystalline_literature")


def _conditions(fields: Mapping[str, str], record_number: int) -> Conditions:
    """Read the condition columns that are present."""
    route = fields.get("process_route", "").casefold().replace(" ", "_") or "unknown"
    if route not in ROUTES:
        raise InputError(
            f"row {record_number} has the unknown process route `{route}`", f"known are {', '.join(ROUTES)}"
        )
    thickness, temperature, load = (number(fields.get(name, "")) for name in _NUMERIC_CONDITIONS)
    return Conditions(thickness, temperature, load, route)


def _check_usable(rows: SourceRows, target: Target) -> None:
    """Refuse a target that cannot be fitted and tested."""
    values = rows.frame.filter(rows.frame["task"] == target.name)["value"]
    if len(values) < LEAST_ROWS:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in rows.dropped.items()) or "the table is short"
        raise InputError(
            f"`{target.name}` has {len(values)} usable rows", f"at least {LEAST_ROWS} are needed; left out: {reasons}"
        )
    if target.kind == "classification" and values.n_unique() < 2:
        raise InputError(f"`{target.name}` has labels of one class only", "a classifier needs rows of both classes")
