"""A model without a value for some alloys: they are left out and counted, or refused by name, and never ranked."""

from __future__ import annotations

import numpy as np
import polars
import pytest
from notes import Notes

from screener import scoring
from screener.binding import bind_tier
from screener.device import choose_device
from screener.errors import ModelError
from screener.float64_net import Float64Net
from screener.jobs import Question, ScoreJob, ScreenJob
from screener.model import Model
from screener.model_set import load_models
from screener.objectives import Objective, Scorer
from screener.pipeline import run_screen
from screener.plan import make_plan
from screener.scoring import run_score
from screener.space import CompositionSpace

SPACE = CompositionSpace.build(("Al", "Ti", "Cr"), 5)
ALLOYS = [f"Al{a}Ti{90 - a}Cr10" for a in range(0, 91, 2)]


@pytest.fixture(params=[np.nan, np.inf], ids=str)
def broken(request, monkeypatch):
    """Let models of hardness give no number for alloys of more than half aluminium."""
    predict, run = Model.predict, Float64Net.run

    def spoil(features, outputs):
        for name, values in outputs.items():
            if name.startswith("hardness_gpa"):
                values[features[:, 0] > 0.5] = request.param
        return outputs

    def spoiled_predict(model, features, conditions=None):
        return spoil(features, {name: values.copy() for name, values in predict(model, features, conditions).items()})

    monkeypatch.setattr(Model, "replay", lambda model: None)  # golden rows would tell
    monkeypatch.setattr(Model, "predict", spoiled_predict)
    monkeypatch.setattr(Float64Net, "run", lambda net, inputs: spoil(inputs["features"], run(net, inputs)))


QUESTIONS = (
    Question(maximize=("hardness_gpa",), top=400),
    Question(minimize=("hardness_gpa",), top=400),
    Question(maximize=("hardness_gpa", "p_amorphous"), top=400),
    Question(rank_by="least(hardness_gpa, 3) + p_amorphous", top=400),
    Question(where="hardness_gpa > 0 or vec > 0", top=400),
    Question(where="not (hardness_gpa < 0)", maximize=("p_amorphous",), top=400),
    Question(maximize=("hardness_gpa",), minimize=("density_g_cm3=1:9",), pareto=True, top=400),
    Question(top=400),
)


@pytest.mark.parametrize("question", QUESTIONS, ids=[str(place) for place in range(len(QUESTIONS))])
def test_a_search_ranks_no_candidate_without_a_value(tiny_models, broken, question):
    outcome = run_screen(ScreenJob(SPACE, question, models=tiny_models, search="exhaustive", block=64), Notes())
    assert outcome.frame.height > 0
    assert outcome.frame["Al"].max() <= 50
    numbers = outcome.frame.select(polars.selectors.float()).to_numpy()
    assert np.isfinite(numbers).all()


def test_an_exact_search_says_so(tiny_models, broken):
    question = Question(maximize=("hardness_gpa",), top=400)
    with pytest.raises(ModelError, match="a model has no finite value for `") as refused:
        run_screen(ScreenJob(SPACE, question, models=tiny_models, search="exact"), Notes())
    assert refused.value.hint == "`--search exhaustive` leaves such candidates out"


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("question", [Question(maximize=("hardness_gpa",)), Question(top=9)], ids=["all", "top"])
def test_a_list_leaves_such_rows_out_and_counts_them(tiny_models, broken, monkeypatch, question, short):
    monkeypatch.setattr(scoring, "CHARACTERIZE_UP_TO", 20_000 if short else 5)
    table = polars.DataFrame({"formula": ALLOYS})
    outcome = run_score(ScoreJob(table, question, models=tiny_models), Notes())
    assert dict(outcome.summary.counts)["without a score"] == sum(a > 50 for a in range(0, 91, 2))
    assert all(row <= 26 for row in outcome.frame["row"])
    assert np.isfinite(outcome.frame["score"].to_numpy()).all()


def test_a_precise_model_without_a_value_is_named(tiny_models, monkeypatch):
    predict = Model.predict

    def spoiled(model, features, conditions=None):
        outputs = predict(model, features, conditions)
        if model.name == "characterize/hardness.onnx":
            outputs["hardness_gpa"] = outputs["hardness_gpa"] * np.float32(np.nan)
        return outputs

    monkeypatch.setattr(Model, "replay", lambda model: None)
    monkeypatch.setattr(Model, "predict", spoiled)
    with pytest.raises(ModelError, match=r"`characterize/hardness\.onnx` has no finite hardness_gpa for `"):
        run_screen(ScreenJob(SPACE, Question(top=10), models=tiny_models), Notes())


def test_an_infinite_score_is_none():
    scorer = Scorer(("vec",), (Objective("vec", "max"),))
    np.testing.assert_array_equal(scorer.score({"vec": np.array([1.0, 2.0])}), [1.0, 2.0])


def test_a_division_by_nothing_ranks_nobody(tiny_models):
    models = load_models(tiny_models, choose_device("cpu"), ("screen",)).screen
    tier = bind_tier("screen", models, Question())
    plan = make_plan(Question(rank_by="1 / Al - ln(Ti)"), tier, ("Al", "Ti"))
    score = plan.score({"Al": np.array([0.0, 5.0, 100.0, 1.0]), "Ti": np.array([100.0, 95.0, 0.0, -1.0])})
    assert np.isnan(score).tolist() == [True, False, True, True]
    outcome = run_screen(
        ScreenJob(SPACE, Question(rank_by="1 / Al", top=400), models=tiny_models, search="exhaustive"), Notes()
    )
    assert outcome.frame["Al"].min() == 5
    assert dict(outcome.summary.counts)["without a score"] == 21
