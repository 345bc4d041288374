"""The composition space: every alloy on a grid that meets the limits, each known by one number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from screener._space_limits import GroupSum, Limits, check_limits, merge_groups, nothing_left, percent_text
from screener._space_options import (
    Bounds,
    Number,
    parse_bounds,
    parse_components,
    parse_elements,
    parse_step,
    parse_sums,
)
from screener.errors import CompositionError

__all__ = ["CompositionSpace", "GroupSum"]


@dataclass(frozen=True, slots=True)
class CompositionSpace:
    """All compositions of some elements on a grid, within limits; make one with :meth:`build`.

    Candidates are numbered from 0 in lexicographic order of their amounts: index 0 has the least of the first
    element, the last element takes the remainder.

    Attributes:
        elements: element symbols in column order [d].
        units: grid units in 100 at.%, 100 / step.
        lower: least amount of each element in grid units [d].
        upper: greatest amount of each element in grid units [d].
        components: least and greatest number of elements present.
        groups: limits on sums of two or more elements, by position.
        notes: what was changed on reading, in words, such as limits rounded to the grid.
    """

    elements: tuple[str, ...]
    units: int
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    components: tuple[int, int]
    groups: tuple[GroupSum, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def build(
        cls,
        elements: str | Sequence[str],
        step: Number = 1,
        components: str | int | tuple[int, int] | None = None,
        bounds: Bounds | None = None,
        sums: str | Sequence[str] | None = None,
    ) -> CompositionSpace:
        """Make a space from what people write.

        Args:
            elements: symbols, as ``"Al,Ti,Cr"`` or a sequence.
            step: grid step in at.%, read exactly; divides 100, from 0.1 to 50.
            components: how many elements may be present, ``"3"`` or ``"3-5"``.
            bounds: limits in at.%, ``"Al=5:35,Cr=0:20"`` or ``{"Al": (5, 35)}``; off-grid limits move inward.
            sums: limits on sums in at.%, each like ``"Nb+Mo+Ta+W=60:100"``; they may overlap.

        Raises:
            CompositionError: if something does not read, limits contradict each other, nothing is left, or the
                limits overlap in a way that is too large to count.
        """
        symbols = parse_elements(elements)
        units = parse_step(step)
        present, clipped = parse_components(components, len(symbols))
        lower, upper, bounds_notes = parse_bounds(bounds, symbols, units)
        groups, sums_notes = parse_sums(sums, symbols, units)
        limits = merge_groups(Limits(units, lower, upper, present, groups), symbols)
        check_limits(limits, symbols)
        notes = clipped + bounds_notes + sums_notes
        space = cls(symbols, units, limits.lower, limits.upper, present, limits.groups, notes)
        if space.size == 0:
            raise nothing_left()
        return space

    @property
    def size(self) -> int:
        """Number of candidates, exact at any magnitude."""
        from screener._space_counts import count

        return count(_limits(self))[0]

    @property
    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of the space; equal for equal spaces however they were written."""
        groups = [(*group.members, group.lower, group.upper) for group in self.groups]
        text = repr((self.elements, self.units, self.lower, self.upper, self.components, groups))
        return hashlib.sha256(f"composition space 1 {text}".encode()).hexdigest()[:16]

    def describe(self) -> str:
        """Return elements, step and limits in at.% and the size in one line."""
        limits = _limits(self)
        parts = [f"{'–'.join(self.elements)} at {percent_text(Fraction(100, self.units))} at.%"]
        fewest, most = self.components
        if self.components != (1, len(self.elements)):
            parts.append(f"{fewest} components" if fewest == most else f"{fewest} to {most} components")
        spans = [
            (symbol, span)
            for symbol, *span in zip(self.elements, self.lower, self.upper, strict=True)
            if span != [0, self.units]
        ]
        spans += [("+".join(self.elements[i] for i in g.members), [g.lower, g.upper]) for g in self.groups]
        parts += [f"{names} {limits.percent(low)}–{limits.percent(high)} at.%" for names, (low, high) in spans]
        return f"{', '.join(parts)}: {self.size:,} candidate{'' if self.size == 1 else 's'}"

    def limits(self) -> dict[str, object]:
        """Return bounds by element, number of components and sums as plain JSON values, limits in at.%."""

        def percent(lower: int, upper: int) -> list[float]:
            return [100 * lower / self.units, 100 * upper / self.units]

        spans = zip(self.elements, self.lower, self.upper, strict=True)
        return {
            "bounds": {symbol: percent(*span) for symbol, *span in spans if span != [0, self.units]},
            "components": list(self.components),
            "sums": [
                {"elements": [self.elements[i] for i in group.members], "at_percent": percent(group.lower, group.upper)}
                for group in self.groups
            ],
        }

    def fill(self, start: int, out: NDArray[np.float32]) -> int:
        """Write the atomic fractions of candidates ``start``, ``start + 1``, … into ``out`` [b, d].

        A candidate has the same bits wherever its block starts.

        Returns:
            Rows written: b, or what is left of the space.

        Raises:
            IndexError: if ``start`` is negative or beyond the end.
            CompositionError: if the space is too large to search.
        """
        from screener._space_access import fill_block

        return fill_block(_limits(self), start, out)

    def fill_counts(self, start: int, out: NDArray[np.uint8] | NDArray[np.uint16]) -> int:
        """Write the amounts of candidates ``start``, ``start + 1``, … in grid units into ``out`` [b, d].

        Returns:
            Rows written: b, or what is left of the space.

        Raises:
            IndexError: if ``start`` is negative or beyond the end.
            CompositionError: if the space is too large to search.
        """
        from screener._space_access import fill_units

        return fill_units(_limits(self), start, out)

    def counts(self, index: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the amounts of any candidates ``index`` [n] in grid units [n, d].

        Raises:
            IndexError: if an index is negative or beyond the end.
            CompositionError: if the space is too large to search.
        """
        from screener._space_access import counts_of

        return counts_of(_limits(self), index)

    def rank(self, counts: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the index [n] of compositions given in grid units [n, d]; the inverse of :meth:`counts`.

        Raises:
            CompositionError: if a composition is outside the space, or the space is too large to search.
        """
        from screener._space_access import ranks_of

        index = ranks_of(_limits(self), counts)
        if (index < 0).any():
            row = counts[np.argmax(index < 0)].tolist()
            shown = " ".join(f"{symbol}={amount}" for symbol, amount in zip(self.elements, row, strict=True))
            raise CompositionError(
                f"composition `{shown}` in steps of {_limits(self).percent(1)} at.% is outside the space",
                "keep to its elements and limits, and to amounts that add up to 100 at.%",
            )
        return index

    def ranges(self, block: int) -> Iterator[range]:
        """Yield ranges of ``block`` candidates, the last one shorter, that together cover the space once.

        Raises:
            CompositionError: if the space is too large to search.
        """
        from screener._space_access import searchable

        size, _ = searchable(_limits(self))
        if block < 1:
            raise ValueError(f"block of {block} candidates")
        return (range(start, min(start + block, size)) for start in range(0, size, block))

    def sample(self, n: int, seed: int) -> NDArray[np.int64]:
        """Draw ``n`` distinct candidates uniformly, without enumerating; indices ascend.

        An ``n`` of the size of the space or above gives every candidate. The draw depends on nothing but the size
        of the space, ``n`` and ``seed``.

        Raises:
            CompositionError: if ``n`` or ``seed`` is negative, or the space is too large to search.
        """
        from screener._space_access import draw, searchable

        return draw(searchable(_limits(self))[0], n, seed)


def _limits(space: CompositionSpace) -> Limits:
    return Limits(space.units, space.lower, space.upper, space.components, space.groups)
