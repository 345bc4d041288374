"""Reading of what people write for a composition space: step, components, bounds, sums."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from screener._space_limits import GroupSum, percent_text
from screener.errors import CompositionError

Number = str | float | Fraction
Bounds = str | Mapping[str, str | tuple[Number, Number]]

FINEST, COARSEST = Fraction(1, 10), Fraction(50)
_DECIMAL = re.compile(r"[+-]?(?:\d{1,9}(?:\.\d{0,18})?|\.\d{1,18})")
_COUNTS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


def parse_elements(elements: str | Sequence[str]) -> tuple[str, ...]:
    """Return the element symbols of ``Al,Ti,Cr`` or of a sequence, in their order.

    Raises:
        CompositionError: if a symbol is missing, unknown or given twice.
    """
    from screener.elements import require_element

    symbols = [symbol.strip() for symbol in _texts(elements, "element", 'elements="Al,Ti,Cr"')]
    if not any(symbols):
        raise CompositionError("no elements given", "name them in order, e.g. `--elements Al,Ti,Cr`")
    if not all(symbols):
        raise CompositionError(f"empty element in `{','.join(symbols)}`", "separate elements by single commas")
    for position, symbol in enumerate(symbols):
        require_element(symbol)
        if symbol in symbols[:position]:
            raise CompositionError(f"element `{symbol}` is given twice", "name each element once")
    return tuple(symbols)


def parse_step(step: Number) -> int:
    """Return the grid units in 100 at.% of a step in at.%.

    Raises:
        CompositionError: if the step is no number, outside 0.1 to 50 at.% or does not divide 100 at.%.
    """
    value = _exact(step)
    if value is None:
        raise CompositionError(f"step `{step}` is not a number", "write the step in at.%, e.g. `--step 0.5`")
    shown = percent_text(value)
    if not FINEST <= value <= COARSEST:
        raise CompositionError(f"step `{shown}` is outside 0.1 to 50 at.%", "use a step from 0.1 to 50")
    units = 100 / value
    if units.denominator != 1:
        raise CompositionError(f"step `{shown}` does not divide 100 at.%", _near_steps(value))
    return units.numerator


def parse_components(components: str | int | tuple[int, int] | None, d: int) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Return the least and greatest number of elements present among ``d``, and what was changed in words.

    Raises:
        CompositionError: if the range does not read, is empty or asks for more than ``d`` elements.
    """
    if components is None:
        return (1, d), ()
    text = "-".join(map(str, components)) if isinstance(components, tuple) else str(components).strip()
    match = _COUNTS.fullmatch(text)
    if match is None:
        raise CompositionError(f"components `{text}` do not read as a number or a range", "write `3` or `3-5`")
    fewest, most = int(match[1]), int(match[2] or match[1])
    if fewest > most:
        raise CompositionError(f"components `{text}` run backwards", f"use `--components {most}-{fewest}`")
    if fewest < 1:
        fix = f"use `--components 1-{most}`" if most else "use `--components 1` for pure elements"
        raise CompositionError(f"components `{text}` start below 1", fix)
    if fewest > d:
        raise CompositionError(f"components `{text}` need more than the {d} elements given", "add to `--elements`")
    if most > d:
        return (fewest, d), (f"components `{text}` end at the {d} elements given",)
    return (fewest, most), ()


def parse_bounds(
    bounds: Bounds | None, symbols: Sequence[str], units: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[str, ...]]:
    """Return lower and upper limits [d] in grid units of ``Al=5:35,Cr=0:20``, and what was rounded in words.

    Raises:
        CompositionError: if a bound does not read, names an element twice or outside ``symbols``, or holds no
            grid point.
    """
    lower, upper, notes = [0] * len(symbols), [units] * len(symbols), []
    seen = set()
    for symbol, low, high in _bound_items(bounds):
        position = _position(symbol, symbols, "bound")
        if symbol in seen:
            raise CompositionError(f"element `{symbol}` has two bounds", "give one range an element")
        seen.add(symbol)
        lower[position], upper[position], said = _limits(symbol, low, high, units)
        notes += said
    return tuple(lower), tuple(upper), tuple(notes)


def parse_sums(
    sums: str | Sequence[str] | None, symbols: Sequence[str], units: int
) -> tuple[tuple[GroupSum, ...], tuple[str, ...]]:
    """Return the group limits of ``Nb+Mo+Ta+W=60:100`` texts, and what was rounded in words.

    Raises:
        CompositionError: if a sum does not read, names an element twice or outside ``symbols``, or holds no grid
            point.
    """
    groups, notes = [], []
    for text in () if sums is None else _texts(sums, "sum", 'sums="Nb+Mo=60:100"'):
        for item in text.split(","):
            names, low, high = _item(item, "Nb+Mo=60:100")
            members = [_position(name.strip(), symbols, "sum") for name in names.split("+")]
            if len(set(members)) < len(members):
                raise CompositionError(f"sum `{item.strip()}` names an element twice", "name each element once")
            members.sort()
            lower, upper, said = _limits("+".join(symbols[i] for i in members), low, high, units)
            groups.append(GroupSum(tuple(members), lower, upper))
            notes += said
    return tuple(groups), tuple(notes)


