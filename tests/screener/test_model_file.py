"""Files that are no model, or more than one: refused with what to do about it, and quietly."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from screener import model_file
from screener.device import Device
from screener.errors import ModelError
from screener.model import Model

REFIT = "run `training fit` to make the models again, or name another folder with `--models`"
CPU = Device("cpu")


@pytest.fixture(scope="module")
def content(tiny_models):
    return (tiny_models / "screen/amorphous.onnx").read_bytes()


def graph_of(content):
    return onnx.load_from_string(content)


@pytest.fixture
def refusal(tmp_path):
    """Load some bytes and return the message and hint of the refusal."""

    def load(content):
        path = tmp_path / "x.onnx"
        path.write_bytes(content)
        with pytest.raises(ModelError) as refused:
            Model.load(path, CPU)
        return refused.value.message, refused.value.hint

    return load


# --- files that are no model ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["missing.onnx", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(ModelError) as refused:
        Model.load(tmp_path / name, CPU, "screen/a.onnx")
    assert (refused.value.message, refused.value.hint) == ("cannot read the model `screen/a.onnx`", REFIT)


def test_a_file_of_unlikely_size_is_refused(content, refusal, monkeypatch):
    monkeypatch.setattr(model_file, "MAX_MODEL_BYTES", 1_000_000 - 1)
    assert refusal(content + b"\0" * 1_000_000)[0] == "`x.onnx` is larger than 0 MB"


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(content, refusal, keep):
    message, hint = refusal(content[: int(len(content) * keep)])
    assert message.startswith("`x.onnx` ")
    assert hint == REFIT


@pytest.mark.parametrize("text", [b"not a model", b"PK\x03\x04", b"\x80\x04\x95", b"\xff" * 100, b'{"a": 1}'])
def test_a_file_that_is_not_onnx_is_refused_quietly(text, refusal, capfd):
    message, hint = refusal(text)
    assert message.startswith("`x.onnx` is not a readable ONNX model (")
    assert hint == REFIT
    assert capfd.readouterr() == ("", "")


def test_an_empty_file_is_refused(refusal):
    assert refusal(b"")[0].startswith("`x.onnx` is not a readable ONNX model (")


def test_a_graph_that_hangs_together_nowhere_is_refused_quietly(content, refusal, capfd):
    model = graph_of(content)
    model.graph.node[1].input[0] = "nowhere"
    assert refusal(model.SerializeToString())[0].startswith("`x.onnx` is not a readable ONNX model (")
    assert capfd.readouterr() == ("", "")


# --- graphs that are more than a net or trees -------------------------------------------------------------------------


@pytest.mark.parametrize("location", ["weights.bin", "../../../etc/passwd", "/etc/passwd"])
def test_weights_in_another_file_are_refused(content, refusal, location):
    model = graph_of(content)
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    assert refusal(model.SerializeToString()) == ("`x.onnx` keeps weights in another file", REFIT)


def test_weights_in_another_file_are_found_in_attributes_too(content, refusal):
    model = graph_of(content)
    hidden = model.graph.node[0].attribute.add(name="value", type=onnx.AttributeProto.TENSOR)
    hidden.t.external_data.add(key="location", value="weights.bin")
    assert refusal(model.SerializeToString())[0] == "`x.onnx` keeps weights in another file"


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Loop", ["", "", "x"], ["y"]),
        helper.make_node("If", ["x"], ["y"]),
        helper.make_node("ConstantOfShape", ["x"], ["y"]),
        helper.make_node("RandomNormal", [], ["y"], shape=[10**9]),
        helper.make_node("Expand", ["x", "x"], ["y"]),
        helper.make_node("Relu", ["x"], ["y"], domain="com.evil"),
        helper.make_node("FusedMatMul", ["x", "x"], ["y"], domain="com.microsoft"),
        helper.make_node("StringNormalizer", ["x"], ["y"]),
    ],
    ids=lambda node: node.op_type,
)
def test_operations_that_nets_and_trees_do_not_have_are_refused(content, refusal, node):
    model = graph_of(content)
    model.graph.node.insert(1, node)
    message, hint = refusal(model.SerializeToString())
    assert message == f"`x.onnx` uses the operation `{node.op_type}`, which no model of this package has"
    assert hint == REFIT


def test_functions_and_sparse_weights_are_refused(content, refusal):
    model = graph_of(content)
    relu = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(helper.make_function("", "Relu", ["a"], ["b"], [relu], [helper.make_opsetid("", 17)]))
    message = "`x.onnx` has functions or sparse weights, which no model of this package has"
    assert refusal(model.SerializeToString())[0] == message
    model = graph_of(content)
    model.graph.sparse_initializer.add()
    assert refusal(model.SerializeToString())[0] == message


# --- damage -----------------------------------------------------------------------------------------------------------


def test_damaged_files_are_refused_quietly_or_still_prove_themselves(content, tmp_path, capfd):
    path, rng, refused = tmp_path / "x.onnx", np.random.default_rng(0), 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 4):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            Model.load(path, CPU)
        except ModelError:
            refused += 1
    assert 200 < refused < 300
    assert capfd.readouterr() == ("", "")
