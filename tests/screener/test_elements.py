"""Element and pair tables: values, conventions, refusals and their digest."""

from __future__ import annotations

import csv
import difflib
import hashlib
import itertools
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import screener.elements as elements
from screener.elements import (
    ELEMENT_COLUMNS,
    element_symbols,
    element_values,
    pair_values,
    require_element,
    tables_digest,
)
from screener.errors import CompositionError, ModelError

DATA = Path(elements.__file__).with_name("data")
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


# --- contents ---------------------------------------------------------------------------------------------------------


def test_symbols_are_the_72_with_pair_enthalpies_by_atomic_number():
    symbols = element_symbols()
    assert len(symbols) == 72
    numbers = element_values(symbols, "atomic_number")
    assert (np.diff(numbers) > 0).all()
    assert symbols[0] == "H"
    assert symbols[-1] == "U"


def test_columns_of_the_file_are_the_documented_ones():
    with (DATA / "elements.csv").open(newline="", encoding="utf-8") as stream:
        header = next(csv.reader(stream))
    assert header == ["symbol", *ELEMENT_COLUMNS]
    assert all(column.unit and column.source for column in ELEMENT_COLUMNS.values())


def test_readme_documents_every_column_as_the_code_does():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name, column in ELEMENT_COLUMNS.items():
        reference = f"doi:{column.doi}" if column.doi else ""
        assert f"| `{name}` | {column.unit} | {column.source} | {column.convention} | {reference} |" in readme


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


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_pair_values_are_symmetric_with_zero_diagonal():
    symbols = [s for s in element_symbols() if s != "U"]
    enthalpies = pair_values(symbols)
    assert enthalpies.shape == (71, 71)
    assert (enthalpies == enthalpies.T).all()
    assert not enthalpies.diagonal().any()


def test_pair_values_follow_the_order_asked_for():
    assert pair_values(["Al", "Ni", "Ti"]).tolist() == [[0, -22, -30], [-22, 0, -35], [-30, -35, 0]]
    assert pair_values(["Ti", "Al"]).tolist() == [[0, -30], [-30, 0]]
    assert pair_values(["Cu", "Zr"])[0, 1] == -23
    assert pair_values(["Fe", "B"])[0, 1] == -26


def test_pairs_agree_with_the_package_file():
    matminer = pytest.importorskip("matminer")
    path = Path(matminer.__file__).parent / "utils" / "data_files" / "MiedemaLiquidDeltaHf.tsv"
    symbols = element_symbols()
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    theirs = {frozenset(row[:2]): float(row[2]) for row in rows}
    for first, second in itertools.combinations(symbols, 2):
        if {first, second} != {"Th", "U"}:
            assert pair_values([first, second])[0, 1] == theirs[frozenset((first, second))]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "message", "hint"),
    [
        ("Tii", "unknown element `Tii`", "did you mean `Ti`?"),
        ("ti", "unknown element `ti`", "did you mean `Ti`?"),
        ("TI", "unknown element `TI`", "did you mean `Ti`?"),
        ("Xx", "unknown element `Xx`", "write symbols such as `Al`, `Ti`, `Cr`"),
        ("", "unknown element ``", "write symbols such as `Al`, `Ti`, `Cr`"),
        ("He", "no alloy data for `He`", "leave `He` out: the mixing enthalpies do not cover it"),
        ("O", "no alloy data for `O`", "leave `O` out: the mixing enthalpies do not cover it"),
        ("Po", "no alloy data for `Po`", "leave `Po` out: the mixing enthalpies do not cover it"),
    ],
)
def test_refused_symbols(symbol, message, hint):
    with pytest.raises(CompositionError) as refused:
        require_element(symbol)
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_known_symbols_pass():
    assert [require_element(symbol) for symbol in element_symbols()] == list(element_symbols())


