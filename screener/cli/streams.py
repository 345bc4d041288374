"""Standard output and standard error of a process whose caller may have closed them, or stopped reading."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast


class Unheard:
    """Standard error whose reader may go away: work goes on, and what is said after that goes nowhere.

    Args:
        stream: what is written to while somebody reads.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, or nothing where nobody reads any more."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            _lead_nowhere(self._stream)
            return len(text)

    def flush(self) -> None:
        """Write what is still buffered, or nothing where nobody reads any more."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            _lead_nowhere(self._stream)

    def __getattr__(self, name: str) -> object:
        """Everything else is as the stream has it."""
        return getattr(self._stream, name)


@contextmanager
def usable_streams() -> Iterator[None]:
    """Give a command streams that it can write to, and let it end quietly where nobody reads them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    heard = sys.stderr
    sys.stderr = cast("TextIO", Unheard(heard))
    try:
        yield
    finally:
        sys.stderr = heard
        for stream in (sys.stdout, heard):
            try:
                stream.flush()
            except BrokenPipeError:
                _lead_nowhere(stream)


def _lead_nowhere(stream: TextIO) -> None:
    """Send what is buffered and all that follows to the null device."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
