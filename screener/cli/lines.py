"""Lines for people, folded to the width of a terminal, in a pipe as they are; and records for programs.

Whatever prints for a command prints by these: what a terminal would obey is spelled out.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping

import typer

from screener.visible_text import visible, visible_json

_NARROWEST = 40


def say(lines: Iterable[str]) -> None:
    """Print lines; what goes on in the next one is indented deeper than where it began."""
    width = max(_NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    for line in map(visible, lines):
        typer.echo(line if width is None else folded(line, width))


def say_record(record: Mapping[str, object]) -> None:
    """Print a record as one line of JSON."""
    typer.echo(visible_json(json.dumps(record, ensure_ascii=False)))


def folded(line: str, width: int) -> str:
    """Fold one line to a width."""
    if len(line) <= width:
        return line
    indent = " " * min(len(line) - len(line.lstrip()) + 4, width // 2)
    options = {"break_on_hyphens": False, "drop_whitespace": True, "replace_whitespace": False}
    return "\n".join(textwrap.wrap(line, width, subsequent_indent=indent, **options))  # type: ignore[arg-type]
