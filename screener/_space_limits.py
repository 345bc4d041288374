"""What a composition space allows, in whole grid units, and why a set of limits can leave nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from screener.errors import CompositionError


@dataclass(frozen=True, slots=True)
class GroupSum:
    """Limits on the total amount of some elements.

    Attributes:
        members: positions of the elements, ascending.
        lower: least total in grid units.
        upper: greatest total in grid units.
    """

    members: tuple[int, ...]
    lower: int
    upper: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The grid and every limit of a space, without the names of its elements.

    Attributes:
        units: grid units in 100 at.%.
        lower: least amount of each element in grid units.
        upper: greatest amount of each element in grid units.
        components: least and greatest number of elements present.
        groups: limits on sums of elements.
    """

    units: int
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    components: tuple[int, int]
    groups: tuple[GroupSum, ...]

    def percent(self, amount: int) -> str:
        """Return ``amount`` grid units as at.% text."""
        return percent_text(Fraction(100 * amount, self.units))


def percent_text(value: Fraction) -> str:
    """Return at.% as the shortest decimal text people would write."""
    return f"{float(value):.10g}"


def merge_groups(limits: Limits, symbols: Sequence[str]) -> Limits:
    """Return ``limits`` in the one form that every spelling of the same sums leads to.

    A sum over one element becomes a bound, a sum over every element is 100 at.% and goes, sums over the same
    elements become one.

    Raises:
        CompositionError: if two limits on the same elements exclude each other.
    """
    d = len(limits.lower)
    singles: list[tuple[int, ...]] = [(i,) for i in range(d)]
    ranges = dict(zip(singles, zip(limits.lower, limits.upper, strict=True), strict=True))
    ranges.setdefault(tuple(range(d)), (limits.units, limits.units))
    for group in limits.groups:
        low, high = ranges.get(group.members, (0, limits.units))
        ranges[group.members] = max(low, group.lower), min(high, group.upper)
        if ranges[group.members][0] > ranges[group.members][1]:
            raise _exclusive(limits, _names(symbols, group.members), (low, high), group)
    bounds = [ranges.pop(single) for single in singles]
    ranges.pop(tuple(range(d)), None)
    groups = tuple(GroupSum(members, *ranges[members]) for members in sorted(ranges))
    lower, upper = tuple(low for low, _ in bounds), tuple(high for _, high in bounds)
    return Limits(limits.units, lower, upper, limits.components, groups)


def check_limits(limits: Limits, symbols: Sequence[str]) -> None:
    """Refuse limits that contradict each other, naming the two that do.

    Passing is no proof that the space holds a candidate: only counting is.

    Raises:
        CompositionError: if bounds, sums or component limits cannot be met together.
    """
    _check_bounds(limits)
    for group in limits.groups:
        _check_group(limits, group, _names(symbols, group.members))
    _check_components(limits)


def nothing_left() -> CompositionError:
    """Return the error of limits that only fail all together."""
    return CompositionError(
        "no composition meets all limits together", "widen `--bounds` or `--sum`, or change `--components`"
    )


def _names(symbols: Sequence[str], members: Iterable[int]) -> str:
    return "+".join(symbols[i] for i in members)


def _exclusive(limits: Limits, names: str, span: tuple[int, int], group: GroupSum) -> CompositionError:
    """Return the error of two ranges for the same elements that do not meet."""
    if len(group.members) == len(limits.lower):
        wanted = f"{limits.percent(group.lower)}:{limits.percent(group.upper)}"
        return CompositionError(
            f"sum `{names}={wanted}` covers every element, which add up to 100 at.%",
            "leave an element out of `--sum`, or drop it",
        )
    first, second = (f"{limits.percent(a)}:{limits.percent(b)}" for a, b in (span, (group.lower, group.upper)))
    return CompositionError(
        f"limits `{first}` and `{second}` on `{names}` exclude each other", "give one range that both allow"
    )


def _check_bounds(limits: Limits) -> None:
    least, most = sum(limits.lower), sum(limits.upper)
    if least > limits.units:
        raise CompositionError(
            f"lower bounds add up to {limits.percent(least)} at.%", "reduce lower limits in `--bounds` to 100 or less"
        )
    if most < limits.units:
        raise CompositionError(
            f"upper bounds add up to {limits.percent(most)} at.%", "raise upper limits in `--bounds` to 100 or more"
        )


def _check_group(limits: Limits, group: GroupSum, names: str) -> None:
    """Hold a sum against the bounds of its members and of the other elements."""
    least = sum(limits.lower[i] for i in group.members)
    most = sum(limits.upper[i] for i in group.members)
    # What the other elements leave: at least 100 minus all they may take, at most 100 minus all they must take.
    rest_most = limits.units - (sum(limits.lower) - least)
    rest_least = limits.units - (sum(limits.upper) - most)
    low, high = limits.percent(group.lower), limits.percent(group.upper)
    own, rest = f"bounds of `{names}` add up to", f"at.% to `{names}`, its sum"
    facts = (
        (least > group.upper, f"lower {own} {limits.percent(least)} at.%, its sum ends at {high}"),
        (most < group.lower, f"upper {own} {limits.percent(most)} at.%, its sum starts at {low}"),
        (rest_most < group.lower, f"other bounds leave at most {limits.percent(rest_most)} {rest} starts at {low}"),
        (rest_least > group.upper, f"other bounds leave at least {limits.percent(rest_least)} {rest} ends at {high}"),
    )
    for contradicts, fact in facts:
        if contradicts:
            raise CompositionError(fact, "widen that `--sum` or the `--bounds` it meets")


def _check_components(limits: Limits) -> None:
    """Hold the number of components against the bounds and the grid."""
    fewest, most = limits.components
    forced = sum(low > 0 for low in limits.lower)
    possible = sum(high > 0 for high in limits.upper)
    if forced > most:
        raise CompositionError(
            f"{forced} elements have a lower bound above 0, `--components` allows {most}",
            f"use `--components {forced}` or drop lower limits",
        )
    if possible < fewest:
        raise CompositionError(
            f"{possible} elements may be above 0, `--components` asks for {fewest}",
            "raise upper limits in `--bounds` above 0",
        )
    if fewest > limits.units:
        raise CompositionError(
            f"{fewest} components need more than the {limits.units} steps in 100 at.%", "use a finer `--step`"
        )
    richest = sum(sorted(limits.upper, reverse=True)[:most])
    if richest < limits.units:
        raise CompositionError(
            f"the {most} largest upper bounds add up to {limits.percent(richest)} at.%",
            "allow more `--components` or raise upper limits in `--bounds`",
        )
