"""Run fixed screens with the lowest and the latest packages allowed: `python -m benchmarks.versions [--page FILE]`.

Makes one virtual environment with every dependency at the lower bound of pyproject.toml and one with the latest that
pip finds, runs the same screens in both, and compares lists. What ranks and filters is settled in float64 and must
agree bit for bit; other numbers, within a tolerance. Ends with 1 where they do not. Needs the network and a gigabyte.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.readme import replace_block

REPOSITORY = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-5
"""Relative difference allowed in numbers that ONNX Runtime gives in float32."""
SETTLED = ("rank", "index", "row", "formula", "is_", "in_domain", "amorphous_borderline", "front", "score", "nearest_")
"""Columns, or their beginnings, that must agree to the last bit."""
SCREENS: Mapping[str, str] = {
    "default": "enumerate --elements Al,Ti,Cr",
    "desirability": "enumerate --elements Fe,Co,Ni,Al --step 2 --maximize p_amorphous --maximize hardness_gpa --top 50",
    "where": 'enumerate --elements Al,Ni,Cu,Zr --step 2 --where "is_amorphous and density_g_cm3 < 7" --maximize vec',
    "exact": "enumerate --elements Al,Ni,Cu,Zr,Ti --step 2 --search exact --top 50",
    "pareto": "enumerate --elements Al,Ti,Cr,Fe --step 2 --pareto --maximize hardness_gpa --minimize cost_usd_kg=1:50",
    "short list": "score short.csv --with-descriptors",
    "long list": 'score long.csv --where "hardness_gpa > 6" --rank-by "hardness_gpa - resistivity_uohm_cm / 100"',
}
_PROGRAM = """
import json, shlex, sys
from screener.cli import main
for name, command in json.loads(sys.argv[1]).items():
    if main([*shlex.split(command), "-o", f"{name}.csv", "--quiet"]):
        sys.exit(f"{command} failed")
