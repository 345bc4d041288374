"""Nets joined for a run against the models one by one; blocks, batches and threads change no bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from screener import search
from screener.candidates import Candidates
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.device import Device
from screener.engine import BlockEngine
from screener.fused.branches import cut_branch
from screener.fused.nets import fuse, live_part
from screener.jobs import Question, ScreenJob
from screener.judge import Judge
from screener.pipeline import run_screen
from screener.run_models import RunModels, run_models
from screener.search import Batching, scan
from screener.space import CompositionSpace
from screener.summary import PythonWatch

SYMBOLS = ("Al", "Ti", "Cr", "Zr")
SPACE = CompositionSpace.build(SYMBOLS, 5)
QUESTION = Question(maximize=("p_amorphous", "hardness_gpa"), minimize=("resistivity_uohm_cm",), top=30)
WANTED = ("p_amorphous", "p_amorphous_logit", "is_amorphous", "hardness_gpa", "hardness_gpa_low", "resistivity_uohm_cm")


@pytest.fixture(scope="module")
def models(tiny_models: Path):
    with run_models(Question(conditions=(("load_n", 3.0),)), tiny_models, "cpu", "screen", nearest=False) as loaded:
        yield loaded


def everything() -> np.ndarray:
    return SPACE.counts(np.arange(SPACE.size)) / SPACE.units


def test_joined_nets_give_what_the_models_give(models: RunModels) -> None:
    apart = BlockEngine(models.search, SYMBOLS, (*WANTED, "vec", "Cr")).columns_of(everything())
    together = BlockEngine(models.search, SYMBOLS, (*WANTED, "vec", "Cr"), fused=True).columns_of(everything())
    assert list(together) == list(apart)
    for name, values in apart.items():
        assert together[name].dtype == values.dtype
        scale = np.abs(values.astype(float)).max()
        np.testing.assert_allclose(together[name], values, rtol=0, atol=1e-5 * scale, err_msg=name)


def test_joined_nets_are_as_near_to_float64_as_the_models(models: RunModels, tiny_models: Path) -> None:
    with run_models(Question(conditions=(("load_n", 3.0),)), tiny_models, "cpu", "screen", nearest=False) as loaded:
        exact = Judge(models.search, loaded.precise().nets, SYMBOLS, WANTED).columns_of(everything())
    apart = BlockEngine(models.search, SYMBOLS, WANTED).columns_of(everything())
    together = BlockEngine(models.search, SYMBOLS, WANTED, fused=True).columns_of(everything())
    for name in ("p_amorphous_logit", "hardness_gpa", "resistivity_uohm_cm"):
        off, usual = (np.sqrt(np.mean((each[name] - exact[name]) ** 2)) for each in (together, apart))
        assert off < 1.5 * usual, name


def test_what_is_zero_or_a_sum_of_others_is_left_out(models: RunModels) -> None:
    whole, (spec, mixed) = feature_spec("screen"), live_part(feature_spec("screen"), SYMBOLS)
    assert spec.names[:4] == ("c_Al", "c_Ti", "c_Cr", "c_Zr")
    assert {"dH_mix", "delta", "dS_mix"} <= set(spec.names)
    assert not {"r_avg", "vec", "t_melt_k", "c_Fe"} & set(spec.names)
    made, expected = featurize(everything(), SYMBOLS, spec), featurize(everything(), SYMBOLS, whole)
    scale = np.maximum(np.abs(expected).max(axis=0), 1e-3)
    np.testing.assert_allclose(made @ mixed.T / scale, expected / scale, atol=1e-6)
    block = BlockEngine(models.search, SYMBOLS, WANTED, fused=True).new_block(8)
    assert [features.shape for features in block.features.values()] == [(8, len(spec.names))]


def test_averages_stay_where_an_element_has_no_fraction_among_the_inputs() -> None:
    spec, mixed = live_part(feature_spec("kang21"), ("Al", "Zr", "V"))
    assert spec.names == ("c_Al", "c_Zr", "r_avg", "delta", "dH_mix", "en_avg", "d_en", "n_components")
    assert mixed.sum() == 8


def test_outputs_that_nobody_reads_are_dropped(models: RunModels) -> None:
    outputs = {name: models.search.read(model.card, {name}) for name, model in models.search.models.items()}
    [nets] = fuse(models.search.models, SYMBOLS, {}, outputs, Device("cpu"))
    assert nets.outputs == ("p_amorphous_logit", "resistivity_uohm_cm", "hardness_gpa")
    operators = [node.op_type for branch in nets.branches for node in branch.nodes]
    assert "Sigmoid" not in operators
    assert "Div" not in operators
    assert operators.count("Gemm") == 9


def test_conditions_are_built_in(models: RunModels) -> None:
    engine = BlockEngine(models.search, SYMBOLS, WANTED, fused=True)
    at_reference = BlockEngine(models.search, SYMBOLS, WANTED).columns_of(everything(), {"load_n": 9.8})
    found = engine.columns_of(everything())
    assert np.abs(found["hardness_gpa"] - at_reference["hardness_gpa"]).max() > 1e-3
    np.testing.assert_allclose(found["resistivity_uohm_cm"], at_reference["resistivity_uohm_cm"], rtol=1e-5)
    with pytest.raises(ValueError, match="built in"):
        engine.columns_of(everything(), {"load_n": 9.8})


def test_no_bit_depends_on_blocks_batches_or_threads(models: RunModels) -> None:
    candidates = Candidates(SPACE)

    def columns(batching: Batching) -> dict[str, np.ndarray]:
        engine, seen = BlockEngine(models.search, SYMBOLS, WANTED, batching.batch, fused=True), []
        scan(candidates, engine, batching, lambda index, found: seen.append((index, found)), PythonWatch())
        np.testing.assert_array_equal(np.concatenate([index for index, _ in seen]), np.arange(SPACE.size))
        return {name: np.concatenate([found[name] for _, found in seen]) for name in WANTED}

    expected = columns(Batching(SPACE.size, SPACE.size, 1))
    for batching in (Batching(512, 64, 1), Batching(512, 64, 4), Batching(100, 100, 3), Batching(333, 48, 2)):
        for name, values in columns(batching).items():
            np.testing.assert_array_equal(values, expected[name], err_msg=f"{name} {batching}")


def test_a_search_ends_with_the_same_list(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = []
    for least, block in ((1, 256), (10**9, 256), (1, 4096), (1, 1000)):
        monkeypatch.setattr(search, "FUSE_FROM", least)
        job = ScreenJob(SPACE, QUESTION, models=tiny_models, device="cpu", block=block, search="exhaustive")
        frames.append(run_screen(job, PythonWatch()).frame)
    assert frames[0].height == 30
    assert all(frame.equals(frames[0]) for frame in frames[1:])


def test_nets_that_cannot_be_taken_apart_run_by_themselves(models: RunModels) -> None:
    model = models.search.models["p_amorphous"]
    live = np.eye(70)
    assert cut_branch(model, "x", live, {}, ["p_amorphous"]) is not None
    for change in (_scaled_inputs, _second_reader, _halved_layer, _raw_output):
        altered = onnx.load_from_string(model.content)
        change(altered.graph)
        other = type(model)(
            model.name, model.card, model.digest, model.session, altered.SerializeToString(), model.device
        )
        assert cut_branch(other, "x", live, {}, ["p_amorphous"]) is None, change.__name__
        outputs = {"p_amorphous": ("p_amorphous_logit",)}
        assert fuse({"p_amorphous": other}, SYMBOLS, {}, outputs, Device("cpu")) == []


def test_a_transposed_first_layer_is_the_same_layer(models: RunModels) -> None:
    model = models.search.models["hardness_gpa"]
    altered = onnx.load_from_string(model.content)
    first = next(node for node in altered.graph.node if node.op_type == "Gemm")
    weight = next(each for each in altered.graph.initializer if each.name == first.input[1])
    weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(weight).T), weight.name))
    first.attribute.append(helper.make_attribute("transB", 1))
    other = type(model)(model.name, model.card, model.digest, model.session, altered.SerializeToString(), model.device)
    plain, turned = (
        cut_branch(each, "x", np.eye(70)[:, [0, 3]], {"load_n": 2.0}, ["hardness_gpa"]) for each in (model, other)
    )
    assert plain == turned
    assert plain is not None
    assert [list(each.dims) for each in plain.constants][:2] == [[2, 16], [16]]


def _scaled_inputs(graph: onnx.GraphProto) -> None:
    graph.node[0].output[0] = "in.raw"
    graph.node.insert(1, helper.make_node("Relu", ["in.raw"], ["in.x"]))
    graph.node[2].input[0] = "in.x"


def _second_reader(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("ReduceSum", ["features"], ["other"]))


def _halved_layer(graph: onnx.GraphProto) -> None:
    next(n for n in graph.node if n.op_type == "Gemm").attribute.append(helper.make_attribute("alpha", 0.5))


def _raw_output(graph: onnx.GraphProto) -> None:
    graph.output.append(helper.make_tensor_value_info("in.x", onnx.TensorProto.FLOAT, ["b", 70]))
