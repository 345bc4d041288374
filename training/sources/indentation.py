"""Hardness with load: metallic glasses, and all-metal compounds."""

from __future__ import annotations

from pathlib import Path

from screener.formula import Composition
from training.sources.collector import COMPOUND, COMPOUND_WEIGHT, Collector, Conditions, Label, SourceRows
from training.sources.files import number, read_rows, records
from training.sources.table import AMORPHOUS, GPA_PER_HV, HARDNESS, NON_METALS

_WAFER = frozenset({"Fe", "Nb", "B"})
_WAFER_LOAD_N = 0.01
_WAFER_ROWS = 259
_WAFER_WEIGHT = 20.0 / _WAFER_ROWS  # neighbours on one wafer: together they count like twenty alloys


def bajpai_glass_hardness(path: Path) -> SourceRows:
    """Read Vickers hardness of metallic glasses in element columns, with load (N)."""
    rows = Collector("bajpai_glass_hardness")
    table = read_rows(path)
    symbols = [name for name in (table[0] if table else []) if name not in ("Load", "HV")]
    for *amounts, load, hardness in records(path, (*symbols, "Load", "HV")):
        composition = rows.read_amounts(symbols, [number(amount) or 0.0 for amount in amounts])
        if composition is None:
            continue
        newton, vickers = number(load), number(hardness)
        weight = _WAFER_WEIGHT if _on_wafer(composition, newton) else 1.0
        gpa = None if vickers is None else vickers * GPA_PER_HV
        load_n = Conditions(load_n=_rounded(newton))
        rows.add(HARDNESS, composition, gpa, weight=weight, conditions=load_n, label=Label("glass"))
    return rows.finish()


def brgoch_compounds(path: Path) -> SourceRows:
    """Read hardness (GPa) of all-metal compounds with load (N); doi:10.1002/adma.202005112."""
    rows = Collector("brgoch_hardness")
    for formula, hardness, load in records(path, ("composition", "hardness", "load")):
        composition = rows.read(formula)
        if composition is None:
            continue
        if not NON_METALS.isdisjoint(composition.symbols):
            rows.drop("not all metal")
            continue
        conditions = Conditions(load_n=_rounded(number(load)))
        rows.add(HARDNESS, composition, number(hardness), conditions=conditions)
        rows.add(AMORPHOUS, composition, 0.0, weight=COMPOUND_WEIGHT, label=COMPOUND)
    return rows.finish()


def _on_wafer(composition: Composition, load_n: float | None) -> bool:
    return load_n is not None and abs(load_n - _WAFER_LOAD_N) < 1e-6 and _WAFER.issuperset(composition.symbols)


def _rounded(load_n: float | None) -> float | None:
    """Round a load to three digits: 4.899999992 is 4.9."""
    return None if load_n is None else float(f"{load_n:.3g}")
