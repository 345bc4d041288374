"""`screener serve` as a program: it says where it listens, answers, ends when asked, and refuses what cannot be."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

pytest.importorskip("starlette", reason="the extra `serve` is not installed")

from screener.serve.server import address_lines


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_asked_to_end(tiny_models: Path, tmp_path: Path, ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "screener", "serve", "--port", "0", "--models", str(tiny_models)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            address = process.stderr.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
            assert process.stderr.readline().endswith(": only this machine can reach it\n")
            process.stderr.readline()
            with urlopen(f"{address}/health", timeout=60) as answer:
                assert json.load(answer)["status"] == "ok"
            process.send_signal(ending)
            assert process.wait(60) in {0, 130 if ending == signal.SIGINT else 143}
            assert process.stderr.read() == ""
        finally:
            process.kill()
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_refused(run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("serve", "--port", port)
    assert ended.code == 2
    assert ended.err.startswith(
        f"error: cannot listen on `127.0.0.1:{port}`: address already in use\n\nhint: try `--port"
    )


def test_an_address_of_another_machine_is_refused(run) -> None:
    ended = run("serve", "--host", "no.such.host.invalid", "--port", "0")
    assert ended.code == 2
    assert "no address `no.such.host.invalid` on this machine" in ended.err


def test_models_must_be_there(run, tmp_path) -> None:
    ended = run("serve", "--port", "0", "--models", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert f"no models in `{tmp_path}`" in ended.err


def test_a_missing_extra_is_named(run, monkeypatch) -> None:
    import screener.serve.server as server

    monkeypatch.setattr(server, "find_spec", lambda name: None if name == "uvicorn" else name)
    ended = run("serve")
    assert ended.code == 2
    assert ended.err == (
        "error: the package `uvicorn` is not installed\n\n"
        "hint: install the extra: pip install 'alloy-screener[serve]'\n"
    )


def test_who_can_reach_it_is_said() -> None:
    assert address_lines("127.0.0.1", 80, "127.0.0.1")[1].endswith("only this machine can reach it")
    lines = address_lines("0.0.0.0", 80, "0.0.0.0")
    assert lines[0] == "http://localhost:80"
    assert "warning: whoever reaches this machine over the network can use it" in lines[1]
