"""Process, share of positives and choice of classifier: what they change, what they leave, what is refused."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import Notes
from tiny_models import COOLING, CURVE, PRIOR, TARGETS

import screener
from screener.binding import bind_tier, check_conditions
from screener.card import ModelCard
from screener.engine import BlockEngine
from screener.errors import ModelError
from screener.flag import Flag, logit_of, prior_shift, shifted, sigmoid
from screener.jobs import Question, ScreenJob
from screener.outcome import Outcome
from screener.pipeline import run_screen
from screener.run_models import run_models
from screener.space import CompositionSpace

SYMBOLS = ("Al", "Ti", "Cr")
CARD = ModelCard("screen", TARGETS["p_amorphous"], "screen", "", ("Al",), threshold=0.35, curve=CURVE, prior=PRIOR)
BASE = ("enumerate", "--elements", "Al,Ti,Cr", "--step", "10", "--quiet")


def searched(folder: Path, **asked: object) -> Outcome:
    """A search of a small space; every candidate is kept."""
    space = CompositionSpace.build(SYMBOLS, 10)
    return run_screen(ScreenJob(space, Question(top=66, **asked), models=folder), Notes())


def frame(folder: Path, **asked: object) -> polars.DataFrame:
    return searched(folder, **asked).frame


def refusal(folder: Path, **asked: object) -> tuple[str, str]:
    with pytest.raises(ModelError) as refused:
        searched(folder, **asked)
    return refused.value.message, refused.value.hint


@pytest.fixture
def trusted(run, trusted_models: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command on models whose cards say how far to trust them."""
    monkeypatch.setenv("SCREENER_MODELS", str(trusted_models))
    return run


# --- share of positives -----------------------------------------------------------------------------------------------

PRIORS = st.floats(1e-4, 1 - 1e-4)
LOGITS = st.lists(st.floats(-30, 30), min_size=1, max_size=20).map(np.array)


@given(logits=LOGITS, prior=PRIORS)
@settings(deadline=None, max_examples=100)
def test_another_share_keeps_the_order_and_is_bayes_rule(logits: np.ndarray, prior: float) -> None:
    shift = prior_shift(CARD, prior)
    found, before = shifted(logits, shift), sigmoid(logits)
    assert (np.diff(found[np.argsort(logits, kind="stable")]) >= 0).all()
    odds = prior / PRIOR * before, (1 - prior) / (1 - PRIOR) * sigmoid(-logits)
    np.testing.assert_allclose(found, odds[0] / (odds[0] + odds[1]), rtol=1e-9)


@given(logits=LOGITS, prior=PRIORS, recall=st.none() | st.floats(0.1, 0.98))
@settings(deadline=None, max_examples=100)
def test_thresholds_of_the_card_move_along(logits: np.ndarray, prior: float, recall: float | None) -> None:
    plain = Flag.choose(CARD, recall)
    moved = Flag.choose(CARD, recall, shift=prior_shift(CARD, prior))
    on_it = np.append(logits, plain.logit)
    assert (moved.holds(on_it) == plain.holds(on_it)).all()
    assert (moved.borderline(on_it) == plain.borderline(on_it)).all()
    assert moved.point == plain.point
    assert moved.reported == pytest.approx(float(shifted(np.array([plain.logit]), moved.shift)[0]), rel=1e-12)


@given(logits=LOGITS, prior=PRIORS, threshold=st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=100)
def test_a_given_threshold_is_one_on_the_rescaled_probability(
    logits: np.ndarray, prior: float, threshold: float
) -> None:
    flag = Flag.choose(CARD, threshold=threshold, shift=prior_shift(CARD, prior))
    assert (flag.holds(logits) == (shifted(logits, flag.shift) >= threshold)).all()
    assert flag.reported == threshold
    assert flag.borderline(np.array([flag.logit])).all()
    nearest = min(CURVE, key=lambda point: abs(point.threshold - sigmoid(np.array([flag.logit]))[0]))
    assert flag.point == nearest


