"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import typer

from screener.cli.options import check_units

UnitsName: TypeAlias = Literal["at", "wt"]


def read_units(text: str) -> UnitsName:
    """Read `at` or `wt`.

    Raises:
        InputError: it is something else.
    """
    check_units(text)
    return "wt" if text == "wt" else "at"


Units: TypeAlias = Annotated[
    UnitsName | None,
    typer.Option(
        "--units",
        metavar="at|wt",
        parser=read_units,
        help="How formulas of your table are meant; at.% if absent, but balance notation must say.",
    ),
]
