"""Entries of a journal: what may stand in them, and the versions that files of earlier runs carry."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from screener.runs.journal import KIND, LIST_KIND, LIST_VERSION, VERSION, Shard

SHARD = Shard("part-0.parquet", 3, 5, 2, 900, "0" * 64)


def test_shards_read_back() -> None:
    assert Shard.from_json(asdict(SHARD)) == SHARD
    assert Shard.from_json({**asdict(SHARD), "start": 0, "stop": 1, "rows": 0}).rows == 0


@pytest.mark.parametrize(
    "change",
    [
        {"start": 5, "rows": 0},  # no candidates
        {"start": 6, "rows": 0},
        {"start": -1},
        {"rows": 3},
        {"rows": -1},
        {"rows": True},
        {"file": "part-0.parquet/../x"},
        {"file": "../part-0.parquet"},
        {"file": "part-.parquet"},
        {"more": 1},
    ],
)
def test_shards_that_cannot_be_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"shard|belongs"):
        Shard.from_json({**asdict(SHARD), **change})


def test_files_of_earlier_runs_stay_readable() -> None:
    assert (KIND, VERSION) == ("screener journal", 1)
    assert (LIST_KIND, LIST_VERSION) == ("screener list journal", 1)