def test_the_cards_own_share_changes_nothing() -> None:
    assert prior_shift(CARD, PRIOR) == 0.0
    assert shifted(np.array([0.3]), 0.0) == sigmoid(np.array([0.3]))


@pytest.mark.parametrize("recall", [None, 0.9])
@pytest.mark.parametrize("prior", [0.01, 0.9])
def test_a_search_is_ranked_and_flagged_as_before(trusted_models, prior: float, recall: float | None) -> None:
    plain, found = frame(trusted_models, recall=recall), frame(trusted_models, recall=recall, prior=prior)
    same = [name for name in plain.columns if name not in ("p_amorphous", "p_amorphous_screen")]
    assert found.select(same).equals(plain.select(same))
    for name, share in (("p_amorphous", 0.5), ("p_amorphous_screen", PRIOR)):
        before = plain[name].to_numpy()
        logit = np.log(before / (1 - before)) + logit_of(prior) - logit_of(share)
        np.testing.assert_allclose(found[name], 1 / (1 + np.exp(-logit)), rtol=1e-6)


def test_filters_and_given_thresholds_see_the_rescaled_probability(trusted_models) -> None:
    everything = frame(trusted_models, prior=0.05, tier="screen")
    low, high = (round(everything["p_amorphous"].quantile(share), 6) for share in (0.4, 0.8))
    kept = frame(trusted_models, prior=0.05, tier="screen", where=f"p_amorphous > {low}", threshold=high)
    assert kept["index"].to_list() == everything.filter(polars.col("p_amorphous") > low)["index"].to_list()
    assert 0 < kept.height < everything.height
    assert (kept["is_amorphous"] == (kept["p_amorphous"] >= high)).all()
    assert 0 < kept["is_amorphous"].sum() < kept.height
    by_expression = frame(trusted_models, prior=0.05, tier="screen", rank_by="p_amorphous")
    assert by_expression["score"].equals(everything["score"])


def test_the_summary_says_for_which_share_and_moves_the_threshold(trusted_models) -> None:
    lines = searched(trusted_models, prior=0.1).summary.lines
    assert (
        "prior: p_amorphous is rescaled to a share of positives of 0.1 from 0.4 (screen), 0.5 (characterize), at which "
        "out-of-fold precision was measured; ranking and flags stay"
    ) in lines
    moved = [1 / (1 + math.exp(-logit_of(t) - logit_of(0.1) + logit_of(s))) for t, s in ((0.35, 0.4), (0.5, 0.5))]
    for tier, threshold in zip(("screen", "characterize"), moved, strict=True):
        assert any(line.startswith(f"is_amorphous ({tier}): p ≥ {threshold:.4g}, out-of-fold") for line in lines)


MAY_DIFFER = "may differ, read off rescaled probabilities"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"minimize": ("hardness_gpa",), "where": "is_amorphous"}, "ranking and flags stay"),
        ({"rank_by": "p_amorphous", "recall": 0.9}, "ranking and flags stay"),
        ({"maximize": ("p_amorphous", "hardness_gpa")}, f"flags stay; ranking {MAY_DIFFER}"),
        ({"maximize": ("p_amorphous", "hardness_gpa"), "pareto": True}, f"flags stay; ranking {MAY_DIFFER}"),
        ({"maximize": ("p_amorphous=0.2:0.9",)}, f"flags stay; ranking {MAY_DIFFER}"),
        ({"rank_by": "p_amorphous * hardness_gpa"}, f"flags stay; ranking {MAY_DIFFER}"),
        ({"where": "p_amorphous > 0.1"}, f"ranking and flags stay; what --where keeps {MAY_DIFFER}"),
        ({"where": "is_amorphous", "threshold": 0.5}, f"ranking stays; what --where keeps and flags {MAY_DIFFER}"),
    ],
)
def test_the_summary_says_what_stays(trusted_models, asked: dict[str, object], said: str) -> None:
    line = next(each for each in searched(trusted_models, prior=0.1, **asked).summary.lines if each[:6] == "prior:")
    assert line.endswith(f" was measured; {said}")


