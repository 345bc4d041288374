"""Small figures as SVG: lines over a common axis, and distributions of errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Line = tuple[Array, Array]
"""x and y of a line, shape (n,) each."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Distinct to colour-blind readers: Okabe & Ito 2008."""
_LEFT, _END, _TOP, _BOTTOM = 70, 490, 40, 350
"""Edges of the drawing; the legend stands to the right of it."""
_LEGEND, _LETTER, _ROW = 150, 6.3, 16
"""Least width of the legend, and what a letter and a line of it take."""
_WANTED = 5
"""Steps between the ticks of an axis, about."""
_ROUND = (1, 2, 5)
"""First digits of ticks."""
_MOST_ROUND = 8
"""Ticks of a logarithmic axis beyond which only powers of ten are left."""
_SMALL, _ALIKE = 1e-9, 1e-6
"""Rounding error of a quotient, and the share of a value by which others must differ to be told apart on an axis."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """Range of an axis with its ticks, logarithms taken where ``log``.

    Attributes:
        low: at one end.
        high: at the other.
        ticks: places and what is written at them.
        log: whether values stand at their logarithms.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value lies, from 0 to 1."""
        place = math.log10(value) if self.log else value
        return (place - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Both axes, and where values lie between them."""

    x_axis: _Axis
    y_axis: _Axis

    def x(self, value: float) -> float:
        """Place of an x."""
        return _LEFT + self.x_axis.share(value) * (_END - _LEFT)

    def y(self, value: float) -> float:
        """Place of a y."""
        return _BOTTOM - self.y_axis.share(value) * (_BOTTOM - _TOP)


