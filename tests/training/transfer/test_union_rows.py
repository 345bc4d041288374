from __future__ import annotations

import numpy as np
import pytest

from screener.errors import InputError
from tests.training.test_union import CAST, FILM, UNSTATED, curated
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY
from training.transfer.union_rows import grouped_fold, rows_of_union
from training.union import build_union


@pytest.fixture
def union():
    return build_union(
        curated(
            ("AlTi", AMORPHOUS, 1.0, UNSTATED),
            ("AlTi", HARDNESS, 6.0, CAST),
            ("AlTi", RESISTIVITY, 100.0, FILM),
            ("Al3Ti", HARDNESS, 5.0, UNSTATED),
            ("AlNi", HARDNESS, 4.0, UNSTATED),
            ("AlNi", "enthalpy_kj_mol", -60.0, UNSTATED),
        )
    )


def test_targets_are_laid_out_as_they_are_learned(union):
    rows = rows_of_union(union, np.zeros((len(union), 2)), logged=(RESISTIVITY,))
    assert rows.tasks == (RESISTIVITY, HARDNESS, AMORPHOUS, "enthalpy_kj_mol")
    assert rows.is_label.tolist() == [False, False, True, False]
    assert (rows.known == union.mask).all()
    assert (np.isnan(rows.y) == ~union.mask).all()
    assert rows.y[rows.known[:, 0], 0].tolist() == [2.0]
    assert sorted(rows.y[rows.known[:, 1], 1]) == [4.0, 5.0, 6.0]
    assert union.y[union.mask[:, 0], 0].tolist() == [100.0]  # the table stays as it is


def test_logarithms_need_positive_values_of_a_task_that_is_there(union):
    x = np.zeros((len(union), 1))
    with pytest.raises(InputError) as caught:
        rows_of_union(union, x, logged=("enthalpy_kj_mol",))
    assert caught.value.message == "task `enthalpy_kj_mol` has values without a logarithm"
    with pytest.raises(InputError, match="unknown task `hardness`"):
        rows_of_union(union, x, logged=("hardness",))


def test_rows_carry_their_composition_or_system(union):
    rows = rows_of_union(union, np.zeros((len(union), 1)))
    everything = np.arange(len(union))
    by_key = grouped_fold(union, rows, everything[1:], everything[:1])
    assert by_key.train.tolist() == union.key[1:].tolist()
    assert by_key.valid.tolist() == union.key[:1].tolist()
    by_system = grouped_fold(union, rows, everything, everything[:1], by="system")
    kept = by_system.without(["Al-Ti"])
    assert set(kept.train) == {"Al-Ni"}
    assert len(kept.fold.train) == (union.system == "Al-Ni").sum()
