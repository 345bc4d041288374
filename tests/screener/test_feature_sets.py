"""Feature sets: their columns and digests, the golden table of known alloys, and what is refused."""

import csv
import io
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import screener.descriptors.specs as specs
from screener.descriptors._kernels import KERNEL_VERSION
from screener.descriptors.catalogue import Kind, catalogue, fraction
from screener.descriptors.featurizer import Featurizer, featurize
from screener.descriptors.reference import describe
from screener.descriptors.specs import DOMAIN, KANG_ELEMENTS, FeatureSpec, descriptor, feature_spec
from screener.elements import element_symbols, element_values, tables_digest
from screener.errors import CompositionError, ModelError
from tests.golden.alloys import TABLE, golden_table

SETS = ("kang21", "screen", "alloy")


# --- golden -----------------------------------------------------------------------------------------------------------


def test_known_alloys_have_the_recorded_descriptors():
    recorded = list(csv.DictReader(io.StringIO(TABLE.read_text(encoding="utf-8"))))
    computed = list(csv.DictReader(io.StringIO(golden_table())))
    assert len(recorded) == len(computed) == 30
    for was, now in zip(recorded, computed, strict=True):
        assert list(was) == list(now)
        for name, text in was.items():
            if name in ("alloy", "formula"):
                assert text == now[name]
            else:
                assert float(text) == pytest.approx(float(now[name]), rel=1e-10, abs=1e-10), (was["alloy"], name)


# --- sets -------------------------------------------------------------------------------------------------------------


def test_the_21_columns_are_those_of_the_paper_in_its_order():
    elements = ["Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Mo", "W", "Mn", "Si", "Mg", "Re", "Ta"]
    scalars = ["r_avg", "delta", "dH_mix", "en_avg", "d_en", "n_components"]
    assert list(feature_spec("kang21").names) == [f"c_{s}" for s in elements] + scalars
    assert list(KANG_ELEMENTS) == elements


def test_the_screen_set_holds_fractions_and_at_most_16_descriptors_that_can_be_bounded():
    spec = feature_spec("screen")
    fractions = [d.first for d in spec.descriptors if d.kind is Kind.FRACTION]
    others = [d for d in spec.descriptors if d.kind is not Kind.FRACTION]
    assert tuple(fractions) == DOMAIN
    assert len(others) <= 16
    bounded = {Kind.MEAN, Kind.PAIR_SUM, Kind.SPREAD, Kind.RELATIVE_SPREAD, Kind.ENTROPY}
    assert {d.kind for d in others} <= bounded


def test_every_set_can_be_computed_for_every_element_of_the_domain():
    assert len(set(DOMAIN)) == len(DOMAIN)
    assert set(DOMAIN) <= set(element_symbols())
    even = np.full((1, len(DOMAIN)), 1 / len(DOMAIN))
    for name in SETS:
        values = featurize(even, DOMAIN, feature_spec(name))
        assert np.isfinite(values).all()
        np.testing.assert_allclose(values, describe(even, DOMAIN, feature_spec(name).descriptors), rtol=1e-5, atol=1e-6)


def test_elements_outside_the_domain_count_in_descriptors_but_have_no_column():
    spec, fractions = feature_spec("alloy"), np.array([[0.5, 0.5]])
    values = dict(zip(spec.names, featurize(fractions, ("Fe", "Tc"), spec)[0], strict=True))
    assert values["c_Fe"] == 0.5
    assert "c_Tc" not in values
    assert values["r_avg"] == pytest.approx(element_values(["Fe", "Tc"], "radius_miracle_pm").mean() / 100, rel=1e-6)
    assert values["n_components"] == 2


def test_every_descriptor_states_unit_formula_and_source():
    doi, stated = re.compile(r"10\.\d{4,}/\S+|ISBN [\d-]+"), set()
    for name, d in catalogue().items():
        assert name == d.name
        assert d.unit
        assert d.formula
        assert d.source
        stated.add(d.source)
    plain = {source for source in stated if not all(doi.fullmatch(part) for part in source.split("; "))}
    assert plain == {
        "rule of mixtures",
        "periodic table",
        "composition",
        "raw-material prices as dated in the element table",
    }


def test_a_digest_names_columns_rules_kernel_and_tables(monkeypatch):
    spec = FeatureSpec("mine", ("r_avg", "delta"))
    assert re.fullmatch("[0-9a-f]{16}", spec.digest)
    assert FeatureSpec("other name", ("r_avg", "delta")).digest == spec.digest
    assert FeatureSpec("mine", ("delta", "r_avg")).digest != spec.digest
    assert len({feature_spec(name).digest for name in SETS}) == len(SETS)
    for change in ({"scale": 2.0}, {"first": "vec"}, {"second": "vec"}, {"kind": Kind.SPREAD}):
        other = FeatureSpec("mine", ("r_avg", "delta"))
        vars(other)["descriptors"] = (replace(descriptor("r_avg"), **change), descriptor("delta"))
        assert other.digest != spec.digest
    monkeypatch.setattr(specs, "KERNEL_VERSION", KERNEL_VERSION + 1)
    assert FeatureSpec("mine", ("r_avg", "delta")).digest != spec.digest
    monkeypatch.setattr(specs, "KERNEL_VERSION", KERNEL_VERSION)
    monkeypatch.setattr(specs, "tables_digest", lambda: "0" + tables_digest()[1:])
    assert FeatureSpec("mine", ("r_avg", "delta")).digest != spec.digest


def test_a_digest_is_the_same_in_another_process():
    code = "from screener.descriptors.specs import feature_spec; print(feature_spec('alloy').digest)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == feature_spec("alloy").digest


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbols", "spec", "message"),
    [
        (("H", "Fe"), feature_spec("kang21"), "no `radius_miracle_pm` for `H`"),
        (("Fe", "N"), feature_spec("screen"), "no `element_resistivity_uohm_cm` for `N`"),
        (("Fe", "B"), FeatureSpec("cost", ("cost_usd_kg",)), "no `price_usd_kg` for `B`"),
        (("Th", "U"), FeatureSpec("heat", ("dH_mix",)), "no `dH_mix_kj_mol` for `Th`-`U`"),
    ],
)
def test_a_missing_property_is_refused_with_its_element(symbols, spec, message):
    even = np.full((1, 2), 0.5)
    for compute in (
        lambda: featurize(even, symbols, spec),
        lambda: describe(even, symbols, spec.descriptors),
        lambda: Featurizer(spec, symbols),
    ):
        with pytest.raises(CompositionError) as refusal:
            compute()
        assert refusal.value.message == message
        assert refusal.value.hint.startswith("leave ")


def test_an_absent_element_needs_no_properties():
    fractions = np.array([[0.0, 1.0]])
    assert featurize(fractions, ("H", "Fe"), feature_spec("kang21"))[0, -1] == 1
    assert describe(fractions, ("H", "Fe"), feature_spec("kang21").descriptors)[0, -1] == 1


def test_an_unknown_set_is_refused():
    with pytest.raises(ModelError) as refusal:
        feature_spec("magpie")
    assert refusal.value.message == "unknown feature set `magpie`"
    assert refusal.value.hint == "use one of kang21, screen, alloy"


def test_descriptors_are_found_by_name():
    assert descriptor("delta") is catalogue()["delta"]
    assert descriptor("c_Al") == fraction("Al")
    assert descriptor("c_max").kind is Kind.LARGEST
    for name in ("c_", "c_1", "gamma", ""):
        with pytest.raises(KeyError):
            descriptor(name)
