from __future__ import annotations

from dataclasses import replace

import pytest

from screener.errors import InputError
from training.recipes import LEARNERS, Member, sized, standing_recipes, thinned, user_recipe
from training.routes import COOLING_RATE, RATES


def refusal(call, *args):
    with pytest.raises(InputError) as error:
        call(*args)
    return error.value.message, error.value.hint


def test_the_standing_targets():
    recipes = standing_recipes()
    assert list(recipes) == ["p_amorphous", "p_bulk_glass", "resistivity_uohm_cm", "hardness_gpa"]
    assert [r.task for r in recipes.values()] == [
        "is_amorphous",
        "is_bulk_glass",
        "resistivity_uohm_cm",
        "hardness_gpa",
    ]
    assert [c.name for c in recipes["p_amorphous"].conditions] == [COOLING_RATE]
    assert recipes["p_amorphous"].conditions[0].levels == RATES
    assert [c.name for c in recipes["resistivity_uohm_cm"].conditions] == ["film_thickness_nm", "process_temperature_k"]
    assert [c.name for c in recipes["hardness_gpa"].conditions] == ["load_n", "annealed", "wrought", "powder"]
    gate = recipes["hardness_gpa"].gate
    assert recipes[gate.target].members[gate.member].columns == "plain"
    for recipe in recipes.values():
        assert sum(m.weight for m in recipe.members) == pytest.approx(1.0)
        assert {m.learner for m in recipe.members} <= set(LEARNERS)
        assert {m.columns for m in recipe.members} <= {"all", "plain"}
        assert recipe.residual is None or (recipe.kind, recipe.residual.weight) == ("regression", 1.0)


def test_own_targets_follow_a_standing_pattern():
    strength = user_recipe("yield_mpa", "MPa", "regression", log=True)
    assert (strength.target, strength.task, strength.unit, strength.interval) == ("yield_mpa",) * 2 + (
        "MPa",
        "relative",
    )
    assert user_recipe("yield_mpa", "MPa", "regression", log=False).interval == "absolute"
    for name in ("is_ductile", "ductile"):
        label = user_recipe(name, "", "classification", log=False)
        assert (label.target, label.task, label.unit, label.interval) == ("p_ductile", name, "1", "none")
        assert label.weak_negatives == 0
    assert strength.conditions == label.conditions == ()
    assert strength.residual is not None
    assert label.residual is None


def test_unknown_kinds_are_refused():
    assert refusal(user_recipe, "grade", "", "ordinal", False) == (
        "target `grade` has the unknown kind `ordinal`",
        "write `regression` or `classification`",
    )


def test_thinning_keeps_everything_but_the_number_of_trees():
    forest = Member("extra_trees", 0.5, "all", {"n_estimators": 200, "max_features": 0.5})
    boosted = Member("lightgbm", 0.5, "plain", {"rounds": 500, "learning_rate": 0.03})
    recipe = replace(standing_recipes()["hardness_gpa"], members=(forest, boosted))
    thin = thinned(recipe, 0.2)
    assert [m.options for m in thin.members] == [
        {"n_estimators": 40, "max_features": 0.5},
        {"rounds": 100, "learning_rate": 0.03},
    ]
    assert replace(thin, members=recipe.members) == recipe
    assert [m.options.get("n_estimators", m.options.get("rounds")) for m in thinned(thin, 0.01).members] == [12, 12]
    assert all(thinned(standing, 1.0) == standing for standing in standing_recipes().values())


def test_committees_take_small_steps_on_short_tables():
    recipe = standing_recipes()["p_amorphous"]
    assert sized(recipe, 17_000) == recipe
    place = [each.learner for each in recipe.members].index("committee")
    short = sized(recipe, 84).members[place].options
    assert short["batch"] == 32
    assert short["epochs"] * 84 >= 400 * 32
    others = [k for k in range(len(recipe.members)) if k != place]
    assert all(sized(recipe, 84).members[k] == recipe.members[k] for k in others)
    assert sized(standing_recipes()["resistivity_uohm_cm"], 7_000) == standing_recipes()["resistivity_uohm_cm"]
