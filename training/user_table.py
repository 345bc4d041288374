"""A user's own table of alloys: known columns become the standard tasks, declared ones targets of their own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.specs import DOMAIN
from screener.errors import InputError
from screener.formula import Composition, Units
from screener.grade_names import reads_as_grade
from training.curation import RANGES
from training.declaration import COMPOSITION_COLUMNS, CONDITION_COLUMNS, STANDARD, Target, read_declaration
from training.given_files import require_readable
from training.sources.collector import Collector, Label, SourceRows
from training.sources.files import read_rows
from training.sources.table import AMORPHOUS, GPA_PER_HV, HARDNESS, RESISTIVITY
from training.user_values import (
    HARDNESS_HV,
    Finding,
    formula_fault,
    percent_fault,
    read_class,
    read_conditions,
    read_hardness,
    read_number,
)

LEAST_ROWS = 30
CONTRADICTORY = 20.0
"""Numbers of one composition further apart than this factor were not written in one unit."""
SOFT_GPA = 0.3
"""Where nothing is harder than this, numbers in GPa may stand in a column of Vickers numbers."""
_COMPOSITION = re.compile(r"(composition|formula|alloy)[\W_]*(?:(at|wt)[\W_]*(?:pct|percent)?[\W_]*)?")
_OTHER_SEPARATORS: Mapping[str, str] = {"\t": "tabs", ";": "semicolons"}
_UNITS: Mapping[str, str] = {target.name: target.unit for target in STANDARD}
_UNIT_HINTS: Mapping[str, str] = {
    HARDNESS: "write every value in GPa, or name the column hardness_hv; 1 HV is 0.00981 GPa",
    RESISTIVITY: "write every value in µΩ·cm; 1 Ω·m is 1e8 µΩ·cm",
}


@dataclass(frozen=True, slots=True)
class UserTable:
    """Measurements of a user's table, ready for curation, its targets in column order, and what to know of it.

    Doubts are questions about a column as a whole.
    """

    rows: SourceRows
    targets: tuple[Target, ...]
    findings: tuple[Finding, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def label_tasks(self) -> tuple[str, ...]:
        """Targets of the user's own that are labels."""
        return tuple(t.name for t in self.targets if t.kind == "classification" and t.name != AMORPHOUS)

    @property
    def notes(self) -> tuple[str, ...]:
        """Columns that are not read, and what was read with care, counted."""
        unread = [f.column for f in self.findings if not (f.row or f.left_out)]
        kept = [f for f in self.findings if f.row and not f.left_out]
        counts = Counter(f"{f.column} {re.split(' [(]|:', f.reason)[0]}" for f in kept)
        counts.update({"formula mended": self.rows.cleaned} if self.rows.cleaned else {})
        columns = (f"columns not read: {', '.join(unread)}",) if unread else ()
        care = ", ".join(f"{n} × {what}" for what, n in sorted(counts.items()))
        return (*columns, *((f"read with care: {care}",) if care else ()), *self.doubts)


def read_user_table(path: Path, declaration: Path | None = None, *, units: Units | None = None) -> UserTable:
    """Read a .csv or .xlsx table with one alloy a row.

    Args:
        path: table with a column named composition, formula or alloy.
        declaration: TOML file with a table ``[targets.NAME]`` for every target of the user's own.
        units: whether amounts in formulas are atomic or weight per cent; atomic where neither this nor the name of the
            column says, except in balance notation, which is written in both and must be told.

    Raises:
        InputError: a file that cannot be read, an empty table, no composition or target column, columns or values that
            contradict each other or the units, an unknown process route, a target with fewer than 30 usable rows or
            one class only, or a declaration that does not read.
    """
    require_readable(path, ".csv or .xlsx")
    header, *records = read_rows(path) or [[]]
    composition = _composition_column(header, path, units or "at")
    units = units or ("at" if _stated_units(header[composition].strip()) else None)
    columns = _columns(header, path)
    declared = () if declaration is None else read_declaration(declaration)
    targets = (*(t for t in STANDARD if _has(t, columns)), *declared)
    if not targets:
        names = f"{HARDNESS_HV}, {', '.join(t.name for t in STANDARD)}"
        raise InputError(
            f"`{path.name}` has no target column", f"name one of {names}, or declare your own in a TOML file"
        )
    for target in declared:
        if target.column.casefold() not in columns:
            raise InputError(f"`{path.name}` has no column `{target.column}`", f"its columns are {', '.join(header)}")
    if not any(field.strip() for record in records for field in record):
        raise InputError(f"`{path.name}` has no rows", "write one alloy a line below the names of the columns")
    table = _collect(path, header, records, columns, composition, targets, units)
    for target in targets:
        _check_usable(table.rows, target)
    return table


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    """Return column positions by lower-case name."""
    columns: dict[str, int] = {}
    for position, name in enumerate(header):
        folded = name.strip().casefold()
        if folded and folded in columns:
            raise InputError(f"`{path.name}` has two columns `{name.strip()}`", "rename one of them")
        columns[folded] = position
    return columns


