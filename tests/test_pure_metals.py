"""The models in use at the ends of systems: pure metals, by values of handbooks."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks.cases import models_folder
from screener import score as score_list

HARDNESS_GPA = {"Al": 0.167, "Cu": 0.369, "Fe": 0.608, "Ni": 0.638, "Ti": 0.970, "Mo": 1.53, "W": 3.43}
"""doi:10.1016/j.commatsci.2012.10.028."""
RESISTIVITY_UOHM_CM = {"Cu": 1.678, "Al": 2.650, "W": 5.28, "Ni": 6.93, "Fe": 9.61}
"""CRC Handbook of Chemistry and Physics, 95th edition, 293 K."""


@pytest.fixture(scope="module", params=["screen", "characterize"])
def found(request):
    metals = pl.DataFrame({"formula": list(HARDNESS_GPA)})
    scored = score_list(metals, models=models_folder(), tier=request.param)
    return {row["formula"]: row for row in scored.to_dicts()}


@pytest.mark.parametrize(
    ("column", "expected"), [("hardness_gpa", HARDNESS_GPA), ("resistivity_uohm_cm", RESISTIVITY_UOHM_CM)]
)
def test_pure_metals_are_told_within_a_factor(found, column, expected):
    off = {metal: max(found[metal][column] / value, value / found[metal][column]) for metal, value in expected.items()}
    assert sorted(off.values())[len(off) // 2] < 2.0, off
    assert max(off.values()) < 5.0, off
    least, most = min(expected, key=expected.__getitem__), max(expected, key=expected.__getitem__)
    assert found[least][column] < found[most][column]


def test_pure_metals_are_no_glasses(found):
    assert all(row["p_amorphous"] < 0.1 and not row["is_amorphous"] for row in found.values())
