"""Fields of a user's record: numbers, classes and conditions, and what is wrong with those that do not read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from screener.errors import FormulaError, InputError
from screener.formula import Units, parse_formula
from training.sources.collector import Conditions, has_decimal_comma
from training.sources.table import GPA_PER_HV, HARDNESS, ROUTES

HARDNESS_HV = "hardness_hv"
NUMERIC_CONDITIONS = ("film_thickness_nm", "process_temperature_k", "load_n")
NEAR = 10.0
"""Amounts whose sum is this near to 100 were meant as percent."""
TOLERANCE = 0.5
_SAME_HARDNESS = 0.01
_LARGEST = 1e30
"""Values that models, in single precision, can still be made of."""
_YES = frozenset(("1", "1.0", "true", "yes"))
_NO = frozenset(("0", "0.0", "false", "no"))
_AMOUNTS = re.compile(r"(?:[A-Z][a-z]?\s*(?:\d+\.?\d*|\.\d+)\s*)+")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something of a user's table that was left out, or read with care.

    Attributes:
        row: data record, from 1; 0 for a whole column.
        column: as the table names it.
        text: what stands there.
        reason: what is wrong with it.
        left_out: whether it was left out; otherwise the reason says how it was read.
    """

    row: int
    column: str
    text: str
    reason: str
    left_out: bool


def read_number(text: str) -> tuple[float | None, str]:
    """Read a number, or say why there is none: `no`, `is no number`, `is not finite`, `is too large`."""
    if not text:
        return None, "no"
    try:
        value = float(text)
    except ValueError:
        return None, "is no number"
    if not math.isfinite(value):
        return None, "is not finite"
    return (value, "") if abs(value) <= _LARGEST else (None, "is too large")


def read_class(text: str) -> tuple[float | None, str]:
    """Read a class as 1 or 0, or say why there is none: `no`, `is neither yes nor no`."""
    folded = text.casefold()
    if folded in _YES or folded in _NO:
        return float(folded in _YES), ""
    return None, "is neither yes nor no" if text else "no"


def read_hardness(fields: Mapping[str, str], row: int, findings: list[Finding]) -> tuple[float | None, str]:
    """Read GPa from either hardness column; what one of them lacks the other may have.

    Raises:
        InputError: both hold numbers that contradict each other.
    """
    value, reason = read_number(fields.get(HARDNESS, ""))
    vickers, other = read_number(fields.get(HARDNESS_HV, ""))
    converted = None if vickers is None else vickers * GPA_PER_HV
    if value is None or converted is None:
        found = converted if value is None else value
        for column, what in ((HARDNESS, reason), (HARDNESS_HV, other)):
            if found is not None and what not in ("", "no"):
                findings.append(Finding(row, column, fields[column], f"{what}: the other column is read", False))
        return found, (reason if reason != "no" else other) if found is None else ""
    if not math.isclose(value, converted, rel_tol=_SAME_HARDNESS):
        raise InputError(
            f"row {row}: hardness_gpa `{value:g}` and hardness_hv `{vickers:g}` ({converted:.3g} GPa) differ",
            "keep one of the two columns",
        )
    return value, ""


def read_conditions(fields: Mapping[str, str], row: int, findings: list[Finding]) -> Conditions:
    """Read the condition columns that are present; a number that is none, or not above zero, counts as not stated.

    Raises:
        InputError: an unknown process route.
    """
    route = fields.get("process_route", "").casefold().replace(" ", "_") or "unknown"
    if route not in ROUTES:
        raise InputError(f"row {row} has the unknown process route `{route}`", f"known are {', '.join(ROUTES)}")
    stated: list[float | None] = []
    for name in NUMERIC_CONDITIONS:
        value, reason = read_number(fields.get(name, ""))
        if value is not None and value <= 0.0:
            value, reason = None, "is not above zero"
        if reason not in ("", "no"):
            findings.append(Finding(row, name, fields[name], f"{reason}: taken as not stated", False))
        stated.append(value)
    thickness, temperature, load = stated
    return Conditions(thickness, temperature, load, route)


def formula_fault(text: str, units: Units | None) -> str:
    """Say in full why a formula does not read."""
    if has_decimal_comma(text):
        return "a decimal comma: write a point"
    try:
        parse_formula(text, units=units)
    except FormulaError as error:
        return error.message
    return "does not read"


def percent_fault(text: str, *, stated: bool) -> str:
    """Say that amounts behind symbols are meant as percent and do not add up to 100; empty where all is well.

    Args:
        text: formula.
        stated: whether the column says at.%; otherwise only sums within 10 of 100 tell that percent are meant.
    """
    text = text.replace("%", "")
    if not _AMOUNTS.fullmatch(text):
        return ""
    total = math.fsum(float(amount) for amount in re.findall(r"\d+\.?\d*|\.\d+", text))
    whole = 1.0 if stated and total < 2.0 else 100.0
    off = abs(total - whole)
    if off <= TOLERANCE * whole / 100.0 or not (stated or off <= NEAR):
        return ""
    return f"percent do not add up to {whole:g} ({total:g} here)"
