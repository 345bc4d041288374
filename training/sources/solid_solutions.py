"""Crystalline alloys that need no measurement: pure metals and dilute solid solutions."""

from __future__ import annotations

import numpy as np

from screener.elements import element_symbols, element_values, pair_values
from screener.formula import Composition
from training.sources.collector import Collector, Label, SourceRows
from training.sources.table import AMORPHOUS, NON_METALS

_BASES = ("Mg", "Al", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Zr", "Nb", "Mo", "Ag", "Ta", "W", "Au")
_CONTENTS = (0.005, 0.01, 0.02, 0.04)  # atomic fraction of the solute
_SIZE_FACTOR = 0.15  # Hume-Rothery's limit on the difference of atomic size
_ELECTRONEGATIVITY_GAP = 0.4  # Pauling units, beyond which compounds form instead
_REPULSION = 5.0  # kJ/mol of the equiatomic liquid, beyond which metals separate


def pure_metals() -> SourceRows:
    """Return every pure metal of the element table as crystalline: none solidifies to a glass in ribbon or film."""
    rows = Collector("pure_metals")
    for symbol in element_symbols():
        if symbol not in NON_METALS:
            _add(rows, Composition((symbol,), (1.0,)), "pure")
    return rows.finish()


def dilute_solutions() -> SourceRows:
    """Return base metals with 0.5–4 at.% of one solute that dissolves by size, electronegativity and mixing enthalpy.

    Rules on atomic size and electronegativity: Hume-Rothery, Mabbott and Channel-Evans, doi:10.1098/rsta.1934.0014.
    """
    rows = Collector("dilute_solutions")
    radius = element_values(_BASES, "radius_metallic_pm")
    electronegativity = element_values(_BASES, "electronegativity_pauling")
    alike = np.abs(radius / radius[:, None] - 1.0) < _SIZE_FACTOR
    alike &= np.abs(electronegativity - electronegativity[:, None]) <= _ELECTRONEGATIVITY_GAP
    alike &= pair_values(_BASES) <= _REPULSION
    np.fill_diagonal(alike, val=False)
    for base, solute in np.argwhere(alike).tolist():
        for content in _CONTENTS:
            symbols = (_BASES[base], _BASES[solute])
            _add(rows, Composition(symbols, (1.0 - content, content)), "dilute")
    return rows.finish()


def _add(rows: Collector, composition: Composition, family: str) -> None:
    rows.keep()
    rows.add(AMORPHOUS, composition, 0.0, label=Label("crystalline_synthetic", family))
