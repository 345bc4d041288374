"""Harnesses: each holds one parser to its contract: a value that keeps its promises, or a `ScreenerError`."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from screener.errors import ScreenerError


def text_of(data: bytes) -> str:
    """Decode as the system decodes arguments: bytes that are no text stay, as halves of surrogate pairs."""
    return data.decode("utf-8", "surrogateescape")


def chosen(data: bytes, kinds: int) -> tuple[int, bytes]:
    """Let the first byte choose among some kinds; the rest is the input."""
    return (data[0] % kinds if data else 0), data[1:]


def hold_to_manners(refused: ScreenerError) -> None:
    """Check that a refusal is one fact and a hint of what to do."""
    message, hint = refused.message, refused.hint
    assert message, "a refusal that says nothing"
    assert hint, f"no hint: {message[:200]}"
    assert len(message) < 10_000, f"a fact of {len(message)} characters"
    assert not message.endswith("."), message[-200:]


@contextlib.contextmanager
def stored(data: bytes, suffix: str) -> Iterator[Path]:
    """Write a file to memory, and take it away afterwards."""
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
    path = folder / f"fuzzing-{os.getpid()}{suffix}"
    path.write_bytes(data)
    try:
        yield path
    finally:
        path.unlink()
