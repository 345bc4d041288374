"""A question in one graph, run on the CPU: descriptors, scores and winners against the engine and plain numpy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from screener.candidates import Candidates
from screener.descriptors.catalogue import Kind, catalogue
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import FeatureSpec, feature_spec
from screener.device import Device, cuda_devices
from screener.engine import BlockEngine
from screener.errors import ModelError
from screener.fused.describe import COUNTS, can_describe, describe_in_graph
from screener.fused.on_device import DeviceScreen, question_graph
from screener.jobs import Question
from screener.plan import make_plan
from screener.run_models import RunModels, run_models
from screener.space import CompositionSpace
from screener.tier_models import TierModels

SYMBOLS = ("Al", "Ti", "Cr", "Zr")
SPACE = CompositionSpace.build(SYMBOLS, 5)
CPU = Device("cpu")
DESCRIBED = [name for name, each in catalogue().items() if can_describe([each])]
WIDE = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Mo", "Si")


@pytest.fixture(scope="module")
def models(tiny_models: Path):
    with run_models(Question(conditions=(("load_n", 3.0),)), tiny_models, "cpu", "screen", nearest=False) as loaded:
        yield loaded


def described(spec: FeatureSpec, symbols: tuple[str, ...], counts: np.ndarray, units: int) -> np.ndarray:
    """Evaluate descriptors in a graph, in the order of the set; fractions of other elements are zero."""
    nodes, tensors, order = describe_in_graph(spec.descriptors, symbols, units, "x")
    whole = TensorProto.UINT8 if counts.dtype == np.uint8 else TensorProto.UINT16
    graph = helper.make_graph(
        nodes,
        "described",
        [helper.make_tensor_value_info(COUNTS, whole, ["b", len(symbols)])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", len(order)])],
        initializer=tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    out = np.zeros((len(counts), len(spec.names)), np.float32)
    out[:, order] = session.run(["x"], {COUNTS: counts})[0]
    return out


@pytest.mark.parametrize(
    ("spec", "symbols", "step"),
    [
        (feature_spec("screen"), SYMBOLS, 5),
        (feature_spec("kang21"), ("Al", "Ti"), 0.25),
        (feature_spec("screen"), WIDE, 20),
        (FeatureSpec("all", tuple(DESCRIBED)), ("Al", "Ti", "Cr", "Fe"), 10),
    ],
)
def test_descriptors_in_the_graph_are_those_of_the_kernel(
    spec: FeatureSpec, symbols: tuple[str, ...], step: float
) -> None:
    candidates = Candidates(CompositionSpace.build(symbols, step))
    counts = candidates.new_counts(candidates.size)
    candidates.fill_counts(range(candidates.size), counts)
    assert counts.dtype == (np.uint16 if step < 0.4 else np.uint8)
    expected = featurize(candidates.fractions(np.arange(candidates.size)), symbols, spec)
    found = described(spec, symbols, counts, candidates.space.units)
    scale = np.maximum(np.abs(expected).max(axis=0), 1e-3)
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-5)


def test_every_kind_of_descriptor_but_pair_extremes_has_a_form() -> None:
    kinds = {catalogue()[name].kind for name in DESCRIBED} | {Kind.FRACTION}
    assert set(Kind) - kinds == {Kind.PAIR_MIN, Kind.PAIR_MAX}
    assert can_describe(feature_spec("screen").descriptors)
    assert can_describe(feature_spec("kang21").descriptors)
    assert not can_describe(feature_spec("alloy").descriptors)


QUESTIONS = (
    Question(),
    Question(minimize=("resistivity_uohm_cm",)),
    Question(maximize=("hardness_gpa=3:9",)),
    Question(maximize=("p_amorphous", "hardness_gpa"), minimize=("resistivity_uohm_cm=50:150",)),
    Question(rank_by="p_amorphous"),
)


def screen_of(tier: TierModels, question: Question) -> tuple[DeviceScreen, np.ndarray]:
    """Make the graph of a question, and the scores of the whole space by the engine."""
    plan = make_plan(question, tier, SYMBOLS)
    needed = tier.giving(plan.wanted)
    graph = question_graph(needed, SYMBOLS, SPACE.units, plan.scorer, tier.conditions, tier.shifts)
    assert graph is not None
    fractions = SPACE.counts(np.arange(SPACE.size)) / SPACE.units
    return DeviceScreen(graph, CPU), plan.scorer.score(BlockEngine(tier, SYMBOLS, plan.wanted).columns_of(fractions))


@pytest.mark.parametrize("question", QUESTIONS)
def test_winners_are_those_of_the_engine(models: RunModels, question: Question) -> None:
    moved = replace(models.search, shifts={"p_amorphous": -0.7})
    screen, expected = screen_of(moved, question)
    counts = Candidates(SPACE).new_counts(SPACE.size)
    SPACE.fill_counts(0, counts)
    found = screen.best(counts, 25)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found.everything.numpy() / scale, expected / scale, atol=2e-5)
    np.testing.assert_allclose(found.score / scale, np.sort(expected)[::-1][:25] / scale, atol=2e-5)
    np.testing.assert_array_equal(found.score, found.everything.numpy()[found.places])
    assert found.missing == 0
    assert len(screen.best(counts[:7], 25).places) == 7


def test_a_score_does_not_depend_on_the_rows_beside_it(models: RunModels) -> None:
    screen, _ = screen_of(models.search, QUESTIONS[0])
    counts = Candidates(SPACE).new_counts(SPACE.size)
    SPACE.fill_counts(0, counts)
    whole = screen.best(counts, 1).everything.numpy()
    for start, stop in ((0, 1), (3, 20), (100, 613), (600, SPACE.size)):
        np.testing.assert_array_equal(screen.best(counts[start:stop], 1).everything.numpy(), whole[start:stop])


def test_ties_at_the_last_place_are_told_and_lower_rows_come_first(models: RunModels) -> None:
    flat = Question(maximize=("hardness_gpa=1000:1001",))  # nothing is that hard: every score is zero
    screen, expected = screen_of(models.search, flat)
    assert not expected.any()
    counts = Candidates(SPACE).new_counts(SPACE.size)
    SPACE.fill_counts(0, counts)
    found = screen.best(counts, 5)
    assert found.tied
    assert found.places.tolist() == [0, 1, 2, 3, 4]
    assert not screen.best(counts[:5], 5).tied


def test_what_has_no_form_in_a_graph_has_no_graph(models: RunModels) -> None:
    def graph(question: Question, symbols: tuple[str, ...] = SYMBOLS) -> object:
        plan = make_plan(question, models.search, symbols)
        return question_graph(models.search.giving(plan.wanted), symbols, 20, plan.scorer, {}, {})

    assert graph(Question()) is not None
    assert graph(Question(rank_by="hardness_gpa / resistivity_uohm_cm")) is None
    assert graph(Question(maximize=("p_amorphous", "vec=4:8"))) is None
    assert graph(Question(), ("Al",)) is None


@given(step=st.sampled_from([10, 5, 0.5]), start=st.integers(0, 60), rows=st.integers(0, 50))
@settings(deadline=None, max_examples=20)
def test_counts_are_filled_as_fractions_are(step: float, start: int, rows: int) -> None:
    space = CompositionSpace.build(("Al", "Ti", "Cr"), step, bounds={"Al": (10, 60)})
    start = min(start, space.size)
    small = np.full((rows, 3), 255, np.uint8 if space.units < 256 else np.uint16)
    written = space.fill_counts(start, small)
    assert written == min(rows, space.size - start)
    np.testing.assert_array_equal(small[:written], space.counts(np.arange(start, start + written)))
    assert (small[written:] == 255).all()


def test_counts_that_do_not_fit_are_refused() -> None:
    space = CompositionSpace.build(("Al", "Ti"), 0.25)
    with pytest.raises(ValueError, match="uint16 that holds 400"):
        space.fill_counts(0, np.zeros((3, 2), np.uint8))
    with pytest.raises(ValueError, match="C-contiguous uint8 or uint16"):
        space.fill_counts(0, np.zeros((3, 2), np.int32))


def test_drawn_candidates_are_filled_by_index() -> None:
    candidates = Candidates(SPACE, np.array([3, 50, 700]))
    out = candidates.new_counts(3)
    assert candidates.fill_counts(range(1, 3), out).tolist() == [50, 700]
    np.testing.assert_array_equal(out[:2], SPACE.counts(np.array([50, 700])))


@pytest.mark.skipif(cuda_devices() > 0, reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_refused_and_never_replaced(models: RunModels) -> None:
    plan = make_plan(Question(), models.search, SYMBOLS)
    needed = models.search.giving(plan.wanted)
    graph = question_graph(needed, SYMBOLS, SPACE.units, plan.scorer, {}, {})
    assert graph is not None
    with pytest.raises(ModelError) as refused:
        DeviceScreen(graph, Device("cuda"))
    assert "the joined models" in refused.value.message
