"""What the searches wrote down: every target, nothing left broken, a test for every defect, the table on its page."""

from __future__ import annotations

import re
import sys

import pytest

from fuzzing import results
from fuzzing.__main__ import main
from fuzzing.results import Row
from fuzzing.searching import _row
from fuzzing.targets import FOLDER, TARGETS

REPOSITORY = FOLDER.parent


def test_every_target_was_searched_and_nothing_is_left_broken() -> None:
    rows = results.read_rows(results.RESULTS)
    assert [row.target for row in rows] == list(TARGETS)
    for row in rows:
        assert row.seconds >= 60 * 3, row.target
        assert row.executions > 300, row.target
        assert row.edges > 0, row.target
        assert row.crashes == 0, row.target


@pytest.mark.parametrize("defect", results.defects(), ids=lambda defect: defect.test.rpartition(":")[2])
def test_every_defect_that_was_found_has_its_test(defect: results.Defect) -> None:
    file, _, name = defect.test.partition("::")
    assert defect.target in TARGETS
    assert re.search(rf"^def {name}\(", (REPOSITORY / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_of_figures_shows_the_table() -> None:
    page = (REPOSITORY / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert results.table(results.read_rows(results.RESULTS)) in page
    assert results.caption() in page
    assert results.found() in page


def test_what_an_engine_says_is_taken_down() -> None:
    said = """#2\tINITED cov: 15 ft: 15 corp: 1/1b exec/s: 0 rss: 90Mb
#1234\tDONE   cov: 332 ft: 842 corp: 92/2977b lim: 390 exec/s: 1171 rss: 90Mb
stat::number_of_executed_units: 1234
stat::slowest_unit_time_sec:    1
stat::peak_rss_mb:              93
"""
    row = _row(TARGETS["space"], 180.0, said, 0)
    assert row == Row("space", 180, 1234, 332, 842, 92, 1, 93, 0, row.date)
    assert _row(TARGETS["space"], 180.0, "Traceback", 77).crashes == 1


def test_the_table_adds_up(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzzing", "--table"])
    assert main() == 0
    lines = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    tried = [int(line.split("|")[5].replace(",", "")) for line in lines[2:]]
    assert sum(tried[:-1]) == tried[-1]
