from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from training.comparison import corrected_paired_test
from training.diagnostics.statistics import benjamini_hochberg, two_sided
from training.study.answer import answer
from training.study.base import Effort, Finding, StudyResult
from training.study.mitigation_findings import pcgrad_verdict
from training.study.quoted import citation, quoted
from training.study.records import record_of, records_beside, write_record
from training.study.report import Stamp, to_csv
from training.study.table import Difference, Score, arms_table, both_tests, differences, find
from training.study.verdicts import by_equality, by_sign, pick, picks, sign_finding

ONE = (0.50, 0.60, 0.55, 0.52, 0.58)
TWO = (0.54, 0.65, 0.58, 0.55, 0.63)
METRICS = {"hardness_gpa": ["r2", "mae"]}


def score(arm, values, metric="r2", split="grouped"):
    return Score("full", split, arm, "hardness_gpa", metric, values)


def test_differences_are_the_corrected_test_and_errors_are_better_when_lower():
    scores = [score("a", ONE), score("b", TWO), score("a", ONE, "mae"), score("b", TWO, "mae")]
    found = differences(scores, "a", METRICS, split="grouped", ratio=0.25)
    direct = corrected_paired_test([b - a for a, b in zip(ONE, TWO, strict=True)], 0.25)
    assert [d.arm for d in found] == ["b", "b"]
    assert found[0].mean == pytest.approx(direct.mean) == pytest.approx(-found[1].mean)
    assert found[0].p == pytest.approx(two_sided(direct)) == pytest.approx(found[1].p)
    assert [d.q for d in found] == pytest.approx(benjamini_hochberg([d.p for d in found]).tolist())
    assert differences(scores, "a", METRICS, split="paper", ratio=0.25) == []
    over_seeds = [score("a", ONE, split="paper"), score("b", TWO, split="paper")]
    assert differences(over_seeds, "a", METRICS, split="paper", ratio=0.25)[0].p < found[0].p


def test_scores_that_are_not_finite_are_not_tested():
    scores = [score("a", ONE), score("b", (*TWO[:-1], float("nan")))]
    assert differences(scores, "a", METRICS, split="grouped", ratio=0.25) == []
    assert np.isnan(find(scores, "b", "hardness_gpa", "r2", "grouped").mean)


def test_quoted_figures_stand_in_columns_of_their_own():
    scores = [score("independent", ONE), score("hard", TWO)]
    tested = differences(scores, "independent", METRICS, split="grouped", ratio=0.25)
    section = arms_table(
        "t",
        "T",
        "c",
        scores,
        [("hardness_gpa", "r2")],
        split="grouped",
        rows="full",
        tested=tested,
        quoted=quoted("main"),
    )
    assert [head for _, head in section.columns] == ["arm", "hardness r2", "q", "quoted"]
    hard = next(row for row in section.rows if row["arm"] == "hard")
    assert hard["hardness_gpa.r2.quoted"] == 0.724
    assert hard["hardness_gpa.r2"].mean == pytest.approx(np.mean(TWO))
    assert "| hard | 0.590 ± 0.048 |" in section.markdown()
    lines = list(csv.DictReader(io.StringIO(to_csv(scores, tested, quoted("main")))))
    assert [line["quoted"] for line in lines] == ["0.832", "0.724"]
    assert lines[0]["q"] == ""
    assert float(lines[1]["difference"]) == pytest.approx(tested[0].mean, rel=1e-5)


def test_every_quoted_figure_is_a_share_and_cited():
    for study in ("main", "mitigation", "imbalance", "transfer", "implied"):
        figures = [value for arm in quoted(study).values() for value in arm.values()]
        assert figures
        assert all(0.0 < value < 1.0 for value in figures)
    assert quoted("clusters") == {}
    assert "10.48550/arXiv.2512.22740" in citation()


def difference(mean, low, high, q):
    return Difference("b", "hardness_gpa", "r2", "grouped", "full", mean, low, high, q, q)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (difference(0.10, 0.05, 0.15, 0.01), "holds"),
        (difference(-0.10, -0.15, -0.05, 0.01), "does not hold"),
        (difference(0.001, -0.01, 0.012, 0.8), "does not hold"),
        (difference(0.10, -0.30, 0.50, 0.5), "not decided"),
        (None, "not decided"),
    ],
)
def test_a_sign_is_judged_by_its_rule(found, verdict):
    assert by_sign(found, positive=True) == verdict


