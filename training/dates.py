"""The day that cards, tables and reports are dated with."""

from __future__ import annotations

from datetime import UTC, datetime


def today() -> str:
    """Return the day in Coordinated Universal Time as text of ISO 8601, such as ``2026-01-02``."""
    return datetime.now(UTC).date().isoformat()
