"""Published lists scored in full: every record is written or refused, and the counts are known."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from notes import Notes

from screener.formula import canonical_formula, parse_formula
from screener.jobs import Question, ScoreJob
from screener.outcome import Outcome
from screener.scoring import run_score

pytestmark = pytest.mark.data

COPPER = "cu_alloys_gorsse_2023/Cu_alloys_database.csv"
WEIGHTS = "note: compositions are read from 27 columns of wt.%"


def scored(path: Path, models: Path, **how: object) -> Outcome:
    return run_score(ScoreJob(path, Question(tier="screen"), models=models, **how), Notes())


def reasons(outcome: Outcome) -> Counter[str]:
    return Counter(reason.split("`")[0].partition(" up to")[0].strip() for *_, reason in outcome.rejects)


@pytest.mark.parametrize(
    ("name", "how", "rows", "refused"),
    [
        ("mpea_borg_2020/MPEA_dataset.csv", {}, 1545, {}),
        ("matbench_glass/matbench_glass.csv", {}, 5680, {"no": 8, "no alloy data for": 28}),
        (COPPER, {"units": "wt"}, 1831, {"not UTF-8 text": 44, "amounts add": 12}),
        (COPPER, {"units": "wt", "encoding": "latin-1"}, 1831, {"amounts add": 12}),
    ],
)
def test_every_record_is_written_or_refused(
    name: str, how: dict, rows: int, refused: dict, data_dir: Path, tiny_models: Path
) -> None:
    outcome = scored(data_dir / name, tiny_models, **how)
    counts = dict(outcome.summary.counts)
    assert counts["rows read"] == rows
    assert dict(reasons(outcome)) == refused
    assert counts["written"] == rows - sum(refused.values()) == outcome.frame.height


def test_texts_of_a_published_list_come_back_unaltered(data_dir: Path, tiny_models: Path) -> None:
    outcome = scored(data_dir / COPPER, tiny_models, units="wt", encoding="latin-1")
    with (data_dir / COPPER).open(encoding="latin-1", newline="") as file:
        header, *records = csv.reader(file, delimiter=";")
    kept = outcome.frame["row"].to_list()
    assert outcome.frame.columns[2 : 2 + len(header)] == header
    assert outcome.frame.select(header).rows() == [tuple(records[row - 1]) for row in kept]
    assert any(line.startswith(WEIGHTS) for line in outcome.summary.lines)
    first = parse_formula("Cu99.6Ag0.1Cr0.3", "wt")
    assert outcome.frame["formula"][0] == canonical_formula(first.symbols, [100.0 * f for f in first.fractions])
