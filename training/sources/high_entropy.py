"""High-entropy alloys: hardness and crystalline phases, from overlapping collections."""

from __future__ import annotations

import re
from pathlib import Path

from screener.formula import Composition
from training.sources.collector import UNSTATED, Collector, Conditions, Label, SourceRows
from training.sources.files import number, read_rows, records
from training.sources.table import AMORPHOUS, GPA_PER_HV, HARDNESS

CRYSTALLINE_HEA = Label("crystalline_added", "hea")
_CRYSTALLINE_PHASE = re.compile(r"fcc|bcc|hcp|b2|l12|laves|sigma|^\s*i\s?m\s*$", re.IGNORECASE)
_AMORPHOUS_PHASE = re.compile(r"amorph|glass|\bam\b", re.IGNORECASE)
_AS_CAST = Conditions(process_route="as_cast")
_MPEA_ROUTES = {"CAST": "as_cast", "ANNEAL": "annealed", "WROUGHT": "wrought", "POWDER": "powder"}
_ROOM_TEMPERATURE = (20.0, 30.0)  # °C


def borg_mpea(path: Path) -> SourceRows:
    """Read hardness at room temperature and phases with their processing; doi:10.1038/s41597-020-00768-9."""
    rows = Collector("mpea_borg_2020")
    columns = (
        "FORMULA",
        "PROPERTY: HV",
        "PROPERTY: Microstructure",
        "PROPERTY: Processing method",
        r"PROPERTY: Test temperature ($^\circ$C)",
    )
    for formula, hardness, phases, method, celsius in records(path, columns):
        composition = rows.read(formula)
        if composition is None:
            continue
        conditions = Conditions(process_route=_MPEA_ROUTES.get(method, "unknown"))
        temperature = number(celsius)
        if hardness and temperature is not None and not _ROOM_TEMPERATURE[0] <= temperature <= _ROOM_TEMPERATURE[1]:
            rows.drop("hardness not at room temperature")
        elif hardness:
            rows.add(HARDNESS, composition, _gpa(hardness), conditions=conditions)
        _add_crystal(rows, composition, phases, conditions)
    return rows.finish()


def tanmay_hardness(path: Path) -> SourceRows:
    """Read hardness and phases, processing not stated."""
    rows = Collector("hea_tanmay")
    for formula, hardness, phases in records(path, ("Composition", "Hardness (HVN)", "Phases present")):
        composition = rows.read(formula)
        if composition is None:
            continue
        if hardness:
            rows.add(HARDNESS, composition, _gpa(hardness))
        else:
            rows.drop(f"no {HARDNESS}")
        _add_crystal(rows, composition, phases)
    return rows.finish()


def bert_hardness(path: Path) -> SourceRows:
    """Read hardness of as-cast alloys."""
    return _hardness_list("hea_bert", path, ("Composition", "HV"), _AS_CAST)


def dx261_hardness(path: Path) -> SourceRows:
    """Read hardness, processing not stated."""
    return _hardness_list("hea_dx261", path, ("formula", "HV"), Conditions())


def gorsse_hardness(path: Path) -> SourceRows:
    """Read hardness, processing not stated; doi:10.1016/j.dib.2018.11.111."""
    return _hardness_list("hea_gorsse2018", path, ("Composition", "HV"), Conditions())


def wen_hardness(path: Path) -> SourceRows:
    """Read hardness of Al-Co-Cr-Cu-Fe-Ni alloys, symbols in the second row; doi:10.1016/j.actamat.2019.03.010."""
    rows = Collector("hea_wen2019")
    table = read_rows(path)
    symbols = table[1][1:-1] if len(table) > 1 else []
    for _, *amounts, hardness in table[2:]:
        composition = rows.read_amounts(symbols, [number(amount) or 0.0 for amount in amounts])
        if composition is not None:
            rows.add(HARDNESS, composition, _gpa(hardness))
    return rows.finish()


def dx261_phases(path: Path) -> SourceRows:
    """Read alloys with named crystalline phases; compositions in element columns (at.%)."""
    rows = Collector("hea_dx261_phase")
    header = [name for name in read_rows(path)[0] if name and name != "Phase"]
    for *amounts, phases in records(path, (*header, "Phase")):
        composition = rows.read_amounts(header, [number(amount) or 0.0 for amount in amounts])
        if composition is not None:
            _add_crystal(rows, composition, phases)
    return rows.finish()


def ideas_phases(path: Path) -> SourceRows:
    """Read alloys with named crystalline phases."""
    rows = Collector("hea_ideas")
    for formula, phases in records(path, ("alloy_name", "phases")):
        composition = rows.read(formula)
        if composition is not None:
            _add_crystal(rows, composition, phases)
    return rows.finish()


def names_crystal(phases: str) -> bool:
    """Tell whether a phase list names a crystalline phase and no amorphous one."""
    parts = phases.split("+")
    return any(_CRYSTALLINE_PHASE.search(part) for part in parts) and not _AMORPHOUS_PHASE.search(phases)


def _add_crystal(rows: Collector, composition: Composition, phases: str, conditions: Conditions = UNSTATED) -> None:
    """Add a crystalline alloy if its phases say so."""
    if names_crystal(phases):
        rows.add(AMORPHOUS, composition, 0.0, conditions=conditions, label=CRYSTALLINE_HEA)
    else:
        rows.drop("no crystalline phase named")


def _hardness_list(source: str, path: Path, columns: tuple[str, str], conditions: Conditions) -> SourceRows:
    """Read a two-column list of formulas and Vickers hardness."""
    rows = Collector(source)
    for formula, hardness in records(path, columns):
        composition = rows.read(formula)
        if composition is not None:
            rows.add(HARDNESS, composition, _gpa(hardness), conditions=conditions)
    return rows.finish()


def _gpa(hardness: str) -> float | None:
    """Convert Vickers hardness (kgf/mm²) to GPa."""
    vickers = number(hardness)
    return None if vickers is None else vickers * GPA_PER_HV
