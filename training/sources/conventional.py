"""Conventional crystalline alloys: copper, aluminium, steels, and intermetallic compounds."""

from __future__ import annotations

import math
from pathlib import Path

from training.sources.collector import COMPOUND, COMPOUND_WEIGHT, Collector, Conditions, Label, SourceRows
from training.sources.files import number, read_rows, records
from training.sources.table import AMORPHOUS, GPA_PER_HV, HARDNESS, NON_METALS

_WROUGHT = Conditions(process_route="wrought")
_COPPER_WEIGHT = 0.3  # ageing decides the hardness, the composition little
_WROUGHT_METHODS = frozenset(("Rolled", "Extruded", "Drawn", "Forged", "Wrought"))


def gorsse_copper(path: Path) -> SourceRows:
    """Read hardness of aged copper alloys, compositions in wt.%; doi:10.1038/s41597-023-02411-9."""
    rows = Collector("copper_gorsse_2023")
    table = read_rows(path, encoding="latin-1")
    header = table[0] if table else []
    symbols = header[2 : header.index("Tss (K)")] if "Tss (K)" in header else []
    for *amounts, hardness in records(path, (*symbols, "Hardness (HV)"), encoding="latin-1"):
        composition = rows.read_amounts(symbols, [number(amount) or 0.0 for amount in amounts], "wt")
        if composition is None:
            continue
        vickers = number(hardness)
        gpa = None if vickers is None else vickers * GPA_PER_HV
        rows.add(HARDNESS, composition, gpa, weight=_COPPER_WEIGHT, conditions=_WROUGHT)
        rows.add(AMORPHOUS, composition, 0.0, conditions=_WROUGHT, label=Label("crystalline_added", "copper"))
    return rows.finish()


def aluminium_alloys(path: Path) -> SourceRows:
    """Read wrought and cast aluminium alloys, compositions in wt.% with aluminium the balance."""
    rows = Collector("aluminium_1150")
    table = read_rows(path)
    header = table[0] if table else []
    symbols = header[1 : header.index("Al (min.)")] if "Al (min.)" in header else []
    for *amounts, method in records(path, (*symbols, "ManufacturingMethod")):
        parts = [number(amount) or 0.0 for amount in amounts]
        composition = rows.read_amounts(("Al", *symbols), (100.0 - math.fsum(parts), *parts), "wt")
        if composition is not None:
            conditions = _WROUGHT if method in _WROUGHT_METHODS else Conditions()
            label = Label("crystalline_added", "aluminium")
            rows.add(AMORPHOUS, composition, 0.0, conditions=conditions, label=label)
    return rows.finish()


def steels(path: Path) -> SourceRows:
    """Read maraging and other steels."""
    rows = Collector("steel_strength")
    for (formula,) in records(path, ("formula",)):
        composition = rows.read(formula)
        if composition is not None:
            rows.add(AMORPHOUS, composition, 0.0, label=Label("crystalline_added", "steel"))
    return rows.finish()


def enthalpy_compounds(path: Path) -> SourceRows:
    """Read all-metal compounds whose formation enthalpy was measured; doi:10.1038/sdata.2017.162."""
    rows = Collector("formation_enthalpy_2017")
    for (formula,) in records(path, ("formula",)):
        composition = rows.read(formula)
        if composition is None:
            continue
        if NON_METALS.isdisjoint(composition.symbols):
            rows.add(AMORPHOUS, composition, 0.0, weight=COMPOUND_WEIGHT, label=COMPOUND)
        else:
            rows.drop("not all metal")
    return rows.finish()