def test_a_score_of_several_objectives_is_one_of_rescaled_probabilities(trusted_models) -> None:
    asked = {"maximize": ("p_amorphous", "hardness_gpa=0:20"), "tier": "screen"}
    plain, other = frame(trusted_models, **asked), frame(trusted_models, prior=0.99, **asked)
    assert not other["score"].equals(plain["score"])
    assert other["index"].to_list() != plain["index"].to_list()


def test_a_list_and_one_alloy_say_it_too(trusted) -> None:
    Path("list.csv").write_text("alloy\nAlTi\nCr\n")
    ended = trusted("score", "list.csv", "--prior", "0.1", "--rank-by", "1 - p_amorphous", "-o", "out.csv")
    assert f"was measured; flags stay; ranking {MAY_DIFFER}\n" in ended.err
    assert "was measured; flags stay\n" in trusted("explain", "AlTi", "--prior", "0.1").out


def test_a_share_that_cannot_be_taken_is_refused(trusted_models, tiny_models) -> None:
    for prior in (0.0, 1.0, -1.0, math.nan):
        message, hint = refusal(trusted_models, prior=prior)
        assert message == f"--prior `{prior:g}` is not between 0 and 1"
        assert hint == "give a fraction, e.g. `--prior 0.5`"
    assert refusal(tiny_models, prior=0.1) == (
        "the screen model of `p_amorphous` does not say which share of positives it assumes",
        "leave `--prior` out, or make the models again with `training fit`",
    )
    with pytest.raises(ModelError) as refused:
        bind_tier("screen", {}, Question(prior=0.1))
    assert (refused.value.message, refused.value.hint) == (
        "no screen model predicts `p_amorphous`", "leave `--prior` out"
    )  # fmt: skip


# --- process ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", ["ribbon", "film", "bulk"])
def test_a_process_sets_its_level_for_the_models_that_know_it_and_no_others(trusted_models, process: str) -> None:
    found = frame(trusted_models, process=process)
    given = frame(trusted_models, conditions=((COOLING.name, COOLING.levels[process]),))
    assert found.equals(given)
    plain = frame(trusted_models, process="ribbon").sort("index")
    other = [name for name in found.columns if name.startswith(("hardness", "resistivity", "p_bulk"))]
    assert found.sort("index").select(other).equals(plain.select(other))
    if process != "ribbon":
        assert (found.sort("index")["p_amorphous"] != plain["p_amorphous"]).any()


def test_ribbon_is_the_default_and_both_summary_and_metadata_carry_it(trusted_models, tiny_models) -> None:
    asked, default = searched(trusted_models, process="ribbon"), searched(trusted_models)
    assert asked.frame.equals(default.frame)
    for outcome in (asked, default):
        assert "process: ribbon" in outcome.summary.lines
        assert json.loads(outcome.metadata["screener.question"])["process"] == "ribbon"
    film = searched(trusted_models, process="film", prior=0.2, classifier="independent")
    question = json.loads(film.metadata["screener.question"])
    assert (question["process"], question["prior"], question["classifier"]) == ("film", 0.2, "independent")
    unknowing = searched(tiny_models)
    assert not any(line.startswith("process") for line in unknowing.summary.lines)
    assert json.loads(unknowing.metadata["screener.question"])["process"] is None


def test_a_condition_that_is_given_stands_in_for_the_default_process(trusted_models) -> None:
    outcome = searched(trusted_models, conditions=((COOLING.name, 3.0),))
    assert not any(line.startswith("process") for line in outcome.summary.lines)
    assert any("log_cooling_rate=3 log10 K/s" in line for line in outcome.summary.lines)


def test_blank_cells_of_a_list_take_the_level_of_the_process(trusted_models) -> None:
    table = polars.DataFrame({"alloy": ["TiAl", "TiAl", "TiAl"], COOLING.name: ["", "2", "10"]})
    found = screener.score(table, models=trusted_models, process="film")
    assert found["p_amorphous"][0] == found["p_amorphous"][2] != found["p_amorphous"][1]
    assert found["p_amorphous_screen"][0] == found["p_amorphous_screen"][2]


