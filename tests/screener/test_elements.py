"""What is asked of elements and pairs: values in the order asked for, copies, refusals, a light import."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from screener.elements import element_symbols, element_values, pair_values, require_element
from screener.errors import CompositionError

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
            "leave `Tc` out",
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


def test_import_needs_no_heavy_package():
    code = (
        "import sys; from screener.formula import parse_formula; parse_formula('Al20Ti80');"
        "print(sorted({'numba', 'polars', 'pymatgen', 'matminer', 'torch', 'screener.data'} & sys.modules.keys()))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