def _composition_column(header: Sequence[str], path: Path, units: Units) -> int:
    """Find the column of compositions, the one called composition before formula and alloy."""
    if not any(name.strip() for name in header):
        raise InputError(f"`{path.name}` is empty", "write the names of the columns in the first line")
    matches = [(i, m) for i, name in enumerate(header) if (m := _COMPOSITION.fullmatch(name.strip().casefold()))]
    if not matches:
        if separators := _other_separators(header):
            raise InputError(f"`{path.name}` is separated by {separators}", "save it with commas, decimals with points")
        raise InputError(f"`{path.name}` has no composition column", "name it composition, formula or alloy")
    place, _ = min(matches, key=lambda found: COMPOSITION_COLUMNS.index(found[1][1]))
    if (stated := _stated_units(header[place].strip())) not in ("", units):
        hint = "add `--units wt`" if stated == "wt" else "leave out `--units wt`, or rename the column"
        raise InputError(f"the column `{header[place].strip()}` says {stated}.%, the command {units}.%", hint)
    return place


def _other_separators(header: Sequence[str]) -> str:
    """Say what parts the fields of a header that was split at commas in vain; empty where nothing else does."""
    text = ",".join(header).casefold()
    parted = {words: text.split(mark) for mark, words in _OTHER_SEPARATORS.items() if mark in text}
    for words, names in parted.items():
        if any(_COMPOSITION.fullmatch(name.strip(' "')) for name in names):
            return words
    return next(iter(parted), "") if len(header) == 1 else ""


def _has(target: Target, columns: Mapping[str, int]) -> bool:
    return target.column in columns or (target.name == HARDNESS and HARDNESS_HV in columns)


def _collect(
    path: Path,
    header: Sequence[str],
    records: Sequence[Sequence[str]],
    columns: Mapping[str, int],
    composition: int,
    targets: Sequence[Target],
    units: Units | None,
) -> UserTable:
    """Gather every value of every record that reads."""
    rows, findings = Collector(f"user:{path.stem.replace('+', '_')}"), _unread(header, composition, targets)
    places: list[int] = []
    for number, record in enumerate(records, 1):
        if not any(field.strip() for field in record):
            continue
        alloy = _alloy(rows, header, record, composition, units, number, findings)
        if alloy is None:
            continue
        fields = {name: record[i].strip() if i < len(record) else "" for name, i in columns.items()}
        conditions = read_conditions(fields, number, findings)
        for target in targets:
            value, reason = _value(fields, target, number, findings)
            if value is None:
                told = f"no {target.name}" if reason == "no" else f"{target.name} {reason}"
                rows.drop(told)
                if reason != "no" or len(targets) == 1:  # gaps are usual where a table has several targets
                    text = fields.get(target.column.casefold(), "")
                    findings.append(Finding(number, target.column, text, told, True))
                continue
            if target.name in RANGES and not RANGES[target.name][0] <= value <= RANGES[target.name][1]:
                told = f"{target.name} {outside_words(target.name)}"
                findings.append(Finding(number, target.column, f"{value:g}", told, True))
            rows.add(target.name, alloy, value, conditions=conditions, label=_label(target, value))
            places.append(number)
    loaded = rows.finish()
    _refuse_mixed_units(loaded, places)
    doubts = _doubted_unit(loaded) if HARDNESS_HV in columns else ()
    return UserTable(loaded, tuple(targets), tuple(findings), doubts)


def _alloy(
    rows: Collector,
    header: Sequence[str],
    record: Sequence[str],
    composition: int,
    units: Units | None,
    number: int,
    findings: list[Finding],
) -> Composition | None:
    """Read the composition of a record; what cannot be used is counted and told."""
    column, text = header[composition].strip(), record[composition].strip() if composition < len(record) else ""

    def tell(reason: str, *, left_out: bool = True) -> None:
        findings.append(Finding(number, column, text, reason, left_out))

    if any(field.strip() for field in record[len(header) :]):
        rows.skip("more fields than the header")
        tell("more fields than the header")
        return None
    alloy = rows.read(text, units)
    if alloy is None:
        tell(formula_fault(text, units))
        return None
    if reads_as_grade(text):
        rows.drop("the name of a grade, not a formula")
        tell(f"the name of a grade? {alloy.symbols[0]} alone is written without an amount")
        return None
    if foreign := [symbol for symbol in alloy.symbols if symbol not in DOMAIN]:
        tell(f"the models do not know `{foreign[0]}`")
    stated = _stated_units(column) == "at"
    if units != "wt" and (fault := percent_fault(text, stated=stated)):
        tell(fault if stated else f"{fault}: read as ratios", left_out=stated)
        if stated:
            rows.drop("amounts do not add up to 100")
            return None
    return alloy


