from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.training.invented_tasks import GLASS, HARDNESS, TREES, invented_rows
from training import ablation, ablation_command
from training.ablation import (
    GROUPS,
    Trial,
    candidate_trials,
    group_columns,
    group_trials,
    run_trials,
    trial_rows,
)
from training.ablation_command import candidate_section, group_section, learner_section, report
from training.candidates import CANDIDATES
from training.cli import main
from training.measured import Measured
from training.recipes import standing_recipes
from training.stacking import CHOICE, JUDGED, Stack
from training.tasks import alloy_spec

TWO = replace(HARDNESS, members=(replace(TREES, weight=0.5), replace(TREES, weight=0.5, columns="plain")))


def test_every_descriptor_is_an_amount_or_in_one_group():
    counts = np.sum([group_columns(name) for name in GROUPS], axis=0)
    amounts = np.array([name.startswith("c_") and name != "c_max" for name in alloy_spec().names])
    assert (counts == ~amounts).all()
    assert all(group_columns(name).any() for name in GROUPS)


def test_blank_columns_are_blank_and_the_first_learner_is_kept():
    rows = invented_rows(TWO)
    blank = group_columns(next(iter(GROUPS)))
    some = trial_rows(Trial("hardness_gpa", "x", blank), rows)
    assert (some.features[:, blank] == 0.0).all()
    assert (some.features[:, ~blank] == rows.features[:, ~blank]).all()
    assert [(m.columns, m.weight) for m in some.recipe.members] == [("all", 1.0)]
    assert rows.features[:, blank].any()


def test_random_alloys_are_left_out_for_they_would_show_blank_columns():
    rows = invented_rows(GLASS)
    assert rows.recipe.weak_negatives > 0
    assert trial_rows(group_trials("p_amorphous")[0], rows).recipe.weak_negatives == 0


def test_a_candidate_stands_beside_what_there_is():
    rows = invented_rows(TWO)
    nothing, trial = group_trials("hardness_gpa")[0], candidate_trials("hardness_gpa")[0]
    less, more = trial_rows(nothing, rows).inputs, trial_rows(trial, rows).inputs
    np.testing.assert_array_equal(more[:, :-1], less)
    np.testing.assert_allclose(more[:, -1:], CANDIDATES[trial.more](rows.fractions), rtol=1e-6)


def test_a_group_that_carries_the_property_is_missed():
    rows = invented_rows(HARDNESS, n=140)
    carrier = next(name for name in GROUPS if name.startswith("valence"))
    column = list(alloy_spec().names).index("vec")
    told = replace(rows, y=5.0 + rows.features[:, column].astype(float))
    trials = [trial for trial in group_trials("hardness_gpa") if trial.name in ("everything", f"without {carrier}")]
    scores = run_trials(trials, {"hardness_gpa": told}, workers=1)
    assert scores["hardness_gpa", "everything"] > scores["hardness_gpa", f"without {carrier}"]


STACK = Stack(
    "hardness_gpa", TWO.members, (0.5, 0.5), (0.875, 0.125), (0.901, 0.902), {"recipe shares": 0.903, "x": 0.904}
)


def test_the_report_shows_what_was_computed():
    tables = {"hardness_gpa": invented_rows(TWO), "p_amorphous": invented_rows(GLASS)}
    trials = [trial for target in tables for trial in (*group_trials(target), *candidate_trials(target))]
    scores = {(trial.target, trial.name): k / 1000 for k, trial in enumerate(trials)}
    sections = (group_section(tables, scores), candidate_section(tables, scores), learner_section(tables, [STACK]))
    text = report(sections, "2026-01-02", 10, "0" * 16)
    for value in (*scores.values(), *STACK.alone, *STACK.blends.values()):
        assert f"{value:.3f}" in text
    assert "grouping 10" in text
    assert "| 0.50 | 0.88 |" in text
    assert "| blend, recipe shares |" in text


def test_the_command_writes_the_report(tmp_path, monkeypatch, capsys):
    tables = {"hardness_gpa": invented_rows(TWO)}
    monkeypatch.setattr(ablation_command, "load_measured", lambda: Measured(tables, None, ()))
    monkeypatch.setattr(ablation_command, "run_trials", lambda trials, *_: {(t.target, t.name): 0.5 for t in trials})
    monkeypatch.setattr(ablation_command, "stack", lambda *_: [STACK])
    assert main(["ablation", "--out", str(tmp_path / "a.md")]) == 0
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == capsys.readouterr().out.rstrip("\n") + "\n"
    assert main(["ablation", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["sections"]["groups"]["rows"][0]["hardness_gpa without"]) == ([10], 0.5)
    assert main(["ablation", "colour"]) == 2
    assert "there is no target `colour`\n\nhint: targets are hardness_gpa" in capsys.readouterr().err


def test_the_choice_grouping_is_no_grouping_of_the_tables():
    assert min(ablation.CHOICE_SEED, CHOICE, JUDGED) > 4
    assert CHOICE != JUDGED
    assert all(len(r.members) >= 1 for r in standing_recipes().values())


@pytest.mark.parametrize("target", ["hardness_gpa"])
def test_trials_come_in_pairs(target):
    names = [trial.name for trial in group_trials(target)]
    assert names[:2] == ["everything", "amounts alone"]
    assert names[2::2] == [f"without {name}" for name in GROUPS]
    assert names[3::2] == [f"with {name}" for name in GROUPS]
