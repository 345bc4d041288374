"""Change the code a little, one place at a time, and see whether a test notices.

    pip install cosmic-ray==8.7.0
    python -m benchmarks.mutants --sample 12 --results benchmarks/results/mutants

Works on a copy of the repository; kernels run as plain Python (NUMBA_DISABLE_JIT), so that a change in them costs no
compilation. Places are drawn with a fixed seed. What survives is listed with its line, to be judged by a reader: either
it cannot change a result, or a test is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

REPOSITORY = Path(__file__).resolve().parents[1]
SECONDS = 120
"""Processor time of the tests of one change; a test that runs longer has noticed it."""
_TESTS = "tests/screener"


@dataclass(frozen=True, slots=True)
class Subject:
    """A module and the tests that must notice a change in it.

    Attributes:
        module: its file.
        tests: arguments of pytest.
        compiled: run kernels as machine code, because the tests search with them.
    """

    module: str
    tests: str
    compiled: bool = False


SUBJECTS: Mapping[str, Subject] = {
    "ranking": Subject("screener/ranking.py", f"--noconftest {_TESTS}/test_ranking.py"),
    "formula": Subject(
        "screener/_formula_grammar.py",
        f"--noconftest {_TESTS}/test_formula.py {_TESTS}/test_formula_refusals.py {_TESTS}/test_formula_laws.py",
    ),
    "sealed": Subject("screener/runs/sealed.py", f"--noconftest {_TESTS}/runs/test_sealed.py"),
    "pareto": Subject("screener/pareto.py", f"{_TESTS}/test_pareto.py {_TESTS}/test_settled_filter.py"),
    "space": Subject("screener/_space_kernels.py", f"{_TESTS}/test_space.py {_TESTS}/test_space_borders.py"),
    "descriptors": Subject("screener/descriptors/_kernels.py", f"{_TESTS}/test_descriptors.py"),
    "expression": Subject(
        "screener/_expression_tree.py", f"{_TESTS}/test_expression.py {_TESTS}/test_expression_refusals.py"
    ),
    "journal": Subject(
        "screener/runs/journal.py",
        f"{_TESTS}/runs/test_sealed.py {_TESTS}/runs/test_shard_entries.py {_TESTS}/runs/test_resume.py "
        f"{_TESTS}/runs/test_stopped_runs.py",
        compiled=True,
    ),
}
_SAME = re.compile(r"core/(ReplaceBinaryOperator_BitOr_.*|RemoveDecorator)")
"""Changes of type hints, of decorators that only compile or cache."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change and what became of it.

    Attributes:
        subject: name of the module's entry.
        operator: kind of change.
        line: where.
        outcome: `killed` where a test noticed, `survived` where none did.
        diff: the changed lines.
    """

    subject: str
    operator: str
    line: int
    outcome: str
    diff: str


def mutants(name: str, sample: int, seed: int, python: str) -> tuple[int, list[Mutant]]:
    """Try changes of one module in a copy of the repository; how many there are, and what became of those drawn."""
    init, mutating = (import_module(f"cosmic_ray.{each}") for each in ("commands.init", "mutating"))
    subject = SUBJECTS[name]
    items = [item for item in init._all_work_items([subject.module], {}) if not _SAME.match(_of(item).operator_name)]
    items.sort(key=lambda item: (_of(item).operator_name, _of(item).occurrence))
    drawn = random.Random(seed).sample(items, min(sample, len(items)))
    command = f"ulimit -t {SECONDS}; exec {python} -m pytest -x -q --hypothesis-seed=0 {subject.tests}"
    os.environ["NUMBA_DISABLE_JIT"] = "0" if subject.compiled else "1"
    found = []
    for item in drawn:
        done = mutating.mutate_and_test(item.mutations, f"bash -c {shlex.quote(command)}", 20 * SECONDS)
        where, outcome = _of(item), done.test_outcome.value if done.test_outcome else "no test"
        lines = [each for each in (done.diff or "").splitlines() if re.match(r"[+-](?![+-])", each)]
        operator = where.operator_name.removeprefix("core/")
        found.append(Mutant(name, operator, where.start_pos[0], outcome, "\n".join(lines)))
        print(found[-1], file=sys.stderr, flush=True)
    return len(items), found


class _Place(Protocol):
    operator_name: str
    occurrence: int
    start_pos: tuple[int, int]


class _Item(Protocol):
    mutations: Sequence[_Place]


def _of(item: _Item) -> _Place:
    return item.mutations[0]


def table(found: Mapping[str, tuple[int, Sequence[Mutant]]]) -> str:
    """Write the numbers as a Markdown table."""
    lines = ["| module | changes there are | tried | noticed | survived |", "|---|---:|---:|---:|---:|"]
    for name, (count, tried) in found.items():
        killed = sum(each.outcome == "killed" for each in tried)
        survived = sum(each.outcome == "survived" for each in tried)
        lines.append(f"| `{SUBJECTS[name].module}` | {count} | {len(tried)} | {killed} | {survived} |")
    return "\n".join(lines)


def main() -> None:
    """Try changes, print the table, write every change where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("--subject", action="append", choices=SUBJECTS, help="only this module; may be repeated")
    parser.add_argument("--sample", type=int, default=12, help="changes of each module (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the tests (default: this one)")
    parser.add_argument("--results", type=Path, help="folder for a JSON file of each module")
    asked = parser.parse_args()
    results = asked.results and asked.results.resolve()
    found: dict[str, tuple[int, list[Mutant]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(REPOSITORY, tree, ignore=shutil.ignore_patterns(".git", ".hypothesis", "__pycache__"))
        os.chdir(tree)
        os.environ["PYTHONPATH"] = str(tree)
        for name in asked.subject or SUBJECTS:
            count, tried = found[name] = mutants(name, asked.sample, asked.seed, asked.python)
            if results:
                content = {"module": SUBJECTS[name].module, "changes": count, "seed": asked.seed}
                written = json.dumps({**content, "tried": [asdict(each) for each in tried]}, indent=1)
                results.mkdir(parents=True, exist_ok=True)
                (results / f"{name}.json").write_text(f"{written}\n", encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
