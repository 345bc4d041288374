"""JSON lines: every value as Python's own reader has it, line by line."""

from __future__ import annotations

import io
import json
import math

from fuzzing.harnesses import chosen, hold_to_manners
from screener import json_records
from screener.byte_source import BOM, ByteSource
from screener.errors import InputError
from screener.json_records import read_jsonl

TOKENS = (
    *('{"formula": "CuZr"}', '"formula"', '"a"', ":", ",", "{", "}", "[", "]", "\n", "null", "true", "NaN", "Infinity"),
    *("1.50", "1e999", "-0", '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', "\ufeff", "\u2028", "{}", '{"a":1,"a":2}'),
)
_WHOLE = 1 << 21


def check(data: bytes) -> None:
    """Read lines, whole and in pieces."""
    kind, rest = chosen(data, 8)
    try:
        keys, whole = _records(rest, _WHOLE)
    except InputError as refused:
        hold_to_manners(refused)
        return
    lines = [line for line in (each.strip() for each in rest.removeprefix(BOM).split(b"\n")) if line]
    assert sorted(whole) == list(range(1, len(lines) + 1)), "records that are not counted"
    for number, line in enumerate(lines, 1):
        cells = whole[number]
        if isinstance(cells, str):
            assert cells
            continue
        value = json.loads(line, object_pairs_hook=list)
        assert len({key for key, _ in value}) == len(value), "a key that stands twice"
        assert {key for key, _ in value} <= set(keys)
        for key, given in value:
            assert _same(cells[keys.index(key)], given), f"`{cells[keys.index(key)]}` of {given!r}"
    pieces, chunked = _records_in_pieces(rest, kind)
    assert not pieces or (set(chunked) == set(whole) and pieces == keys)


def _records(content: bytes, chunk: int) -> tuple[tuple[str, ...], dict[int, tuple[str, ...] | str]]:
    """Read every record by number: its cells, or why it is none."""
    usual, json_records._CHUNK = json_records._CHUNK, chunk
    try:
        read = read_jsonl(ByteSource(io.BufferedReader(io.BytesIO(content)), "`x`"))
        found: dict[int, tuple[str, ...] | str] = {}
        for block in read.blocks:
            assert len(block.rows) == block.cells.height
            found |= dict(zip(block.rows.tolist(), block.cells.rows(), strict=True))
            found |= {row: reason for row, _, _, reason in block.rejects}
        return read.header, found
    finally:
        json_records._CHUNK = usual


def _records_in_pieces(content: bytes, size: int) -> tuple[tuple[str, ...], dict[int, tuple[str, ...] | str]]:
    """Read in pieces that hold all lines but the last few bytes; nothing where these hold the only keys."""
    try:
        keys, found = _records(content, max(16, len(content) - size))
    except InputError:
        return (), {}
    return (keys, found) if keys == _records(content, _WHOLE)[0] else ((), {})


def _same(cell: str, value: object) -> bool:
    """Say whether a cell is the text of a value."""
    if value is None:
        return cell == ""
    if isinstance(value, str):
        return cell == value
    if isinstance(value, bool):
        return cell == ("true" if value else "false")
    if isinstance(value, int | float):
        return float(cell) == float(value) or (math.isnan(value) and math.isnan(float(cell)))
    return isinstance(json.loads(cell), list | dict)
