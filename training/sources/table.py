"""The long table every loader returns: one measurement a row, compositions as a dense column.

==========================  =====================================================================================
column                      meaning
==========================  =====================================================================================
``task``                    ``resistivity_uohm_cm``, ``hardness_gpa``, ``is_amorphous`` or a target of the user's
``key``                     composition rounded to 0.1 at.%, symbols in alphabetical order: ``Al30Cr50Ti20``
``system``                  elements above 0.1 at.%, in alphabetical order: ``Al-Cr-Ti``
``fractions``               atomic fractions [d] over ``element_symbols()``, sum 1
``value``                   measured value in the unit of the task; 0 or 1 for labels
``source``                  key of the data set
``weight``                  trust, 1 for a plain measurement
``film_thickness_nm``       null where unknown or no film
``process_temperature_k``   substrate or annealing temperature, null where unknown
``load_n``                  indentation load, null where unknown
``process_route``           one of ``ROUTES``
``kind``                    for labels: one of ``KINDS``; for numbers ``glass``, ``handbook`` or empty
``family``                  alloy family of an added crystalline row (``hea``, ``steel``, …), else empty
``dmax_mm``                 critical casting diameter, null where unknown
==========================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols
from screener.formula import Composition

if TYPE_CHECKING:
    import polars as pl

RESISTIVITY = "resistivity_uohm_cm"
HARDNESS = "hardness_gpa"
AMORPHOUS = "is_amorphous"

ROUTES = ("as_cast", "annealed", "wrought", "powder", "ribbon", "film", "bulk", "unknown")
HANDBOOK = "handbook"
"""Kind of a number that a handbook gives for a pure metal in whatever state: it teaches and is not scored."""
KINDS = (
    "glass",  # reported fully amorphous
    "crystalline_literature",  # reported crystalline by a study of glass formation
    "partly_crystalline",  # reported crystalline, by one study at least only partly or as a quasicrystal
    "inferred",  # interpolated from neighbours, not measured one by one
    "crystalline_added",  # an alloy known to be crystalline from another field
    "crystalline_synthetic",  # a dilute solid solution nobody needs to measure
)
GPA_PER_HV = 0.00980665  # kgf/mm² to GPa, from the standard acceleration of gravity
NON_METALS = frozenset(("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Ge", "As", "Se", "Br", "Sb", "Te", "I"))


def long_table(rows: Sequence[tuple[object, ...]], fractions: NDArray[np.float64]) -> pl.DataFrame:
    """Build the long table from row tuples in the order of ``_PLAIN_COLUMNS`` and their fractions [n, d]."""
    import polars as pl

    plain = pl.DataFrame(rows, schema=_plain_schema(), orient="row")
    keys, systems = composition_keys(fractions)
    return plain.with_columns(
        pl.Series("key", keys, dtype=pl.String),
        pl.Series("system", systems, dtype=pl.String),
        pl.Series("fractions", fractions, dtype=fractions_dtype()),
    ).select(COLUMNS)


_PLAIN_COLUMNS = (
    ("task", "String"),
    ("value", "Float64"),
    ("source", "String"),
    ("weight", "Float64"),
    ("film_thickness_nm", "Float64"),
    ("process_temperature_k", "Float64"),
    ("load_n", "Float64"),
    ("process_route", "String"),
    ("kind", "String"),
    ("family", "String"),
    ("dmax_mm", "Float64"),
)
COLUMNS = ("task", "key", "system", "fractions", *(name for name, _ in _PLAIN_COLUMNS[1:]))
CONDITIONS = ("film_thickness_nm", "process_temperature_k", "load_n", "process_route")


def _plain_schema() -> dict[str, pl.DataType]:
    import polars as pl

    return {name: getattr(pl, dtype)() for name, dtype in _PLAIN_COLUMNS}


def fractions_dtype() -> pl.DataType:
    """Return the type of the ``fractions`` column."""
    import polars as pl

    return pl.Array(pl.Float64, len(element_symbols()))


def fractions_of(frame: pl.DataFrame) -> NDArray[np.float64]:
    """Return the ``fractions`` column as a matrix [n, d] over ``element_symbols()``."""
    return np.asarray(frame["fractions"].to_numpy(), dtype=np.float64).reshape(frame.height, len(element_symbols()))


def dense_fractions(compositions: Sequence[Composition]) -> NDArray[np.float64]:
    """Return compositions as a matrix [n, d] over ``element_symbols()``."""
    column = {symbol: position for position, symbol in enumerate(element_symbols())}
    dense = np.zeros((len(compositions), len(column)))
    for row, composition in zip(dense, compositions, strict=True):
        row[[column[symbol] for symbol in composition.symbols]] = composition.fractions
    return dense


def thousandths(fractions: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round fractions [n, d] to 0.1 at.% as integers; noise below 1e-9 does not decide a tie."""
    return np.rint(np.round(fractions * 1000.0, 6)).astype(np.int16)


def composition_keys(fractions: NDArray[np.float64]) -> tuple[list[str], list[str]]:
    """Return the key and the chemical system of every row of fractions [n, d]."""
    symbols = np.array(element_symbols())
    order = np.argsort(symbols)
    rounded = thousandths(fractions)[:, order]
    names = symbols[order].tolist()
    keys, systems = [], []
    for row in rounded:
        present = np.flatnonzero(row).tolist()
        amounts = row[present].tolist()
        keys.append("".join(f"{names[i]}{a / 10:g}" for i, a in zip(present, amounts, strict=True)))
        systems.append("-".join(names[i] for i, a in zip(present, amounts, strict=True) if a > 1))
    return keys, systems
