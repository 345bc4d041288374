"""Pure metals by the handbook: the ends of every system, where alloy data seldom reach."""

from __future__ import annotations

import warnings

from screener.elements import element_symbols, element_values
from screener.formula import Composition
from training.sources.collector import Collector, Label, SourceRows
from training.sources.table import HANDBOOK, HARDNESS, NON_METALS, RESISTIVITY

KEY = "handbook_metals"
CITATION = "Resistivity and Vickers hardness of the elements as pymatgen tabulates them"
DOI = "10.1016/j.commatsci.2012.10.028"
LICENCE = "MIT"
_TRUST = {RESISTIVITY: 0.3, HARDNESS: 0.1}  # chosen by grouped folds that no table uses, as metals come in many states
_GPA_PER_MPA = 1e-3


def handbook_metals() -> SourceRows:
    """Return resistivity (µΩ·cm) near 293 K and Vickers hardness (GPa) of the pure metals, where the table has them.

    Source: Ong et al., doi:10.1016/j.commatsci.2012.10.028.
    """
    rows = Collector(KEY)
    metals = [symbol for symbol in element_symbols() if symbol not in NON_METALS]
    for symbol, resistivity in zip(metals, element_values(metals, "element_resistivity_uohm_cm"), strict=True):
        rows.keep()
        for task, value in ((RESISTIVITY, float(resistivity)), (HARDNESS, _vickers_gpa(symbol))):
            rows.add(task, Composition((symbol,), (1.0,)), value, weight=_TRUST[task], label=Label(HANDBOOK))
    return rows.finish()


def _vickers_gpa(symbol: str) -> float | None:
    """Look up the Vickers hardness of an element in GPa; None where there is none."""
    from pymatgen.core.periodic_table import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen warns of what it lacks
        megapascal = Element(symbol).vickers_hardness
    return None if megapascal is None else float(megapascal) * _GPA_PER_MPA
