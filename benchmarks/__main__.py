"""Run every benchmark on this machine: `python -m benchmarks [--quick] [--readme README.md]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import (
    bench_exact,
    bench_featurize,
    bench_formulas,
    bench_infer,
    bench_lists,
    bench_peers,
    bench_screen,
    bench_space,
    bench_startup,
)
from benchmarks.cases import FULL, QUICK
from benchmarks.machine import machine, slug
from benchmarks.report import caption, headlines, read_json, renewed, table, write_json
from benchmarks.timing import Line
from training.readme import replace_block

STAGES = (
    bench_space,
    bench_formulas,
    bench_featurize,
    bench_infer,
    bench_screen,
    bench_exact,
    bench_lists,
    bench_peers,
    bench_startup,
)
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Time every stage, print one table, write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything works; writes nothing")
    parser.add_argument(
        "--readme", type=Path, help="replace the table between the speed marks of this file by a short one"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON file (default: %(default)s)")
    names = [stage.__name__.rpartition("_")[2] for stage in STAGES]
    parser.add_argument("--stage", action="append", choices=names, help="only this one; the others' last lines stay")
    asked = parser.parse_args()
    file = asked.results / f"{slug(machine())}.json"
    size = QUICK if asked.quick else FULL
    found: list[Line] = []
    for name, stage in zip(names, STAGES, strict=True):
        if asked.stage and name not in asked.stage:
            continue
        print(f"{stage.__name__} …", file=sys.stderr, flush=True)
        found += stage.lines(size)
    facts = machine()
    if asked.stage and not asked.quick:
        before, earlier = read_json(file)
        if {**before, "date": ""} != {**facts, "date": ""}:
            parser.error(f"{file} is of another machine, other packages or models: run every stage")
        found = renewed(earlier, found)
    text = f"{table(found)}\n\n{caption(facts)}"
    print(text)
    if asked.quick:
        return
    write_json(file, facts, found)
    if asked.readme:
        replace_block(asked.readme, "speed", f"{table(headlines(found))}\n\n{caption(facts)}")


if __name__ == "__main__":
    main()
