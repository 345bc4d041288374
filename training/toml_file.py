"""TOML files that users write."""

from __future__ import annotations

import tomllib
from pathlib import Path

from screener.errors import InputError


def read_toml(path: Path, example: str) -> dict[str, object]:
    """Read a TOML file.

    Args:
        path: the file.
        example: what to write instead, as a hint.

    Raises:
        InputError: it does not read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    # The reader lets two accidents through as they are: numbers of too many digits, and brackets too deep to follow.
    except (OSError, ValueError, RecursionError) as error:
        reason = "TOMLDecodeError" if type(error) is ValueError else type(error).__name__
        raise InputError(f"`{path.name}` does not read as TOML: {reason}", example) from None
