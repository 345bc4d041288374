"""Amorphous labels: what was found fully amorphous as ribbon or film, and critical casting diameters."""

from __future__ import annotations

import bz2
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from screener.errors import InputError
from training.sources.collector import Collector, Conditions, Label, SourceRows
from training.sources.files import number, records
from training.sources.table import AMORPHOUS

GLASS = "glass"
CRYSTALLINE = "crystalline_literature"
PARTLY = "partly_crystalline"


@dataclass(frozen=True, slots=True)
class _Report:
    """What a source's word for a phase says about forming a fully amorphous ribbon or film."""

    value: float
    kind: str
    weight: float = 1.0


_AMORPHOUS = _Report(1.0, GLASS)
_CRYSTAL = _Report(0.0, CRYSTALLINE)
# Partly amorphous and quasicrystalline ribbons failed to be fully amorphous, but a faster quench might do: half trust.
_PARTLY = _Report(0.0, PARTLY, 0.5)
_PHASES = {"AM": _AMORPHOUS, "CR": _CRYSTAL, "AC": _PARTLY, "QC": _PARTLY}
_INFERRED_WEIGHT = 0.3

_MDF_ROUTES = {
    **dict.fromkeys(("Ribbon", "Foil", "Tape", "Wire", "Splat"), "ribbon"),
    **dict.fromkeys(("Rod", "Wedge", "Bulk", "Bar", "Disk", "Plate", "[Rod, Wedge]"), "bulk"),
    "Thin Film": "film",
    "Powder": "powder",
}
_LANDOLT_ROUTES = {"meltspin": "ribbon", "sputtering": "film"}


def landolt_ternary(path: Path) -> SourceRows:
    """Read phases of melt-spun and sputtered ternary alloys; its ``gfa`` column hides conflicts and is not used."""
    rows = Collector("landolt_ternary")
    for formula, phase, processing in records(path, ("formula", "phase", "processing")):
        _add(rows, formula, _PHASES.get(phase), Conditions(process_route=_LANDOLT_ROUTES.get(processing, "unknown")))
    return rows.finish()


def matbench_glass(path: Path) -> SourceRows:
    """Read the public benchmark (json.bz2) in its own order; doi:10.1038/s41524-020-00406-3.

    Raises:
        InputError: the file is not the benchmark's table.
    """
    try:
        table = json.loads(bz2.decompress(path.read_bytes()))
        formulas, labels = table["composition"], table["gfa"]
        pairs = [(str(formulas[row]), bool(labels[row])) for row in formulas]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"`{path}` does not read as a table: {type(error).__name__}", "restore the file") from None
    rows = Collector("matbench_glass")
    for formula, glass in pairs:
        _add(rows, formula, _AMORPHOUS if glass else _CRYSTAL, Conditions())
    return rows.finish()


def sun_binary(path: Path) -> SourceRows:
    """Read labels of binary alloys, mostly interpolated; doi:10.1021/acs.jpclett.7b01046."""
    rows = Collector("sun_2017_binary")
    labels = {"1": _Report(1.0, "inferred", _INFERRED_WEIGHT), "0": _Report(0.0, "inferred", _INFERRED_WEIGHT)}
    for formula, glass in records(path, ("formula", "gfa")):
        _add(rows, formula, labels.get(glass), Conditions())
    return rows.finish()


def mdf_glasses(path: Path) -> SourceRows:
    """Read phases and critical diameters with their casting; doi:10.1016/j.commatsci.2021.110494."""
    rows = Collector("mdf_glasses_v5")
    for formula, phase, casting, shape, dmax in records(
        path, ("Composition", "Is_Amorphous?", "Casting", "Type", "Dmax_[mm]")
    ):
        route = _MDF_ROUTES.get(shape, "bulk" if casting in ("Melt Casting", "Melt Cast") else "unknown")
        diameter = number(dmax)
        report = _AMORPHOUS if not phase and diameter else _PHASES.get(phase)
        if casting == "Mechanical":
            rows.skip("milled powder, neither ribbon nor film")
        elif report in (_CRYSTAL, _PARTLY) and route == "bulk":
            rows.skip("crystalline as a bulk casting only")
        elif report is None:
            rows.skip("several or other phases" if phase else "no label")
        else:
            _add(rows, formula, report, Conditions(process_route=route), diameter)
    return rows.finish()


def forrest_greer(path: Path) -> SourceRows:
    """Read classes and critical diameters; a blank class is unknown; doi:10.1039/D2DD00026A."""
    classes = {"Ribbon": _AMORPHOUS, "BMG": _AMORPHOUS, "Crystal": _CRYSTAL}
    return _classes("cerebral_2022", path, ("composition", "GFA", "Dmax"), classes)


def ward_glasses(path: Path) -> SourceRows:
    """Read classes and critical diameters; a blank class is no glass; doi:10.1016/j.actamat.2018.08.002."""
    classes = {"Ribbon": _AMORPHOUS, "BMG": _AMORPHOUS, "": _CRYSTAL}
    return _classes("ward_2018", path, ("composition", "gfa_type", "D_max"), classes)


def bajpai_classes(path: Path) -> SourceRows:
    """Read metallic glass (MG) or crystalline alloy (CA), without provenance."""
    rows = Collector("bajpai_classes")
    for formula, name in records(path, ("Alloys", "Class")):
        _add(rows, formula, {"MG": _AMORPHOUS, "CA": _CRYSTAL}.get(name), Conditions())
    return rows.finish()


def dmax_anshpoonia(path: Path) -> SourceRows:
    """Read critical diameters; zero stands for none known."""
    return _diameters("dmax_anshpoonia", path, ("bmg_alloy", "actual_d_max"))


def dmax_bmgs2024(path: Path) -> SourceRows:
    """Read critical diameters."""
    return _diameters("dmax_bmgs2024", path, ("Alloys (compostion)", "Dmax (mm)"))


def dmax_usc_fe(path: Path) -> SourceRows:
    """Read critical diameters of iron-based glasses; doi:10.3390/met15070763."""
    return _diameters("dmax_usc_fe", path, ("Alloy", "Dmax"))


def _classes(source: str, path: Path, columns: tuple[str, str, str], classes: Mapping[str, _Report]) -> SourceRows:
    """Read classes; the diameter of a ribbon is a placeholder and is not used."""
    rows = Collector(source)
    for formula, name, dmax in records(path, columns):
        route = {"Ribbon": "ribbon", "BMG": "bulk"}.get(name, "unknown")
        _add(rows, formula, classes.get(name), Conditions(process_route=route), number(dmax) if name == "BMG" else None)
    return rows.finish()


def _diameters(source: str, path: Path, columns: tuple[str, str]) -> SourceRows:
    """Read glasses by their critical diameter; what has none is no proof of a crystal."""
    rows = Collector(source)
    for formula, dmax in records(path, columns):
        diameter = number(dmax)
        if not formula.strip():
            continue  # references below the table
        if diameter is not None and diameter > 0.0:
            _add(rows, formula, _AMORPHOUS, Conditions(process_route="bulk"), diameter)
        else:
            rows.skip("no critical diameter")
    return rows.finish()


def _add(
    rows: Collector, formula: str, report: _Report | None, conditions: Conditions, dmax_mm: float | None = None
) -> None:
    """Add one label, or count why not."""
    if report is None:
        rows.skip("no label")
        return
    composition = rows.read(formula)
    if composition is not None:
        diameter = dmax_mm if dmax_mm and report.value else None
        label = Label(report.kind, dmax_mm=diameter)
        rows.add(AMORPHOUS, composition, report.value, weight=report.weight, conditions=conditions, label=label)
