"""Ways to spoil a folder of models, each with its kind and name, and the bytes of the format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import ModelProto

from screener.model_set import SUMS

FIRST = "characterize/amorphous.onnx"
"""The file that is loaded first."""
Change = Callable[[ModelProto], object]


@dataclass(frozen=True)
class Attack:
    """One way to spoil a folder; ``harmless`` where what it changes may be loaded as before."""

    kind: str
    name: str
    spoil: Callable[[Path], object]
    harmless: bool = False


def listed_again(folder: Path) -> None:
    """Record the digests of the files as they are now, so that something else must notice."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != SUMS)
    lines = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def on_bytes(kind: str, name: str, change: Callable[[bytes], bytes], harmless: bool = False) -> Attack:
    """Change the first file."""

    def spoil(folder: Path) -> None:
        path = folder / FIRST
        path.write_bytes(change(path.read_bytes()))
        listed_again(folder)

    return Attack(kind, name, spoil, harmless)


def on_graph(kind: str, name: str, change: Change) -> Attack:
    """Change the graph of the first file."""

    def changed(content: bytes) -> bytes:
        model = onnx.load_from_string(content)
        change(model)
        return bytes(model.SerializeToString())

    return on_bytes(kind, name, changed)


def varint(value: int) -> bytes:
    """Write a number as the format does."""
    out = b""
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


def chunk(number: int, content: bytes) -> bytes:
    """Write a field that holds bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content
