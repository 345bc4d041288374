"""Lists of alloys of any kind, read to compositions: each row as if it were the only one."""

from __future__ import annotations

import re

import numpy as np

from fuzzing.harnesses import chosen, hold_to_manners, stored
from fuzzing.harnesses.formula import UNITS, read_alone, read_together
from screener._formula_grammar import SHARE_TOLERANCE
from screener.alloy_list import AlloyList, open_list
from screener.descriptors.specs import feature_spec
from screener.errors import ScreenerError
from screener.formula import Composition, Units
from screener.jobs import EncodingChoice
from screener.list_blocks import BlockReader, ReadBlock
from screener.text_blocks import TextBlock

TOKENS = (
    *("formula", "composition", "Al", "Cu", "Zr", "load_n", "Cu50Zr50", "Ti-6Al-4V", "(CoCrFeNi)94Al6", ",", ";", "\t"),
    *(
        "\n",
        '"',
        "50",
        "0.5",
        "1e2",
        "nan",
        "inf",
        "-5",
        "+5",
        " ",
        "1_0",
        "0x1p3",
        "1,5",
        '{"formula":"CuZr"}',
        "PAR1",
    ),
    *("\x1f\x8b", "(\xb5/\xfd", "PK\x03\x04", "\ufeff", "sep=;\n", "true", "null"),
)
_ENCODINGS: tuple[EncodingChoice, ...] = ("utf-8", "latin-1", "cp1252")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MOST = 64
"""Rows that are looked at one by one."""


def check(data: bytes) -> None:
    """Read a list."""
    kind, rest = chosen(data, 9)
    units = UNITS[kind // 3]
    with stored(rest, "") as path:
        try:
            with open_list(path, units, None, _ENCODINGS[kind % 3]) as found:
                _hold(found, units)
        except ScreenerError as refused:
            hold_to_manners(refused)


def _hold(found: AlloyList, units: Units | None) -> None:
    """Check that every record is accounted for once, and that compositions are those of their cells."""
    header = found.header
    formula = None if found.formula is None else header[found.formula]
    elements = {symbol: header[place] for symbol, place in found.elements.items()}
    conditions = ("load_n",) if "load_n" in header else ()
    foreign, known = tuple(header[place] for place in found.foreign), {"load_n": 5.0}
    descriptors, flags = feature_spec("kang21").descriptors, frozenset[str]()
    reader = BlockReader(formula, elements, foreign, units, descriptors, conditions, flags, None, known)
    before = 0
    for text in found.blocks:
        read = reader.read(text)
        numbers = sorted([*read.block.rows.tolist(), *(row for row, *_ in read.rejects)])
        assert numbers == list(range(before + 1, before + 1 + text.records)), "rows that are lost or doubled"
        before += text.records
        _hold_rows(read, text, reader)


def _hold_rows(read: ReadBlock, text: TextBlock, reader: BlockReader) -> None:
    """Check some rows, one by one."""
    alloys = read.block.alloys
    assert (alloys.fraction > 0).all()
    assert np.isfinite(alloys.fraction).all()
    assert all(reason for *_, reason in read.rejects)
    for values in read.block.conditions.values():
        assert np.isfinite(values).all()
    kept = {row: place for place, row in enumerate(read.block.rows.tolist())}
    for place, row in enumerate(text.rows[:_MOST].tolist()):
        composition = read_together(alloys, kept[row]) if row in kept else None
        if reader.formula is not None:
            alone = read_alone(str(text.cells[reader.formula].cast(str, strict=False)[place] or ""), reader.units)
            assert composition in (None, alone), f"row {row}: {composition} where alone it is {alone}"
            assert composition is not None or isinstance(alone, tuple) or read.rejects
        elif isinstance(composition, Composition):
            _hold_amounts(composition, [(s, text.cells[name][place]) for s, name in reader.elements.items()], reader)


def _hold_amounts(read: Composition, cells: list[tuple[str, object]], reader: BlockReader) -> None:
    """Check that shares are those of the amounts in the cells."""
    amounts = {symbol: _amount(cell) for symbol, cell in cells}
    total = sum(amounts.values())
    assert any(abs(total - whole) <= SHARE_TOLERANCE * whole * (1 + 1e-9) for whole in (1.0, 100.0)), (
        f"amounts {amounts}"
    )
    present = [symbol for symbol, amount in amounts.items() if amount]
    assert sorted(read.symbols) == sorted(present), f"{read.symbols} of {amounts}"
    if reader.units != "wt":
        for symbol, share in zip(read.symbols, read.fractions, strict=True):
            assert abs(share - amounts[symbol] / total) < 1e-12


def _amount(cell: object) -> float:
    """Read a cell that was taken for a number."""
    if isinstance(cell, str):
        assert not cell.strip() or _NUMBER.fullmatch(cell.strip()), f"`{cell}` taken for a number"
        return float(cell) if cell.strip() else 0.0
    return float(cell) if isinstance(cell, int | float) else 0.0
