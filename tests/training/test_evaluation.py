from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.invented_tasks import ENTHALPY, GLASS, HARDNESS, invented_rows, invented_tables
from training.baselines import BASELINES
from training.contenders import PRECISE
from training.crossval import OutOfFold
from training.evaluate_command import to_json
from training.evaluation import CONTENDERS, LABELS, MATCHED, Score, evaluate, markdown, matched_scores, score, score_all

marked = st.lists(
    st.tuples(st.booleans(), st.sampled_from([k / 8 for k in range(9)]), st.booleans()), min_size=3, max_size=50
)


def columns(drawn):
    label, p, crystalline = (np.array(column) for column in zip(*drawn, strict=True))
    return label.astype(float), p.astype(float), crystalline & ~label


@settings(deadline=None, max_examples=150)
@given(marked)
def test_matched_scores_by_trying_every_threshold(drawn):
    label, p, crystalline = columns(drawn)
    found = matched_scores(label, p, crystalline)
    positives = int(label.sum())
    if positives in (0, len(label)):
        assert all(math.isnan(found[name]) for name in MATCHED)
        return
    thresholds = sorted(set(p.tolist()), reverse=True)
    recall = {t: ((p >= t) & (label > 0.5)).sum() / positives for t in thresholds}
    precise = [recall[t] for t in thresholds if label[p >= t].mean() >= 0.9]
    assert found["recall_at_precision_90"] == pytest.approx(max(precise, default=0.0))
    highest = max(t for t in thresholds if recall[t] >= 0.9)
    assert found["specificity_at_recall_90"] == pytest.approx((p[label < 0.5] < highest).mean())
    if crystalline.any():
        assert found["crystal_specificity_at_recall_90"] == pytest.approx((p[crystalline] < highest).mean())
    else:
        assert math.isnan(found["crystal_specificity_at_recall_90"])


def out_of_fold(rows, predicted, model, seed=0):
    target = rows.recipe.target
    return OutOfFold("grouped", seed, {target: np.arange(len(rows)) % 5}, {(target, model): predicted})


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 999), st.sampled_from([HARDNESS, GLASS]), st.sampled_from([PRECISE, "ridge"]))
def test_tables_do_not_depend_on_the_order_of_rows(seed, recipe, model):
    rows, rng = invented_rows(recipe), np.random.default_rng(seed)
    predicted, order = rng.random(len(rows)), rng.permutation(len(rows))
    shuffled = rows.take(order)
    first = score_all({recipe.target: rows}, [out_of_fold(rows, predicted, model)])[0].values
    second = score_all({recipe.target: shuffled}, [out_of_fold(shuffled, predicted[order], model)])[0].values
    assert {k: v[0] for k, v in first.items()} == pytest.approx({k: v[0] for k, v in second.items()}, nan_ok=True)


def test_only_measured_rows_are_scored():
    rows = invented_rows(HARDNESS)
    predicted = rows.y.copy()
    predicted[::3] = 1e6
    half = replace(rows, measured=np.arange(len(rows)) % 3 != 0)
    assert score(half, predicted, PRECISE)["mae"] == 0.0
    assert score(rows, predicted, PRECISE)["mae"] > 1e5


def test_our_classifiers_answer_with_logits_and_baselines_with_probabilities():
    rows = invented_rows(GLASS)
    logits = np.where(rows.y > 0.5, 2.0, -2.0)
    ours, theirs = score(rows, logits, PRECISE), score(rows, 1.0 / (1.0 + np.exp(-logits)), "ridge")
    assert ours == pytest.approx(theirs, nan_ok=True)
    assert ours["pr_auc"] == 1.0
    assert ours["brier"] == pytest.approx((1.0 / (1.0 + math.exp(2.0))) ** 2)


def test_repeats_give_mean_and_spread():
    rows = invented_rows(HARDNESS)
    runs = [out_of_fold(rows, rows.y + shift, "ridge", seed) for seed, shift in enumerate((1.0, 3.0))]
    values = score_all({"hardness_gpa": rows}, runs)[0].values
    assert values["mae"] == pytest.approx((2.0, 1.0))


def test_a_table_has_a_line_for_every_contender_that_ran():
    tables = invented_tables("p_amorphous", "hardness_gpa", "mixing_kj_mol")
    models = ("constant", "ridge", "lightgbm")
    scores = evaluate(tables, [0], models, workers=1)
    text = markdown(scores, tables)
    assert [line for line in text.splitlines() if line.startswith("**")] == [
        "**p_amorphous**: 84 measured rows, 14 chemical systems",
        "**hardness_gpa**, GPa: 84 measured rows, 14 chemical systems",
        "**mixing_kj_mol**, kJ/mol: 84 measured rows, 14 chemical systems",
    ]
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| model")]
    assert [line.split(" | ")[0][2:] for line in lines] == [LABELS[m] for m in models] * 3
    heads = [line.count("|") for line in text.splitlines() if line.startswith("| model")]
    assert [line.count("|") for line in lines] == [h for h in heads for _ in models]
    value = next(s for s in scores if (s.target, s.model, s.split) == ("hardness_gpa", "ridge", "grouped")).values[
        "r2"
    ][0]
    assert f"| {value:.3f} |" in next(line for line in lines[3:6] if line.startswith("| ridge"))
    # values of both signs have no logarithm
    assert lines[-1].count("–") == 2
    assert "nan" not in text


def test_every_contender_has_a_name_and_baselines_come_first():
    assert CONTENDERS[:5] == tuple(BASELINES)
    assert set(LABELS) == set(CONTENDERS)


def test_grouped_scores_fall_behind_random_ones():
    tables = {"mixing_kj_mol": invented_rows(ENTHALPY, n=140)}
    scores = {s.split: s.values["r2"][0] for s in evaluate(tables, [0], ("extra_trees",), workers=1)}
    assert scores["grouped"] < scores["random"]


def test_json_has_no_nan():
    scores = [Score("p_x", "ridge", "grouped", {"pr_auc": (float("nan"), float("nan")), "brier": (0.25, 0.0)})]
    document = json.loads(to_json(scores, "abc", "2026-01-02", 2), parse_constant=pytest.fail)
    assert document == {
        "date": "2026-01-02",
        "data_digest": "abc",
        "seeds": [0, 1],
        "scores": [
            {
                "target": "p_x",
                "model": "ridge",
                "split": "grouped",
                "repeats": 1,
                "scores": {"pr_auc": {"mean": None, "sd": None}, "brier": {"mean": 0.25, "sd": 0.0}},
            }
        ],
    }
