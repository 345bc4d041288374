"""Files of a run over a list: none takes the place of another, and what is no file stays what it is."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import tty
from pathlib import Path

import polars
import pytest

from screener.errors import OutputError
from screener.list_files import check_files
from screener.reject_files import open_rejects
from screener.result_files import open_result
from screener.scoring import score
from screener.sinks import OutputTarget, atomic_file, check_output

LIST = "id,alloy\n1,Fe\n2,Xx\n3,Cu50Zr50\n4,\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("list.csv").write_text(LIST)
    Path("sub").mkdir()
    return tmp_path


def checked(source: str | None, output: str | None, rejects: str | None) -> Path | None:
    target = OutputTarget(None, "table") if output is None else OutputTarget.parse(output)
    return check_files(None if source is None else Path(source), target, None if rejects is None else Path(rejects))


def test_rejects_go_beside_the_result_unless_asked(here: Path) -> None:
    assert checked("list.csv", "out.csv", None) == Path("out.csv.rejects.csv")
    assert checked("list.csv", "out.csv", "bad.csv") == Path("bad.csv")
    assert checked("list.csv", None, None) is None
    assert checked(None, None, "bad.csv") == Path("bad.csv")
    assert checked("-", "-", None) is None


def same(one: Path) -> list[str]:
    """Other spellings of a path, and other names of its file."""
    os.link(one, "hard.csv")
    os.symlink(one, "link.csv")
    os.symlink(one.parent, "folder")
    return [f"./{one.name}", f"sub/../{one.name}", str(one.absolute()), "hard.csv", "link.csv", f"folder/{one.name}"]


def test_a_list_is_never_replaced(here: Path) -> None:
    for name in ("list.csv", *same(here / "list.csv")):
        asked = (name, None, "result", "-o"), ("out.csv", name, "file of rejects", "--rejects")
        for output, rejects, what, option in asked:
            with pytest.raises(OutputError) as caught:
                checked("list.csv", output, rejects)
            assert caught.value.message == f"the {what} `{Path(name)}` would replace the list"
            assert caught.value.hint == f"name another file with {option}"


@pytest.mark.parametrize(
    ("source", "output", "rejects", "message", "option"),
    [
        ("a.csv.meta.json", "a.csv", None, "the metadata of the result `a.csv.meta.json` would replace the list", "-o"),
        ("a.csv.rejects.csv", "a.csv", None, "the file of rejects `a.csv.rejects.csv` would replace the list", "--r"),
        ("list.csv", "a.csv", "./a.csv", "the file of rejects `a.csv` would replace the result", "--r"),
        (
            "list.csv",
            "a.jsonl",
            "a.jsonl.meta.json",
            "the file of rejects `a.jsonl.meta.json` would replace the metadata of the result",
            "--r",
        ),
    ],
)
def test_no_file_of_a_run_takes_the_place_of_another(
    source: str, output: str, rejects: str | None, message: str, option: str, here: Path
) -> None:
    Path(source).write_text(LIST)
    with pytest.raises(OutputError) as caught:
        checked(source, output, rejects)
    assert caught.value.message == message
    assert caught.value.hint.startswith(f"name another file with {option}")
    assert checked("list.csv", "a.parquet", "a.parquet.meta.json") == Path("a.parquet.meta.json")


def test_the_file_behind_standard_input_is_a_list_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("list.csv") as file:
        monkeypatch.setattr(sys, "stdin", file)
        with pytest.raises(OutputError, match=r"^the result `list.csv` would replace the list"):
            checked("-", "list.csv", None)
        assert checked("-", "out.csv", None) == Path("out.csv.rejects.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "./list.csv"), "the result `list.csv` would replace the list"),
        (
            ("-o", "out.csv", "--rejects", "sub/../list.csv"),
            "the file of rejects `sub/../list.csv` would replace the list",
        ),
        (("-o", "out.csv", "--rejects", "out.csv"), "the file of rejects `out.csv` would replace the result"),
        (("--rejects", "list.csv"), "the file of rejects `list.csv` would replace the list"),
    ],
)
def test_the_command_line_refuses(arguments: tuple[str, ...], message: str, run, here: Path) -> None:
    ended = run("score", "list.csv", *arguments)
    option = "--rejects" if "--rejects" in arguments else "-o"
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"error: {message}\n\nhint: name another file with {option}\n"
    assert sorted(path.name for path in here.iterdir()) == ["list.csv", "sub"]
    assert Path("list.csv").read_text() == LIST


def test_python_refuses_too(here: Path, tiny_models: Path) -> None:
    for name in ("list.csv", *same(here / "list.csv")):
        with pytest.raises(OutputError, match=r"^the file of rejects `.*` would replace the list"):
            score("list.csv", models=tiny_models, rejects=name)
    with pytest.raises(OutputError, match="folder `gone` does not exist"):
        score("list.csv", models=tiny_models, rejects="gone/bad.csv")
    assert Path("list.csv").read_text() == LIST


# --- what is no file --------------------------------------------------------------------------------------------------


class Reader:
    """Reads a pipe of some name in the background."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path, self._content = path, b""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        self._content = self._path.read_bytes()

    def content(self) -> bytes:
        self._thread.join(10)
        assert stat.S_ISFIFO(self._path.stat().st_mode)
        return self._content


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_pipe_is_written_to_not_replaced(suffix: str, here: Path) -> None:
    frame = polars.DataFrame({"row": [1, 2], "text": ["a", "b"]})
    targets = [OutputTarget.parse(f"{name}{suffix}") for name in ("file", "pipe")]
    reader = Reader(here / f"pipe{suffix}")
    for target in targets:
        check_output(target)
        with open_result(target) as rows:
            rows.write(frame)
            rows.finish({"screener.version": "0"})
    assert reader.content() == (here / f"file{suffix}").read_bytes()
    assert not [path.name for path in here.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("always", [True, False])
def test_rejects_go_into_a_pipe(always: bool, here: Path) -> None:
    reader = Reader(here / "pipe")
    with open_rejects(Path("pipe"), always=always) as rejects:
        rejects.write([(1, "a", "b", "c")] if always else [])
    assert reader.content() == b"row,field,text,reason\n" + (b'1,"a","b","c"\n' if always else b"")


def test_a_terminal_behind_a_link_stays(here: Path) -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    name = os.ttyname(theirs)
    os.symlink(name, "terminal.csv")
    check_output(OutputTarget.parse("terminal.csv"))
    with atomic_file(Path("terminal.csv")) as file:
        file.write(b"row\n1\n")
    assert os.read(ours, 100) == b"row\n1\n"
    assert stat.S_ISCHR(os.stat(name).st_mode)
    assert Path("terminal.csv").is_symlink()
    os.close(ours)
    os.close(theirs)


def test_a_command_writes_result_and_rejects_into_pipes(run, here: Path) -> None:
    result, rejects = Reader(here / "out.csv"), Reader(here / "bad.csv")
    assert run("score", "list.csv", "-o", "out.csv", "--rejects", "bad.csv", "--quiet").code == 0
    assert [line.split(",")[1] for line in result.content().decode().splitlines()] == ["row", "1", "3"]
    assert len(rejects.content().splitlines()) == 3


def test_a_target_that_takes_no_bytes_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo("pipe.csv")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OutputError, match=r"^cannot write `pipe.csv`: permission denied"):
        check_output(OutputTarget.parse("pipe.csv"))


