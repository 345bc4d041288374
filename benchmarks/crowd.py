"""Programs that run at once and share one folder of compiled code, in whatever state it is; and a full disk.

    python -m benchmarks.crowd --into docs/reliability.md

Every program must end well, without a traceback, with the bytes of an undisturbed run. On a full disk a command
must end with one error and change nothing; what `--all` leaves must lead to the whole result once there is room.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import screener
from benchmarks.cases import models_folder
from training.readme import replace_block

STATES = ("warm", "damaged", "cut short", "cold", "nowhere to write")
_QUESTION = ("enumerate", "--elements", "Al,Ti,Cr", "--step", "10", "-o", "-")
_ROOM = 4096
"""Bytes that a file may have on the disk that is full."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How programs ended that ran at once.

    Attributes:
        state: of the folder of compiled code.
        programs: how many there were.
        well: how many ended with code 0, no traceback and the right bytes.
        seconds: until the last one ended.
        said: what a program that ended otherwise wrote to standard error.
    """

    state: str
    programs: int
    well: int
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Place:
    """A copy of the package, and where it keeps compiled code.

    Attributes:
        folder: holds both.
        models: folder of models.
    """

    folder: Path
    models: Path

    @property
    def code(self) -> Path:
        """Folder of compiled code."""
        return self.folder / "code"

    def copy(self) -> None:
        """Copy the package to where no folder for its byte code can be made."""
        source, target = Path(screener.__file__).parent, self.folder / "package" / "screener"
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        for folder in {path.parent for path in target.rglob("*.py")}:
            (folder / "__pycache__").write_bytes(b"")

    def start(self, code: Path) -> subprocess.Popen[bytes]:
        """Start a program that looks for compiled code in a folder alone; its home is a file."""
        nobody = self.folder / "package" / "screener" / "__pycache__"
        named = {"NUMBA_CACHE_DIR": code, "HOME": nobody, "XDG_CACHE_HOME": nobody, "XDG_DATA_HOME": nobody}
        variables = {**os.environ, "PYTHONPATH": str(self.folder / "package"), **{k: str(v) for k, v in named.items()}}
        command = [sys.executable, "-m", "screener", *_QUESTION, "--models", str(self.models)]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables)

    def run(self, state: str, programs: int, expected: bytes) -> Ended:
        """Start so many programs at once on a folder in a state and wait for all."""
        started = time.perf_counter()
        code = self.prepared(state)
        running = [self.start(code) for _ in range(programs)]
        told = [process.communicate() for process in running]
        right = [
            process.returncode == 0 and out == expected and b"Traceback" not in said
            for process, (out, said) in zip(running, told, strict=True)
        ]
        bad = "".join(said.decode()[-2000:] for (_, said), well in zip(told, right, strict=True) if not well)
        return Ended(state, programs, sum(right), time.perf_counter() - started, bad)

    def prepared(self, state: str) -> Path:
        """Bring the folder of compiled code into a state."""
        if state == "nowhere to write":
            return self.folder / "package" / "screener" / "__pycache__" / "code"
        if state == "cold":
            shutil.rmtree(self.code, ignore_errors=True)
        for number, path in enumerate(sorted(self.code.rglob("*.nbc"))):
            raw = path.read_bytes()
            if state == "damaged":
                place = number * 7919 % len(raw)
                path.write_bytes(raw[:place] + bytes([raw[place] ^ 0x40]) + raw[place + 1 :])
            elif state == "cut short":
                path.write_bytes(raw[: len(raw) // 2])
        return self.code


def crowd(place: Place, programs: int, states: Sequence[str] = STATES) -> list[Ended]:
    """Run programs at once on a folder in each state.

    Raises:
        RuntimeError: an undisturbed run fails.
    """
    alone = place.start(place.code)
    expected, said = alone.communicate()
    if alone.returncode != 0:
        raise RuntimeError(said.decode())
    return [_told(place.run(state, programs, expected)) for state in states]


def _told(ended: Ended) -> Ended:
    print(ended, file=sys.stderr, flush=True)
    return ended


def full_disk(folder: Path, models: Path, commands: Sequence[tuple[str, ...]] | None = None) -> list[tuple[str, str]]:
    """Let commands meet a full disk; what each did, nothing where it behaved.

    No file may get longer than 4 kB, so that every write that matters fails while the command works.
    """
    lines = "".join(f"Al{k / 100}Ti{100 - k / 100}\n" for k in range(1, 3001))
    (folder / "list.csv").write_text(f"formula\n{lines}", encoding="utf-8")
    found = []
    for words in commands or FULL:
        (folder / words[-1]).write_bytes(b"what was there before")
        there = _digests(folder)
        done = _run(folder, models, words, limited=True)
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: cannot write")]
        well = done.returncode == 2 and len(errors) == 1 and "Traceback" not in done.stderr
        if "--all" in words:
            well = well and _run(folder, models, ("enumerate", "--resume", "ALL"), limited=False).returncode == 0
            well = well and _run(folder, models, ("verify", "ALL"), limited=False).returncode == 0
        else:
            well = well and _digests(folder) == there
        found.append((" ".join(words), "" if well else f"{done.returncode} {done.stderr}"))
    return found


FULL: tuple[tuple[str, ...], ...] = (
    ("enumerate", "--elements", "Al,Ti,Cr", "--top", "500", "-o", "best.csv"),
    ("enumerate", "--elements", "Al,Ti,Cr", "--top", "500", "-o", "best.parquet"),
    ("enumerate", "--elements", "Al,Ti,Cr", "--top", "500", "-o", "best.jsonl"),
    ("enumerate", "--elements", "Al,Ti,Cr", "--all", "ALL", "-o", "best.csv"),
    ("score", "list.csv", "--tier", "screen", "-o", "scored.csv"),
    ("score", "list.csv", "--tier", "screen", "--maximize", "hardness_gpa", "-o", "scored.parquet"),
)


def _run(folder: Path, models: Path, words: Sequence[str], limited: bool) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    more = () if words[0] == "verify" else ("--models", str(models), "--quiet")
    command = [sys.executable, "-m", "screener", *words, *more]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, preexec_fn=_limited if limited else None)


def _limited() -> None:
    """Let no file get long."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, _ROOM))


