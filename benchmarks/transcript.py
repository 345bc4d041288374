"""Write what a terminal shows into a README: `python -m benchmarks.transcript --readme README.md`."""

from __future__ import annotations

import argparse
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from training.readme import replace_block

COMMAND = "screener enumerate --elements Al,Ti,Cr --top 3"
_COLUMNS = 132
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def transcript(command: str) -> str:
    """Run a command with a terminal as its standard output; return the table and the first line of the summary.

    Raises:
        RuntimeError: the command fails.
    """
    mine, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(_COLUMNS), "TERM": "dumb", "SCREENER_MODELS": "models"}
    arguments = [sys.executable, "-m", *command.split()]
    with subprocess.Popen(arguments, stdout=theirs, stderr=subprocess.PIPE, env=environment) as process:
        os.close(theirs)
        shown = _read_all(mine)
        notes = process.stderr.read().decode() if process.stderr else ""
    if process.returncode != 0:
        raise RuntimeError(f"`{command}` ended with {process.returncode}: {notes}")
    summary = notes.strip().splitlines()[0]
    lines = [line.rstrip() for line in [*_CONTROL.sub("", shown).replace("\r", "").splitlines(), summary]]
    return "\n".join([f"$ {command}", *lines])


def main() -> None:
    """Print the transcript, or put it between the transcript marks of a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcript", description=__doc__)
    parser.add_argument("--readme", type=Path, help="replace the block between the transcript marks of this file")
    asked = parser.parse_args()
    transcript(COMMAND)  # the first run may compile, and says so
    text = transcript(COMMAND)
    print(text)
    if asked.readme:
        replace_block(asked.readme, "transcript", f"```console\n{text}\n```")


def _read_all(descriptor: int) -> str:
    """Read a terminal until the other side is closed."""
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(descriptor, 4096)
        except OSError:  # how Linux says that nobody is left on the other side
            break
        if not part:
            break
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode()


if __name__ == "__main__":
    main()