def test_whoever_has_seen_enough_ends_a_run_that_writes_rejects(here: Path, tiny_models: Path) -> None:
    Path("list.csv").write_text("alloy\n" + "CuZr\n" * 3000)
    command = [sys.executable, "-m", "screener", "score", "list.csv", "--models", str(tiny_models)]
    arguments = ["--tier", "screen", "--quiet", "--rejects", "bad.csv"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), b"error" in said) == (0, False)


# --- out of space -----------------------------------------------------------------------------------------------------


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("broken", "output", "named"),
    [
        ("polars.DataFrame.write_csv", "out.csv", "out.csv"),
        ("polars.DataFrame.write_ndjson", "out.jsonl", "out.jsonl"),
        ("polars.LazyFrame.sink_parquet", "out.parquet", "out.parquet"),
        ("screener.result_files.settle", "out.csv", "out.csv.meta.json"),
        ("screener.reject_files.csv.writer", "out.csv", "out.csv.rejects.csv"),
    ],
)
def test_the_file_that_found_no_space_is_named(
    broken: str, output: str, named: str, run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken, full)
    ended = run("score", "list.csv", "-o", output)
    assert ended.code == 2
    assert f"error: cannot write `{named}`: no space left on device" in ended.err.splitlines()
    assert sorted(path.name for path in here.iterdir()) == ["list.csv", "sub"]


def test_the_folder_of_waiting_rows_is_named(run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screener.scoring.CHARACTERIZE_UP_TO", 1)
    monkeypatch.setattr("polars.DataFrame.write_ipc", full)
    Path("out").mkdir()
    ended = run("score", "list.csv", "-o", "out/a.csv", "--maximize", "vec")
    assert ended.err.splitlines()[0] == "error: cannot write `out`: no space left on device"
    assert list(Path("out").iterdir()) == []
