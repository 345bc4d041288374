"""Compiled code on disk: found again, not believed when damaged or stale, no error where nothing can be written."""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from screener import _kernel_cache
from screener._kernel_cache import keeps_code
from screener.cli.terminal import terminal

CALLER = """
import numpy as np
from screener._jit import kernel
from {other} import FACTOR, POWERS, shifted

@kernel
def total(values):
    found = 0.0
    for k in range(values.size):
        found += FACTOR * POWERS[k % 2] * shifted(values[k])
    return found
"""
CALLED = """
import numpy as np
from screener._jit import kernel

FACTOR, POWERS = {factor}, np.array([1.0, {power}])

@kernel
def shifted(value):
    return value + {shift}
"""
VALUES = np.array([1.0, 2.0, 3.0])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for compiled code."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "code"))
    return tmp_path / "code"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Write two modules of kernels, one of which calls the other, and import them as a new process would."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "sources").mkdir()

    def load(factor: float = 2.0, power: float = 1.0, shift: float = 0.5) -> ModuleType:
        for name, text in (
            ("called", CALLED.format(factor=factor, power=power, shift=shift)),
            ("caller", CALLER.format(other="called")),
        ):
            path = tmp_path / "sources" / f"{name}.py"
            path.write_text(text, encoding="utf-8")
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, name, module)
            spec.loader.exec_module(module)
        _kernel_cache._file_digest.cache_clear()
        return module

    return load


def hits(module: ModuleType) -> int:
    """Signatures of `total` that came from the disk."""
    return sum(module.total.stats.cache_hits.values())


def codes(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc"))


def test_what_was_compiled_is_found_again(load, cache: Path) -> None:
    first, second = load(), load()
    assert first.total(VALUES) == second.total(VALUES) == 15.0
    assert (hits(first), hits(second)) == (0, 1)
    assert second.total(VALUES.astype(np.float32)) == 15.0  # another signature, another file
    assert [path.name.split("-")[0] for path in codes(cache)] == ["called.shifted"] * 2 + ["caller.total"] * 2


def flipped(at: float) -> Callable[[bytes], bytes]:
    def damage(raw: bytes) -> bytes:
        place = int(at * (len(raw) - 1))
        return raw[:place] + bytes([raw[place] ^ 4]) + raw[place + 1 :]

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: b"garbage\n",
        lambda raw: raw[: len(raw) // 2],
        *map(flipped, (0.0, 0.5, 1.0)),
    ],
)
def test_a_damaged_file_is_compiled_anew_and_replaced(load, cache: Path, damage: Callable[[bytes], bytes]) -> None:
    load().total(VALUES)
    whole = {path: path.read_bytes() for path in codes(cache)}
    for path, raw in whole.items():
        path.write_bytes(damage(raw))
    again = load()
    assert (again.total(VALUES), hits(again)) == (15.0, 0)
    healed = load()
    assert (healed.total(VALUES), hits(healed)) == (15.0, 1)


def test_a_file_that_is_whole_but_no_code_is_compiled_anew(load, cache: Path) -> None:
    load().total(VALUES)
    for path in codes(cache):
        body = b"not a pickle"
        path.write_bytes(_kernel_cache.hashlib.sha256(body).digest() + body)
    again = load()
    assert (again.total(VALUES), hits(again)) == (15.0, 0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_left_is_not_run(load, cache: Path) -> None:
    load().total(VALUES)
    for path in codes(cache):
        os.chown(path, 54321, -1)
    again = load()
    assert (again.total(VALUES), hits(again)) == (15.0, 0)


@pytest.mark.parametrize(
    ("changed", "expected"), [({"factor": 3.0}, 22.5), ({"power": 2.0}, 20.0), ({"shift": 1.5}, 21.0)]
)
def test_code_follows_what_it_takes_from_other_files(load, cache: Path, changed: dict, expected: float) -> None:
    assert load().total(VALUES) == 15.0
    other = load(**changed)
    assert (other.total(VALUES), hits(other)) == (expected, 0)
    # What was made of the sources as they were is gone.
    assert [path.name.split("-")[0] for path in codes(cache)] == ["called.shifted", "caller.total"]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files stand where folders for compiled code would be; permissions alone do not stop root."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    for variable in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "file" / "below"))
    monkeypatch.setattr(_kernel_cache, "user_cache_path", lambda name: tmp_path / "file" / name)


def test_where_nothing_can_be_written_it_compiles_every_time(load, nowhere, tmp_path: Path) -> None:
    (tmp_path / "sources" / "__pycache__").write_text("", encoding="utf-8")
    for _ in range(2):
        module = load()
        assert (module.total(VALUES), hits(module)) == (15.0, 0)
    assert codes(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_code_that_cannot_be_kept_is_used_and_leaves_nothing(load, cache, monkeypatch, tmp_path, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_kernel_cache, "user_cache_path", lambda name: tmp_path / "user")
    with monkeypatch.context() as full:
        full.setattr(_kernel_cache.os, "replace", refuse)
        assert load().total(VALUES) == 15.0
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".code-") or path.suffix == ".nbc"] == []


def test_a_folder_that_is_only_read_serves_what_it_holds(load, cache: Path, monkeypatch) -> None:
    load().total(VALUES)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for name in ("_replace", "TemporaryFile"):
        monkeypatch.setattr(_kernel_cache, name, refuse)
    again = load()
    assert (again.total(VALUES), hits(again)) == (15.0, 1)


def test_the_note_says_whether_the_next_run_compiles_too(load, cache, monkeypatch, capsys, tmp_path) -> None:
    with terminal(quiet=False):
        load().total(VALUES)
    assert capsys.readouterr().err == "compiling for this machine, once; later runs start at once\n"
    monkeypatch.setattr(_kernel_cache, "code_folders", lambda source: [tmp_path / "sources" / "caller.py" / "below"])
    assert not keeps_code()
    with terminal(quiet=False):
        load().total(VALUES)
    assert capsys.readouterr().err == (
        "compiling, as every run will: no folder for compiled code can be written; "
        "set NUMBA_CACHE_DIR to one that can\n"
    )


def test_programs_that_begin_at_once_share_one_folder(load, cache: Path, tmp_path: Path) -> None:
    load()
    work = (
        "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np; from caller import total\n"
        "x = np.array([1.0, 2.0, 3.0]); forms = [x, x.astype('f4'), x.astype('i8'), x.astype('i4'), x[::-1]]\n"
        "turn = int(sys.argv[2]); print(*(total(each) for each in forms[turn:] + forms[:turn]))\n"
    )
    command = [sys.executable, "-B", "-c", work, str(tmp_path / "sources")]
    started = [
        subprocess.Popen([*command, str(turn)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for turn in range(4)
    ]
    ended = [process.communicate() for process in started]
    assert ended == [("15.0 15.0 15.0 15.0 15.0\n", "")] * 4
    assert len([path for path in codes(cache) if path.name.startswith("caller.total-")]) == 5
