"""The fast float32 engine against the float64 judge and plain numpy; blocks, batches and padding must not matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import ELEMENTS, HARDNESS_ELEMENTS, STANDING

from screener.descriptors.catalogue import catalogue
from screener.descriptors.reference import describe
from screener.engine import BlockEngine
from screener.errors import CompositionError
from screener.float64_net import Float64Net
from screener.jobs import Question
from screener.judge import Judge
from screener.run_models import RunModels, run_models
from screener.tier_models import at_percent, in_domain, target_columns

DERIVED = ("density_g_cm3", "vec", "t_melt_k")
SYMBOLS = ("Al", "Ti", "Cu", "Zr")


@pytest.fixture(scope="module")
def models(tiny_models: Path):
    with run_models(Question(), tiny_models, "cpu") as loaded:
        loaded.precise()
        yield loaded


@pytest.fixture(scope="module")
def wanted(models: RunModels) -> set[str]:
    return {*models.search.columns, "p_amorphous_logit", "in_domain", *SYMBOLS, *DERIVED}


def mixtures(n: int, seed: int = 1) -> np.ndarray:
    """Random alloys of the four elements, some of them without one or two of them."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(100, rng.dirichlet(np.full(4, 0.5), n))
    return counts / 100


def test_columns_agree_with_the_float64_judge(models: RunModels, wanted: set[str]) -> None:
    fractions = mixtures(300)
    fast = BlockEngine(models.search, SYMBOLS, wanted).columns_of(fractions)
    exact = Judge(models.search, models.precise().nets, SYMBOLS, wanted).columns_of(fractions)
    assert set(fast) == set(exact) == wanted
    for name in wanted:
        if fast[name].dtype == np.bool_:
            sure = ~exact["amorphous_borderline"]
            assert (fast[name][sure] == exact[name][sure]).all(), name
        else:
            np.testing.assert_allclose(fast[name], exact[name], rtol=2e-4, atol=2e-4, err_msg=name)


def test_judge_is_the_graph_evaluated_on_reference_descriptors(models: RunModels) -> None:
    fractions = mixtures(40)
    model = models.search.models["hardness_gpa"]
    features = describe(fractions, SYMBOLS, model.spec.descriptors)
    conditions = np.tile([c.reference for c in model.card.conditions], (40, 1))
    expected = Float64Net.read(model.content).run({"features": features, "conditions": conditions})
    found = Judge(models.search, models.precise().nets, SYMBOLS, ["hardness_gpa"]).columns_of(fractions)
    assert list(found) == ["hardness_gpa"]
    np.testing.assert_array_equal(found["hardness_gpa"], expected["hardness_gpa"][:, 0])


def test_only_models_that_are_needed_run(models: RunModels) -> None:
    engine = BlockEngine(models.search, SYMBOLS, ["vec", "is_amorphous"])
    assert set(engine._models) == {"p_amorphous"}
    assert set(engine.columns_of(mixtures(5))) == {"vec", "is_amorphous"}
    assert set(models.search.giving(["hardness_gpa_low"])) == {"hardness_gpa"}
    assert models.search.giving(["Al", "vec"]) == {}


@given(rows=st.integers(1, 70), block=st.integers(1, 40), batch=st.integers(1, 17), pad=st.booleans())
@settings(deadline=None, max_examples=25)
def test_blocks_batches_and_padding_do_not_matter(
    rows: int, block: int, batch: int, pad: bool, tiny_models: Path
) -> None:
    with run_models(Question(), tiny_models, "cpu", "screen", nearest=False) as models:
        names = (*models.search.columns, "vec", "Cu")
        fractions = mixtures(rows, seed=rows)
        load = np.linspace(1, 40, rows)
        whole = BlockEngine(models.search, SYMBOLS, names).columns_of(fractions, {"load_n": load}, block=128)
        cut = BlockEngine(models.search, SYMBOLS, names, batch).columns_of(fractions, {"load_n": load}, block, pad)
    for name in names:
        np.testing.assert_allclose(cut[name], whole[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_an_empty_table_keeps_its_columns_and_types(models: RunModels, wanted: set[str]) -> None:
    nothing = np.empty((0, 4))
    fast = BlockEngine(models.search, SYMBOLS, wanted).columns_of(nothing)
    exact = Judge(models.search, models.precise().nets, SYMBOLS, wanted).columns_of(nothing)
    for name in wanted:
        assert len(fast[name]) == len(exact[name]) == 0
        assert (fast[name].dtype == np.bool_) == (exact[name].dtype == np.bool_)


def test_reused_buffers_hold_nothing_of_the_block_before(models: RunModels) -> None:
    engine = BlockEngine(models.search, SYMBOLS, ["hardness_gpa", "vec"])
    block = engine.new_block(64)
    first, second = mixtures(64, 3), mixtures(10, 4)
    for fractions in (first, second):
        block.fractions[: len(fractions)], block.rows = fractions, len(fractions)
        found = {name: values.copy() for name, values in engine.columns(block).items()}
    alone = engine.columns_of(second)
    for name, values in alone.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, err_msg=name)


def test_conditions_move_only_the_model_that_takes_them(models: RunModels) -> None:
    engine = BlockEngine(models.search, SYMBOLS, ["hardness_gpa", "resistivity_uohm_cm"])
    fractions = mixtures(20)
    usual, loaded = engine.columns_of(fractions), engine.columns_of(fractions, {"load_n": 45.0})
    blank = engine.columns_of(fractions, {"load_n": np.full(20, np.nan)})
    assert (usual["resistivity_uohm_cm"] == loaded["resistivity_uohm_cm"]).all()
    assert (usual["hardness_gpa"] != loaded["hardness_gpa"]).any()
    assert (usual["hardness_gpa"] == blank["hardness_gpa"]).all()


def test_in_domain_means_every_element_present_was_in_every_training(models: RunModels) -> None:
    assert models.search.domain == frozenset(HARDNESS_ELEMENTS)
    fractions = np.array([[0.5, 0.5, 0, 0], [0.5, 0, 0.5, 0], [0.0, 0.0, 1.0, 0.0]])
    found = BlockEngine(models.search, SYMBOLS, ["in_domain"]).columns_of(fractions)["in_domain"]
    assert found.tolist() == [True, False, False]
    assert in_domain(fractions > 0, SYMBOLS, ELEMENTS).all()


def test_at_percent_of_grid_points_compares_exactly() -> None:
    for units in (1000, 200, 100, 40, 20):
        counts = np.arange(units + 1)
        percent = at_percent((counts / units).astype(np.float32))
        assert (percent == [round(100 * k / units, 4) for k in counts]).all()


def test_columns_of_each_target_are_in_result_order(models: RunModels) -> None:
    names = [target_columns(models.search.models[t].card) for t in STANDING]
    assert names[0] == ("p_amorphous", "is_amorphous", "amorphous_borderline")
    assert models.search.columns == tuple(name for each in names for name in each)


def test_a_missing_property_is_told_when_the_engine_is_made(models: RunModels) -> None:
    assert "cost_usd_kg" in catalogue()
    with pytest.raises(CompositionError) as caught:
        BlockEngine(models.search, ["Al", "B"], ["cost_usd_kg"]).columns_of(np.array([[0.5, 0.5]]))
    assert caught.value.message == "no `price_usd_kg` for `B`"
