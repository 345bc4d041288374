"""Values of elements: textbook numbers, conventions, coverage, agreement with public packages."""

from __future__ import annotations

import numpy as np
import pytest

from screener.elements import ELEMENT_COLUMNS, element_symbols, element_values
from screener.errors import CompositionError

COMMON = """
    Al Ti Cr Fe Co Ni Cu Zr Mo W Mn Si Mg Re Ta Nb V Hf Y La B P C Ag Au Pd Zn Sn Be Ca Gd Ce Nd Ga Ge Sc Pt Ir Rh
    Ru Li Sm Dy Er Ho Tb Pr Yb Lu In Sb Bi Pb Sr
"""
LANTHANIDES = {"La", "Ce", "Pr", "Nd", "Sm", "Gd", "Tb", "Dy", "Ho", "Er", "Yb"}
KNOWN_GAPS = {
    "electronegativity_allen": LANTHANIDES,
    "radius_metallic_pm": {"B", "C", "Si", "P", "Ge", "Sn", "Sb", "Pb", "Bi"},
    "price_usd_kg": {"B", "C", "P"},
}
FAMILIES = [name for name in ELEMENT_COLUMNS if name.startswith("family_")]


def value(symbol: str, column: str) -> float:
    return float(element_values([symbol], column)[0])


def test_symbols_are_the_72_with_pair_enthalpies_by_atomic_number():
    symbols = element_symbols()
    assert len(symbols) == 72
    numbers = element_values(symbols, "atomic_number")
    assert (np.diff(numbers) > 0).all()
    assert symbols[0] == "H"
    assert symbols[-1] == "U"


@pytest.mark.parametrize(
    ("symbol", "column", "expected"),
    [
        # textbook values, to catch a wrong unit or a shifted line
        ("Cu", "element_resistivity_uohm_cm", 1.678),
        ("Fe", "element_resistivity_uohm_cm", 9.61),
        ("Ti", "element_resistivity_uohm_cm", 42.0),
        ("W", "electronegativity_pauling", 2.36),
        ("W", "electronegativity_allen", 1.47),
        ("Hf", "electronegativity_allen", 1.16),
        ("Ta", "electronegativity_allen", 1.34),
        ("Re", "electronegativity_allen", 1.60),
        ("Bi", "electronegativity_allen", 2.01),
        ("Fe", "electronegativity_allen", 1.80),
        ("Fe", "atomic_mass_u", 55.845),
        ("W", "melting_point_k", 3695.0),
        ("Al", "density_g_cm3", 2.70),
        ("Hg", "density_g_cm3", 13.534),
        ("Al", "radius_metallic_pm", 143.0),
        ("Be", "radius_miracle_pm", 112.0),
        ("Fe", "covalent_radius_pm", 132.0),
        ("Fe", "mendeleev_number", 61.0),
        ("Fe", "bulk_modulus_gpa", 168.3),
        ("Mn", "bulk_modulus_gpa", 120.0),
        ("Mo", "shear_modulus_gpa", 115.8),
        ("Fe", "heat_of_fusion_kj_mol", 13.81),
        ("Cu", "heat_of_vaporization_kj_mol", 300.0),
        ("Cu", "first_ionization_ev", 7.72638),
        ("Cu", "thermal_conductivity_w_mk", 400.0),
        ("Al", "miedema_phi_v", 4.2),
        ("Al", "miedema_valence", 3.0),
    ],
)
def test_reference_values(symbol, column, expected):
    assert value(symbol, column) == pytest.approx(expected, rel=1e-6)


def test_derived_values():
    assert value("Cu", "cohesive_energy_kj_mol") == pytest.approx(3.49 * 96.485, rel=1e-4)
    assert value("Al", "miedema_nws_third") == pytest.approx(1.39, abs=0.005)
    bulk, shear = value("Fe", "bulk_modulus_gpa"), value("Fe", "shear_modulus_gpa")
    assert value("Fe", "youngs_modulus_gpa") == pytest.approx(9 * bulk * shear / (3 * bulk + shear))


