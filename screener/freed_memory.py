"""Memory that was freed goes back to the system: what parsing large models took would else count for the whole run."""

from __future__ import annotations

import contextlib
import ctypes
import sys


def give_back() -> None:
    """Ask the C library to return freed memory to the system; does nothing where it cannot."""
    if sys.platform != "linux":
        return
    # only glibc has it
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