def test_a_process_nobody_knows_or_that_is_said_twice_is_refused(trusted_models, tiny_models) -> None:
    hint = "the models know `bulk`, `film`, `ribbon`"
    assert refusal(trusted_models, process="cast") == ("unknown process `cast`", hint)
    none = "the models know no process: leave `--process` out"
    assert refusal(tiny_models, process="ribbon") == ("unknown process `ribbon`", none)
    assert refusal(trusted_models, process="film", conditions=((COOLING.name, 3.0),)) == (
        "both `--process` and `--condition log_cooling_rate` are given",
        "the process sets `log_cooling_rate`: keep one of them",
    )
    with run_models(Question(process="film"), trusted_models, "cpu") as models:
        assert check_conditions(Question(process="film", conditions=(("load_n", 5.0),)), models.models()) == []


# --- classifier -------------------------------------------------------------------------------------------------------


def test_the_preferred_classifier_screens_unless_the_other_is_asked_for(trusted_models) -> None:
    names = {}
    for classifier in (None, "mtl", "independent"):
        with run_models(Question(classifier=classifier), trusted_models, "cpu") as models:
            names[classifier] = models.search.models["p_amorphous"].name
    assert names == {
        None: "screen/amorphous_mtl.onnx",
        "mtl": "screen/amorphous_mtl.onnx",
        "independent": "screen/amorphous_independent.onnx",
    }
    default, mtl, independent = (searched(trusted_models, classifier=c) for c in (None, "mtl", "independent"))
    assert default.frame.equals(mtl.frame)
    one, other = mtl.frame.sort("index"), independent.frame.sort("index")
    assert (one["p_amorphous_screen"] != other["p_amorphous_screen"]).any()
    assert one["p_amorphous"].equals(other["p_amorphous"])
    assert "classifier: independent (`screen/amorphous_independent.onnx`)" in independent.summary.lines
    assert "classifier: mtl (`screen/amorphous_mtl.onnx`)" in default.summary.lines


def test_a_classifier_that_is_not_there_is_refused(tiny_models, trusted_models) -> None:
    assert refusal(tiny_models, classifier="mtl") == (
        "there is no `mtl` classifier among the models",
        "leave `--classifier` out: the models have none to choose from",
    )
    assert refusal(trusted_models, classifier="tree") == ("unknown classifier `tree`", "use `mtl` or `independent`")
    assert refusal(trusted_models, classifier="mtl", tier="characterize") == (
        "both `--classifier` and `--tier characterize` are given",
        "the choice is between classifiers of the screen tier: leave one of them out",
    )


# --- a classifier without flag ----------------------------------------------------------------------------------------


def test_bulk_glass_is_a_column_after_the_amorphous_ones_and_has_no_flag(trusted_models) -> None:
    found = frame(trusted_models)
    place = found.columns.index("amorphous_borderline")
    assert found.columns[place + 1 : place + 3] == ["p_bulk_glass", "resistivity_uohm_cm"]
    assert not [name for name in found.columns if name.startswith("is_") and name != "is_amorphous"]
    assert found["p_bulk_glass"].is_between(0, 1).all()
    assert "p_bulk_glass_screen" in found.columns


def test_bulk_glass_filters_and_ranks_by_its_logit(trusted_models) -> None:
    everything = frame(trusted_models, tier="screen").sort("index")
    kept = frame(trusted_models, tier="screen", where="p_bulk_glass > 0.5")
    assert set(kept["index"]) == set(everything.filter(polars.col("p_bulk_glass") > 0.5)["index"])
    for how in ({"maximize": ("p_bulk_glass",)}, {"rank_by": "p_bulk_glass"}):
        ranked = frame(trusted_models, tier="screen", **how)
        logit = np.log(ranked["p_bulk_glass"] / (1 - ranked["p_bulk_glass"]))
        np.testing.assert_allclose(ranked["score"], logit, rtol=1e-6, atol=1e-9)
        assert ranked["score"].is_sorted(descending=True)
    product = frame(trusted_models, tier="screen", maximize=("p_bulk_glass", "p_amorphous"))
    np.testing.assert_allclose(product["score"], product["p_bulk_glass"] * product["p_amorphous"], rtol=1e-9)
    message = "unknown column `is_bulk_glass`"
    with pytest.raises(screener.ScreenerError, match=message):
        searched(trusted_models, where="is_bulk_glass")


