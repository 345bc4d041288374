"""Searches of whole spaces against a slow twin that scores every candidate and sorts them all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracles
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import Notes
from tiny_models import publish_tiny_models

from screener import search as search_module
from screener.descriptors.catalogue import catalogue
from screener.descriptors.reference import describe
from screener.device import choose_device
from screener.float64_net import Float64Net
from screener.jobs import Question, ScreenJob, conditions_of
from screener.model_set import load_models
from screener.pipeline import run_screen
from screener.space import CompositionSpace

STEP = 5
ELEMENTS = ("Al", "Ti", "Cr", "Cu")


def twin(
    folder: Path, counts: np.ndarray, units: int, elements: tuple[str, ...], load: float = 9.8
) -> polars.DataFrame:
    """Every candidate with its screen values in float64, in index order."""
    fractions = counts / units
    models = load_models(folder, choose_device("cpu"), ("screen",)).screen
    columns: dict[str, np.ndarray] = {"index": np.arange(len(counts))}
    for name, model in models.items():
        inputs = {"features": describe(fractions, elements, model.spec.descriptors)}
        if model.card.conditions:
            inputs["conditions"] = np.tile([load, 300.0], (len(counts), 1))
        outputs = Float64Net.read(model.content).run(inputs)
        columns |= {output: outputs[output][:, 0] for output in model.output_names}
        columns[f"{name}_inside"] = np.array(
            [all(e in model.card.elements for e, c in zip(elements, row, strict=True) if c) for row in counts]
        )
    columns["in_domain"] = np.all([columns.pop(f"{name}_inside") for name in models], axis=0)
    density = [catalogue()["density_g_cm3"]]
    columns["density_g_cm3"] = describe(fractions, elements, density)[:, 0]
    return polars.DataFrame(columns | {e: 100 * fractions[:, k] for k, e in enumerate(elements)})


@pytest.fixture(scope="module")
def everything(tiny_models: Path) -> polars.DataFrame:
    """The twin's table of the whole four-element space."""
    return twin(tiny_models, np.array(oracles.simplex(100 // STEP, 4)), 100 // STEP, ELEMENTS)


def searched(folder: Path, question: Question, notes: Notes | None = None, **how: object) -> polars.DataFrame:
    space = CompositionSpace.build(ELEMENTS, STEP)
    return run_screen(ScreenJob(space, question, models=folder, **how), notes or Notes()).frame


CASES = {
    "default": (Question(top=30), polars.col("p_amorphous_logit"), None),
    "filtered": (
        Question(top=25, where="Al between 10 and 40 and in_domain", minimize=("hardness_gpa",)),
        -polars.col("hardness_gpa"),
        polars.col("Al").is_between(10, 40) & polars.col("in_domain"),
    ),
    "expression": (
        Question(top=17, rank_by="hardness_gpa / density_g_cm3", where="resistivity_uohm_cm > 60"),
        polars.col("hardness_gpa") / polars.col("density_g_cm3"),
        polars.col("resistivity_uohm_cm") > 60,
    ),
    "desirability": (
        Question(top=40, maximize=("hardness_gpa=2:12", "p_amorphous"), minimize=("density_g_cm3=2:9",)),
        ((polars.col("hardness_gpa") - 2) / 10).clip(0, 1)
        * polars.col("p_amorphous")
        * ((9 - polars.col("density_g_cm3")) / 7).clip(0, 1),
        None,
    ),
    "conditions": (
        Question(top=10, maximize=("hardness_gpa",), conditions=conditions_of({"load_n": 40.0})),
        polars.col("hardness_gpa"),
        None,
    ),
    "everything": (Question(top=5000, maximize=("density_g_cm3",)), polars.col("density_g_cm3"), None),
}


@pytest.mark.parametrize("case", CASES)
def test_search_equals_scoring_all_and_sorting(case: str, tiny_models: Path, everything: polars.DataFrame) -> None:
    question, score, keep = CASES[case]
    table = everything
    if question.conditions:
        table = twin(tiny_models, np.array(oracles.simplex(20, 4)), 20, ELEMENTS, load=40.0)
    expected = table.with_columns(score=score)
    expected = expected if keep is None else expected.filter(keep)
    expected = expected.sort(["score", "index"], descending=[True, False]).head(question.top)
    found = searched(tiny_models, question)
    assert found["index"].to_list() == expected["index"].to_list()
    np.testing.assert_allclose(found["score"], expected["score"], rtol=1e-12, atol=1e-12)
    for name in ("p_amorphous", "resistivity_uohm_cm", "hardness_gpa"):
        np.testing.assert_allclose(found[f"{name}_screen"], expected[name], rtol=1e-12, err_msg=name)
    assert found["rank"].to_list() == list(range(1, len(expected) + 1))


def test_front_is_what_nothing_beats(tiny_models: Path, everything: polars.DataFrame) -> None:
    question = Question(top=500, maximize=("hardness_gpa",), minimize=("density_g_cm3=2:9",), pareto=True)
    values = everything.select("hardness_gpa", -polars.col("density_g_cm3")).to_numpy()
    beaten = [((values >= row).all(axis=1) & (values > row).any(axis=1)).any() for row in values]
    expected = set(everything.filter(~polars.Series(beaten))["index"].to_list())
    found = searched(tiny_models, question)
    assert set(found["index"].to_list()) == expected
    assert found["front"].to_list() == [1] * len(expected)
    assert found["score"].is_sorted(descending=True)


@pytest.mark.parametrize("how", [{"block": 64}, {"block": 1000}, {"block": 16384}])
def test_block_size_and_threads_do_not_matter(
    how: dict[str, int], tiny_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question(top=40, maximize=("p_amorphous", "hardness_gpa"), minimize=("resistivity_uohm_cm",))
    plain = searched(tiny_models, question)
    for threads in ("1", "3"):
        monkeypatch.setenv("SCREENER_THREADS", threads)
        assert searched(tiny_models, question, **how).equals(plain)


@given(n=st.integers(1, 1900), seed=st.integers(0, 5))
@settings(deadline=None, max_examples=8)
def test_a_sample_ranks_as_the_whole_space_does(
    n: int, seed: int, tiny_models: Path, everything: polars.DataFrame
) -> None:
    found = searched(tiny_models, Question(top=15), sample=n, seed=seed)
    drawn = CompositionSpace.build(ELEMENTS, STEP).sample(n, seed)
    expected = everything[drawn].sort(["p_amorphous_logit", "index"], descending=[True, False]).head(15)
    assert found["index"].to_list() == expected["index"].to_list()


def test_doubt_widens_the_net_once_and_is_told(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "SLACK", 1)
    notes, question = Notes(), Question(top=3, maximize=("hardness_gpa",))
    expected = searched(tiny_models, question)["index"].to_list()
    shift = np.random.default_rng(0).normal(scale=5.0, size=5000)

    def rough(self: object, values: dict[str, np.ndarray]) -> np.ndarray:
        # Float32 scores that are off by more than the margin; exact ones come from tables of few rows.
        score = values["hardness_gpa"].astype(np.float64)
        return score + shift[: len(score)] if len(score) > 100 else score

    monkeypatch.setattr("screener.objectives.Scorer.score", rough)
    searched(tiny_models, question, notes)
    assert notes.warnings[0].startswith("4 candidates beyond the 3 asked for are within float32 rounding")
    assert notes.calls[-1] == (1771, 1771)
    assert [done for done, _ in notes.calls].count(1771) == 2
    monkeypatch.undo()
    assert searched(tiny_models, question)["index"].to_list() == expected


def test_every_column_is_there_filled_and_in_order(tiny_models: Path) -> None:
    found = searched(tiny_models, Question(top=50, where="vec > 3", with_descriptors=True))
    descriptors = list(catalogue())
    assert found.columns == [
        *("rank", "index", "formula", *ELEMENTS, "p_amorphous", "is_amorphous", "amorphous_borderline"),
        *("resistivity_uohm_cm", "resistivity_uohm_cm_low", "resistivity_uohm_cm_high"),
        *("hardness_gpa", "hardness_gpa_low", "hardness_gpa_high", "in_domain"),
        *("nearest_training_alloy", "nearest_distance", "score"),
        *("p_amorphous_screen", "resistivity_uohm_cm_screen", "hardness_gpa_screen", *descriptors),
    ]
    assert found.height == 50
    assert sum(found.null_count().row(0)) == 0
    assert not any(found.select(polars.selectors.float().is_nan().any()).row(0))


def test_targets_of_a_user_follow_the_standing_ones(custom_models: Path) -> None:
    found = searched(custom_models, Question(top=3, maximize=("modulus_gpa",), where="not is_brittle or p_brittle > 0"))
    place = found.columns.index("hardness_gpa_high")
    assert found.columns[place + 1 : place + 7] == [
        "modulus_gpa",
        "modulus_gpa_low",
        "modulus_gpa_high",
        "p_brittle",
        "is_brittle",
        "in_domain",
    ]
    assert found.columns[-2:] == ["modulus_gpa_screen", "p_brittle_screen"]


def test_plain_columns_hold_characterized_values_and_the_order_stays(tiny_models: Path) -> None:
    both = searched(tiny_models, Question(top=20))
    alone = searched(tiny_models, Question(top=20, tier="screen"))
    assert both["index"].equals(alone["index"])
    assert both["score"].equals(alone["score"])
    assert both["hardness_gpa_screen"].equals(alone["hardness_gpa"].alias("hardness_gpa_screen"))
    assert (both["hardness_gpa"] - alone["hardness_gpa"]).abs().max() > 0.1
    assert [name for name in alone.columns if name.endswith("_screen")] == []
    assert ((both["p_amorphous"] >= 0.5) == both["is_amorphous"]).all()
    assert ((alone["p_amorphous"] >= 0.35) == alone["is_amorphous"]).all()


def test_characterize_tier_ranks_by_itself(tiny_models: Path) -> None:
    found = searched(tiny_models, Question(top=1771, tier="characterize", maximize=("hardness_gpa",)))
    assert found["score"].is_sorted(descending=True)
    np.testing.assert_allclose(found["score"], found["hardness_gpa"], rtol=1e-6)
    assert [name for name in found.columns if name.endswith("_screen")] == []


def test_weight_percent_columns_describe_the_same_alloys(tiny_models: Path) -> None:
    at, wt = (searched(tiny_models, Question(top=9), units=units) for units in ("at", "wt"))
    assert at.drop(ELEMENTS).equals(wt.drop(ELEMENTS))
    mass = {"Al": 26.9815384, "Ti": 47.867, "Cr": 51.9961, "Cu": 63.546}
    parts = np.array([at[e].to_numpy() * mass[e] for e in ELEMENTS])
    np.testing.assert_allclose(wt.select(ELEMENTS).to_numpy(), 100 * (parts / parts.sum(axis=0)).T, rtol=1e-3)


def test_nothing_left_is_an_empty_table_with_its_columns(tiny_models: Path) -> None:
    notes = Notes()
    found = searched(tiny_models, Question(where="Al > 100"), notes)
    assert found.height == 0
    assert found.columns == searched(tiny_models, Question(top=1)).columns
    assert notes.warnings[-1] == "no candidate meets --where"


def test_scores_that_are_not_numbers_are_counted_and_left_out(tiny_models: Path) -> None:
    space = CompositionSpace.build(("Al", "Ti"), STEP)
    job = ScreenJob(space, Question(top=50, rank_by="sqrt(Al - 50)"), models=tiny_models)
    outcome = run_screen(job, Notes())
    assert outcome.frame["Al"].to_list() == [100.0 - 5 * k for k in range(11)]
    assert ("without a score", 10) in outcome.summary.counts


def test_one_warning_names_elements_and_models(tiny_models: Path) -> None:
    notes = Notes()
    run_screen(ScreenJob(CompositionSpace.build(("Cu", "Nb", "Al"), 20), Question(), models=tiny_models), notes)
    assert notes.warnings == [
        "outside the training elements: `Cu` of hardness_gpa (screen), hardness_gpa (characterize); `Nb` of every model"
        ": in_domain is false for alloys with them"
    ]


def test_metadata_says_what_was_asked_and_by_which_models(tiny_models: Path) -> None:
    import json

    space = CompositionSpace.build(ELEMENTS, STEP)
    job = ScreenJob(space, Question(top=3, where="vec > 4"), sample=100, seed=4, models=tiny_models)
    metadata = run_screen(job, Notes()).metadata
    question = json.loads(metadata["screener.question"])
    assert question["space"] == space.digest
    assert (question["where"], question["sample"], question["seed"]) == ("vec > 4", 100, 4)
    assert json.loads(metadata["screener.models"])["folder"] == tiny_models.name
    assert json.loads(metadata["screener.summary"])["candidates_screened"] == 100
    assert metadata == run_screen(job, Notes()).metadata


def test_nearest_alloys_and_distances(tmp_path: Path) -> None:
    folder = publish_tiny_models(tmp_path / "models", ("p_amorphous",))
    found = run_screen(ScreenJob(CompositionSpace.build(("Al", "Ti"), 50), Question(), models=folder), Notes()).frame
    near = {row["formula"]: (row["nearest_training_alloy"], row["nearest_distance"]) for row in found.to_dicts()}
    assert near == {"Al": ("Al", 0.0), "Ti": ("Ti", 0.0), "Al50Ti50": ("Al88Ni8Ti4", 46.0)}
