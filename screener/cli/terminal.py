"""Standard error during a run: progress, warnings, the note on compiling, the summary at the end."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from screener.cli.lines import folded
from screener.visible_text import visible, visible_line

if TYPE_CHECKING:
    from screener.exact.standing import Tally
    from screener.summary import Summary

_EVERY = 0.2
"""Seconds between two looks of the progress line."""
_COMPILING = "compiling for this machine, once; later runs start at once"
_COMPILING_AGAIN = (
    "compiling, as every run will: no folder for compiled code can be written; set NUMBA_CACHE_DIR to one that can"
)


class Terminal:
    """Tells the person at the terminal what happens; results never pass here.

    Args:
        quiet: no progress, notes and summary.
        stream: where to; standard error if None.
    """

    def __init__(self, quiet: bool, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._live = not quiet and self._stream.isatty()
        self._started = self._shown = time.monotonic()
        self._width = 0
        self._best = ""

    def best(self, text: str) -> None:
        """Hear what the best candidate so far reaches; the next look of the progress line shows it."""
        self._best = f", best {text}"

    def progress(self, done: int, total: int | None) -> None:
        """Redraw the progress line: share, rate and time left."""
        now = time.monotonic()
        if not self._live or now - self._shown < _EVERY:
            return
        self._shown = now
        rate = done / max(now - self._started, 1e-9)
        text = f"{done:,} rows" if total is None else f"{done / total:.0%} of {total:,}"
        left = "" if total is None else f", {clock((total - done) / max(rate, 1e-9))} left"
        self._redraw(f"{text}, {rate:,.0f}/s{left}{self._best}")

    def proving(self, tally: Tally) -> None:
        """Redraw the progress line of an exact search: settled share, what is to beat, what may still come."""
        now = time.monotonic()
        if not self._live or now - self._shown < _EVERY:
            return
        self._shown = now
        self._redraw(
            f"{tally.settled:.2%} settled, {tally.cells:,} cells; to beat {tally.threshold:.6g}, "
            f"open up to {tally.ceiling:.6g}"
        )

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._line(f"warning: {text}")

    def note(self, text: str) -> None:
        """Print something worth knowing."""
        if not self._quiet:
            self._line(text)

    def summary(self, summary: Summary) -> None:
        """Print what a run did."""
        self.note(summary.text())

    def clear(self) -> None:
        """Wipe the progress line."""
        if self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
            self._width = 0

    def _redraw(self, text: str) -> None:
        text = visible_line(text)[: shutil.get_terminal_size().columns - 1]  # a line that wraps could not be drawn over
        self._stream.write(f"\r{text:<{self._width}}")
        self._stream.flush()
        self._width = len(text)

    def _line(self, text: str) -> None:
        self.clear()
        text = visible(text)
        if self._stream.isatty():
            width = shutil.get_terminal_size().columns
            text = "\n".join(folded(line, width) for line in text.splitlines())
        print(text, file=self._stream)


@contextmanager
def terminal(quiet: bool) -> Iterator[Terminal]:
    """Watch a run from the terminal, and say once if code must be compiled first."""
    from numba.core import event

    told = Terminal(quiet)
    listener = _compile_listener(told)
    event.register("numba:compile", listener)  # type: ignore[no-untyped-call]
    try:
        yield told
    finally:
        event.unregister("numba:compile", listener)  # type: ignore[no-untyped-call]
        told.clear()


def _compile_listener(told: Terminal) -> object:
    """Make a listener that says once, at the first compilation, why it takes a while."""
    from numba.core import event

    from screener._kernel_cache import keeps_code

    class Listener(event.Listener):
        said = False

        def on_start(self, _: object) -> None:
            if not self.said:
                self.said = True
                told.note(_COMPILING if keeps_code() else _COMPILING_AGAIN)

        def on_end(self, _: object) -> None:
            pass

    return Listener()


def clock(seconds: float) -> str:
    """Write a duration as people read it: `42 s`, `3:07 min`, `2:05 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
