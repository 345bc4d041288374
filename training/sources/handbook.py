"""Pure metals by the handbook: the ends of every system, where alloy data seldom reach."""

from __future__ import annotations

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
    from pymatgen.core.periodic_table import Element

    rows = Collector(KEY)
    metals = [symbol for symbol in element_symbols() if symbol not in NON_METALS]
    for symbol, resistivity in zip(metals, element_values(metals, "element_resistivity_uohm_cm"), strict=True):
        rows.keep()
        metal, vickers = Composition((symbol,), (1.0,)), Element(symbol).data.get("Vickers hardness")
        gpa = None if vickers is None else _GPA_PER_MPA * float(vickers)
        for task, value in ((RESISTIVITY, float(resistivity)), (HARDNESS, gpa)):
            rows.add(task, metal, value, weight=_TRUST[task], label=Label(HANDBOOK))
    return rows.finish()