def test_only_models_whose_columns_are_wanted_run(trusted_models) -> None:
    with run_models(Question(), trusted_models, "cpu") as models:
        for wanted in (["p_bulk_glass"], ["p_bulk_glass_logit"]):
            engine = BlockEngine(models.search, SYMBOLS, wanted)
            assert set(engine._models) == {"p_bulk_glass"}
            assert list(engine.columns_of(np.array([[0.2, 0.3, 0.5]]))) == wanted
        assert "p_bulk_glass" not in models.search.giving(["is_amorphous", "hardness_gpa"])


def test_recall_and_threshold_need_operating_points(trusted_models) -> None:
    with run_models(Question(), trusted_models, "cpu") as models:
        bulk = models.search.models["p_bulk_glass"]
    for option, asked in (("--recall", {"recall": 0.9}), ("--threshold", {"threshold": 0.5})):
        with pytest.raises(ModelError) as refused:
            bind_tier("screen", {"p_amorphous": bulk}, Question(**asked))
        assert refused.value.message == "the screen model of `p_amorphous` has no operating points, so it flags nothing"
        assert refused.value.hint.startswith(f"leave `{option}` out; `--where ")


# --- the command line and Python --------------------------------------------------------------------------------------

OPTIONS = ("--prior", "0.1", "--process", "film", "--classifier", "independent")


def test_commands_and_python_take_the_same_options(trusted, trusted_models: Path, tmp_path: Path) -> None:
    asked = {"prior": 0.1, "process": "film", "classifier": "independent", "models": trusted_models}
    out = trusted(*BASE, "--top", "5", *OPTIONS).out
    expected = screener.screen(CompositionSpace.build("Al,Ti,Cr", 10), top=5, **asked)
    assert polars.read_csv(io.StringIO(out)).equals(expected)
    (tmp_path / "list.csv").write_text("alloy\nTiAl\nFe\n")
    listed = polars.read_csv(io.StringIO(trusted("score", "list.csv", "--quiet", *OPTIONS).out))
    assert listed.equals(screener.score("list.csv", **asked))
    said = json.loads(trusted("explain", "TiAl", "--json", *OPTIONS).out)
    row = listed.to_dicts()[0]
    for name in ("p_amorphous", "is_amorphous", "p_bulk_glass", "hardness_gpa_low"):
        assert said["predictions"]["characterize"][name] == pytest.approx(row[name], rel=1e-6)
    assert said["predictions"]["screen"]["p_amorphous"] == pytest.approx(row["p_amorphous_screen"], rel=1e-6)
    lines = trusted("explain", "TiAl", *OPTIONS).out.splitlines()
    assert "  classifier: independent (`screen/amorphous_independent.onnx`)" in lines
    assert "  process: film" in lines
    assert any(line.startswith("  prior: p_amorphous is rescaled to a share of positives of 0.1") for line in lines)
    assert sum(line.startswith("  p_bulk_glass: 0.") for line in lines) == 2


@pytest.mark.parametrize("command", [BASE, (*BASE, "--dry-run"), ("score", "list.csv"), ("explain", "TiAl")])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--process", "cast"), "unknown process `cast`"),
        (("--prior", "1"), "--prior `1` is not between 0 and 1"),
        (("--classifier", "tree"), "unknown classifier `tree`"),
        (
            ("--process", "film", "--condition", "log_cooling_rate=3"),
            "both `--process` and `--condition log_cooling_rate` are given",
        ),
    ],
)
def test_commands_refuse_with_one_fact_and_a_hint(trusted, tmp_path: Path, command, arguments, message: str) -> None:
    (tmp_path / "list.csv").write_text("alloy\nTiAl\n")
    ended = trusted(*command, *arguments)
    assert ended.code == 2
    assert ended.out in ("", "candidates: 66\n")
    assert ended.err.startswith(f"error: {message}\n\nhint: ")