@pytest.mark.parametrize(
    ("ask", "message", "hint"),
    [
        (
            lambda: element_values(["Al", "Tc"], "price_usd_kg"),
            "no `price_usd_kg` for `Tc`",
            "leave `Tc` out, or do without `price_usd_kg`",
        ),
        (
            lambda: element_values(["Al"], "density"),
            "unknown element property `density`",
            "did you mean `density_g_cm3`?",
        ),
        (
            lambda: element_values(["Al"], "??"),
            "unknown element property `??`",
            "screener.elements.ELEMENT_COLUMNS lists them",
        ),
        (lambda: element_values(["Al", "Tu"], "vec"), "unknown element `Tu`", None),
        (
            lambda: pair_values(["Al", "Th", "U"]),
            "no `dH_mix_kj_mol` for `Th`-`U`",
            "leave one of the two elements out",
        ),
        (lambda: pair_values(["Al"], "dH"), "unknown pair property `dH`", "did you mean `dH_mix_kj_mol`?"),
    ],
)
def test_refused_questions(ask, message, hint):
    with pytest.raises(CompositionError) as refused:
        ask()
    assert refused.value.message == message
    assert hint is None or refused.value.hint == hint


def test_values_are_copies():
    element_values(["Al", "Ti"], "vec")[:] = 0
    pair_values(["Al", "Ti"])[:] = 7
    assert element_values(["Al", "Ti"], "vec").tolist() == [3, 4]
    assert pair_values(["Al", "Ti"])[0, 1] == -30


# --- digest -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copied_tables(tmp_path):
    for name in ("elements.csv", "pairs.csv", "tables.sha256"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    return tmp_path


def test_digest_is_the_recorded_one():
    joined = (DATA / "elements.csv").read_bytes() + b"\0" + (DATA / "pairs.csv").read_bytes()
    assert tables_digest() == hashlib.sha256(joined).hexdigest()[:16]
    assert (DATA / "tables.sha256").read_text(encoding="ascii").startswith(tables_digest())


def test_digest_ignores_line_ends(copied_tables):
    path = copied_tables / "pairs.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert elements._load(copied_tables).digest[:16] == tables_digest()


def test_changed_tables_are_refused(copied_tables):
    path = copied_tables / "pairs.csv"
    path.write_bytes(path.read_bytes().replace(b"Al,Ti,-30", b"Al,Ti,30"))
    with pytest.raises(ModelError) as refused:
        elements._load(copied_tables)
    message = rf"element tables `[0-9a-f]{{16}}` are not the recorded `{tables_digest()}`"
    assert re.fullmatch(message, refused.value.message)
    assert "python -m screener.data.build_tables" in refused.value.hint


def test_missing_tables_are_refused(copied_tables):
    (copied_tables / "elements.csv").unlink()
    with pytest.raises(ModelError) as refused:
        elements._load(copied_tables)
    assert refused.value.message == "element table `elements.csv` is missing"
    assert refused.value.hint == "pip install --force-reinstall alloy-screener"


def test_loading_is_quick():
    quickest = min(_seconds_to_load() for _ in range(5))
    assert quickest < 0.05


def _seconds_to_load() -> float:
    start = time.perf_counter()
    elements._load(DATA)
    return time.perf_counter() - start


def test_import_needs_no_heavy_package():
    code = (
        "import sys; from screener.formula import parse_formula; parse_formula('Al20Ti80');"
        "print(sorted({'numba', 'polars', 'pymatgen', 'matminer', 'torch', 'screener.data'} & sys.modules.keys()))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def test_committed_tables_are_what_the_packages_give():
    pytest.importorskip("matminer")
    pytest.importorskip("hea_bench")
    from screener.data.build_tables import build

    for name, text in build().items():
        committed = (DATA / name).read_text(encoding="utf-8")
        assert committed == text, "".join(difflib.unified_diff(committed.splitlines(True), text.splitlines(True), n=0))


def test_absent_package_is_refused(monkeypatch):
    from screener.data import package_files
    from screener.errors import InputError

    monkeypatch.setattr(package_files, "find_spec", lambda name: None)
    with pytest.raises(InputError) as refused:
        package_files.package_folder("matminer")
    assert refused.value.message == "package `matminer` is not installed"
    assert refused.value.hint == "pip install 'alloy-screener[peers]'"


def test_check_reports_a_difference(monkeypatch, capsys, tmp_path):
    pytest.importorskip("matminer")
    pytest.importorskip("hea_bench")
    from screener.data import build_tables

    monkeypatch.setattr(build_tables, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["build_tables", "--check"])
    assert build_tables.main() == 2
    assert "`elements.csv` differs from the installed packages" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["build_tables"])
    assert build_tables.main() == 0
    monkeypatch.setattr(sys, "argv", ["build_tables", "--check"])
    assert build_tables.main() == 0
    assert (tmp_path / "tables.sha256").read_bytes() == (DATA / "tables.sha256").read_bytes()