"""
_BOUND = re.compile(r"(?P<name>[\w.-]+)>=(?P<version>[\w.]+)(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Difference:
    """How one screen differs between two environments.

    Attributes:
        rows: rows of the first list.
        same: whether the files are equal byte for byte.
        settled: whether what is settled agrees to the last bit.
        largest: largest relative difference of other numbers.
        column: where that is.
    """

    rows: int
    same: bool
    settled: bool
    largest: float = 0.0
    column: str = ""


def lowest(dependencies: Sequence[str]) -> list[str]:
    """Pin dependencies `name>=version` to their lower bounds.

    Raises:
        ValueError: one has another form.
    """
    pins = []
    for each in dependencies:
        found = _BOUND.fullmatch(each)
        if found is None:
            raise ValueError(f"`{each}` has no lower bound alone")
        pins.append(f"{found['name']}=={found['version']}{found['rest']}")
    return pins


def dependencies() -> list[str]:
    """Read what the package needs from pyproject.toml."""
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        needed: list[str] = tomllib.load(file)["project"]["dependencies"]
    return needed


def environment(folder: Path, wanted: Sequence[str], python: str) -> Path:
    """Make a virtual environment with some packages, or take the one that is there; return its interpreter."""
    program = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not program.exists():
        # some systems split ensurepip off; pip can fill an environment from outside
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(program), "install", "--quiet", "--upgrade"]
    subprocess.run([*pip, *wanted], check=True)
    return program


def versions(program: Path, names: Sequence[str]) -> dict[str, str]:
    """Ask an environment which versions it holds."""
    code = (
        "import importlib.metadata as m, json, sys\nprint(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=True)
    held = {name.lower(): version for name, version in json.loads(done.stdout).items()}
    return {name: held[name.lower()] for name in names if name.lower() in held}


def run(program: Path, folder: Path) -> None:
    """Run every screen in a folder, one process for all."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "short.csv").write_text(_formulas(300), encoding="utf-8")
    (folder / "long.csv").write_text(_formulas(21_000), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    clean |= {
        "PYTHONPATH": str(REPOSITORY),
        "SCREENER_MODELS": str(REPOSITORY / "models"),
        "NUMBA_CACHE_DIR": str(program.parent.parent / "kernels"),
    }
    subprocess.run([program, "-c", _PROGRAM, json.dumps(SCREENS)], check=True, cwd=folder, env=clean)


def _formulas(rows: int) -> str:
    """Write a list of random alloys, some with traces."""
    rng = np.random.default_rng(rows)
    lines = ["formula"]
    for _ in range(rows):
        symbols = rng.choice(["Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Nb", "Mo"], rng.integers(1, 7), False)
        amounts = np.round(100 * rng.dirichlet(np.full(len(symbols), 1.0)), 3) + 0.001
        lines.append("".join(f"{symbol}{amount:.3f}" for symbol, amount in zip(symbols, amounts, strict=True)))
    return "\n".join(lines) + "\n"


def difference(first: Path, second: Path) -> Difference:
    """Compare two lists."""
    raw = first.read_bytes(), second.read_bytes()
    tables = [list(csv.DictReader(each.decode().splitlines())) for each in raw]
    if raw[0] == raw[1]:
        return Difference(len(tables[0]), True, True)
    if len(tables[0]) != len(tables[1]) or (tables[0] and tables[0][0].keys() != tables[1][0].keys()):
        return Difference(len(tables[0]), False, False, float("inf"), "rows or columns")
    settled, largest, where = True, 0.0, ""
    for one, other in zip(*tables, strict=True):
        for name, text in one.items():
            if text == other[name]:
                continue
            if name.startswith(SETTLED):
                settled, where = False, where or name
            apart = _apart(text, other[name])
            if apart > largest:
                largest, where = apart, name
    return Difference(len(tables[0]), False, settled, largest, where)


def _apart(one: str, other: str) -> float:
    """Tell how far two texts are apart as numbers, relative to the larger one or to 1."""
    try:
        a, b = float(one), float(other)
    except ValueError:
        return float("inf")
    return abs(a - b) / max(1.0, abs(a), abs(b))


def fine(found: Difference) -> bool:
    """Whether two lists agree."""
    return found.settled and found.largest <= TOLERANCE


def report(held: Mapping[str, Mapping[str, str]], found: Mapping[str, Difference]) -> str:
    """Write versions and differences as tables."""
    names = list(dict.fromkeys(name for each in held.values() for name in each))
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    lines += [f"| {which} | {' | '.join(each.get(name, '–') for name in names)} |" for which, each in held.items()]
    lines += ["", "| screen | rows | lists | largest relative difference |", "|---|---:|---|---|"]
    for name, each in found.items():
        lists = "same bytes" if each.same else "same rows, order, scores, flags" if each.settled else "DIFFER"
        amount = "0" if not each.largest else f"{each.largest:.1g} in `{each.column}`"
        lines.append(f"| {name} | {each.rows:,} | {lists} | {amount} |")
    return "\n".join(lines)


def main() -> int:
    """Make both environments, run the screens, compare, print; say whether all agree."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep environments and lists here (default: a temporary folder)")
    parser.add_argument("--python", default=sys.executable, help="interpreter of both (default: this one)")
    parser.add_argument("--page", type=Path, help="replace the tables between the versions marks of this file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (asked.folder or Path(scratch)).absolute()
        needed = dependencies()
        names = [re.split("[<>=;]", each)[0] for each in needed]
        held = {}
        for which, wanted in (("lowest", lowest(needed)), ("latest", needed)):
            program = environment(folder / which, wanted, asked.python)
            held[which] = versions(program, names)
            run(program, folder / f"{which}-lists")
        lists = [folder / f"{which}-lists" for which in held]
        found = {name: difference(*(each / f"{name}.csv" for each in lists)) for name in SCREENS}
    text = report(held, found)
    print(text)
    if asked.page:
        replace_block(asked.page, "versions", text)
    return 0 if all(map(fine, found.values())) else 1


if __name__ == "__main__":
    sys.exit(main())
