"""The results of a run as a table for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.timing import Line


def headlines(lines: Sequence[Line]) -> list[Line]:
    """Pick the lines of the short table."""
    return [line for line in lines if line.headline]


def table(lines: Sequence[Line]) -> str:
    """Write lines as a Markdown table."""
    rows = [f"| {line.stage} | {line.what} | {amount(line)} | {comparison(line)} |" for line in lines]
    return "\n".join(["| stage | work | measured | in the same run |", "|---|---|---:|---|", *rows])


def amount(line: Line) -> str:
    """Write a value with its unit: `21.4 M candidates/s`, `0.31 s`, `312 MB`."""
    if line.unit.endswith("/s"):
        scale, letter = next(((s, x) for s, x in ((1e6, " M"), (1e3, " k")) if line.value >= s), (1.0, ""))
        return f"{line.value / scale:.3g}{letter} {line.unit}"
    if line.unit == "s" and line.value < 0.01:
        return f"{1000 * line.value:.2g} ms"
    return f"{line.value:.0f} {line.unit}" if line.value >= 100 else f"{line.value:.2g} {line.unit}"


def comparison(line: Line) -> str:
    """Write a ratio: `6.1 × vectorised NumPy`."""
    if line.ratio is None:
        return ""
    if line.ratio < 0.1:
        return f"1 / {1 / line.ratio:,.0f} of {line.beside}"
    digits = f"{line.ratio:,.0f}" if line.ratio >= 100 else f"{line.ratio:.2g}"
    return f"{digits} × {line.beside}"


def caption(facts: Mapping[str, str | int]) -> str:
    """Say where and with what a table was measured."""
    packages = ("python", "numpy", "numba", "onnxruntime-gpu", "onnxruntime")
    named = ", ".join(f"{name} {facts[name]}" for name in packages if name in facts)
    return (
        f"{facts['processor']}, {facts['cores']} cores, {named}; models {facts['models']}, {facts['date']}. "
        "Best of several rounds, compiled before. Written by `python -m benchmarks`, which prints more lines."
    )


def renewed(earlier: Sequence[Line], found: Sequence[Line]) -> list[Line]:
    """Put lines measured anew in the place of those of their stages."""
    stages = dict.fromkeys(line.stage for line in (*earlier, *found))
    anew = {line.stage for line in found}
    return [line for stage in stages for line in (found if stage in anew else earlier) if line.stage == stage]


def read_json(path: Path) -> tuple[dict[str, str | int], list[Line]]:
    """Read machine and lines."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return document["machine"], [Line(**line) for line in document["lines"]]


def write_json(path: Path, facts: Mapping[str, str | int], lines: Sequence[Line]) -> None:
    """Write machine and lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": dict(facts), "lines": [asdict(line) for line in lines]}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
