"""Where tests find the measured data, what happens to those that need them without, and what all tests start from."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

_VARIABLE = "SCREENER_DATA"
_REQUIRE = "SCREENER_REQUIRE_DATA"
_REPOSITORY = Path(__file__).resolve().parents[1]


def _data_folder() -> Path | None:
    """Return the folder that $SCREENER_DATA names, or else shared/data beside the repository."""
    named = os.environ.get(_VARIABLE)
    folder = Path(named) if named else _REPOSITORY.parent / "shared" / "data"
    return folder.resolve() if folder.is_dir() else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked ``data`` where the data are missing, or fail them where they are required."""
    if item.get_closest_marker("data") is None or _data_folder() is not None:
        return
    reason = f"no measured data: ${_VARIABLE} names no folder"
    if os.environ.get(_REQUIRE) == "1":
        pytest.fail(f"{reason}, and ${_REQUIRE} is 1", pytrace=False)
    pytest.skip(reason)


def pytest_configure() -> None:
    """Let tests and their processes be interrupted also where a shell runs them in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def answers_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep answers of cross-validation out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCREENER_CELLS", str(tmp_path_factory.mktemp("cells")))
        yield


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the measured data sets; for tests marked ``data``."""
    folder = _data_folder()
    assert folder is not None, "use data_dir in tests marked `data` only"
    return folder


@pytest.fixture
def data_variable(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set $SCREENER_DATA to the folder of the measured data sets."""
    monkeypatch.setenv(_VARIABLE, str(data_dir))
    return data_dir


@pytest.fixture(scope="session")
def loaded_sources(data_dir: Path) -> dict:
    """Every data set that training reads, loaded once: key to ``SourceRows``."""
    from training.sources import load_sources

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(_VARIABLE, str(data_dir))
        tables = load_sources()
    return {table.source: table for table in tables}


@pytest.fixture(scope="session")
def curated_data(loaded_sources: dict):
    """Curated table of all data sets."""
    from training.curation import curate

    return curate(loaded_sources.values())
