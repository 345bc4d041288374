"""Tables of the catalogue that hold further properties, and how each is read.

Tests at other temperatures than a room's are left out. A table extracted from papers by a language model is not read:
its values contradict each other too often.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from screener.errors import InputError
from training.catalogue import locate
from training.sources.collector import Collector, SourceRows
from training.sources.files import number, read_rows

ENTHALPY, YIELD, TENSILE = "formation_enthalpy_ev_atom", "yield_strength_mpa", "tensile_strength_mpa"
ELONGATION, GLASS, CRYSTALLISATION = "elongation_percent", "glass_transition_k", "crystallisation_k"
LIQUIDUS, DIAMETER, CONDUCTIVITY = "liquidus_k", "critical_diameter_mm", "conductivity_iacs"


@dataclass(frozen=True, slots=True)
class Property:
    """A property: unit, whether its logarithm is learned, and the values that any alloy can have."""

    unit: str
    log: bool
    low: float
    high: float


PROPERTIES: Mapping[str, Property] = {
    ENTHALPY: Property("eV/atom", False, -3.0, 1.0),
    YIELD: Property("MPa", True, 5.0, 6000.0),
    TENSILE: Property("MPa", True, 10.0, 6000.0),
    ELONGATION: Property("%", False, 0.0, 150.0),
    GLASS: Property("K", False, 200.0, 1600.0),
    CRYSTALLISATION: Property("K", False, 200.0, 1800.0),
    LIQUIDUS: Property("K", False, 300.0, 3700.0),
    DIAMETER: Property("mm", True, 0.01, 100.0),
    CONDUCTIVITY: Property("% IACS", True, 0.1, 110.0),
}
"""Every further property. Conductivity is the reciprocal of resistivity: it must not be an input of it, nor be learned
from alloys whose resistivity is tested on."""


@dataclass(frozen=True, slots=True)
class ExtraTable:
    """How one table is read.

    Attributes:
        source: key in the catalogue.
        values: property → column.
        formula: column of formulas, empty where compositions stand in columns of elements.
        elements: first and last of these columns, header → symbol by leaving out `(at%)`.
        units: of amounts.
        balance: element that makes up 100, if any.
        encoding: of a delimited file.
        only: column → lowest and highest number, or its text; records beyond are left out, blanks are kept for numbers.
    """

    source: str
    values: Mapping[str, str]
    formula: str = ""
    elements: tuple[str, str] = ("", "")
    units: str = "at"
    balance: str = ""
    encoding: str = "utf-8-sig"
    only: Mapping[str, tuple[float, float] | str] = field(default_factory=dict)


_ROOM = (20.0, 30.0)
EXTRA_TABLES = (
    ExtraTable("formation_enthalpy_2017", {ENTHALPY: "e_form expt"}, "formula"),
    ExtraTable(
        "mpea_borg_2020",
        {YIELD: "PROPERTY: YS (MPa)", TENSILE: "PROPERTY: UTS (MPa)", ELONGATION: "PROPERTY: Elongation (%)"},
        "FORMULA",
        only={r"PROPERTY: Test temperature ($^\circ$C)": _ROOM},
    ),
    ExtraTable(
        "steel_strength",
        {YIELD: "yield strength", TENSILE: "tensile strength", ELONGATION: "elongation"},
        "formula",
    ),
    ExtraTable(
        "copper_gorsse_2023",
        {
            YIELD: "Yield strength (MPa)",
            TENSILE: "Ultimate tensile strength (MPa)",
            CONDUCTIVITY: "Electrical conductivity (%IACS)",
        },
        elements=("Cu", "Zr"),
        units="wt",
        encoding="latin-1",
    ),
    ExtraTable(
        "aluminium_1150",
        {YIELD: "YTS", TENSILE: "UTS", ELONGATION: "EL"},
        elements=("Si", "Sc"),
        units="wt",
        balance="Al",
    ),
    ExtraTable(
        "jeffwong_569",
        {YIELD: "YS(Mpa)", TENSILE: "UTS(Mpa)", ELONGATION: "El(%)"},
        elements=("C", "B"),
    ),
    ExtraTable("metallor_rhea", {YIELD: "YS"}, elements=("Al(at%)", "W(at%)"), only={"Ttest(℃)": _ROOM}),
    ExtraTable("hea_dx261_yield", {YIELD: "YS"}, "formula"),
    ExtraTable(
        "mdf_glasses_v5",
        {GLASS: "Tg_[K]", CRYSTALLISATION: "Tx_[K]", LIQUIDUS: "Tl_[K]", DIAMETER: "Dmax_[mm]"},
        "Composition",
    ),
    ExtraTable("cerebral_2022", {GLASS: "Tg", CRYSTALLISATION: "Tx", LIQUIDUS: "Tl"}, "composition"),
    ExtraTable("cerebral_2022", {DIAMETER: "Dmax"}, "composition", only={"GFA": "BMG"}),
    ExtraTable("ward_2018", {DIAMETER: "D_max"}, "composition", only={"gfa_type": "BMG"}),
    ExtraTable(
        "dmax_bmgs2024",
        {GLASS: "Tg(K)", CRYSTALLISATION: "Tx(K)", LIQUIDUS: "Tl(K)", DIAMETER: "Dmax (mm)"},
        "Alloys (compostion)",
    ),
    ExtraTable("dmax_anshpoonia", {DIAMETER: "actual_d_max"}, "bmg_alloy"),
    ExtraTable("dmax_usc_fe", {DIAMETER: "Dmax"}, "Alloy"),
)


def read_table(table: ExtraTable) -> SourceRows:
    """Read one table.

    Raises:
        InputError: it is not on this machine, or of another form.
    """
    rows = Collector(table.source)
    for record in _records(table):
        if not all(_passes(record[column], wanted) for column, wanted in table.only.items()):
            rows.skip("not at room temperature, or no bulk glass")
            continue
        if table.formula:
            composition = rows.read(record[table.formula])
        else:
            named = list(record)
            symbols = named[named.index(table.elements[0]) : named.index(table.elements[1]) + 1]
            amounts = {symbol.removesuffix("(at%)"): number(record[symbol]) or 0.0 for symbol in symbols}
            if table.balance:
                amounts[table.balance] = 100.0 - math.fsum(amounts.values())
            composition = rows.read_amounts(
                list(amounts), list(amounts.values()), "wt" if table.units == "wt" else "at"
            )
        for task, column in table.values.items() if composition is not None else ():
            assert composition is not None
            rows.add(task, composition, number(record[column]))
    return rows.finish()


def _records(table: ExtraTable) -> Iterator[dict[str, str]]:
    """Records by column.

    Raises:
        InputError: a column is missing.
    """
    lines = read_rows(locate(table.source), encoding=table.encoding)
    names = [name.strip() for name in lines[0]] if lines else []
    needed = [*table.values.values(), *table.only, *([table.formula] if table.formula else table.elements)]
    for column in needed:
        if column not in names:
            raise InputError(f"the table of `{table.source}` has no column `{column}`", "restore the file")
    for line in lines[1:]:
        if any(text.strip() for text in line):
            yield dict(zip(names, [*line, *[""] * (len(names) - len(line))], strict=False))


def _passes(text: str, wanted: tuple[float, float] | str) -> bool:
    """Whether a field is as wanted; a number that is not stated passes."""
    if isinstance(wanted, str):
        return text.strip() == wanted
    value = number(text)
    return value is None or wanted[0] <= value <= wanted[1]