def _digests(folder: Path) -> Mapping[str, str]:
    """Digest every file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def table(ended: Sequence[Ended], full: Sequence[tuple[str, str]]) -> str:
    """Write how programs ended as Markdown."""
    lines = ["| compiled code | programs at once | ended well, same bytes | seconds |", "|---|---:|---:|---:|"]
    lines += [f"| {each.state} | {each.programs} | {each.well} | {each.seconds:.0f} |" for each in ended]
    lines += ["", "| on a full disk | one error, nothing changed, or resumed to the end |", "|---|---|"]
    lines += [f"| `screener {words}` | {'no' if problem else 'yes'} |" for words, problem in full]
    return "\n".join(lines)


def main() -> int:
    """Run everything, print the tables, write them where asked; 1 where a program did not end well."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__)
    parser.add_argument("--programs", type=int, default=8, help="how many run at once (default: %(default)s)")
    parser.add_argument("--into", type=Path, help="file that holds the marks `<!-- crowd -->` and `<!-- /crowd -->`")
    asked = parser.parse_args()
    models = models_folder().resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), models)
        place.copy()
        ended = crowd(place, asked.programs)
    with tempfile.TemporaryDirectory() as folder:
        full = full_disk(Path(folder), models)
    text = table(ended, full)
    print(text)
    problems = [each.said for each in ended if each.said] + [problem for _, problem in full if problem]
    print(*problems, sep="\n", file=sys.stderr)
    if asked.into:
        replace_block(asked.into, "crowd", text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
