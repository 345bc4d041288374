"""Locks that die with the process that holds them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def lock(descriptor: int) -> bool:
    """Lock an open file or folder for this process alone, and say whether that succeeded.

    The lock ends when the last descriptor of this opening is closed, also where the process is killed. File systems
    that know no locks, and Windows, let everybody pass.
    """
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def hold(path: Path) -> int | None:
    """Open and lock a file or folder that is there; None where another process holds it.

    Raises:
        OSError: it cannot be opened.
    """
    while True:
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        if not lock(descriptor):
            os.close(descriptor)
            return None
        # What stood under this name may have been replaced between opening and locking.
        try:
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Say whether a process holds a file or folder."""
    try:
        descriptor = hold(path)
    except OSError:
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