def lines_svg(
    title: str,
    lines: Mapping[str, Line],
    x_label: str,
    y_label: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    x_ticks: Mapping[float, str] | None = None,
    floor: float | None = None,
) -> str:
    """Draw lines with a legend; points that are not finite (or not above 0 on a logarithmic axis) are left out.

    Args:
        title: heading.
        lines: x and y by name.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        log_x: draw x on a logarithmic axis, which its label then says.
        log_y: likewise for y.
        x_ticks: what is written at which x; round numbers where None.
        floor: lowest y that is drawn; what lies below is marked at the edge. None for no such.
    """
    drawn = {name: _points(line, log_x=log_x, log_y=log_y) for name, line in lines.items()}
    below = {name: [x for x, y in points if floor is not None and y < floor] for name, points in drawn.items()}
    if floor is not None:
        drawn = {name: [(x, max(y, floor)) for x, y in points] for name, points in drawn.items()}
    points = [point for line in drawn.values() for point in line]
    frame = _Frame(_axis([x for x, _ in points], log_x, x_ticks), _axis([y for _, y in points], log_y))
    y_said = f"{y_label} (▽: below {floor:g})" if any(below.values()) else y_label
    logarithmic = {True: ", logarithmic", False: ""}
    parts = [_head(title, x_label + logarithmic[log_x], y_said + logarithmic[log_y], list(lines)), _axes(frame)]
    for number, (name, line) in enumerate(drawn.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="5 3"' if number >= len(COLOURS) else ""
        style = f'fill="none" stroke="{colour}" stroke-width="1.5"{dash}'
        parts += [_line(frame, line, style), *(_mark(frame.x(x), colour) for x in below[name])]
        parts.append(_named(name, _TOP + _ROW * number + 8, style))
    return "\n".join([*filter(None, parts), "</svg>", ""])


def histogram_svg(title: str, samples: Mapping[str, Array], x_label: str, *, bins: int = 40) -> str:
    """Draw the densities of samples as outlines over common bins up to the 99th percentile of all."""
    finite = {name: np.asarray(values)[np.isfinite(values)] for name, values in samples.items()}
    every = np.concatenate([*finite.values(), np.zeros(1)])
    low, high = np.quantile(every, [0.005, 0.995]) if (every < 0.0).any() else (0.0, float(np.quantile(every, 0.99)))
    edges = np.linspace(low, max(high, low + 1e-9), bins + 1)
    lines: dict[str, Line] = {}
    for name, values in finite.items():
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        density = counts / max(1, len(values)) / (edges[1] - edges[0])
        lines[name] = (np.repeat(edges, 2)[1:-1], np.repeat(density, 2))
    return lines_svg(title, lines, x_label, "density")


def mean_curve(curves: Sequence[Array]) -> Line:
    """Average curves of different lengths over those that have an epoch, counted from 1."""
    longest = max(len(curve) for curve in curves)
    table = np.full((len(curves), longest), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = curve
    known = np.isfinite(table)
    mean = np.where(known.any(axis=0), np.where(known, table, 0.0).sum(axis=0) / known.sum(axis=0).clip(1), np.nan)
    return np.arange(1.0, longest + 1.0), mean


def _points(line: Line, *, log_x: bool, log_y: bool) -> list[tuple[float, float]]:
    """Points that can be drawn."""
    pairs = zip(np.asarray(line[0]).tolist(), np.asarray(line[1]).tolist(), strict=True)
    finite = [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]
    return [(x, y) for x, y in finite if (x > 0.0 or not log_x) and (y > 0.0 or not log_y)]


def _axis(values: Sequence[float], log: bool, written: Mapping[float, str] | None = None) -> _Axis:
    """Lay out an axis that holds values, from one round number to another unless ticks are given."""
    low, high = (min(values), max(values)) if values else (1.0, 1.0)
    if written is not None:
        ticks = tuple((place, text) for place, text in written.items() if low <= place <= high)
        ends = (math.log10(low), math.log10(high)) if log else (low, high)
        return _Axis(ends[0], ends[1] if ends[1] > ends[0] else ends[0] + 1.0, ticks, log)
    places = _round_powers(low, high) if log else _round_steps(low, high)
    ends = (math.log10(places[0]), math.log10(places[-1])) if log else (places[0], places[-1])
    return _Axis(*ends, tuple((place, _decimal(place, log, places)) for place in places), log)


def _round_steps(low: float, high: float) -> list[float]:
    """Numbers at equal steps of 1, 2 or 5 times a power of ten, from below the lowest to above the highest value."""
    size = max(abs(low), abs(high)) or 1.0
    width = high - low if high - low > _ALIKE * size else size
    power = 10.0 ** math.floor(math.log10(width / _WANTED))
    step = next(digit * power for digit in (*_ROUND, 10) if digit * power >= (1.0 - _SMALL) * width / _WANTED)
    first, last = math.floor(low / step + _SMALL), math.ceil(high / step - _SMALL)
    return [k * step for k in range(first, max(last, first + 1) + 1)]


def _round_powers(low: float, high: float) -> list[float]:
    """Numbers 1, 2 and 5 times powers of ten around values above 0; powers of ten alone where that is many."""
    first, last = (math.floor(math.log10(value)) for value in (low, high))
    every = [digit * 10.0**power for power in range(first, last + 2) for digit in _ROUND]
    under = max(place for place in every if place <= low * (1.0 + _SMALL))
    over = min(place for place in every if place >= high * (1.0 - _SMALL) and place > under)
    near = [place for place in every if under <= place <= over]
    if len(near) <= _MOST_ROUND:
        return near
    end = math.ceil(math.log10(high) - _SMALL)
    return [10.0**power for power in range(first, end + 1)]


def _decimal(place: float, log: bool, places: Sequence[float]) -> str:
    """Write a tick without an exponent, with as many decimals as its axis needs."""
    finest = place if log else places[1] - places[0]
    return f"{place:,.{max(0, -math.floor(math.log10(finest) + _SMALL))}f}"


def _head(title: str, x_label: str, y_label: str, names: Sequence[str]) -> str:
    """Canvas with room for the names of the lines, heading and names of the axes."""
    width = _END + max(_LEGEND, math.ceil(_LETTER * max(map(len, names), default=0)) + 36)
    height = max(_BOTTOM + 50, _TOP + _ROW * len(names))
    middle, centre = (_LEFT + _END) / 2, (_TOP + _BOTTOM) / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            'font-size="11">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<text x="{middle}" y="22" text-anchor="middle" font-size="14">{escape(title)}</text>',
            f'<text x="{middle}" y="{_BOTTOM + 38}" text-anchor="middle">{escape(x_label)}</text>',
            f'<text x="16" y="{centre}" text-anchor="middle" transform="rotate(-90 16 {centre})">'
            f"{escape(y_label)}</text>",
        ]
    )


def _axes(frame: _Frame) -> str:
    """Both axes with ticks."""
    parts = [f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_END}" fill="none" stroke="#000000"/>']
    for place, text in frame.x_axis.ticks:
        parts.append(f'<text x="{frame.x(place):.1f}" y="{_BOTTOM + 16}" text-anchor="middle">{escape(text)}</text>')
    for place, text in frame.y_axis.ticks:
        y = frame.y(place)
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
        parts.append(f'<line x1="{_LEFT}" x2="{_END}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
    return "\n".join(parts)


def _line(frame: _Frame, points: Sequence[tuple[float, float]], style: str) -> str:
    """A line through points, a ring around a single one."""
    places = [f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points]
    if len(points) == 1:
        x, _, y = places[0].partition(",")
        return f'<circle cx="{x}" cy="{y}" r="3" {style}/>'
    return f'<polyline points="{" ".join(places)}" {style}/>' if places else ""


def _mark(x: float, colour: str) -> str:
    """A triangle at the lower edge that points to what lies below."""
    return f'<path d="M{x - 5:.1f} {_BOTTOM - 8}H{x + 5:.1f}L{x:.1f} {_BOTTOM}Z" fill="#ffffff" stroke="{colour}"/>'


def _named(name: str, height: int, style: str) -> str:
    """One line of the legend."""
    return (
        f'<line x1="{_END + 8}" x2="{_END + 26}" y1="{height}" y2="{height}" {style}/>\n'
        f'<text x="{_END + 30}" y="{height + 4}">{escape(name)}</text>'
    )