def test_molar_volume_is_mass_over_density():
    symbols = [s for s in element_symbols() if s not in {"H", "N"}]
    computed = element_values(symbols, "atomic_mass_u") / element_values(symbols, "density_g_cm3")
    assert computed == pytest.approx(element_values(symbols, "molar_volume_cm3"), rel=0.07)


def test_valence_electron_concentration_convention():
    symbols = ["Li", "Be", "Al", "Si", "P", "Ti", "Cr", "Fe", "Ni", "Cu", "Zn", "Ga", "Sn", "La", "Gd", "Yb", "Eu"]
    expected = [1, 2, 3, 4, 5, 4, 6, 8, 10, 11, 12, 3, 4, 3, 3, 2, 2]
    assert element_values(symbols, "vec").tolist() == expected


def test_electrons_outside_the_core_add_up_to_vec_outside_the_f_block():
    symbols = [s for s in element_symbols() if s not in LANTHANIDES | {"Pm", "Eu", "Tm", "Lu", "Th", "U"}]
    counted = element_values(symbols, "sp_electrons") + element_values(symbols, "d_electrons")
    assert (counted == element_values(symbols, "vec")).all()
    assert not element_values(symbols, "f_electrons").any()


def test_every_element_belongs_to_one_family():
    flags = np.array([element_values(element_symbols(), family) for family in FAMILIES])
    assert (flags.sum(axis=0) == 1).all()
    members = {
        family: {s for s in element_symbols() if value(s, family)} for family in FAMILIES if family != "family_sp"
    }
    assert members["family_v"] == {"V", "Nb", "Ta"}
    assert members["family_cr"] == {"Cr", "Mo", "W", "Mn", "Re", "Tc"}
    assert members["family_late"] == {"Fe", "Co", "Ni", "Ru", "Rh", "Pd", "Os", "Ir", "Pt"}
    assert members["family_noble"] == {"Cu", "Ag", "Au"}
    assert {"Ti", "Zr", "Hf", "Sc", "Y", "La", "Ce", "Lu"} <= members["family_early"]
    assert value("Zn", "family_sp") == 1


def test_d_metals_are_groups_3_to_11_without_the_f_block():
    d_metals = {s for s in element_symbols() if value(s, "is_d_metal")}
    assert {"Sc", "La", "Ti", "W", "Ni", "Cu", "Au"} <= d_metals
    assert not d_metals & {"Zn", "Al", "Ce", "Gd", "Lu", "U", "Th", "Mg", "Si"}
    assert len(d_metals) == 27


@pytest.mark.parametrize("column", ELEMENT_COLUMNS)
def test_common_elements_are_covered(column):
    missing = set()
    for symbol in COMMON.split():
        try:
            element_values([symbol], column)
        except CompositionError:
            missing.add(symbol)
    assert missing == KNOWN_GAPS.get(column, set())


def test_valences_agree_with_hea_bench():
    elemental = pytest.importorskip("hea_bench.descriptors.data.elemental")
    theirs = {s: row.valence for s, row in elemental.ELEMENTAL_DATA.items()}
    assert {s: value(s, "vec") for s in theirs} == theirs


def test_pauling_scale_agrees_with_pymatgen():
    from pymatgen.core.periodic_table import Element

    theirs = [Element(symbol).X for symbol in element_symbols()]
    assert list(element_values(element_symbols(), "electronegativity_pauling")) == theirs


def test_allen_scale_follows_pauling_scale():
    """A file read with the wrong line for each element loses this agreement."""
    symbols = [s for s in element_symbols() if s not in LANTHANIDES | {"Pm", "Eu", "Tm", "Th", "U"}]
    pauling, allen = (element_values(symbols, f"electronegativity_{scale}") for scale in ("pauling", "allen"))
    assert np.corrcoef(pauling, allen)[0, 1] > 0.85
