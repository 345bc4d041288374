"""A chart of cost against work as SVG: seconds against candidates, rate against elements."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from benchmarks.bench_work import BY_CANDIDATES, BY_ELEMENTS
from benchmarks.timing import Line

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 260, 56, 44, 28
_OURS, _PLAIN = "#1f5fa8", "#999999"
Points = list[tuple[float, float]]


def work_chart(lines: Sequence[Line]) -> str:
    """Draw the lines of the stage `work`; empty where there are none. Grey: ONNX Runtime alone on ready features."""
    sizes, widths = (_points(lines, start) for start in (BY_CANDIDATES, BY_ELEMENTS))
    if len(sizes) < 2 or len(widths) < 2:
        return ""
    yardstick = next(line.value / line.ratio for line in lines if line.what.startswith(BY_ELEMENTS) and line.ratio)
    panels = (
        _panel(0, "seconds against candidates", sizes, [(n, n / yardstick) for n, _ in sizes], log_x=True),
        _panel(WIDTH, "candidates/s against elements", widths, [(n, yardstick) for n, _ in widths], log_x=False),
    )
    style = "font-family='sans-serif' font-size='11'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' width='{2 * WIDTH}' height='{HEIGHT}' {style}>"
    return "\n".join([head, "<rect width='100%' height='100%' fill='white'/>", *panels, "</svg>"]) + "\n"


def _points(lines: Sequence[Line], start: str) -> Points:
    """Read the number at the end of each line's work, and its value."""
    found = ((re.fullmatch(rf"{re.escape(start)} ([\d,]+)", line.what), line.value) for line in lines)
    return sorted((float(match[1].replace(",", "")), value) for match, value in found if match)


def _panel(shift: int, title: str, ours: Points, plain: Points, log_x: bool) -> str:
    """Draw one panel with a logarithmic axis upward, by decades."""
    xs, ys = [x for x, _ in ours], [y for _, y in (*ours, *plain)]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    first, last = (math.log10(min(xs)), math.log10(max(xs))) if log_x else (min(xs), max(xs))
    right, floor = WIDTH - 14, HEIGHT - BOTTOM

    def x_of(x: float) -> float:
        return shift + LEFT + (right - LEFT) * ((math.log10(x) if log_x else x) - first) / (last - first)

    def y_of(y: float) -> float:
        return floor - (floor - TOP) * (math.log10(y) - low) / max(1, high - low)

    parts = [f"<text x='{shift + LEFT}' y='16' font-weight='bold'>{title}</text>"]
    for power in range(low, high + 1):
        y = y_of(10.0**power)
        parts.append(f"<path d='M{shift + LEFT} {y:.1f}H{shift + right}' stroke='#ddd'/>")
        parts.append(f"<text x='{shift + LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>1e{power}</text>")
    ticks = [10.0**p for p in range(math.ceil(first), math.floor(last) + 1)] if log_x else xs
    for x in ticks:
        label = f"1e{math.log10(x):.0f}" if log_x else f"{x:.0f}"
        parts.append(f"<text x='{x_of(x):.1f}' y='{floor + 16}' text-anchor='middle'>{label}</text>")
    for points, colour in ((plain, _PLAIN), (ours, _OURS)):
        path = "M" + "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in points)
        parts.append(f"<path d='{path}' fill='none' stroke='{colour}' stroke-width='2'/>")
    parts += [f"<circle cx='{x_of(x):.1f}' cy='{y_of(y):.1f}' r='3' fill='{_OURS}'/>" for x, y in ours]
    for k, (text, colour) in enumerate((("three targets, everything", _OURS), ("ONNX Runtime alone", _PLAIN))):
        parts.append(f"<text x='{shift + LEFT + 160 * k}' y='{HEIGHT - 8}' fill='{colour}'>{text}</text>")
    return "\n".join(parts)
