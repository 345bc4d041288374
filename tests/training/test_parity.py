from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from screener.descriptors.specs import feature_spec
from screener.device import Device
from screener.model_set import load_models, packaged_folders
from training import parity
from training.parity import compare_tiers, parity_section

ELEMENTS = ("Al", "Ti", "Cr", "Fe", "Ni", "Zr")


class Told:
    """A model that answers with a function of its features."""

    def __init__(self, answer, kind="regression", name="hardness_gpa", digest="abc", elements=ELEMENTS):
        target = SimpleNamespace(name=name, kind=kind)
        self.card = SimpleNamespace(target=target, elements=elements, data_digest=digest)
        self.spec, self.answer = feature_spec("alloy"), answer

    def predict(self, features):
        name = self.card.target.name
        column = f"{name}_logit" if self.card.target.kind == "classification" else name
        return {column: self.answer(features[:, : len(ELEMENTS)].astype(np.float64).sum(axis=1) + features[:, -1])}


def test_a_faithful_student_scores_one_and_a_constant_none():
    teacher = Told(lambda x: np.exp(x))
    told = compare_tiers(Told(lambda x: np.exp(x)), teacher, ELEMENTS, 200)
    assert (told["scale"], told["r2"]) == ("logarithm", 1.0)
    assert told["spearman"] == pytest.approx(1.0)
    half = compare_tiers(Told(lambda x: np.exp(0.5 * x)), teacher, ELEMENTS, 200)
    assert half["spearman"] == pytest.approx(1.0)
    assert half["r2"] < 0.9


def test_logits_are_compared_where_probabilities_are_not_settled():
    teacher = Told(lambda x: 200.0 * (x - np.median(x)), "classification", "p_amorphous")
    student = Told(lambda x: 1000.0 * (x - np.median(x)), "classification", "p_amorphous")
    told = compare_tiers(student, teacher, ELEMENTS, 200)
    assert told["scale"] == "logit"
    assert told["r2"] > 0.8  # without limits below -10


def test_values_of_both_signs_have_no_logarithm():
    told = compare_tiers(Told(lambda x: x - x.mean()), Told(lambda x: x - x.mean()), ELEMENTS, 50)
    assert (told["scale"], told["r2"]) == ("value", 1.0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of two models told to the section."""

    def hold(**cards):
        tiers = {tier: {"hardness_gpa": Told(np.exp, **cards)} for tier in ("screen", "characterize")}
        monkeypatch.setattr(parity, "find_folder", lambda named: tmp_path)
        monkeypatch.setattr(parity, "load_models", lambda *_: SimpleNamespace(tiers=tiers))

    return hold


def test_models_of_other_data_are_not_compared(folder):
    folder(digest="other")
    section = parity_section("abc")
    assert section.rows == ()
    assert section.caption.endswith("were not fitted on data abc.")


def test_models_of_these_data_are_compared(folder):
    folder()
    section = parity_section("abc", n=60)
    assert [(row["domain"], row["rows"], row["r2"]) for row in section.rows] == [
        ("its own elements (6)", 60, 1.0),
    ]
    assert "fitted on data abc" in section.caption


def test_no_models_no_table(tmp_path):
    section = parity_section("abc", tmp_path)
    assert section.rows == ()
    assert section.caption == f"Not computed: no models in `{tmp_path}`."


def test_the_shipped_tiers_agree():
    shipped = next(folder for folder in packaged_folders() if folder.is_dir())
    digest = load_models(shipped, Device("cpu")).screen["p_amorphous"].card.data_digest
    section = parity_section(digest, shipped, n=400)
    told = {(row["target"], row["domain"].split(" (")[0]): row for row in section.rows}
    assert ("resistivity_uohm_cm", "all elements") in told
    assert told["p_amorphous", "its own elements"]["r2"] > 0.7
    assert all(row["spearman"] > 0.8 for (_, domain), row in told.items() if domain == "its own elements")
