from __future__ import annotations

import json

import numpy as np
import pytest

from screener.errors import InputError, OutputError
from tests.training.study.invented_rows import invented, quick
from training.multitask.config import config_of
from training.study import STUDIES, base
from training.study.custom import run_custom
from training.study.fds import run_fds
from training.study.main import run_main
from training.study.measures import MATCHED
from training.study.mitigation import BASE, SUM, mitigation_arms, remedies
from training.study.relations import PUBLISHED, run_relations
from training.study.report import to_csv
from training.study.runs import Ask, run
from training.study.soft import run_soft
from training.study.table import find
from training.study_command import StudyRequest, run_study

ROWS = invented(240)
TABLES = ("paper", "paper-65-1", "grouped", "confusion", "bootstrap", "synergy")


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Two epochs."""
    monkeypatch.setattr(base, "QUICK_EPOCHS", 2)


def test_main_compares_three_architectures_on_three_kinds_of_splits(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "QUICK_EPOCHS", 6)  # until every net flags something
    result = run_main(quick(ROWS, tmp_path))
    assert [section.name for section in result.sections] == ["main-" + name for name in TABLES]
    arms = [row["arm"] for row in result.sections[0].rows]
    assert arms[:6] == [a + s for s in ("", ", large batch") for a in ("independent", "hard", "structured")]
    assert len(arms) == 10
    for arm in arms[:6]:
        matched = find(result.scores, arm, "is_amorphous", MATCHED, "paper")
        assert all(0.0 <= value <= 1.0 for value in matched.values)
    own = find(result.scores, "independent", "is_amorphous", MATCHED, "paper")
    recall = find(result.scores, "independent", "is_amorphous", "recall", "paper")
    assert all(a >= b for a, b in zip(own.values, recall.values, strict=True))
    assert {plot.name for plot in result.plots} == {
        *("loss-resistivity", "loss-hardness", "loss-amorphous", "errors-resistivity", "errors-hardness")
    }
    assert len(result.findings) == 4
    outcomes = [row["hits"] + row["false"] + row["missed"] + row["passed"] for row in result.sections[3].rows]
    assert len(set(outcomes)) == 1
    assert outcomes[0] <= ROWS.counts()["is_amorphous"]
    hits = {row["arm"]: row["hits"] / (row["hits"] + row["missed"]) for row in result.sections[3].rows}
    for row in result.sections[4].rows:
        assert row["difference"] == pytest.approx(hits[row["arm"]] - hits["independent, large batch"])
        assert row["low"] <= row["difference"] <= row["high"]
    assert {row["arm"] for row in result.sections[5].rows} == {a for a in arms[:6] if "independent" not in a}
    assert any(key.endswith(".quoted") for key, _ in result.sections[0].columns)
    assert not any(key.endswith(".quoted") for key, _ in result.sections[2].columns)
    again = run_main(quick(ROWS, tmp_path))
    assert to_csv(again.scores, again.tested, {}) == to_csv(result.scores, result.tested, {})


def test_the_published_graph_is_found_degenerate(tmp_path):
    result = run_relations(quick(ROWS, tmp_path))
    assert result.findings[0].verdict == "explained otherwise"
    edges = result.sections[-1]
    assert [row["range"] for row in edges.rows if row["arm"] == PUBLISHED] == ["0"]
    assert all(float(row["range"]) > 0.0 for row in edges.rows if row["arm"] != PUBLISHED)


def test_a_pull_makes_backbones_alike(tmp_path):
    result = run_soft(quick(ROWS, tmp_path))
    similar = {row["arm"]: row["similarity"].mean for row in result.sections[-1].rows}
    assert similar["soft 0"] < similar["soft 0.1"] <= 1.0
    assert similar["soft 0.01, other starts"] < similar["soft 0.01"]


def test_feature_smoothing_is_seen_to_do_something(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "QUICK_EPOCHS", 4)  # it begins with the second epoch and smooths from the third
    result = run_fds(quick(ROWS, tmp_path))
    assert result.findings[0].verdict == "does not hold"


def test_every_remedy_is_trained_alike_and_the_control_goes_the_aggregators_way():
    context = quick(ROWS)
    arms = {arm.name: arm for arm in mitigation_arms(context)}
    assert len(arms) == len(mitigation_arms(context))
    assert {*remedies(), BASE, SUM, "pcgrad", "gradnorm", "lds + gradnorm"} <= set(arms)
    configs = {name: arm.learner.config for name, arm in arms.items()}
    assert all(config.training == context.training() for config in configs.values())
    assert configs[SUM].weighting == configs["pcgrad"].weighting == configs[BASE].weighting
    assert configs[SUM].aggregator.name == "sum"
    chosen = [Ask(ROWS, context.paper, arms[name], (1,)) for name in ("lds", "bmc", "gai", BASE, SUM, "pcgrad")]
    joint = {cell.arm.name: cell.outcome.joint for cell in run(chosen, 1, None, context.say)}
    assert np.abs(joint["lds"] - joint["bmc"]).max() > 1e-4
    assert np.abs(joint["bmc"] - joint["gai"]).max() > 1e-4
    assert all(np.abs(joint[name] - joint[BASE]).max() > 1e-4 for name in ("lds", "bmc", "gai"))


def test_a_users_methods_are_compared_with_the_plain_ones():
    config = config_of({"weighting": "uncertainty", "training": {"batch": 32}})
    result = run_custom(quick(ROWS, config=config))
    assert [row["arm"] for row in result.sections[0].rows] == ["independent", "plain sum", "yours"]
    assert {d.arm for d in result.tested} == {"plain sum", "yours"}
    for section, split in zip(result.sections, ("paper", "grouped"), strict=True):
        assert "q against the independent nets" in section.caption
        assert any(key.endswith(".q") for key, _ in section.columns) == any(d.split == split for d in result.tested)
        assert any(key.endswith(".q") for row in section.rows for key in row)
    with pytest.raises(InputError, match="the study `custom` has no configuration"):
        run_custom(quick(ROWS))


def table(path, targets=("hardness_gpa", "resistivity_uohm_cm"), n=150):
    rows = invented(n, seed=3)
    lines = [f"composition,{','.join(targets)}"]
    for key, number in zip(rows.key, range(len(rows)), strict=True):
        lines.append(",".join([key, *(str(2.0 + 0.01 * ((number * (k + 3)) % 97)) for k in range(len(targets)))]))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_command_runs_on_a_users_table_and_writes_its_report(tmp_path, capsys):
    config = tmp_path / "mine.toml"
    config.write_text('weighting = "dwa"\n')
    request = StudyRequest(
        *(("custom",), True, table(tmp_path / "own.csv")),
        out=tmp_path / "out",
        no_cache=True,
        workers=1,
        config=config,
        answer=tmp_path / "answer.md",
        as_json=True,
    )
    run_study(request)
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["study"], len(told["sections"]) > 0) == ("custom", True)
    report = (tmp_path / "out" / "custom.md").read_text()
    assert "`own.csv`, one row per composition" in report
    assert "a quick look, not to be quoted" in report
    header = (tmp_path / "out" / "custom.csv").read_text().splitlines()[0]
    assert header == "rows,split,arm,task,metric,mean,sd,n,difference,low,high,p,q,quoted"
    assert (tmp_path / "answer.md").read_text().startswith("# What multi-task learning does to alloy properties\n")


@pytest.mark.parametrize(
    ("request_of", "message", "hint"),
    [
        ({"names": ("mian",)}, "unknown study `mian`", "did you mean `main`?"),
        (
            {"names": ("main",), "seeds": "1,x"},
            "`x` is no seed",
            "write whole numbers separated by commas, e.g. --seeds 1,2,3",
        ),
        ({"names": ("main",), "seeds": "7,7"}, "1 seed shows no spread", "give at least 2 different ones"),
        (
            {"names": ("custom",)},
            "the study `custom` has no configuration",
            "name a TOML file of methods with `--config`",
        ),
    ],
)
def test_requests_that_make_no_sense_are_refused_before_rows_are_read(request_of, message, hint):
    with pytest.raises(InputError) as refused:
        run_study(StudyRequest(**request_of))
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_options_and_tables_that_cannot_be_used_are_refused(tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text('weighting = "uncertianty"\n')
    with pytest.raises(InputError, match="unknown weighting `uncertianty`") as refused:
        run_study(StudyRequest(("custom",), config=config))
    assert "did you mean `uncertainty`?" in refused.value.hint
    config.write_text('weighting = "dwa"\n')
    with pytest.raises(InputError, match="the study `main` takes no configuration"):
        run_study(StudyRequest(("main",), config=config))
    with pytest.raises(OutputError, match="is a folder"):
        run_study(StudyRequest(("main",), answer=tmp_path, out=tmp_path))
    single = StudyRequest(("main",), data=table(tmp_path / "one.csv", ("hardness_gpa",)), out=tmp_path, no_cache=True)
    with pytest.raises(InputError, match="`hardness_gpa` is a single task") as refused:
        run_study(single)
    assert refused.value.hint == "multi-task learning needs a table with at least two targets"


def test_several_studies_run_once_each_in_their_order(tmp_path, monkeypatch, capsys):
    names = ("main", "forms", "soft")
    studies = {
        name: base.Study(name, "a question", lambda context, name=name: base.StudyResult(name, name.upper(), ()))
        for name in names
    }
    monkeypatch.setattr("training.study.STUDIES", studies)
    own = table(tmp_path / "own.csv")
    run_study(StudyRequest(("soft", "main", "soft"), data=own, out=tmp_path / "out", cache=tmp_path / "cells"))
    said = [line.split("study ")[1] for line in capsys.readouterr().err.splitlines() if "study " in line]
    assert said[:2] == ["main", "soft"]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.md")) == ["main.md", "soft.md"]


def test_studies_are_found_by_their_names():
    assert next(iter(STUDIES)) == "main"
    assert all(name == study.name and study.words for name, study in STUDIES.items())


def test_all_leaves_out_what_the_rows_do_not_allow(tmp_path, monkeypatch, capsys):
    own = table(tmp_path / "own.csv")

    def refuse(context):
        raise InputError("there is nothing to learn from", "give more")

    done = base.StudyResult("forms", "Forms", ())
    claim = base.Finding("It helps.", "not decided", "a rule", "a number")
    claimed = base.StudyResult("soft", "Soft", (), findings=(claim,))
    studies = {
        "main": base.Study("main", "a question", refuse),
        "derived": base.Study("derived", "a question", refuse, standard_only=True),
        "forms": base.Study("forms", "a question", lambda context: done),
        "soft": base.Study("soft", "a question", lambda context: claimed),
        "custom": base.Study("custom", "a question", refuse),
    }
    monkeypatch.setattr("training.study.STUDIES", studies)
    answer = tmp_path / "answer.md"
    run_study(StudyRequest(("all",), data=own, out=tmp_path / "out", cache=tmp_path / "cells", answer=answer))
    told = capsys.readouterr().err
    assert "study main left out: there is nothing to learn from" in told
    assert "study derived left out: it needs the paper's three tasks" in told
    assert sorted(path.name for path in (tmp_path / "out").glob("*.md")) == ["forms.md", "soft.md"]
    assert "Studies without a claim to judge: `forms`." in answer.read_text()
    assert "Not run for this answer: `main`, `derived`.\n" in answer.read_text()
    assert "Study `soft`: [tables and figures](out/soft.md).\n" in answer.read_text()
    (tmp_path / "out" / "main.json").write_text("no record")
    del studies["soft"]
    (tmp_path / "out" / "derived.json").write_text((tmp_path / "out" / "soft.json").read_text())
    studies["soft"] = base.Study("soft", "a question", refuse)
    run_study(StudyRequest(("forms",), data=own, out=tmp_path / "out", cache=tmp_path / "cells", answer=answer))
    assert "the answer counts reports that were there already: soft" in capsys.readouterr().err
    assert "Not run for this answer: `main`, `derived`.\n" in answer.read_text()
    assert "**It helps.** Not decided." in answer.read_text()
    other = StudyRequest(
        ("forms",), data=own, out=tmp_path / "out", cache=tmp_path / "cells", answer=answer, quick=True
    )
    run_study(other)
    assert "It helps." not in answer.read_text()  # of all rows, not of the few of a quick look
    del studies["forms"], studies["soft"]
    with pytest.raises(InputError, match="no study can be run on these rows"):
        run_study(StudyRequest(("all",), data=own, out=tmp_path / "out", cache=tmp_path / "cells"))
    with pytest.raises(InputError, match="there is nothing to learn from"):
        run_study(StudyRequest(("main",), data=own, out=tmp_path / "out", cache=tmp_path / "cells"))
