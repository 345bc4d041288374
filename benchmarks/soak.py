"""Mixed work for a long time in one process, and whether its memory stays flat.

    python -m benchmarks.soak --minutes 30 --into docs/reliability.md

Every round takes other elements: searches of three kinds, a list in and out, explanations, a report, files that are
written whole and verified, and requests that must be refused. Fails where an operation fails, where a refusal shows a
traceback, or where memory grows by more than a limit after the warm-up.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import polars

from benchmarks.bench_formulas import percents
from benchmarks.cases import models_folder
from benchmarks.machine import machine
from screener import CompositionSpace, screen
from screener import score as score_list
from screener.cli import main as command_line
from training.readme import replace_block

LIMIT = 1.05
"""Most that memory may grow after the warm-up."""
_SYMBOLS = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Nb", "Mo", "V", "Mn", "Si", "Hf", "Ta", "W")
_PARTS = 5
"""Into how many parts the time after the warm-up is cut."""
_REFUSED = (
    ("enumerate", "--elements", "Al,Xx"),
    ("enumerate", "--elements", "Al,Ti", "--where", "nothing > 3"),
    ("enumerate", "--elements", "Al,Ti", "--rank-by", "__import__('os')"),
    ("score", "missing.csv"),
    ("score", "damaged.csv", "--strict", "-o", "never.csv"),
    ("explain", "Al20Ti("),
    ("report", "damaged.csv", "-o", "never.html"),
    ("verify", "."),
)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did.

    Attributes:
        seconds: when it ended, after the start.
        megabytes: memory held then.
    """

    seconds: float
    megabytes: float


@dataclass(slots=True)
class Soak:
    """Mixed work in a folder.

    Attributes:
        folder: an empty one, removed afterwards by whoever made it.
        models: folder of models.
        rows: rows of the lists scored.
        rounds: what was done so far.
        done: operations by kind.
    """

    folder: Path
    models: Path
    rows: int = 2000
    rounds: list[Round] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def run(self, minutes: float, least: int = 2) -> None:
        """Work until the time is over.

        Raises:
            RuntimeError: an operation ended in another way than it must.
        """
        started = time.monotonic()
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            (self.folder / "damaged.csv").write_bytes(b"formula\n\x00\xff\xfe\n")
            while len(self.rounds) < least or time.monotonic() - started < 60 * minutes:
                for kind, work in self._works(np.random.default_rng(len(self.rounds))):
                    work()
                    self.done[kind] += 1
                gc.collect()
                self.rounds.append(Round(time.monotonic() - started, held_megabytes()))
                print(f"round {len(self.rounds)}: {self.rounds[-1]}", file=sys.stderr, flush=True)
        finally:
            os.chdir(before)

    def _works(self, rng: np.random.Generator) -> Iterator[tuple[str, Callable[[], object]]]:
        """List the operations of a round."""
        three, four = (",".join(rng.permutation(_SYMBOLS)[:count]) for count in (3, 4))
        yield "search in Python", lambda: self._screen(three.split(","), int(rng.integers(5, 50)))
        yield "search", lambda: self.command("enumerate", "--elements", three, "--step", "4", "-o", "best.csv")
        condition = f"{four.split(',')[0]} > {rng.integers(5, 30)} and density_g_cm3 < 9"
        base = ("enumerate", "--elements", four, "--step", "5")
        yield "filter", lambda: self.command(*base, "--where", condition, "-o", "some.jsonl")
        front = ("--pareto", "--maximize", "hardness_gpa", "--minimize", "resistivity_uohm_cm")
        yield "Pareto front", lambda: self.command(*base, *front, "-o", "front.parquet")
        exact = ("--search", "exact", "--maximize", "p_amorphous", "--top", "3")
        yield "exact search", lambda: self.command(*base, *exact, "-o", "exact.csv")
        yield "list", lambda: self._list(int(rng.integers(0, 50_000)))
        formula = "".join(f"{each}{25}" for each in four.split(","))
        yield "explain", lambda: self.command("explain", formula, "--json")
        yield "features", lambda: self.command("features", formula)
        yield "report", lambda: self.command("report", "best.csv", "-o", "best.html")
        yield "every candidate", lambda: self._everything(base)
        for words in _REFUSED:
            yield "refused", lambda words=words: self.command(*words, code=2)  # type: ignore[misc]

    def _screen(self, elements: Sequence[str], top: int) -> None:
        """Search through the Python interface."""
        found = screen(CompositionSpace.build(elements, 5), top=top, models=self.models)
        _expect(found.height == top, f"{found.height} of {top} alloys")

    def _list(self, seed: int) -> None:
        """Score a list as a table and as a file; every row must come back."""
        table = polars.DataFrame({"id": range(self.rows), "formula": percents(seed + self.rows)[seed:]})
        _expect(score_list(table, models=self.models).height == self.rows, "rows are missing")
        table.write_csv("list.csv")
        self.command("score", "list.csv", "--tier", "screen", "-o", "scored.parquet")
        _expect(polars.read_parquet("scored.parquet").height == self.rows, "rows are missing")

    def _everything(self, base: Sequence[str]) -> None:
        """Write every candidate, prove the files, and remove them."""
        self.command(*base, "--all", "ALL", "-o", "of_all.csv")
        self.command("verify", "ALL")
        shutil.rmtree("ALL")

    def command(self, *words: str, code: int = 0) -> None:
        """Call a command of the command line in this process.

        Raises:
            RuntimeError: it ends in another way.
        """
        models = () if words[0] in ("features", "verify") else ("--models", str(self.models))
        out, said = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
            ended = command_line([*words, *models])
        _expect(ended == code and "Traceback" not in said.getvalue(), f"{words} ended with {ended}: {said.getvalue()}")

    def parts(self, warm_up: float) -> list[list[Round]]:
        """Cut the rounds after the warm-up into parts of about the same number of rounds."""
        after = [each for each in self.rounds if each.seconds >= warm_up] or self.rounds
        return [[after[k] for k in places] for places in np.array_split(np.arange(len(after)), min(_PARTS, len(after)))]


