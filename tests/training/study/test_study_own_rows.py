"""What a study says of a user's own rows: verdicts on their tasks, nothing quoted, nothing left out in silence."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from screener.errors import InputError
from tests.training.study.invented_rows import invented, quick
from tests.training.study.test_study_rows import enough, export
from training.multitask.config import config_of
from training.multitask.rows import LabelledRows
from training.study import base
from training.study.answer import answer
from training.study.autoscale import autoscale_arms
from training.study.clusters import _overlap_table, common_words
from training.study.custom import run_custom
from training.study.extra_tables import GLASS, YIELD
from training.study.extras import where_from
from training.study.main import run_main
from training.study.mitigation import ALONE, BASE, mitigation_arms
from training.study.mitigation_findings import mitigation_findings
from training.study.own_rows import user_rows
from training.study.records import record_of, records_beside, write_record
from training.study.report import Stamp
from training.study.splits import paper_split, ratios, thinned_as_in_paper, thinned_words
from training.study.table import Difference
from training.study.transfer import run_transfer
from training.study.verdicts import FAILS, RULE, best, best_finding, some_above
from training.study_command import StudyRequest, run_study

ROWS = invented(240)
TASKS = ("solidus_k", "hardness_gpa", "brittle")


def renamed(tasks=TASKS, known=None, is_label=None):
    """Rows of a user's own tasks."""
    rows = ROWS.rows
    known = rows.known if known is None else known
    y = np.where(known, np.nan_to_num(rows.y), np.nan)
    is_label = rows.is_label if is_label is None else is_label
    return ROWS.with_rows(LabelledRows(rows.x, y, known, is_label, tasks), "own", ROWS.log, ("K", "GPa", ""))


