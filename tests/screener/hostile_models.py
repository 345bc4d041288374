"""Folders of models as somebody with bad intent, or a bad disk, would leave them, by kind.

`python tests/screener/hostile_models.py` tries them all on the command line and prints what became of them.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hostile_attacks import Attack
from hostile_files import damage, format_tricks, not_a_model, too_much
from hostile_folders import cards, folders
from hostile_graphs import external, foreign, numbers, shapes, trees


def attacks() -> Iterator[Attack]:
    """Yield them all."""
    for each in (
        not_a_model,
        damage,
        external,
        foreign,
        too_much,
        format_tricks,
        shapes,
        numbers,
        cards,
        folders,
        trees,
    ):
        yield from each()


@dataclass(frozen=True)
class Outcome:
    """What became of an attack: exit code, standard output, standard error, seconds of processor time."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def refused(self) -> bool:
        """Whether the command ended with one fact, a hint and nothing else, and sent no escapes to the terminal."""
        told = re.fullmatch(r"error: [^\n]+\n\nhint: [^\n]+\n", self.err)
        return self.code == 2 and not self.out and told is not None and self.err.replace("\n", "").isprintable()


def tried(attack: Attack, models: Path, scratch: Path) -> Outcome:
    """Spoil a copy of a folder of models and list it on the command line."""
    from screener.cli import main

    folder = scratch / "models"
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(models, folder)
    attack.spoil(folder)
    out, err = io.StringIO(), io.StringIO()
    before = time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["models", "--models", str(folder)])
    return Outcome(code, out.getvalue(), err.getvalue(), time.process_time() - before)


def report() -> None:
    """Try every attack and print a table by kind."""
    from tiny_models import publish_tiny_models

    counts: Counter[tuple[str, str]] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        models = publish_tiny_models(Path(scratch) / "tiny")
        for attack in attacks():
            outcome = tried(attack, models, Path(scratch) / "spoilt")
            slowest = max(slowest, outcome.seconds)
            counts[attack.kind, "tried"] += 1
            loads = attack.harmless and outcome.code == 0
            end = "refused" if outcome.refused else "loaded" if loads else "wrong"
            counts[attack.kind, end] += 1
            if end == "wrong":
                print(f"{attack.kind}, {attack.name}: {outcome}", file=sys.stderr)
    kinds = list(dict.fromkeys(kind for kind, _ in counts))
    print("| kind | tried | refused | loaded: nothing is harmed | crashed, hung or wrong |\n|---|---|---|---|---|")
    for kind in [*kinds, None]:
        cells = [sum(n for (k, e), n in counts.items() if kind in (k, None) and e == end) for end in ENDS]
        print(f"| {kind or 'all'} | {' | '.join(map(str, cells))} |")
    print(f"\nThe slowest took {slowest:.1f} s of processor time.")


ENDS = ("tried", "refused", "loaded", "wrong")

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    report()
