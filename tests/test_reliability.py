"""Short runs of what docs/reliability.md reports: mixed work, requests at once, a list with bad rows, a full disk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_models import publish_trusted_models

pytest.importorskip("starlette", reason="the extra `serve` is not installed")

from benchmarks import crowd, load, soak
from benchmarks.cases import models_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, limits files")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_trusted_models(tmp_path_factory.mktemp("models"))


@pytest.mark.filterwarnings("ignore:outside the training elements")
def test_mixed_work_of_two_rounds(models: Path, tmp_path: Path) -> None:
    work = soak.Soak(tmp_path, models, rows=60)
    work.run(minutes=0, least=2)
    assert len(work.rounds) == 2
    assert work.done["refused"] == 16
    assert {count for kind, count in work.done.items() if kind != "refused"} == {2}
    assert work.rounds[1].megabytes < 1.5 * work.rounds[0].megabytes
    assert not (tmp_path / "never.csv").exists()


def rounds(*megabytes: float) -> soak.Soak:
    """A soak whose rounds took half a minute each and held so much."""
    done = [soak.Round(30.0 * number, each) for number, each in enumerate(megabytes, 1)]
    return soak.Soak(Path(), Path(), rounds=done)


def test_growth_is_seen_and_a_single_peak_is_not() -> None:
    flat = rounds(100, 400, *[500, 501, 499] * 5)
    peak = rounds(100, 400, *[500, 501, 499] * 4, 500, 900, 500)
    leak = rounds(100, 400, *(500 + 5 * k for k in range(15)))
    found = [soak.growth(each.parts(warm_up=75.0)) for each in (flat, peak, leak)]
    assert found[:2] == [1.0, 1.0]
    assert found[2] > soak.LIMIT
    few = rounds(100, 400, 410)
    assert [len(part) for part in few.parts(warm_up=60.0)] == [1, 1]
    assert [len(part) for part in few.parts(warm_up=600.0)] == [1, 1, 1]
    text = soak.table(leak, leak.parts(75.0))
    assert "| 2 to 2 | 3 | 505 MB | 510 MB |" in text
    assert text.endswith("+11.9%.")


def test_an_operation_that_ends_in_another_way_stops_the_work(models: Path, tmp_path: Path) -> None:
    work = soak.Soak(tmp_path, models)
    with pytest.raises(RuntimeError, match="ended with 2: error: unknown element `Xx`"):
        work.command("enumerate", "--elements", "Al,Xx")


def test_requests_at_once_are_answered(models: Path) -> None:
    text, well = load.serve_table(models, requests=20, storms=1)
    assert well, text
    assert "| 1 | 20 | 12 × 200, 2 × 201, 4 × 400, 2 × 404 | 20 |" in text


def test_every_row_of_a_list_is_accounted_for() -> None:
    text, well = load.list_table(3000)
    assert well, text
    assert "| 3,003 | 3,000 | 3 | 0 | 0 | 0 |" in text


def test_a_full_disk_is_said_and_changes_nothing(models: Path, tmp_path: Path) -> None:
    commands = [crowd.FULL[0], crowd.FULL[5]]
    assert crowd.full_disk(tmp_path, models, commands) == [(" ".join(words), "") for words in commands]


def test_what_a_full_disk_interrupted_goes_on(models: Path, tmp_path: Path) -> None:
    assert crowd.full_disk(tmp_path, models, crowd.FULL[3:4]) == [(" ".join(crowd.FULL[3]), "")]


def test_compiled_code_is_brought_into_every_state(tmp_path: Path) -> None:
    place = crowd.Place(tmp_path, tmp_path)
    place.copy()
    file = place.code / "some" / "kernel.nbc"
    for state, size in (("warm", 100), ("damaged", 100), ("cut short", 50), ("cold", None)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(100))
        place.prepared(state)
        assert (file.stat().st_size if file.exists() else None) == size
        assert state != "damaged" or sum(map(bool, file.read_bytes())) == 1
    nowhere = place.prepared("nowhere to write")
    with pytest.raises(OSError, match="Not a directory"):
        nowhere.mkdir(parents=True)


@pytest.mark.slow
def test_programs_at_once_share_compiled_code(tmp_path: Path) -> None:
    place = crowd.Place(tmp_path, models_folder().resolve())
    place.copy()
    for ended in crowd.crowd(place, 8):
        assert (ended.well, ended.said) == (8, "")
