"""Element properties and pair enthalpies: frozen tables, checked against their digest when first used."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener._element_columns import ELEMENT_COLUMNS, ElementColumn
from screener.errors import CompositionError, ModelError

__all__ = [
    "ELEMENT_COLUMNS",
    "ElementColumn",
    "digest_of",
    "element_symbols",
    "element_values",
    "pair_values",
    "pairs_without_value",
    "require_element",
    "tables_digest",
]

_FOLDER = Path(__file__).with_name("data")
_PAIR_COLUMN = "dH_mix_kj_mol"
_PERIODIC_TABLE = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
    Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu
    Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
    Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""


@dataclass(frozen=True, slots=True)
class _Tables:
    """Both tables in memory: columns by name [d], pair enthalpies [d, d], NaN where unknown."""

    positions: Mapping[str, int]
    columns: Mapping[str, NDArray[np.float64]]
    pairs: NDArray[np.float64]
    digest: str


def element_symbols() -> tuple[str, ...]:
    """Return the symbols of every element in the table, by atomic number."""
    return tuple(_tables().positions)


@cache
def elements_without_data() -> frozenset[str]:
    """Return the symbols of the elements that are not in the table."""
    return frozenset(_PERIODIC_TABLE.split()).difference(element_symbols())


def element_values(symbols: Sequence[str], column: str) -> NDArray[np.float64]:
    """Return one property of the given elements [d], in the unit that ``ELEMENT_COLUMNS`` states.

    Raises:
        CompositionError: an element or the column is not in the table, or the value is unknown.
    """
    tables = _tables()
    if column not in tables.columns:
        raise CompositionError(
            f"unknown element property `{column}`",
            _nearest(column, tables.columns, "screener.elements.ELEMENT_COLUMNS lists them"),
        )
    values = tables.columns[column][_positions(symbols)]
    if np.isnan(values).any():
        symbol = symbols[int(np.flatnonzero(np.isnan(values))[0])]
        raise CompositionError(f"no `{column}` for `{symbol}`", f"leave `{symbol}` out")
    return values


def pair_values(symbols: Sequence[str], column: str = _PAIR_COLUMN, *, apart: bool = False) -> NDArray[np.float64]:
    """Return the mixing enthalpy of every pair [d, d] in kJ/mol of the equiatomic liquid, zero on the diagonal.

    The values are those of Takeuchi and Inoue, doi:10.2320/matertrans.46.2817.

    Args:
        symbols: d elements.
        column: the property.
        apart: two elements without a value are never in one alloy: zero stands for what nothing is made of.

    Raises:
        CompositionError: an element or the column is not in the table, or a pair has no value.
    """
    if column != _PAIR_COLUMN:
        raise CompositionError(f"unknown pair property `{column}`", f"did you mean `{_PAIR_COLUMN}`?")
    positions = _positions(symbols)
    values = _tables().pairs[np.ix_(positions, positions)]
    if apart:
        return np.nan_to_num(values, nan=0.0)
    if np.isnan(values).any():
        first, second = (symbols[int(i)] for i in np.argwhere(np.isnan(values))[0])
        raise CompositionError(f"no `{column}` for `{first}`-`{second}`", "leave one of the two elements out")
    return values


def pairs_without_value(symbols: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of every two elements whose mixing enthalpy is unknown, the first place lower."""
    positions = _positions(symbols)
    missing = np.argwhere(np.isnan(_tables().pairs[np.ix_(positions, positions)]))
    return [(first, second) for first, second in missing.tolist() if first < second]


def require_element(symbol: str) -> str:
    """Return the symbol if the table has it.

    Raises:
        CompositionError: no such element, or one without alloy data.
    """
    positions = _tables().positions
    if symbol in positions:
        return symbol
    if symbol in elements_without_data():
        raise CompositionError(
            f"no alloy data for `{symbol}`", f"leave `{symbol}` out: the mixing enthalpies do not cover it"
        )
    raise CompositionError(
        f"unknown element `{symbol}`", _nearest(symbol, positions, "write symbols such as `Al`, `Ti`, `Cr`")
    )


def tables_digest() -> str:
    """Return the first 16 hexadecimal digits that name both tables.

    Raises:
        ModelError: the tables are not the ones whose digest is recorded beside them.
    """
    return _tables().digest[:16]


def digest_of(elements: bytes, pairs: bytes) -> str:
    """Hash the bytes of both tables (SHA-256, hexadecimal), whatever their line ends."""
    return hashlib.sha256(b"\0".join(table.replace(b"\r\n", b"\n") for table in (elements, pairs))).hexdigest()


@cache
def _tables() -> _Tables:
    return _load(_FOLDER)


def _load(folder: Path) -> _Tables:
    """Read both tables after checking their digest.

    Raises:
        ModelError: a file is missing, or the digest is another than the recorded one.
    """
    try:
        elements, pairs = ((folder / name).read_bytes() for name in ("elements.csv", "pairs.csv"))
        recorded = (folder / "tables.sha256").read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        raise ModelError(f"element table `{name}` is missing", "pip install --force-reinstall alloy-screener") from None
    digest = digest_of(elements, pairs)
    if digest != recorded:
        raise ModelError(
            f"element tables `{digest[:16]}` are not the recorded `{recorded[:16]}`",
            "python -m screener.data.build_tables makes them anew, pip install --force-reinstall alloy-screener "
            "brings back the released ones",
        )
    return _parse(elements.decode("utf-8"), pairs.decode("utf-8"), digest)


def _parse(elements: str, pairs: str, digest: str) -> _Tables:
    """Turn the text of both tables into arrays; a blank field becomes NaN."""
    header, *rows = csv.reader(io.StringIO(elements))
    positions = {row[0]: position for position, row in enumerate(rows)}
    values = np.array([[float(field or "nan") for field in row[1:]] for row in rows], dtype=np.float64)
    enthalpies = np.full((len(rows), len(rows)), np.nan)
    np.fill_diagonal(enthalpies, 0.0)
    for first, second, value in list(csv.reader(io.StringIO(pairs)))[1:]:
        enthalpies[positions[first], positions[second]] = float(value)
        enthalpies[positions[second], positions[first]] = float(value)
    columns = {name: values[:, position].copy() for position, name in enumerate(header[1:])}
    return _Tables(positions, columns, enthalpies, digest)


def _positions(symbols: Sequence[str]) -> list[int]:
    positions = _tables().positions
    return [positions[require_element(symbol)] for symbol in symbols]


def _nearest(name: str, known: Mapping[str, object], otherwise: str) -> str:
    """Suggest the known name that looks most like the given one, a difference of case first."""
    folded = {key.casefold(): key for key in known}
    close = [folded[name.casefold()]] if name.casefold() in folded else difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else otherwise
