"""How commands start and end as processes: light imports, signals, closed pipes, nothing half written."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import screener
from screener.cli import errors
from screener.cli.errors import exit_code
from screener.cli.terminal import Terminal, clock
from screener.errors import InputError
from screener.summary import Summary

HEAVY = ("numba", "polars", "onnxruntime", "onnx", "pymatgen", "torch", "training", "numpy", "rich")


def python(*arguments: str, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False, **how)


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    code = f"import sys, screener, screener.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert python("-c", code).stdout == "[]\n"


def test_no_module_of_the_package_imports_torch_or_training() -> None:
    code = (
        "import importlib, pkgutil, sys, screener\n"
        "for each in pkgutil.walk_packages(screener.__path__, 'screener.'):\n"
        "    if not each.name.endswith(('__main__', 'build_tables')):\n"
        "        importlib.import_module(each.name)\n"
        "print([m for m in ('torch', 'training') if m in sys.modules])"
    )
    ended = python("-c", code)
    assert (ended.stdout, ended.returncode) == ("[]\n", 0), ended.stderr


def test_help_is_quick() -> None:
    best = min(_processor_seconds("-m", "screener", "--help") for _ in range(3))
    assert best < 0.5


def _processor_seconds(*arguments: str) -> float:
    """Processor time of one run: unlike wall time it does not count what else the machine is doing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert python(*arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_killed_run_leaves_nothing_under_the_final_name(
    number: int, code: int, tiny_models: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "screener", "enumerate", "--elements", "Al,Ti,Cr,Fe,Ni,Co"),
            *("--models", str(tiny_models), "-o", "out.csv", "--maximize", "hardness_gpa", "--search", "exhaustive"),
        ],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    time.sleep(2.5)
    assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, b"")
    assert {each.name for each in tmp_path.iterdir() if not each.name.startswith(".")} <= {"out.csv.run"}
    if code > 0 and err:
        assert err.splitlines()[-1].endswith(b"go on with `screener enumerate --resume out.csv`")


@pytest.mark.parametrize("results", [("-o", "out.csv"), ("--all", "out", "-o", "out.csv"), ("--all", "out")])
def test_a_run_that_nobody_listens_to_still_ends_whole(
    results: tuple[str, ...], tiny_models: Path, tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "screener", "enumerate", "--elements", "Al,Ti,Cr", "--step", "10", *results]
    ended = subprocess.run(
        [*command, "--models", str(tiny_models)], stdout=writer, stderr=writer, cwd=tmp_path, timeout=120, check=False
    )
    os.close(writer)
    assert ended.returncode == 0
    assert not list(tmp_path.glob("*.run"))
    if "out" in results:
        assert (tmp_path / "out" / "manifest.json").exists()
    if "out.csv" in results:
        assert len((tmp_path / "out.csv").read_text().splitlines()) > 1


def test_a_closed_pipe_ends_quietly(tiny_models: Path) -> None:
    command = f"{sys.executable} -m screener cite --models {tiny_models}"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("0\n", "")


def test_a_bug_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: 1 / 0) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_errors_without_a_hint_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise InputError("nothing there")

    assert exit_code(refuse) == 2
    assert capsys.readouterr().err == "error: nothing there\n"


def test_stopping_is_not_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGTERM)
    assert exit_code(interrupt) == errors.INTERRUPTED
    assert exit_code(lambda: os.kill(os.getpid(), signal.SIGTERM)) == errors.TERMINATED
    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, errors.TERMINATED), (signal.SIGINT, errors.INTERRUPTED)])
def test_a_request_to_end_that_a_library_makes_its_own_error_is_still_one(
    number: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        except BaseException as inner:  # as compiled modules do while they are imported
            raise ImportError("initialization failed") from inner

    assert exit_code(load) == code
    assert capsys.readouterr().err == ""


class Screen:
    """A terminal that remembers."""

    def __init__(self, tty: bool) -> None:
        self.tty, self.text = tty, ""

    def isatty(self) -> bool:
        return self.tty

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_progress_shows_share_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("screener.cli.terminal.time.monotonic", lambda: now[0])
    screen = Screen(True)
    told = Terminal(False, screen)
    now[0] += 2.0
    told.progress(50_000, 200_000)
    assert screen.text == "\r25% of 200,000, 25,000/s, 6 s left"
    told.progress(60_000, 200_000)  # too soon to look again
    assert screen.text.count("\r") == 1
    now[0] += 2.0
    told.progress(80_000, None)
    told.warn("careful")
    assert screen.text.endswith("warning: careful\n")
    assert "80,000 rows, 20,000/s" in screen.text


@pytest.mark.parametrize(("quiet", "tty"), [(True, True), (False, False), (True, False)])
def test_no_progress_without_a_terminal_or_when_quiet(quiet: bool, tty: bool) -> None:
    screen = Screen(tty)
    told = Terminal(quiet, screen)
    told._shown -= 10
    told.progress(1, 2)
    told.clear()
    assert screen.text == ""
    told.summary(Summary((("rows", 1),), 1.0, 1))
    assert screen.text == ("" if quiet else "1 rows; 1.0 s, 1 rows/s\n")


def test_durations_read_as_people_write_them() -> None:
    assert [clock(s) for s in (-1, 0.4, 59.6, 187, 7500)] == ["0 s", "0 s", "1:00 min", "3:07 min", "2:05 h"]


def test_the_first_run_says_that_it_compiles(tiny_models: Path, tmp_path: Path) -> None:
    command = ("-m", "screener", "enumerate", "--elements", "Al,Ti", "--step", "50", "--models", str(tiny_models))
    # A copy of the package without its compiled code, as it comes out of a wheel.
    package, kept = Path(screener.__file__).parent, tmp_path / "kept"
    shutil.copytree(package, tmp_path / "screener", ignore=shutil.ignore_patterns("__pycache__", "models"))
    environment = os.environ | {"NUMBA_CACHE_DIR": str(kept), "XDG_CACHE_HOME": str(kept), "PYTHONPATH": str(tmp_path)}
    first, second = (python(*command, env=environment, cwd=tmp_path) for _ in range(2))
    said = "compiling for this machine, once; later runs start at once"
    assert first.stderr.splitlines()[0] == said
    assert first.stderr.count(said) == 1
    assert said not in second.stderr
    assert first.stdout == second.stdout
