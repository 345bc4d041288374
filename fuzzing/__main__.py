"""Fuzz every parser, or those named: `python -m fuzzing [NAME …] [--minutes M]`; the table goes to fuzzing/results."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fuzzing.results import RESULTS, Row, caption, facts, found, read_rows, table, write_rows
from fuzzing.searching import reproduce, search
from fuzzing.targets import TARGETS
from training.readme import replace_block


def main() -> int:
    """Search for each target in turn; return 1 if one of them broke its contract."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TARGETS)}; all where none is named")
    parser.add_argument("--minutes", type=float, help="for each, instead of what it deserves; writes no table")
    parser.add_argument("--table", action="store_true", help="print the table of the last runs, search for nothing")
    parser.add_argument("--page", type=Path, help="with --table: replace the tables between the marks of this file")
    parser.add_argument("--again", type=Path, metavar="FILE", help="try one input on the one target named")
    parser.add_argument("--found", type=Path, default=Path("build/fuzzing"), help="where inputs that break it go")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - set(TARGETS)):
        parser.error(f"no target {', '.join(unknown)}: there are {', '.join(TARGETS)}")
    if asked.table:
        text = f"{table(read_rows(RESULTS))}\n\n{caption()}"
        print(text)
        if asked.page:
            replace_block(asked.page, "fuzzing", text)
            replace_block(asked.page, "found", found())
        return 0
    if asked.again:
        return reproduce(TARGETS[asked.names[0]], asked.again)
    rows: list[Row] = []
    for name in asked.names or TARGETS:
        target = TARGETS[name]
        seconds = 60 * (target.minutes if asked.minutes is None else asked.minutes)
        print(f"{name}: {seconds:.0f} s …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="fuzzing-") as corpus:
            rows.append(search(target, seconds, Path(corpus), asked.found / name))
        if asked.minutes is None:
            write_rows(RESULTS, rows[-1], facts())
    print(table(rows))
    broken = [row.target for row in rows if row.crashes]
    if broken:
        print(f"broken: {', '.join(broken)}; see {asked.found}", file=sys.stderr)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
