"""Files that options name."""

from __future__ import annotations

from pathlib import Path

from screener.errors import InputError


def require_readable(path: Path, kind: str) -> None:
    """Check that a file is there and can be read.

    Args:
        path: as the option names it.
        kind: what it should be, e.g. `TOML`, for the hint.

    Raises:
        InputError: there is no such file, it is a folder, or it is not the user's to read.
    """
    try:
        if not path.is_fifo():  # which can be read but once
            path.open("rb").close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read `{path}`: {reason}", f"name a {kind} file that exists and can be read") from None