def _stated_units(column: str) -> str:
    """Units that the name of a composition column states, `at` or `wt`, or nothing."""
    match = _COMPOSITION.fullmatch(column.casefold())
    return (match[2] or "") if match else ""


def _unread(header: Sequence[str], composition: int, targets: Sequence[Target]) -> list[Finding]:
    """Name the columns that nothing reads."""
    known = {t.column.casefold() for t in targets} | {*CONDITION_COLUMNS, HARDNESS_HV}
    names = [(place, name.strip()) for place, name in enumerate(header)]
    return [
        Finding(0, name, "", "neither target nor condition", False)
        for place, name in names
        if name and place != composition and name.casefold() not in known
    ]


def _refuse_mixed_units(rows: SourceRows, places: Sequence[int]) -> None:
    """Refuse hardness and resistivity that differ by more than a factor of 20 between rows of one composition."""
    first: dict[tuple[str, str], tuple[float, int]] = {}
    measured = rows.frame.select("task", "key", "value").rows()
    for (task, key, value), place in zip(measured, places, strict=True):
        if task not in _UNIT_HINTS or value <= 0.0:
            continue
        other, earlier = first.setdefault((task, key), (value, place))
        if max(value, other) > CONTRADICTORY * min(value, other):
            raise InputError(
                f"`{task}` of `{key}` is `{other:g}` in row {earlier} and `{value:g}` in row {place}", _UNIT_HINTS[task]
            )


def _doubted_unit(rows: SourceRows) -> tuple[str, ...]:
    """Ask whether a column of Vickers numbers holds GPa, where nothing in it is as hard as most alloys."""
    hardness = rows.frame.filter(rows.frame["task"] == HARDNESS)["value"]
    if hardness.is_empty() or not (hardness < SOFT_GPA).all():
        return ()
    return (f"every hardness is below {SOFT_GPA / GPA_PER_HV:.0f} HV: are these GPa in a column of HV?",)


def _value(fields: Mapping[str, str], target: Target, row: int, findings: list[Finding]) -> tuple[float | None, str]:
    """Return a number or a class, or None and why the field holds neither."""
    text = fields.get(target.column.casefold(), "")
    if target.kind == "classification":
        return read_class(text)
    value, reason = read_hardness(fields, row, findings) if target.name == HARDNESS else read_number(text)
    if value is not None and target.log and value <= 0.0:
        return None, "not above zero"
    return value, reason


def _label(target: Target, value: float | None) -> Label:
    if target.name != AMORPHOUS:
        return Label()
    return Label("glass" if value else "crystalline_literature")


def outside_words(task: str) -> str:
    """Say what range the values of a standing target were expected in."""
    least, most = RANGES[task]
    return f"outside {least:g} to {most:g} {_UNITS[task]}"


def _check_usable(rows: SourceRows, target: Target) -> None:
    """Refuse a target that cannot be fitted and tested."""
    values = rows.frame.filter(rows.frame["task"] == target.name)["value"].to_numpy()
    refuse_other_unit(target.name, values, _UNIT_HINTS.get(target.name, ""))
    reasons = ", ".join(f"{count} × {reason}" for reason, count in rows.dropped.items())
    refuse_too_few(target.name, target.kind, values, reasons)


def refuse_other_unit(task: str, values: NDArray[np.floating], hint: str) -> None:
    """Refuse a standing target most of whose values no alloy can have.

    Raises:
        InputError: they do; the hint says how to write them.
    """
    if task not in RANGES:
        return
    least, most = RANGES[task]
    outside = int(((values < least) | (values > most)).sum())
    if 2 * outside > len(values):
        raise InputError(f"{outside} of {len(values)} values of `{task}` lie {outside_words(task)}", hint)


def refuse_too_few(task: str, kind: str, values: NDArray[np.floating], left_out: str, least: int = LEAST_ROWS) -> None:
    """Refuse a target with too few values, or labels of one class.

    Args:
        task: name of the target.
        kind: `regression` or `classification`.
        values: what can be used.
        left_out: why there are no more; empty where the table is short.
        least: values that are enough.

    Raises:
        InputError: it cannot be learned and tested.
    """
    if len(values) < least:
        raise InputError(
            f"`{task}` has {len(values)} usable rows",
            f"at least {least} are needed; left out: {left_out or 'the table is short'}",
        )
    if kind == "classification" and len(np.unique(values)) < 2:
        raise InputError(f"`{task}` has labels of one class only", "a classifier needs rows of both classes")
