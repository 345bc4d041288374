"""Names of alloy grades that read as formulas: `Ti64` is an element with an amount, and means another alloy."""

from __future__ import annotations

import re
from collections.abc import Sequence

from screener.elements import element_symbols

_ONE_AMOUNT = re.compile(r"\s*([A-Z][a-z]?)(\d+(?:\.\d+)?)\s*")
_WHOLE = (1.0, 100.0)


def reads_as_grade(text: str) -> bool:
    """Say whether a cell is one element with an amount that is not the whole."""
    match = _ONE_AMOUNT.fullmatch(text)
    return match is not None and match[1] in element_symbols() and float(match[2]) not in (0.0, *_WHOLE)


def grade_warning(column: str, texts: Sequence[str]) -> str | None:
    """Warn of cells that read as a pure element although they give it an amount other than 1 or 100; None for none.

    Args:
        column: its name.
        texts: its first cells (n,).
    """
    rows = [row for row, text in enumerate(texts) if reads_as_grade(text)]
    if not rows:
        return None
    first = texts[rows[0]].strip()
    symbol = first.rstrip("0123456789.")
    return (
        f"`{first}` in row {rows[0] + 1} of column `{column}` is read as pure {symbol}, not as the name of a grade"
        f"{f', and {len(rows) - 1:,} more such cells' if len(rows) > 1 else ''}"
    )
