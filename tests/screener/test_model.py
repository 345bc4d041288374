"""Models: what loads predicts as recorded, and every other file is refused with what to do about it."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from screener.card import Condition, Golden, ModelCard
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.device import Device
from screener.errors import ModelError
from screener.model import GOLDEN_TOLERANCE, Model

REFIT = "run `training fit` to make the models again, or name another folder with `--models`"
EXPORT = "export the model again with `training fit`"
CPU = Device("cpu")
FRACTIONS = np.random.default_rng(3).dirichlet(np.ones(4), 50)
SYMBOLS = ("Al", "Ti", "Cr", "Fe")


@pytest.fixture(scope="module")
def content(tiny_models):
    return (tiny_models / "screen/amorphous.onnx").read_bytes()


@pytest.fixture
def hardness(tiny_models):
    return Model.load(tiny_models / "screen/hardness.onnx", CPU)


def graph_of(content):
    return onnx.load_from_string(content)


def carded(content, **changes):
    """The model with another card."""
    model = graph_of(content)
    card = ModelCard.from_props({p.key: p.value for p in model.metadata_props})
    return with_props(model, replace(card, **changes).to_props())


def with_props(model, props):
    del model.metadata_props[:]
    for key, value in props.items():
        model.metadata_props.add(key=key, value=value)
    return model.SerializeToString()


@pytest.fixture
def refusal(tmp_path):
    """Load some bytes and return the message and hint of the refusal."""

    def load(content, device=CPU):
        path = tmp_path / "x.onnx"
        path.write_bytes(content)
        with pytest.raises(ModelError) as refused:
            Model.load(path, device)
        return refused.value.message, refused.value.hint

    return load


# --- models that load -------------------------------------------------------------------------------------------------


def test_a_model_knows_its_name_digest_and_features(tiny_models, content):
    path = tiny_models / "screen/amorphous.onnx"
    model = Model.load(path, CPU)
    assert (model.name, Model.load(path, CPU, "screen/a.onnx").name) == ("amorphous.onnx", "screen/a.onnx")
    assert model.digest == hashlib.sha256(content).hexdigest()[:16]
    assert model.content == content
    assert model.spec is feature_spec("screen")
    assert model.output_names == ("p_amorphous", "p_amorphous_logit")


def test_predictions_are_columns_in_agreement_with_each_other(tiny_models, hardness):
    features = featurize(FRACTIONS, SYMBOLS, feature_spec("screen"))
    outputs = Model.load(tiny_models / "screen/amorphous.onnx", CPU).predict(features)
    assert list(outputs) == ["p_amorphous", "p_amorphous_logit"]
    p, logit = outputs.values()
    assert p.shape == logit.shape == (50,)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-logit)), atol=2e-7)  # the graph's sigmoid is good to 1e-7
    outputs = hardness.predict(features)
    assert list(outputs) == ["hardness_gpa", "hardness_gpa_low", "hardness_gpa_high"]
    assert (outputs["hardness_gpa_low"] <= outputs["hardness_gpa"]).all()
    assert (outputs["hardness_gpa"] < outputs["hardness_gpa_high"]).all()


def test_no_rows_give_no_predictions(hardness):
    outputs = hardness.predict(np.zeros((0, len(hardness.spec.names)), np.float32))
    assert [values.shape for values in outputs.values()] == [(0,)] * 3


def test_conditions_are_the_reference_unless_given(hardness):
    features = featurize(FRACTIONS, SYMBOLS, feature_spec("screen"))
    load, anneal = hardness.card.conditions
    plain = hardness.predict(features)["hardness_gpa"]
    stated = hardness.predict(features, {load.name: load.reference, anneal.name: anneal.reference})["hardness_gpa"]
    np.testing.assert_array_equal(plain, stated)
    np.testing.assert_array_equal(hardness.predict(features, {"colour": 3.0})["hardness_gpa"], plain)
    assert (hardness.predict(features, {load.name: 40.0})["hardness_gpa"] != plain).any()


def test_condition_blocks_hold_values_columns_and_references(hardness):
    column = np.array([1.0, np.nan, 3.0, np.inf], np.float32)
    block = hardness.condition_block(4, {"load_n": column})
    np.testing.assert_array_equal(block, np.array([[1, 300], [9.8, 300], [3, 300], [9.8, 300]], np.float32))
    block = hardness.condition_block(2, {"anneal_k": 500.0, "load_n": float("nan")})
    np.testing.assert_array_equal(block, np.array([[9.8, 500]] * 2, np.float32))
    assert block.dtype == np.float32


def test_a_condition_column_is_used_row_by_row(hardness):
    features = featurize(FRACTIONS, SYMBOLS, feature_spec("screen"))
    loads = np.linspace(0.1, 50, 50, dtype=np.float32)
    together = hardness.predict(features, {"load_n": loads})["hardness_gpa"]
    alone = [hardness.predict(features[k : k + 1], {"load_n": float(loads[k])})["hardness_gpa"][0] for k in range(50)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_golden_rows_may_differ_by_rounding_between_machines(content, tmp_path):
    card = ModelCard.from_props({p.key: p.value for p in graph_of(content).metadata_props})
    golden = tuple(
        Golden(row.formula, {k: v + 0.5 * GOLDEN_TOLERANCE for k, v in row.outputs.items()}) for row in card.golden
    )
    (tmp_path / "near.onnx").write_bytes(carded(content, golden=golden))
    assert Model.load(tmp_path / "near.onnx", CPU).card.golden == golden


# --- cards that do not fit --------------------------------------------------------------------------------------------


def test_a_model_without_a_card_is_refused_with_its_name(content, refusal):
    message = "`x.onnx`: the file carries no model card of schema 2"
    assert refusal(with_props(graph_of(content), {})) == (message, EXPORT)


def test_a_damaged_card_is_refused_with_the_files_name(content, refusal):
    props = {p.key: p.value for p in graph_of(content).metadata_props}
    damaged = with_props(graph_of(content), props | {"screener.threshold": json.dumps("often")})
    assert refusal(damaged) == ("`x.onnx`: the model card has no valid `threshold`", EXPORT)


def test_metadata_that_are_no_text_are_refused(content, refusal):
    model = graph_of(content)
    model.metadata_props.add(key="author", value="~~~~")
    assert refusal(model.SerializeToString().replace(b"~~~~", b"\xff\xfe\xff\xfe"))[1] == REFIT


def test_other_descriptors_or_tables_are_refused(content, refusal):
    message = "`x.onnx` was made for other descriptors or element tables"
    assert refusal(carded(content, features_digest="0" * 16)) == (message, REFIT)
    assert refusal(carded(content, features="alloy")) == (message, REFIT)


def test_an_unknown_feature_set_is_refused(content, refusal):
    assert refusal(carded(content, features="magpie"))[0] == "unknown feature set `magpie`"


def test_a_model_of_another_input_width_is_refused(content, refusal):
    kang = feature_spec("kang21")
    message, hint = refusal(carded(content, features="kang21", features_digest=kang.digest))
    assert message == f"`x.onnx` takes features ({len(feature_spec('screen').names)}) where its card says features (21)"
    assert hint == REFIT


def test_conditions_that_graph_and_card_do_not_share_are_refused(tiny_models, content, refusal):
    width = len(feature_spec("screen").names)
    hard = (tiny_models / "screen/hardness.onnx").read_bytes()
    assert refusal(carded(hard, conditions=()))[0] == (
        f"`x.onnx` takes features ({width}), conditions (2) where its card says features ({width})"
    )
    load = Condition("load_n", "N", 9.8, 0.1, 50.0)
    assert refusal(carded(content, conditions=(load,)))[0] == (
        f"`x.onnx` takes features ({width}) where its card says features ({width}), conditions (1)"
    )


def test_inputs_of_another_type_or_rank_are_refused(content, refusal):
    model = graph_of(content)
    model.graph.input[0].type.tensor_type.shape.dim[0].ClearField("dim_param")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    assert "takes features (?)" in refusal(model.SerializeToString())[0]


def test_an_output_that_the_card_promises_is_required(content, refusal):
    card = ModelCard.from_props({p.key: p.value for p in graph_of(content).metadata_props})
    target = replace(card.target, name="p_brittle")
    assert refusal(carded(content, target=target)) == ("`x.onnx` has no output `p_brittle` of one column", REFIT)


def test_an_output_of_two_columns_is_refused(content, refusal):
    model = graph_of(content)
    node = next(n for n in model.graph.node if "p_amorphous" in n.output)
    model.graph.node.remove(node)
    model.graph.node.append(helper.make_node("Sigmoid", ["p_amorphous_logit"], ["one"]))
    model.graph.node.append(helper.make_node("Concat", ["one", "one"], ["p_amorphous"], axis=1))
    next(o for o in model.graph.output if o.name == "p_amorphous").type.tensor_type.shape.dim[1].dim_value = 2
    assert refusal(model.SerializeToString())[0] == "`x.onnx` has no output `p_amorphous` of one column"


# --- golden rows ------------------------------------------------------------------------------------------------------


def shifted(content, by):
    """The model with another intercept of the logit."""
    model = graph_of(content)
    last = next(node for node in model.graph.node if "p_amorphous_logit" in node.output)
    weight = next(w for w in model.graph.initializer if w.name in last.input)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) + np.float32(by), weight.name))
    return model.SerializeToString()


def test_another_number_than_recorded_is_refused(content, refusal):
    message, hint = refusal(shifted(content, 0.01))
    assert message.startswith("`x.onnx` gives p_amorphous ")
    assert " for Cu50Zr50 where " in message
    assert message.endswith(" is recorded")
    assert hint == REFIT


@pytest.mark.parametrize("by", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(content, refusal, by):
    assert refusal(shifted(content, by))[0] == "`x.onnx` has weights `head.intercept` that are no finite numbers"


def test_weights_that_give_no_number_are_refused(content, refusal):
    model = graph_of(content)
    huge = {"net.w2": 3e38, "net.b2": 3e38, "head.slope": 0.0}  # infinity times nothing
    for weight in model.graph.initializer:
        if weight.name in huge:
            values = np.full(tuple(weight.dims), huge[weight.name], np.float32)
            weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    message = refusal(model.SerializeToString())[0]
    assert message.startswith("`x.onnx` gives p_amorphous nan for ")


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        ((), "`x.onnx` carries no golden rows"),
        ((Golden("Cu50Zr50", {}),), "`x.onnx` carries golden rows of other outputs"),
        ((Golden("Cu50Zr50", {"hardness_gpa": 1.0}),), "`x.onnx` carries golden rows of other outputs"),
        ((Golden("Xx50Zr50", {}),), "`x.onnx` has a golden row that does not read: "),
        ((Golden("", {}),), "`x.onnx` has a golden row that does not read: "),
        ((Golden("FeH", {}),), "`x.onnx` has a golden row that does not read: no `radius_miracle_pm` for `H`"),
    ],
)
def test_golden_rows_that_prove_nothing_are_refused(content, refusal, golden, message):
    found, hint = refusal(carded(content, golden=golden))
    assert found.startswith(message)
    assert hint == REFIT


# --- devices ----------------------------------------------------------------------------------------------------------


def test_a_session_that_falls_back_to_the_cpu_is_refused_quietly(content, refusal, capfd):
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no CUDA provider to fall back from")
    message, hint = refusal(content, Device("cuda", 99))
    assert message == "`x.onnx` runs on CPUExecutionProvider where cuda:99 was asked for"
    assert hint == "use `--device cpu`, or install the `gpu` extra that matches the driver"
    assert capfd.readouterr() == ("", "")
