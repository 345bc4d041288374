"""Run every benchmark on this machine: `python -m benchmarks [--quick] [--long] [--readme README.md]`."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.cases import FULL, QUICK
from benchmarks.machine import machine, slug
from benchmarks.plot import work_chart
from benchmarks.report import caption, headlines, read_json, renewed, table, write_json
from benchmarks.timing import Line
from training.readme import replace_block

STAGES = (
    *("count", "unrank", "formulas", "featurize", "infer", "threads", "rank", "write", "screen", "memory", "exact"),
    *("lists", "peers", "startup", "training"),
)
"""What runs when nothing else is said; `training` is last, as it imports torch."""
LONG = ("precision", "work", "gpu", "ray")
"""What runs only when it is named, or with `--long`."""
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Time every stage, print one table, write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything works; writes nothing")
    parser.add_argument(
        "--readme", type=Path, help="replace the table between the speed marks of this file by a short one"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON file (default: %(default)s)")
    parser.add_argument("--long", action="store_true", help=f"also {', '.join(LONG)}")
    parser.add_argument(
        "--stage", action="append", choices=(*STAGES, *LONG), help="only this one; the others' last lines stay"
    )
    asked = parser.parse_args()
    file = asked.results / f"{slug(machine())}.json"
    size = QUICK if asked.quick else FULL
    found: list[Line] = []
    for name in asked.stage or (*STAGES, *(LONG if asked.long else ())):
        print(f"{name} …", file=sys.stderr, flush=True)
        found += importlib.import_module(f"benchmarks.bench_{name}").lines(size)
    facts = machine()
    if asked.stage and not asked.quick and file.exists():
        before, earlier = read_json(file)
        if {**before, "date": ""} != {**facts, "date": ""}:
            parser.error(f"{file} is of another machine, other packages or models: run every stage")
        found = renewed(earlier, found)
    text = f"{table(found)}\n\n{caption(facts)}"
    print(text)
    if asked.quick:
        return
    write_json(file, facts, found)
    if chart := work_chart(found):
        file.with_name(f"{file.stem}-work.svg").write_text(chart, encoding="utf-8")
    if asked.readme:
        replace_block(asked.readme, "speed", f"{table(headlines(found))}\n\n{caption(facts)}")


if __name__ == "__main__":
    main()
