"""The composition space that a result was asked of, built again from its metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from screener.errors import CompositionError
from screener.space import CompositionSpace

_STEPS = (
    "0.1",
    "0.2",
    "0.25",
    "0.4",
    "0.5",
    "0.8",
    "1",
    "1.25",
    "2",
    "2.5",
    "4",
    "5",
    "6.25",
    "10",
    "12.5",
    "20",
    "25",
    "50",
)
_SPAN = re.compile(r"(?P<names>[A-Z][a-z]?(?:\+[A-Z][a-z]?)*) (?P<low>[\d.]+)–(?P<high>[\d.]+) at\.%")
_COUNT = re.compile(r"(?P<low>\d+)(?: to (?P<high>\d+))? components")


def space_of(question: Mapping[str, object]) -> CompositionSpace | None:
    """Build the space of a question; None where there is none, or where its limits cannot be told.

    Early results have the limits in words only; the recorded digest of the space proves that they were read rightly.
    """
    try:
        space = CompositionSpace.build(*_options(question))
    except (CompositionError, IndexError, KeyError, TypeError, ValueError):
        return None
    return space if space.digest == question.get("space") else None


def coarser(question: Mapping[str, object], space: CompositionSpace, limit: int) -> CompositionSpace | None:
    """Widen the step until at most ``limit`` candidates are left; None where no step does."""
    if space.size <= limit:
        return space
    elements, _, components, bounds, sums = _options(question)
    for step in _STEPS:
        if Fraction(step) <= Fraction(100, space.units):
            continue
        try:
            coarse = CompositionSpace.build(elements, step, components, bounds, sums)
        except CompositionError:
            continue
        if coarse.size <= limit:
            return coarse
    return None


def _options(question: Mapping[str, object]) -> tuple[Sequence[str], str, str | None, str | None, list[str] | None]:
    """Read elements, step, components, bounds and sums."""
    elements = question["elements"]
    if not isinstance(elements, list) or not all(isinstance(each, str) for each in elements):
        raise TypeError("elements")
    step = f"{float(str(question['step_at_percent'])):.10g}"
    return elements, step, *(_recorded(question) if "bounds" in question else _said(question))


def _recorded(question: Mapping[str, object]) -> tuple[str | None, str | None, list[str] | None]:
    """Take components, bounds and sums as they are recorded."""
    bounds, components, sums = question["bounds"], question["components"], question["sums"]
    if not (isinstance(bounds, dict) and isinstance(components, list) and isinstance(sums, list)):
        raise TypeError("limits")
    limits = [f"{symbol}={low}:{high}" for symbol, (low, high) in bounds.items()]
    groups = ["{}={}:{}".format("+".join(group["elements"]), *group["at_percent"]) for group in sums]
    return "{}-{}".format(*components), ",".join(limits) or None, groups or None


def _said(question: Mapping[str, object]) -> tuple[str | None, str | None, list[str] | None]:
    """Read components, bounds and sums off the words of results that record nothing else."""
    said = str(question["limits"]).rpartition(": ")[0]
    components = None
    bounds: list[str] = []
    sums: list[str] = []
    for part in said.split(", ")[1:]:
        if count := _COUNT.fullmatch(part):
            components = f"{count['low']}-{count['high'] or count['low']}"
        elif span := _SPAN.fullmatch(part):
            text = f"{span['names']}={span['low']}:{span['high']}"
            (sums if "+" in span["names"] else bounds).append(text)
        else:
            raise ValueError(part)
    return components, ",".join(bounds) or None, sums or None
