"""What is fuzzed: one target for each parser, with how long it deserves and what guides the search."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

FOLDER = Path(__file__).parent
_SCREENER = ("screener",)
_TOML = ("screener", "training", "tomllib")


@dataclass(frozen=True, slots=True)
class Target:
    """A parser and its harness in `fuzzing/harnesses`.

    Attributes:
        name: of the target, of its harness and of its folder of seeds.
        reads: what it reads, in words.
        oracle: what an answer is held against, in words.
        minutes: how long a run takes, at least three.
        guided: packages whose branches guide the search.
        compiled: whether kernels run compiled; else as plain Python, so that their branches guide as well.
        longest: bytes of the longest input tried.
        patience: seconds after which an input hangs.
    """

    name: str
    reads: str
    oracle: str
    minutes: float = 3.0
    guided: tuple[str, ...] = _SCREENER
    compiled: bool = True
    longest: int = 512
    patience: int = 30

    @property
    def seeds(self) -> list[Path]:
        """Inputs in the repository that a search starts from."""
        return sorted((FOLDER / "corpus" / self.name).iterdir())

    @property
    def check(self) -> Callable[[bytes], None]:
        """Hold the parser to its contract for one input; any exception is a finding."""
        return cast("Callable[[bytes], None]", importlib.import_module(f"fuzzing.harnesses.{self.name}").check)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Words that the search puts together."""
        return cast("tuple[str, ...]", importlib.import_module(f"fuzzing.harnesses.{self.name}").TOKENS)


TARGETS = {
    target.name: target
    for target in (
        Target("formula", "one formula", "kernels as plain Python; the canonical formula reads back", compiled=False),
        Target("formulas", "formulas read together", "the reader of one formula, to the last bit"),
        Target("space", "elements, step, components, bounds, sums", "counting up every amount", longest=256),
        Target("expression", "filters, rankings, objectives", "row by row in plain Python"),
        Target("declaration", "TOML of targets to learn", "names, kinds and units it may have", guided=_TOML),
        Target("methods", "TOML of multi-task methods", "written down, it reads back", 4.0, _TOML),
        Target("journal", "journals of runs, of lists", "written down, it reads back", 5.0, longest=8192),
        Target("delimited", "CSV records", "a walk from letter to letter; pieces of any size", 4.0, compiled=False),
        Target("json_lines", "JSON lines", "`json` of Python, line by line"),
        Target("alloy_list", "lists: text, JSON, Parquet, compressed", "each row by itself", 5.0, longest=4096),
        Target(
            "scored",
            "lists, scored with the shipped models",
            "every row accounted for, no score missing",
            5.0,
            patience=120,
        ),
        Target("card", "model cards", "written down, it reads back", longest=8192),
        Target("request", "requests to the server", "the answer is JSON; the command line asks the same"),
        Target("result", "results read for a report", "columns of one length, numbers that are numbers", longest=4096),
    )
}
