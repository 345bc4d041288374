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
_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 150, 40, 50
_TICKS = 5


@dataclass(frozen=True, slots=True)
class _Frame:
    """Ranges of both axes, and where they lie."""

    x0: float
    x1: float
    y0: float
    y1: float

    def x(self, value: float) -> float:
        """Place of an x."""
        return _LEFT + (value - self.x0) / (self.x1 - self.x0) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Place of a y."""
        return _HEIGHT - _BOTTOM - (value - self.y0) / (self.y1 - self.y0) * (_HEIGHT - _TOP - _BOTTOM)


def lines_svg(title: str, lines: Mapping[str, Line], x_label: str, y_label: str, *, log_y: bool = False) -> str:
    """Draw lines with a legend; points that are not finite (or not above 0 on a logarithmic axis) are left out.

    Args:
        title: heading.
        lines: x and y by name.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        log_y: draw y on a logarithmic axis.
    """
    drawn = {name: _points(line, log_y) for name, line in lines.items()}
    frame = _frame(list(drawn.values()))
    parts = [_head(title, x_label, y_label), _axes(frame, log_y)]
    for number, (name, points) in enumerate(drawn.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="5 3"' if number >= len(COLOURS) else ""
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
        style = f'fill="none" stroke="{colour}" stroke-width="1.5"{dash}'
        parts.append(f'<polyline points="{path}" {style}/>' if path else "")
        height = _TOP + 16 * number + 8
        parts.append(
            f'<line x1="{_WIDTH - _RIGHT + 8}" x2="{_WIDTH - _RIGHT + 26}" y1="{height}" y2="{height}" {style}/>'
        )
        parts.append(f'<text x="{_WIDTH - _RIGHT + 30}" y="{height + 4}">{escape(name)}</text>')
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


def _points(line: Line, log_y: bool) -> list[tuple[float, float]]:
    """Points to draw, logarithms taken."""
    pairs = zip(np.asarray(line[0]).tolist(), np.asarray(line[1]).tolist(), strict=True)
    kept = [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y) and (y > 0.0 or not log_y)]
    return [(x, math.log10(y)) for x, y in kept] if log_y else kept


def _frame(lines: Sequence[Sequence[tuple[float, float]]]) -> _Frame:
    """Ranges that hold all points."""
    points = [point for line in lines for point in line] or [(0.0, 0.0)]
    x0, x1 = min(x for x, _ in points), max(x for x, _ in points)
    y0, y1 = min(y for _, y in points), max(y for _, y in points)
    return _Frame(x0, x1 if x1 > x0 else x0 + 1.0, y0, y1 if y1 > y0 else y0 + 1.0)


def _head(title: str, x_label: str, y_label: str) -> str:
    """Canvas, heading and names of the axes."""
    middle, centre = (_LEFT + _WIDTH - _RIGHT) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
            'font-size="11">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
            f'<text x="{middle}" y="22" text-anchor="middle" font-size="14">{escape(title)}</text>',
            f'<text x="{middle}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(x_label)}</text>',
            f'<text x="16" y="{centre}" text-anchor="middle" transform="rotate(-90 16 {centre})">'
            f"{escape(y_label)}</text>",
        ]
    )


def _axes(frame: _Frame, log_y: bool) -> str:
    """Both axes with ticks."""
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = [f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#000000"/>']
    for step in range(_TICKS):
        x = frame.x0 + (frame.x1 - frame.x0) * step / (_TICKS - 1)
        y = frame.y0 + (frame.y1 - frame.y0) * step / (_TICKS - 1)
        label = 10.0**y if log_y else y
        parts.append(f'<text x="{frame.x(x):.1f}" y="{bottom + 16}" text-anchor="middle">{x:.3g}</text>')
        parts.append(f'<text x="{_LEFT - 6}" y="{frame.y(y) + 4:.1f}" text-anchor="end">{label:.3g}</text>')
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{frame.y(y):.1f}" y2="{frame.y(y):.1f}" stroke="#dddddd"/>')
    return "\n".join(parts)
