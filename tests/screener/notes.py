"""What a run says, kept for a test."""

from __future__ import annotations


class Notes:
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.calls: list[tuple[int, int | None]] = []

    def progress(self, done: int, total: int | None) -> None:
        self.calls.append((done, total))

    def warn(self, text: str) -> None:
        self.warnings.append(text)
