from __future__ import annotations

import numpy as np
import pytest

from screener.descriptors.reference import describe
from screener.descriptors.specs import DOMAIN
from screener.elements import element_symbols
from screener.errors import InputError
from tests.training.measurements import labels, numbers, table
from training.curation import curate
from training.recipes import standing_recipes, user_recipe
from training.sources.collector import UNSTATED, Conditions, Label
from training.sources.table import HARDNESS
from training.tasks import alloy_spec, task_rows

RECIPE = standing_recipes()["hardness_gpa"]
FORMULAS = [f"Al{20 + i}Ti{80 - i}" for i in range(40)]


def curated(values, conditions=UNSTATED, formulas=FORMULAS):
    rows = [(f, HARDNESS, v, 1.0, conditions, Label()) for f, v in zip(formulas, values, strict=True)]
    return curate([table("one", rows)]).frame


def test_rows_become_arrays():
    frame = curated(np.linspace(1, 9, 40))
    rows = task_rows(frame, RECIPE)
    assert len(rows) == 40
    assert rows.key.tolist() == frame["key"].to_list()
    assert rows.y.tolist() == frame["value"].to_list()
    assert set(rows.system) == {"Al-Ti"}
    assert set(rows.source) == {"one"}
    assert rows.measured.all()
    assert not rows.crystalline.any()
    assert rows.main.all()
    assert rows.inputs.shape == (40, len(alloy_spec().names) + len(RECIPE.conditions))
    assert rows.seen_elements() == ("Al", "Ti")
    assert rows.seen_elements(41) == ()
    names = [s for s in element_symbols() if s in ("Al", "Ti")]
    assert rows.fractions[0, [element_symbols().index(s) for s in names]].sum() == pytest.approx(1.0)


def test_features_are_those_of_the_reference():
    rows = task_rows(curated(np.linspace(1, 9, 40)), RECIPE)
    reference = describe(rows.fractions, element_symbols(), alloy_spec().descriptors)
    assert rows.features == pytest.approx(reference, rel=1e-4, abs=1e-4)


def test_conditions_take_their_reference_where_nothing_is_stated():
    stated = task_rows(curated(np.linspace(1, 9, 40), Conditions(load_n=0.98)), RECIPE)
    unstated = task_rows(curated(np.linspace(1, 9, 40)), RECIPE)
    assert set(stated.conditions[:, 0]) == {np.float32(0.98)}
    assert set(unstated.conditions[:, 0]) == {np.float32(4.9)}


def test_rows_can_be_taken():
    rows = task_rows(curated(np.linspace(1, 9, 40)), RECIPE)
    some = rows.take(np.array([3, 1]))
    assert some.key.tolist() == [rows.key[3], rows.key[1]]
    assert (some.inputs == rows.inputs[[3, 1]]).all()
    assert len(rows.take(np.array([], np.int64))) == 0


def test_alloys_outside_the_domain_are_left_out():
    assert "Os" in set(element_symbols()) - set(DOMAIN)
    frame = curated(np.linspace(1, 9, 40), formulas=[*FORMULAS[:39], "Os50Al50"])
    assert frame.height == 40
    assert task_rows(frame, RECIPE).key.tolist() == FORMULAS[:39]


def test_labels_say_which_rows_are_scored_and_which_are_crystalline():
    recipe = standing_recipes()["p_amorphous"]
    kinds = [
        Label("glass"),
        Label("inferred"),
        Label("crystalline_added", "hea"),
        Label("crystalline_synthetic", "dilute"),
    ]
    pairs = ("CuZr", "NbNi", "FeNi", "AlTi")
    alloys = [(f"{pair[:2]}{30 + i}{pair[2:]}{70 - i}", k) for k, pair in enumerate(pairs) for i in range(10)]
    rows = [(formula, float(k < 2), kinds[k]) for formula, k in alloys]
    found = task_rows(curate([labels("one", *rows)]).frame, recipe)
    found = found.take(np.flatnonzero(found.main))
    kind = np.array([dict(alloys)[key] for key in found.key])
    assert len(found) == 40
    assert (found.measured == np.isin(kind, (0, 2))).all()
    assert (found.crystalline == (kind == 2)).all()
    assert (found.y == (kind < 2)).all()


def test_metals_of_the_handbook_are_learned_as_crystals_and_not_scored():
    book = table("book", [(metal, HARDNESS, 0.5, 0.1, Conditions(), Label("handbook")) for metal in ("Al", "Ti")])
    pure = labels("pure", *((metal, 0.0, Label("crystalline_added", "pure")) for metal in ("Al", "Ti")))
    alloys = numbers("one", *zip(FORMULAS, np.linspace(1, 9, len(FORMULAS)).tolist(), strict=True))
    rows = task_rows(curate([alloys, book, pure]).frame, RECIPE)
    told = ~rows.measured
    assert sorted(rows.system[told]) == ["Al", "Ti"]
    assert rows.main[told].all()
    assert (rows.trust[told] == 0.1).all()
    assert (rows.glassy[told] == 0.0).all()
    assert np.isnan(rows.glassy[~told]).all()


def test_too_little_to_learn_from_is_refused():
    def refusal(frame, recipe=RECIPE):
        with pytest.raises(InputError) as error:
            task_rows(frame, recipe)
        return error.value.message, error.value.hint

    few = curated(np.linspace(1, 9, 29), formulas=FORMULAS[:29])
    assert refusal(few) == ("`hardness_gpa` has 29 usable rows", "at least 30 are needed to fit and to test")
    assert refusal(curated(np.full(40, 5.0))) == (
        "`hardness_gpa` is 5 in every row",
        "a regressor needs values that differ",
    )
    glass = standing_recipes()["p_amorphous"]
    same = curate([labels("one", *((f, 1.0, Label("glass")) for f in FORMULAS))]).frame
    assert refusal(same, glass) == (
        "`is_amorphous` has labels of one class only",
        "a classifier needs rows of both classes",
    )
    absent = user_recipe("yield_mpa", "MPa", "regression", False)
    assert refusal(few, absent)[0] == "`yield_mpa` has 0 usable rows"
