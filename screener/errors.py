"""Errors a user can mend; anything else is a bug and shows its traceback.

Tree::

    ScreenerError
    ├── CompositionError   elements, grid step, bounds, sizes of a composition space
    ├── FormulaError       text that does not read as an alloy
    ├── ExpressionError    --where, --rank-by, --maximize, --minimize
    ├── ModelError         missing, damaged or mismatched model files
    ├── InputError         tables and files that are read
    └── OutputError        files that cannot be written
"""

from __future__ import annotations


class ScreenerError(Exception):
    """A fact the user can mend, with a hint that says how.

    Attributes:
        message: one lower-case fact without trailing period, offending value in backticks.
        hint: what to type or change instead; empty when the fact says it all.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message


class CompositionError(ScreenerError):
    """Elements, steps, bounds or sizes that do not make a searchable space."""


class FormulaError(ScreenerError):
    """Text that does not read as an alloy composition."""


class ExpressionError(ScreenerError):
    """A filter or objective that cannot be evaluated row by row."""


class ModelError(ScreenerError):
    """A model file that is missing, damaged or made for other descriptors."""


class InputError(ScreenerError):
    """A file or table that cannot be read as asked."""


class OutputError(ScreenerError):
    """A result that cannot be written where asked."""
