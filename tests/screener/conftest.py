"""Models for tests of the engine, and ways to call the command line and a server in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tiny_models import STANDING, publish_tiny_models, publish_trusted_models

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from screener.serve.installed import Installed


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of tiny models of the three standing targets."""
    return publish_tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def custom_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with two targets of a user: one regression, one classification."""
    return publish_tiny_models(tmp_path_factory.mktemp("custom"), (*STANDING, "modulus_gpa", "p_brittle"))


@pytest.fixture(scope="session")
def trusted_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models whose cards state distances, process levels, shares of positives, and two classifiers to choose from."""
    return publish_trusted_models(tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="module")
def installed(trusted_models: Path) -> Installed:
    """What a server has loaded."""
    from screener.serve.installed import Installed

    return Installed.load(trusted_models, "cpu")


@pytest.fixture
def client(installed: Installed) -> Iterator[TestClient]:
    """A server of its own."""
    from starlette.testclient import TestClient

    from screener.serve.api import Api, make_app

    app = make_app(Api(installed), ("testserver",))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(
    tiny_models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Ended]:
    """Run a command in an empty folder on the tiny models."""
    from screener.cli import main

    monkeypatch.setenv("SCREENER_MODELS", str(tiny_models))
    # Measured values that somebody has fetched would be shown.
    monkeypatch.delenv("SCREENER_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ended:
        code = main([str(each) for each in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call
