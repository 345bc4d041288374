"""Where results go: files that are complete or absent, standard output, a table on the terminal."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

from screener.errors import OutputError

if TYPE_CHECKING:
    import polars
    from rich.console import Console

Format: TypeAlias = Literal["table", "csv", "parquet", "jsonl"]

_SUFFIXES: dict[str, Format] = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl"}
_WIDEST_CELL = 40


@dataclass(frozen=True, slots=True)
class OutputTarget:
    """A place for a result.

    Attributes:
        path: the file; None for standard output.
        format: ``table`` and ``csv`` on standard output, else what the suffix says.
    """

    path: Path | None
    format: Format

    @classmethod
    def parse(cls, text: str | None, as_json: bool = False) -> OutputTarget:
        """Read the value of ``-o``, and of ``--json``, which is JSON lines on standard output.

        Nothing means standard output, as a table on a terminal and as CSV in a pipe; ``-`` means CSV there.

        Raises:
            OutputError: the suffix names no format, or both name an output.
        """
        if as_json and text not in (None, "-"):
            raise OutputError(
                f"both `--json` and `-o {text}` are given", "keep one: -o FILE.jsonl is the same in a file"
            )
        if as_json:
            return cls(None, "jsonl")
        if text is None:
            return cls(None, "table" if sys.stdout.isatty() else "csv")
        if text == "-":
            return cls(None, "csv")
        suffix = Path(text).suffix.lower()
        if suffix not in _SUFFIXES:
            raise OutputError(f"unknown output format `{suffix or text}`", "end -o in .csv, .parquet or .jsonl")
        return cls(Path(text), _SUFFIXES[suffix])


def meta_path(path: Path) -> Path:
    """Return ``<out>.meta.json`` for ``<out>``."""
    return path.with_name(f"{path.name}.meta.json")


def check_output(target: OutputTarget) -> None:
    """Find out whether a result can be written, before any work is done for it.

    Raises:
        OutputError: the folder is missing, no folder, or refuses new files; or the target is itself a folder.
    """
    if target.path is None:
        return
    path, folder = target.path, target.path.parent
    if not os.path.exists(folder):
        raise OutputError(f"folder `{folder}` does not exist", f"create it: mkdir -p {folder}")
    if not os.path.isdir(folder):
        raise OutputError(f"`{folder}` is not a folder", "name a file in an existing folder with -o")
    if os.path.isdir(path):
        raise OutputError(f"`{path}` is a folder", f"name a file, for example -o {path / 'result'}{path.suffix}")
    if _in_place(path):
        if not os.access(path, os.W_OK):
            raise _refused(f"`{path}`", os.strerror(errno.EACCES).lower())
        return
    # Permission bits do not tell (root, read-only mounts, quotas); creating a file does.
    probe = _beside(path)
    try:
        probe.touch(exist_ok=False)
    except OSError as error:
        raise _refused(f"`{path}`", _system_reason(error) or str(error)) from None
    probe.unlink()


@contextmanager
def atomic_file(path: Path, stale: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file that appears under its name, whole and on disk, when the block ends without an error.

    Until then it is a hidden file in the same folder, which any error or interrupt removes. A link is followed. A
    device or pipe of that name is written to as it is. The block should do nothing but write: what the system refuses
    there is reported as a failure to write.

    Args:
        path: the name it gets.
        stale: a file that must not outlive an earlier file of that name; removed just before the name changes hands.

    Raises:
        OutputError: the system refuses.
    """
    final = Path(os.path.realpath(path))
    staged = final if _in_place(final) else _beside(final)
    with writing(path):
        try:
            with open(staged, "wb" if staged is final else "xb") as file:
                yield file
                settle(file)
            if stale is not None:
                stale.unlink(missing_ok=True)
            if staged is not final:
                os.replace(staged, final)
                _settle_folder(final.parent)
        except BaseException:
            if staged is not final:
                with suppress(OSError):
                    staged.unlink()
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Report what the system refuses as a failure to write a file.

    Raises:
        BrokenPipeError: nobody reads any more what is written to a pipe.
        OutputError: the system refuses.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except BaseException as error:
        if (reason := _system_reason(error)) is not None:
            raise _refused(f"`{path}`", reason) from None
        raise


def discard(path: Path) -> None:
    """Remove a file, if there is one; devices and pipes stay."""
    if not _in_place(path):
        path.unlink(missing_ok=True)


def print_table(frame: polars.DataFrame, console: Console | None = None) -> None:
    """Print as many columns as the terminal is wide, in order, and say how many are left out.

    Numbers have at most four significant digits; a missing value is a dash.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    shown: list[list[str]] = []
    room = console.width
    for name in frame.columns:
        cells = [_cell(value) for value in frame[name].to_list()]
        room -= max(map(cell_len, [_cell(name), *cells])) + 2
        if room < -2 and shown:
            break
        table.add_column(Text(_cell(name)), justify="right" if frame[name].dtype.is_numeric() else "left", no_wrap=True)
        shown.append(cells)
    for row in zip(*shown, strict=True):
        table.add_row(*map(Text, row))
    console.print(table)
    if hidden := frame.width - len(shown):
        console.print(f"{hidden} more column{'s' if hidden > 1 else ''}: write them to a file with -o", style="dim")


def write_stdout(text: str) -> None:
    """Write text to standard output.

    Raises:
        BrokenPipeError: nobody reads it any more (``| head``).
        OutputError: the system refuses.
    """
    buffer = getattr(sys.stdout, "buffer", None)
    try:
        sys.stdout.flush()
        # Bytes, where there are any: encoding and line ends must not depend on the terminal's.
        buffer.write(text.encode()) if buffer is not None else sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
        raise
    except OSError as error:
        drop_stdout()
        raise _refused("standard output", _system_reason(error) or str(error)) from None


def drop_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not trip over it when it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _in_place(path: Path) -> bool:
    """Say whether something is there that no file may replace: a device, a pipe."""
    return os.path.exists(path) and not os.path.isfile(path)


def settle(file: BinaryIO) -> None:
    """Bring what was written to disk, where there is one behind it."""
    file.flush()
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())


def _settle_folder(folder: Path) -> None:
    """Bring a rename to disk, on systems where a folder can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _system_reason(error: BaseException) -> str | None:
    """Return what the operating system said, also through the file layer of polars; None for any other error."""
    from polars.exceptions import ComputeError

    if not isinstance(error, (OSError, ComputeError)):
        return None
    # Through polars the number survives in the text alone.
    found = re.search(r"(?:os error|Errno) ([0-9]+)", str(error))
    if found is not None:
        return os.strerror(int(found[1])).lower()
    return str(error) if isinstance(error, OSError) else None


def _refused(what: str, reason: str) -> OutputError:
    return OutputError(f"cannot write {what}: {reason}", "free some space or name another folder with -o")


def _cell(value: object) -> str:
    """Format one value for the terminal, without the control characters a terminal would obey."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:.4g}"
        return f"{float(short):.0f}" if "e+" in short and abs(value) < 1e7 else short
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
    return text if len(text) <= _WIDEST_CELL else f"{text[: _WIDEST_CELL - 1]}…"