def test_outer_folds_and_seeds_are_judged_apart():
    places = [(split, arm) for split in ("grouped", "paper") for arm in "ab"]
    values = [(0.5, 0.1, 0.9), (0.6, 0.4, 0.2), (0.5, 0.5, 0.5), (0.52, 0.521, 0.522)]
    scores = [
        Score("full", split, arm, "hardness_gpa", "r2", each) for (split, arm), each in zip(places, values, strict=True)
    ]
    tested = both_tests(scores, "a", {"hardness_gpa": ["r2"]}, 0.25)
    assert [(d.split, d.p == d.q) for d in tested] == [("grouped", True), ("paper", True)]  # a family each
    finding = sign_finding("It helps.", *picks(tested, "b", "hardness_gpa", "r2"), positive=True, quoted="a figure")
    assert (finding.verdict, finding.by_seeds) == ("not decided", "holds")
    assert "; one split, seeds alone: +0.021 (" in finding.measured
    over_folds = sign_finding("It helps.", *picks(tested[:1], "b", "hardness_gpa", "r2"), positive=True)
    assert over_folds.by_seeds == ""
    assert "seeds" not in over_folds.measured


@pytest.mark.parametrize(
    ("base", "control", "verdict"),
    [
        (difference(0.1, 0.05, 0.15, 0.01), difference(0.1, 0.05, 0.15, 0.01), "holds"),
        (difference(0.1, 0.05, 0.15, 0.01), difference(0.0, -0.01, 0.01, 0.9), "explained otherwise"),
        (difference(0.1, 0.05, 0.15, 0.01), difference(0.0, -0.1, 0.1, 0.9), "not decided"),
        (difference(0.0, -0.1, 0.1, 0.9), difference(0.0, -0.01, 0.01, 0.9), "does not hold"),
        (None, None, "not decided"),
    ],
)
def test_a_gain_over_the_base_alone_is_not_pcgrads(base, control, verdict):
    assert pcgrad_verdict(base, control) == verdict


def test_equality_needs_a_narrow_interval():
    assert by_equality(difference(0.001, -0.01, 0.012, 0.8)) == "holds"
    assert by_equality(difference(0.1, 0.05, 0.15, 0.01)) == "does not hold"
    assert by_equality(difference(0.1, -0.3, 0.5, 0.5)) == "not decided"
    assert pick([difference(0, 0, 0, 1)], "b", "hardness_gpa", "mae") is None


def test_the_answer_tells_what_holds_for_seeds_alone(tmp_path):
    stamp = Stamp("2026-01-01", "rows", "seeds 1, 2", 1.5, Effort(2, 45.0))
    claim = Finding("Sharing helps.", "not decided", "a rule", "r2 +0.1", by_seeds="holds")
    record = record_of(StudyResult("main", "Main", (), findings=(claim, replace(claim, by_seeds=""))), stamp)
    text = answer([record])
    assert "| main | Sharing helps. | not decided | holds |\n| main | Sharing helps. | not decided | – |\n" in text
    assert "The last column asks as the paper does" in text
    assert text.count("- By the same rule, seeds of one split alone: holds.") == 1
    write_record(record, tmp_path)
    other = replace(record, name="soft")
    assert records_beside([other], tmp_path, ["main", "soft"]) == [record, other]
    (tmp_path / "main.json").write_text((tmp_path / "main.json").read_text().replace('"holds"', '"perhaps"'))
    assert records_beside([other], tmp_path, ["main", "soft"]) == [other]


def test_the_answer_is_made_of_findings_alone():
    finding = Finding("Sharing helps.", "does not hold", "a rule", "r2 −0.1", "0.9")
    results = [
        StudyResult("main", "Main", (), findings=(finding,), notes=("a note",)),
        StudyResult("forms", "Forms", ()),
    ]
    stamp = Stamp("2026-01-01", "rows", "seeds 1, 2", 1.5, Effort(2, 45.0))
    text = answer([record_of(result, stamp) for result in results])
    assert "Of 1 claims: 1 × does not hold here." in text
    assert "**Sharing helps.** Does not hold.\n- Measured: r2 −0.1.\n- Rule: a rule.\n- Quoted: 0.9." in text
    assert "Studies without a claim to judge: `forms`." in text
    assert "2026-01-01; rows; seeds 1, 2; 4 fits of 1.5 min of one processor in all, 3.0 min here" in text
