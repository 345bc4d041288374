from __future__ import annotations

import hashlib
import os

import numpy as np
import onnx
import pytest

from screener.card import ModelCard, Target
from screener.descriptors.specs import feature_spec
from screener.device import Device
from screener.errors import ModelError, OutputError
from screener.model import Model
from screener.model_set import SUMS, recorded_digests
from training.bodies import dense_body
from training.graphs import Head, build_model
from training.publish import GOLDEN_FORMULAS, check_writable, golden_outputs, publish, sealed, write_whole

SPEC = feature_spec("screen")


def graph(seed=0):
    rng = np.random.default_rng(seed)
    layers = [(rng.normal(size=(len(SPEC.names), 1)).astype(np.float32) * 0.01, np.ones(1, np.float32))]
    return build_model([dense_body(layers)], [1.0], Head("y", "regression", half_width=0.5), len(SPEC.names))


def card(**fields):
    target = Target("y", "GPa", "regression", 0.0, 1.0)
    return ModelCard("screen", target, "screen", SPEC.digest, ("Al",), **fields)


def digests(folder):
    return {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in recorded_digests(folder)}


def test_golden_rows_are_what_the_served_model_gives(tmp_path):
    content = sealed(graph(), card())
    (tmp_path / "y.onnx").write_bytes(content)
    model = Model.load(tmp_path / "y.onnx", Device("cpu"))
    assert [row.formula for row in model.card.golden] == list(GOLDEN_FORMULAS)
    assert all(set(row.outputs) == {"y", "y_low", "y_high"} for row in model.card.golden)
    assert [row.outputs for row in model.card.golden] == golden_outputs(graph(), card())


def test_sealing_twice_gives_the_same_bytes():
    assert sealed(graph(), card(notes=("a",))) == sealed(graph(), card(notes=("a",)))
    assert sealed(graph(), card(notes=("a",))) != sealed(graph(), card(notes=("b",)))
    model = graph()
    first = sealed(model, card())
    assert sealed(model, card()) == first


def test_published_files_are_listed_with_their_digests(tmp_path):
    models = publish(tmp_path / "new", {"screen/y.onnx": sealed(graph(), card()), "more.npz": b"1"})
    assert list(models) == ["screen/y.onnx"]
    assert recorded_digests(tmp_path / "new") == digests(tmp_path / "new")
    assert set(digests(tmp_path / "new")) == {"screen/y.onnx", "more.npz"}
    found = sorted(p.relative_to(tmp_path / "new").as_posix() for p in (tmp_path / "new").rglob("*") if p.is_file())
    assert found == [SUMS, "more.npz", "screen/y.onnx"]


def test_listed_files_stay_listed_and_others_stay_alone(tmp_path):
    publish(tmp_path, {"screen/y.onnx": sealed(graph(), card())})
    (tmp_path / "diary.txt").write_text("mine")
    publish(tmp_path, {"screen/z.onnx": sealed(graph(1), card())})
    assert set(recorded_digests(tmp_path)) == {"screen/y.onnx", "screen/z.onnx"}
    (tmp_path / "screen" / "y.onnx").unlink()
    publish(tmp_path, {"more.npz": b"2"})
    assert set(recorded_digests(tmp_path)) == {"screen/z.onnx", "more.npz"}
    assert (tmp_path / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize("broken", ["golden", "graph", "card"])
def test_a_model_that_does_not_prove_itself_changes_nothing(tmp_path, broken):
    publish(tmp_path, {"screen/y.onnx": sealed(graph(), card())})
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    other = onnx.load_from_string(sealed(graph(1), card()))
    if broken == "golden":
        text = next(p for p in other.metadata_props if p.key == "screener.golden")
        text.value = text.value.replace('"y": ', '"y": 7')
    if broken == "card":
        del other.metadata_props[:]
    content = b"nothing" if broken == "graph" else other.SerializeToString()
    with pytest.raises(ModelError):
        publish(tmp_path, {"more.npz": b"1", "screen/y.onnx": content})
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_files_are_whole_or_absent(tmp_path, monkeypatch):
    write_whole(tmp_path / "deep" / "a.txt", b"old")

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError):
        write_whole(tmp_path / "deep" / "a.txt", b"new")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"old"


def refusal(call, *args):
    with pytest.raises(OutputError) as error:
        call(*args)
    return error.value.message, error.value.hint


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("a")
    for place in (tmp_path / "file", tmp_path / "file" / "models"):
        expected = (f"cannot write `{place}`: not a directory", "name a place you can write to")
        assert refusal(check_writable, place) == expected
    folder = tmp_path / "file" / "models"
    assert refusal(write_whole, folder / "a.txt", b"")[0].startswith(f"cannot write `{folder / 'a.txt'}`: ")
    assert refusal(publish, folder, {"a": b""})[0].startswith(f"cannot write `{folder}`: ")


def test_asking_leaves_no_trace(tmp_path):
    check_writable(tmp_path / "not" / "yet")
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