def growth(parts: Sequence[Sequence[Round]]) -> float:
    """Memory of the last part in terms of the first's; medians, as a round may end in the middle of a collection."""
    first, last = (statistics.median(each.megabytes for each in part) for part in (parts[0], parts[-1]))
    return last / first


def held_megabytes() -> float:
    """Memory that this process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def table(soak: Soak, parts: Sequence[Sequence[Round]]) -> str:
    """Write memory by time as a Markdown table, and what was done in a sentence."""
    lines = ["| minutes | rounds | memory, median | most |", "|---|---:|---:|---:|"]
    for part in parts:
        held = [each.megabytes for each in part]
        span = f"{part[0].seconds / 60:.0f} to {part[-1].seconds / 60:.0f}"
        lines.append(f"| {span} | {len(part)} | {statistics.median(held):.0f} MB | {max(held):.0f} MB |")
    kinds = ", ".join(f"{count} × {kind}" for kind, count in soak.done.items())
    said = f"{sum(soak.done.values()):,} operations in {soak.rounds[-1].seconds / 60:.0f} minutes: {kinds}."
    return "\n".join([*lines, "", f"{said} Growth from the first part to the last: {growth(parts) - 1:+.1%}."])


def _expect(fact: bool, problem: str) -> None:
    """Refuse to go on where something is wrong.

    Raises:
        RuntimeError: the fact does not hold.
    """
    if not fact:
        raise RuntimeError(problem)


def main() -> int:
    """Work, print the table, write it where asked; 1 where memory grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: %(default)s)")
    parser.add_argument("--warm-up", type=float, default=5.0, help="minutes not counted (default: %(default)s)")
    parser.add_argument("--into", type=Path, help="file that holds the marks `<!-- soak -->` and `<!-- /soak -->`")
    parser.add_argument("--results", type=Path, help="JSON file of every round")
    asked = parser.parse_args()
    places = (each and each.resolve() for each in (asked.into, asked.results))
    into, results = places
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), models_folder().resolve())
        soak.run(asked.minutes)
    if results:
        rounds = [asdict(each) for each in soak.rounds]
        content = {"machine": machine(), "operations": soak.done, "rounds": rounds}
        results.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    parts = soak.parts(60 * asked.warm_up)
    text = table(soak, parts)
    print(text)
    if into:
        replace_block(into, "soak", text)
    return 0 if growth(parts) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
