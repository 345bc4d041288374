"""Lines for people: on a terminal they are folded to its width, in a pipe they stay as they are."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable

import typer

_NARROWEST = 40


def say(lines: Iterable[str]) -> None:
    """Print lines; what goes on in the next one is indented deeper than where it began."""
    width = max(_NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    for line in lines:
        typer.echo(line if width is None else folded(line, width))


def folded(line: str, width: int) -> str:
    """Fold one line to a width."""
    if len(line) <= width:
        return line
    indent = " " * min(len(line) - len(line.lstrip()) + 4, width // 2)
    options = {"break_on_hyphens": False, "drop_whitespace": True, "replace_whitespace": False}
    return "\n".join(textwrap.wrap(line, width, subsequent_indent=indent, **options))  # type: ignore[arg-type]