OWN = renamed()


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Two epochs."""
    monkeypatch.setattr(base, "QUICK_EPOCHS", 2)


def test_main_says_of_every_task_whether_sharing_and_a_graph_help(tmp_path):
    result = run_main(quick(OWN, tmp_path))
    assert [finding.claim for finding in result.findings] == [
        claim
        for task in ("solidus_k", "hardness", "brittle")
        for claim in (
            f"Hard sharing predicts {task} better than a net of its own.",
            f"A graph of tasks predicts {task} better than a net of its own.",
            f"A graph of tasks predicts {task} better than hard sharing.",
        )
    ]
    told = [finding.measured for finding in result.findings]
    assert told[0].startswith("`hard, large batch` less `independent, large batch`, outer folds: solidus_k r2: ")
    assert "; `hard` less `independent`, one split, seeds alone: " in told[0]
    assert told[2].startswith("`structured, large batch` less `hard, large batch`, outer folds: ")
    assert all(finding.by_seeds and finding.rule == RULE for finding in result.findings)
    assert any("`hard` and `structured` weigh losses by inverse size" in note for note in result.notes)
    assert not any("inverse size" in note for note in run_main(quick(ROWS, tmp_path)).notes)


def test_the_findings_of_the_paper_name_their_arms_and_say_when_they_fail(tmp_path):
    result = run_main(quick(ROWS, tmp_path))
    assert all(FAILS in finding.rule for finding in result.findings)
    assert all("`hard` less `independent`, one split" in finding.measured for finding in result.findings[:2])
    assert result.findings[0].measured.startswith("`hard, large batch` less `independent, large batch`, outer folds: ")


def difference(arm, mean, q, task="solidus_k", split="grouped", half=0.1):
    return Difference(arm, task, "r2", split, "own", mean, mean - half, mean + half, q, q)


def test_the_best_remedy_is_named_with_its_q():
    sure, large, worse = difference("dwa", 0.2, 0.01), difference("famo", 0.3, 0.2), difference("gls", -0.2, 0.01)
    narrow = difference("lds", 0.0, 0.9, half=0.01)
    assert best([large, sure, worse]) is sure
    assert best([large, worse]) is large
    assert best([]) is None
    assert some_above([large, sure]) == "holds"
    assert some_above([large, worse]) == "not decided"
    assert some_above([narrow, worse]) == "does not hold"
    assert some_above([]) == "not decided"
    found = best_finding("It pays.", [large, sure, worse], [replace(large, split="paper")])
    assert (found.verdict, found.by_seeds) == ("holds", "not decided")
    assert found.measured.startswith("best of 3 over outer folds: `dwa`, solidus_k r2: +0.200 (")
    assert "q = 0.010); best of 1 on one split, seeds alone: `famo`, " in found.measured


def test_mitigation_judges_every_task_of_the_users_own():
    tested = [difference("dwa", 0.2, 0.01, task, split) for task in TASKS for split in ("grouped", "paper")]
    findings = mitigation_findings(quick(OWN), None, [], tested)
    assert [finding.claim for finding in findings] == [
        f"With the right remedy, learning {task} together beats learning it alone."
        for task in ("solidus_k", "hardness", "brittle")
    ]
    assert {finding.verdict for finding in findings} == {"holds"}


def test_no_two_remedies_of_own_tasks_learn_alike():
    names = {arm.name for arm in mitigation_arms(quick(ROWS))}
    own = {arm.name: arm for arm in mitigation_arms(quick(OWN))}
    assert names - set(own) == {"paper weights", "inverse size"}
    assert "inverse size" in own[BASE].words
    known = np.ones_like(ROWS.rows.known)
    evenly = {arm.name for arm in mitigation_arms(quick(renamed(known=known)))}
    assert set(own) - evenly == {"equal weights", "sum, no weights", "pcgrad, no weights"}
    labels = {arm.name for arm in mitigation_arms(quick(renamed(is_label=np.ones(3, bool))))}
    assert not {"lds", "huber", "lds + pcgrad"} & labels
    assert {ALONE, BASE, "pcgrad"} <= labels & evenly
    learners = [arm.learner for arm in own.values()]
    assert all(learner not in learners[:k] for k, learner in enumerate(learners))


def test_no_two_scales_of_own_tasks_learn_alike():
    config = config_of({})
    names = {arm.name for arm in autoscale_arms(quick(ROWS), config)}
    assert names - {arm.name for arm in autoscale_arms(quick(OWN), config)} == {"paper's weights"}


def test_ratios_that_few_rows_allow_are_told():
    rows = invented(6000, shares=(0.8, 0.1, 0.1))
    split = paper_split(rows)
    few = thinned_as_in_paper(rows, split, least=200)
    large = int(rows.rows.known[split.train, 0].sum())
    assert ratios(rows, few) == pytest.approx((large / 200, large / 200))
    reached = f"1 : {large / 200:.0f} and 1 : {large / 200:.0f}"
    assert thinned_words(rows, few) == (
        f"thinned towards the paper's ratios (1 : 65 and 1 : 62) of labels: the training rows have {reached}"
    )
    whole = thinned_as_in_paper(rows, split, least=2)
    assert thinned_words(rows, whole) == "thinned to the paper's ratios (1 : 65 and 1 : 62) of labels"
    result = run_main(quick(ROWS))
    caption = next(section.caption for section in result.sections if section.name == "main-paper-65-1")
    assert "thinned towards the paper's ratios (1 : 65 and 1 : 62) of labels: the training rows have 1 : " in caption


def test_nothing_of_the_paper_is_quoted_beside_other_tasks(tmp_path, monkeypatch):
    claim = base.Finding("It helps.", "holds", "a rule", "a number", "0.832 → 0.724")
    quoting = base.StudyResult("main", "Main", (), quoted={"hard": {"hardness_gpa.r2": 0.724}}, findings=(claim,))
    studies = {"main": base.Study("main", "a question", lambda context: quoting)}
    monkeypatch.setattr("training.study.STUDIES", studies)
    request = StudyRequest(
        *(("main",), True, table(tmp_path / "own.csv")), out=tmp_path, no_cache=True, answer=tmp_path / "answer.md"
    )
    run_study(request)
    written = (tmp_path / "main.md").read_text() + (tmp_path / "answer.md").read_text()
    assert "**It helps.** Holds." in written
    assert "uoted" not in written.replace("not to be quoted", "")
    assert "| study | claim | on other alloy systems | seeds of one split |" in written
    assert "paper" not in (tmp_path / "answer.md").read_text()
    assert json.loads((tmp_path / "main.json").read_text())["own"] is True


def test_curves_of_a_hardness_beside_own_tasks_quote_nothing(tmp_path):
    result = run_transfer(quick(OWN, tmp_path))
    assert not any("Quoted" in section.caption for section in result.sections)


def test_records_of_own_rows_are_read_back(tmp_path):
    stamp = Stamp("2026-01-01", "rows", "seeds 1, 2", 1.5, base.Effort(2, 45.0))
    claim = base.Finding("It helps.", "explained otherwise", "a rule", "a number", by_seeds="holds")
    result = base.StudyResult("main", "Main", (), findings=(claim,))
    record = record_of(result, stamp, own=True)
    write_record(record, tmp_path)
    assert records_beside([replace(record, name="soft")], tmp_path, ["main"]) == [record]
    (tmp_path / "main.json").write_text((tmp_path / "main.json").read_text().replace('"own": true', '"own": "x"'))
    assert records_beside([replace(record, name="soft")], tmp_path, ["main"]) == []
    said = answer([record])
    assert "has another cause than it names" in said
    assert "The last column asks of one split at random" in said
    assert "The founding paper reports" in answer([record_of(result, stamp)])


def table(path, n=150, **replaced):
    """A table of two targets; some fields of its first lines are replaced."""
    rows = invented(n, seed=3)
    lines = [["composition", "hardness_gpa", "resistivity_uohm_cm"]]
    for number, key in enumerate(rows.key):
        lines.append([key, str(2.0 + 0.01 * (number % 97)), str(20.0 + number % 50)])
    for number, (column, text) in enumerate(replaced.items(), 1):
        lines[number][lines[0].index(column)] = text
    path.write_text("\n".join(map(",".join, lines)) + "\n")
    return path


def test_values_that_are_left_out_are_told(tmp_path):
    path = table(tmp_path / "own.csv", composition="Xx50Fe50", hardness_gpa="ca. 5", resistivity_uohm_cm="inf")
    said = []
    user_rows(path, say=said.append)
    (line,) = said
    assert "3 records left out (`training data check` says why)" in line
    assert "1 × hardness_gpa is no number" in line
    assert "1 × resistivity_uohm_cm is not finite" in line
    assert "unknown element" in line


def test_units_beside_the_papers_export_are_refused(tmp_path):
    path = export(tmp_path / "kang.csv", enough())
    with pytest.raises(InputError) as refused:
        user_rows(path, units="wt", say=print)
    assert refused.value.message == "`kang.csv` has atomic fractions in columns, no formulas"
    assert refused.value.hint == "leave out `--units`"
    assert user_rows(path, say=print).standard


def test_further_properties_are_said_to_be_of_the_catalogue():
    said = where_from((YIELD, GLASS, "hardness_gpa"))
    assert said.startswith(f"Further properties, here `{YIELD}`, `{GLASS}`, are those of the measured data sets")
    assert "`steel_strength`" in said
    assert "`dmax_usc_fe`" not in said


def test_ranks_without_common_alloys_are_no_number():
    nothing = float("nan")
    assert common_words(0, nothing) == "no common alloys"
    assert common_words(1, nothing) == "1 common alloy, too few to correlate"
    assert common_words(5, nothing) == "5 common alloys, all of one value"
    assert common_words(1204, 0.8) == "1,204 common alloys, ρ = 0.80"
    assert _overlap_table({YIELD: (0, nothing)}).rows[0]["rank"] is None


def test_a_users_methods_are_told_and_what_a_quick_look_changes():
    content = {"weighting": "dwa", "balance": {"*": {"lds": True}}, "training": {"batch": 32}}
    context = quick(ROWS, config=config_of(content), config_name="mine.toml")
    said, changed = run_custom(context).notes
    assert said.startswith("`yours` is the configuration of `mine.toml`: ")
    for part in (
        '`weighting = { name = "dwa" }`',
        '`balance = { "*" = { lds = {',
        "`training = { batch = 32, epochs = 200",
    ):
        assert part in said
    assert changed.startswith("A quick look replaces `[training]` of `mine.toml` by `{ batch = 32, epochs = 2, ")
