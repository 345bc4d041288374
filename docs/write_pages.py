"""Write what must not be typed by hand: `python docs/write_pages.py` makes the references and what terminals show."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import typer

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
COLUMNS = 100
CONSOLE = re.compile(r"^```console\n\$ (?P<command>[^\n]+)\n(?P<shown>.*?)^```$", re.MULTILINE | re.DOTALL)
_DIGEST = re.compile(r"<!-- models:\s*\w* -->")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def pages() -> list[Path]:
    """List the pages that show terminals, in the order of their names."""
    return [path for path in sorted(DOCS.rglob("*.md")) if CONSOLE.search(path.read_text(encoding="utf-8"))]


def shown(command: str, folder: Path) -> str:
    """Run a command with a terminal as its standard output, and return what that shows.

    Raises:
        RuntimeError: the command fails.
    """
    mine, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(COLUMNS), "TERM": "dumb", "SCREENER_MODELS": str(REPOSITORY / "models")}
    environment.pop("LINES", None)  # with it, Rich would take other widths for a dumb terminal
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    command, _, few = command.partition(" | head -")
    arguments = [sys.executable, "-m", *shlex.split(command)]
    # Warnings and the summary go to standard error; durations would make every run another page.
    with subprocess.Popen(arguments, stdout=theirs, stderr=subprocess.PIPE, env=environment, cwd=folder) as process:
        os.close(theirs)
        text = b"".join(_read(mine)).decode()
        notes = process.stderr.read().decode() if process.stderr else ""
    if process.returncode:
        raise RuntimeError(f"`{command}` ended with {process.returncode}: {notes}")
    lines = [line.rstrip() for line in _CONTROL.sub("", text).replace("\r", "").splitlines()]
    return "".join(f"{line}\n" for line in (lines[: int(few)] if few else lines))


def filled(text: str, folder: Path) -> str:
    """Run every command of a page in a folder and put in what it shows."""
    return CONSOLE.sub(lambda found: f"```console\n$ {found[1]}\n{shown(found[1], folder)}```", text)


def models_digest() -> str:
    """Name the models in the repository."""
    from screener.device import choose_device
    from screener.model_set import load_models

    return load_models(REPOSITORY / "models", choose_device("cpu"), ("screen",)).digest


def reference(program: str, app: typer.Typer) -> str:
    """Write the reference of a program from its own help."""
    parts = [f"# Reference: `{program}`\n\nWritten by `python docs/write_pages.py` from the help of every command.\n"]
    command = typer.main.get_command(app)
    parts += _commands((program,), command)
    return "\n".join(parts)


def _commands(words: tuple[str, ...], command: object) -> Iterator[str]:
    """Write the commands below one, or the command itself."""
    below = getattr(command, "commands", None)
    if below is None:
        yield _section(words, command)
        return
    for name, each in below.items():
        yield from _commands((*words, name), each)


def _section(words: tuple[str, ...], command: object) -> str:
    """Write one command: what it does, its options, its examples."""
    help_text = str(getattr(command, "help", "") or "").replace("\b", "").strip()
    text, _, example = help_text.partition("\nExample: ")
    epilog = str(getattr(command, "epilog", "") or example).replace("\b", "").strip()
    examples = "\n".join(line.strip() for line in re.sub(r"^Examples?:", "", epilog).strip().splitlines())
    rows = [_row(parameter) for parameter in getattr(command, "params", ()) if parameter.name != "help"]
    table = ["| argument or option | value | meaning |", "|---|---|---|", *rows] if rows else ["No options."]
    return "\n".join([f"## {' '.join(words)}\n", f"{text.strip()}\n", *table, "", f"```sh\n{examples}\n```", ""])


def _row(parameter: object) -> str:
    """Write one option."""
    opts = [*getattr(parameter, "opts", ()), *getattr(parameter, "secondary_opts", ())]
    option = getattr(parameter, "param_type_name", "") == "option"
    metavar = getattr(parameter, "metavar", None)
    name = ", ".join(f"`{each}`" for each in opts) if option else f"`{metavar or str(opts[0]).upper()}`"
    flag = getattr(parameter, "is_flag", False)
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    kind = {"Path": "PATH", "int": "N", "float": "X", "str": "TEXT"}.get(getattr(annotation, "__name__", ""), "")
    kind = kind or "|".join(map(str, getattr(annotation, "__args__", ()))) or "VALUE"
    value = "" if flag or not option else f"`{metavar or kind}`".replace("|", "\\|")
    default = getattr(parameter, "default", None)
    said = str(getattr(parameter, "help", "") or "")
    if option and getattr(parameter, "required", False):
        said += " Required."
    elif option and isinstance(default, str | int | float) and not flag and "Default" not in said:
        said += f" Default: {default}."
    return " | ".join(["", name, value, said.replace("|", "\\|"), ""]).strip()


def references() -> dict[Path, str]:
    """Give the text of both references by file."""
    from screener.cli import app as screener
    from training.cli import app as training

    return {
        DOCS / "reference.md": reference("screener", screener),
        DOCS / "reference-training.md": reference("training", training),
    }


def main() -> None:
    """Write the references and every terminal."""
    for path, text in references().items():
        path.write_text(text, encoding="utf-8")
    digest = models_digest()
    for path in pages():
        with tempfile.TemporaryDirectory() as folder:
            text = filled(path.read_text(encoding="utf-8"), Path(folder))
        path.write_text(_DIGEST.sub(f"<!-- models: {digest} -->", text), encoding="utf-8")
        print(path.relative_to(REPOSITORY))


def _read(descriptor: int) -> Iterator[bytes]:
    """Read a terminal until the other side is closed."""
    while True:
        try:
            part = os.read(descriptor, 4096)
        except OSError:  # how Linux says that nobody is left on the other side
            part = b""
        if not part:
            os.close(descriptor)
            return
        yield part


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    main()