def _texts(given: object, what: str, example: str) -> list[str]:
    """Take one text of items parted by commas, or several texts.

    Raises:
        CompositionError: something else is among them.
    """
    parts: list[object] = [given]
    if isinstance(given, str):
        parts = [*given.split(",")]
    elif isinstance(given, Iterable) and not isinstance(given, bytes):
        parts = [*given]
    for part in parts:
        if not isinstance(part, str):
            raise CompositionError(f"{what} `{part!r}` is not text", f"write `{example}`")
    return [str(part) for part in parts]


def _exact(value: Number) -> Fraction | None:
    """Return the number a decimal text stands for, exactly; None if it is no plain decimal."""
    if isinstance(value, Fraction):
        return value
    text = str(value).strip()
    # Exponents stay out: a few characters of them would cost gigabytes.
    return Fraction(text) if _DECIMAL.fullmatch(text) else None


def _near_steps(value: Fraction) -> str:
    """Name the steps next to ``value`` that divide 100 at.% and need no more than two decimals."""
    steps = [Fraction(100, units) for units in range(1000, 1, -1) if 10_000 % units == 0]
    below = max(step for step in steps if step < value)
    above = min(step for step in steps if step > value)
    return f"use `--step {percent_text(below)}` or `--step {percent_text(above)}`"


def _bound_items(bounds: Bounds | None) -> list[tuple[str, Number, Number]]:
    """Return element, lower and upper limit of each bound as they were written.

    Raises:
        CompositionError: they are of another kind, or a bound is not two limits.
    """
    if bounds is None:
        return []
    spelled: list[tuple[str, Number, Number]] = []
    if isinstance(bounds, str):
        spelled += [_item(item, "Al=5:35") for item in bounds.split(",")]
        return spelled
    if not isinstance(bounds, Mapping):
        raise CompositionError(
            f"bounds `{bounds}` are neither text nor a dictionary", 'write `"Al=5:35,Cr=0:20"` or `{"Al": (5, 35)}`'
        )
    for symbol, limits in bounds.items():
        if isinstance(limits, str):
            spelled.append(_item(f"{symbol}={limits}", "Al=5:35"))
            continue
        pair = tuple(limits) if isinstance(limits, Iterable) else ()
        if len(pair) != 2:
            raise CompositionError(
                f"bound `{limits}` of `{symbol}` is not two limits", f'write `{{"{symbol}": (5, 35)}}`'
            )
        spelled.append((str(symbol), *pair))
    return spelled


def _item(item: str, example: str) -> tuple[str, str, str]:
    """Split ``names=low:high``."""
    names, equals, span = item.strip().partition("=")
    low, colon, high = span.partition(":")
    if not (names.strip() and equals and colon and low.strip() and high.strip()):
        raise CompositionError(f"`{item.strip()}` does not read as limits in at.%", f"write `{example}`")
    return names.strip(), low.strip(), high.strip()


def _position(symbol: str, symbols: Sequence[str], what: str) -> int:
    """Return where ``symbol`` stands in the space."""
    if symbol in symbols:
        return symbols.index(symbol)
    close = difflib.get_close_matches(symbol.capitalize(), symbols, n=1)
    raise CompositionError(
        f"{what} for `{symbol}`, which is not in the space",
        f"did you mean `{close[0]}`?" if close else f"the elements are `{','.join(symbols)}`",
    )


def _limits(names: str, low: Number, high: Number, units: int) -> tuple[int, int, list[str]]:
    """Return limits in at.% as grid units, rounded inward, and the rounding in words."""
    exact = [_percent(names, limit) for limit in (low, high)]
    shown = ":".join(percent_text(limit) for limit in exact)
    if exact[0] > exact[1]:
        turned = ":".join(percent_text(limit) for limit in reversed(exact))
        raise CompositionError(f"limits `{names}={shown}` run backwards", f"write `{names}={turned}`")
    lower, upper = math.ceil(exact[0] * units / 100), math.floor(exact[1] * units / 100)
    if lower > upper:
        step = percent_text(Fraction(100, units))
        raise CompositionError(
            f"limits `{names}={shown}` hold no grid point", f"widen them or use a step finer than {step} at.%"
        )
    notes = []
    for side, limit, amount in zip(("lower", "upper"), exact, (lower, upper), strict=True):
        grid = Fraction(100 * amount, units)
        if grid != limit:
            notes.append(f"`{names}` {side} limit {percent_text(limit)} at.% rounded to {percent_text(grid)} at.%")
    return lower, upper, notes


def _percent(names: str, limit: Number) -> Fraction:
    """Return one limit in at.%, exactly."""
    value = _exact(limit)
    if value is None:
        raise CompositionError(f"limit `{limit}` of `{names}` is not a number", f"write at.%, e.g. `{names}=5:35`")
    if not 0 <= value <= 100:
        raise CompositionError(f"limit `{percent_text(value)}` of `{names}` is outside 0 to 100 at.%", "write at.%")
    return value
