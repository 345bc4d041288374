"""Names that a user chooses a method's option by."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from screener.errors import InputError


def require_choice(option: str, name: str, known: Collection[str]) -> str:
    """Return a name if it is known.

    Raises:
        InputError: it is not.
    """
    if name in known:
        return name
    close = difflib.get_close_matches(name, list(known), n=1)
    listed = ", ".join(f"`{each}`" for each in known)
    raise InputError(f"unknown {option} `{name}`", f"did you mean `{close[0]}`?" if close else f"there is {listed}")
