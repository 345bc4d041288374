"""Electrical resistivity: sputtered films, and alloys of the literature with their amorphous label."""

from __future__ import annotations

from pathlib import Path

from training.sources.collector import Collector, Conditions, Label, SourceRows
from training.sources.files import number, records
from training.sources.table import AMORPHOUS, RESISTIVITY

_LEAST_FILM_RESISTIVITY = 1.6  # µΩ·cm: no film conducts better than bulk copper, 1.68
_PROCESS_TEMPERATURES = (293.0, 773.0, 873.0)  # K, the three that the campaign used
_UNKNOWN_TEMPERATURE = "Cu-Mg"  # the published homologous temperatures of this system fit no constant temperature


def kim_lee_films(path: Path) -> SourceRows:
    """Read film resistivity (µΩ·cm) with thickness (nm) and process temperature (K); doi:10.1038/s41524-025-01799-9."""
    rows = Collector("kim_lee_2025_films")
    columns = ("composition", "system", "thickness_nm", "T_process_K", "resistivity_uohm_cm", "accepted")
    for formula, system, thickness, temperature, measured, accepted in records(path, columns):
        composition = rows.read(formula)
        resistivity = number(measured)
        if composition is None:
            continue
        if accepted != "True":
            rows.drop("composition not recovered")
        elif resistivity is not None and resistivity < _LEAST_FILM_RESISTIVITY:
            rows.drop("resistivity below that of any metal")
        else:
            kelvin = None if system == _UNKNOWN_TEMPERATURE else _process_temperature(number(temperature))
            conditions = Conditions(number(thickness), kelvin, process_route="film")
            rows.add(RESISTIVITY, composition, resistivity, conditions=conditions)
    return rows.finish()


def you_literature(path: Path) -> SourceRows:
    """Read resistivity (µΩ·cm) and amorphous label of literature alloys, amorphous ribbons and crystalline bulk."""
    rows = Collector("you_2022_literature")
    for formula, measured, amorphous in records(path, ("composition", "resistivity_uohm_cm", "amorphous")):
        composition = rows.read(formula)
        if composition is None:
            continue
        glass = {"1": True, "0": False}.get(amorphous)
        if glass is None:
            rows.drop("label neither 0 nor 1")
            continue
        conditions = Conditions(process_route="ribbon" if glass else "bulk")
        rows.add(RESISTIVITY, composition, number(measured), conditions=conditions)
        label = Label("glass" if glass else "crystalline_literature")
        rows.add(AMORPHOUS, composition, float(glass), conditions=conditions, label=label)
    return rows.finish()


def _process_temperature(kelvin: float | None) -> float | None:
    """Return the temperature of the campaign within 5 %, or None."""
    if kelvin is None:
        return None
    nearest = min(_PROCESS_TEMPERATURES, key=lambda nominal: abs(nominal - kelvin))
    return nearest if abs(nearest - kelvin) <= 0.05 * nearest else None
