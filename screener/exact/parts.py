"""Parts of a score or of a condition: what each does not exceed over cells, and what all come to together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.exact._cut_kernels import Roof, cut_all, points_below
from screener.exact._frame_kernels import Floats
from screener.exact.bounds import Block
from screener.exact.cells import Cells
from screener.exact.points import Points
from screener.exact.quantities import Quantity

_ROUNDING = 2.0**-44
_MARGIN = 1e-11
"""Share by which what a part must reach is lowered, against rounding of sums and products."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score.

    Attributes:
        quantity: what it reads.
        weight: factor on it, negative where less is better.
        desired: the ends of a desirability, worthless and ideal after the factor; None for a plain sum.
    """

    quantity: Quantity
    weight: float
    desired: tuple[float, float] | None = None

    def roof(self, block: Block, least: float = -np.inf, pull: Floats | None = None) -> Roof:
        """Return what the bounded number behind it, turned so that more is better, does not exceed in each cell.

        Below ``least`` of it, a rough bound is good enough.
        """
        return self.quantity.roof(block, self._sign, self.needed(np.full(len(block.frame.opened), least)), pull)

    def ceiling(self, roof: Roof) -> Floats:
        """Return what it does not exceed in each cell (n,) under its roof."""
        return self._worth(abs(self.weight) * self.quantity.risen(roof.ceiling, self._sign))

    def needed(self, least: Floats) -> Floats:
        """Return what the number under its roof must reach (n,) for it to reach ``least``, or less."""
        if self.desired is not None:
            worthless, ideal = self.desired
            wanted = worthless + least * (ideal - worthless)
            wanted -= _MARGIN * (abs(worthless) + abs(ideal))
            least = np.where(least > 0.0, wanted, -np.inf)
        return self.quantity.needed(least / abs(self.weight), self._sign)

    def range_at(self, points: Points) -> tuple[Floats, Floats]:
        """Return limits (b,) between which it lies at points."""
        low, high = self.quantity.range_at(points)
        ends = (self.weight * low, self.weight * high)
        least, most = ends if self.weight > 0 else ends[::-1]
        return self._worth(least), self._worth(most)

    @property
    def _sign(self) -> float:
        return 1.0 if self.weight > 0 else -1.0

    def _worth(self, value: Floats) -> Floats:
        """Turn a weighted number into its desirability, where there is one."""
        if self.desired is None:
            return value
        worthless, ideal = self.desired
        return np.clip((value - worthless) / (ideal - worthless), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a sum; where only rounding decides, the judge does.

    Attributes:
        parts: terms of the sum, without desirabilities.
        least: what the sum must reach.
    """

    parts: tuple[Part, ...]
    least: float


@dataclass(frozen=True, slots=True)
class Covered:
    """Parts over a block of n cells, and what they come to.

    Attributes:
        parts: the parts.
        roofs: what each does not exceed.
        each: the same as they count, shape (n,) each.
        constant: added to their sum.
        product: whether they multiply instead.
        ceiling: what they do not exceed together, shape (n,).
    """

    parts: tuple[Part, ...]
    roofs: tuple[Roof, ...]
    each: tuple[Floats, ...]
    constant: float
    product: bool
    ceiling: Floats

    def needed(self, least: float) -> Iterator[tuple[Roof, Floats]]:
        """Yield for every part its roof and what it must reach (n,) for all together to reach ``least``, or less."""
        sizes = np.sum(np.abs(self.each), axis=0) + abs(self.constant) + abs(least)
        for k, (part, roof) in enumerate(zip(self.parts, self.roofs, strict=True)):
            others = [values for other, values in enumerate(self.each) if other != k]
            if self.product:
                rest = np.prod(others, axis=0) if others else np.ones(len(sizes))
                own = np.where(rest > 0.0, least / np.maximum(rest, 1e-300), np.inf) * (1.0 - _MARGIN)
            else:
                own = least - self.constant - (np.sum(others, axis=0) if others else 0.0) - _MARGIN * sizes
            yield roof, part.needed(own)

    def cut(self, least: float, block: Block, units: int, cells: Cells, alive: NDArray[np.bool_]) -> None:
        """Shrink the boxes of cells, in place, to where all together may reach ``least``."""
        if least > -np.inf:
            for roof, own in self.needed(least):
                cut_all(block.frame, roof, own, units, cells.lower, cells.upper, alive)

    def below(
        self,
        least: float,
        block: Block,
        units: int,
        amounts: NDArray[np.int16],
        rows: NDArray[np.int64],
        out: NDArray[np.bool_],
    ) -> None:
        """Mark in ``out`` (b,) amounts (b, d), of cells in ``rows`` (b,), for which all together stay below."""
        if least > -np.inf:
            for roof, own in self.needed(least):
                points_below(block.frame, roof, own, units, amounts, rows, out)


def covered(
    parts: Sequence[Part],
    constant: float,
    block: Block,
    least: float,
    product: bool = False,
    pull: Floats | None = None,
) -> Covered:
    """Bound parts and what they come to over each cell (n,)."""
    alone = least if len(parts) == 1 and not constant else -np.inf
    roofs = [part.roof(block, alone, pull if k == 0 else None) for k, part in enumerate(parts)]
    each = [part.ceiling(roof) for part, roof in zip(parts, roofs, strict=True)]
    return Covered(tuple(parts), tuple(roofs), tuple(each), constant, product, _together(each, constant, product, 1.0))


def range_of(parts: Sequence[Part], constant: float, points: Points, product: bool = False) -> tuple[Floats, Floats]:
    """Return limits (b,) between which the parts together lie at points."""
    pairs = [part.range_at(points) for part in parts]
    low, high = ([pair[end] for pair in pairs] for end in (0, 1))
    return _together(low, constant, product, -1.0), _together(high, constant, product, 1.0)


def _together(values: Sequence[Floats], constant: float, product: bool, outward: float) -> Floats:
    """Add up or multiply, rounded outward by more than the judge may differ."""
    if len(values) == 1 and not constant:
        return values[0].copy()
    if product:
        # Desirabilities round little; one of exactly 1, or 0, stays that.
        return np.asarray(np.prod(values, axis=0) * (1.0 + outward * _ROUNDING))
    sizes = np.sum(np.abs(values), axis=0) + abs(constant)
    return np.asarray(np.sum(values, axis=0) + constant + outward * _ROUNDING * sizes)
