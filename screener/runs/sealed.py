"""JSON files that carry their own digest: one flipped bit, one missing byte, and they are refused."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError

_LARGEST = 1 << 30
"""Largest file read: a journal of two million kept candidates has a tenth of it."""
_HEAD = re.compile(rb'\{"format": "([a-z ]{1,40}) ([0-9]{1,4})",\n "sha256": "([0-9a-f]{64})",\n "content": ')
_TAIL = b"}\n"
_DTYPES = {"int16": "<i2", "int64": "<i8", "float64": "<f8"}
_LONGEST = 1 << 63
V = TypeVar("V")


def seal(kind: str, version: int, content: Mapping[str, object]) -> bytes:
    """Write content as JSON with its kind, version and digest."""
    body = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
    digest = hashlib.sha256(body).hexdigest()
    return f'{{"format": "{kind} {version}",\n "sha256": "{digest}",\n "content": '.encode() + body + _TAIL


def unseal(raw: bytes, kind: str, version: int, what: str, hint: str) -> dict[str, object]:
    """Read what ``seal`` wrote.

    Args:
        raw: the bytes of a file.
        kind: what it must be.
        version: in which version.
        what: how to call the file.
        hint: what to do where it cannot be used.

    Raises:
        InputError: it is cut short, changed, something else, or of another version.
    """
    head = _HEAD.match(raw)
    if head is None or not raw.endswith(_TAIL):
        raise InputError(f"{what} is damaged: it is no whole {kind}", hint)
    body = raw[head.end() : -len(_TAIL)]
    if hashlib.sha256(body).hexdigest() != head[3].decode():
        raise InputError(f"{what} is damaged: its content does not match its digest", hint)
    if (head[1].decode(), int(head[2])) != (kind, version) or head[2] != str(version).encode():
        raise InputError(f"{what} is a `{head[1].decode()} {head[2].decode()}`, not a `{kind} {version}`", hint)
    try:
        content = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InputError(f"{what} is damaged: it does not read as JSON", hint) from None
    if not isinstance(content, dict):
        raise InputError(f"{what} is damaged: it does not read as JSON", hint)
    return content


def read_bytes(path: Path, what: str, hint: str) -> bytes:
    """Read a file of a sane size.

    Raises:
        InputError: the system refuses, or the file is far too large.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read {what}: {reason}", hint) from None
    if len(raw) > _LARGEST:
        raise InputError(f"{what} is larger than {_LARGEST >> 20} MB", hint)
    return raw


def packed(array: NDArray[np.generic]) -> dict[str, object]:
    """Write an array as plain JSON values: type, shape, and its bytes as text."""
    code = _DTYPES[array.dtype.name]
    text = base64.b64encode(np.ascontiguousarray(array).astype(code, copy=False).tobytes()).decode()
    return {"type": array.dtype.name, "shape": list(array.shape), "bytes": text}


def unpacked(value: object, kind: str, columns: int | None = None) -> NDArray[np.generic]:
    """Read what ``packed`` wrote.

    Args:
        value: plain JSON values.
        kind: name of the type it must have.
        columns: width it must have; None for a plain list of numbers.

    Raises:
        ValueError: it is something else.
    """
    fields = of_type(value, dict)
    shape = [of_type(n, int) for n in of_type(fields.get("shape"), list)]
    wide = len(shape) == 1 if columns is None else len(shape) == 2 and shape[1] == columns
    if fields.get("type") != kind or not wide or min(shape, default=-1) < 0:
        raise ValueError(f"an array of {fields.get('type')} {shape}")
    try:
        raw = base64.b64decode(of_type(fields.get("bytes"), str), validate=True)
    except binascii.Error:
        raise ValueError("an array that does not decode") from None
    array = np.frombuffer(raw, _DTYPES[kind])
    if array.size != np.prod(shape, dtype=np.int64):
        raise ValueError("an array of another size")
    return array.reshape(shape).astype(kind)


def of_type(value: object, kind: type[V]) -> V:
    """Return a JSON value that must be of one type; truth values are no numbers, which are finite or have 64 bits.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{type(value).__name__} where {kind.__name__} belongs")
    if isinstance(value, int) and not -_LONGEST <= value < _LONGEST:
        raise ValueError("a number of more than 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


def _no_number(name: str) -> float:
    raise ValueError(name)
