"""Targets of a user's own never fill a column that something else fills."""

from __future__ import annotations

import numpy as np
import pytest

from screener.descriptors.catalogue import catalogue
from screener.elements import element_symbols
from screener.errors import InputError
from screener.list_results import OUR_COLUMNS
from screener.results import ResultTable
from training.declaration import Target, read_declaration
from training.file_names import file_name
from training.recipes import standing_recipes
from training.taken_names import refuse_taken_names

HINT = 'choose another name, and write column = "YS" to read the same column'


def own(name, kind="regression"):
    return Target(name, "", kind, "YS")


def refusal(*targets):
    with pytest.raises(InputError) as error:
        refuse_taken_names(targets)
    return error.value.message, error.value.hint


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("index", "a column of results"),
        ("score", "a column of results"),
        ("in_domain", "a column of results"),
        ("formula", "a column of results"),
        ("density_g_cm3", "a descriptor"),
        ("vec", "a descriptor"),
        ("dh_mix", "a descriptor but for its case, `dH_mix`"),
        ("cu", "an element but for its case, `Cu`"),
        ("annealed", "a condition"),
        ("load_n", "a condition"),
        ("process_route", "a condition"),
        ("process", "a condition"),
        ("features", "an input of every model"),
        ("bulk_glass", "the name of a file of the standing models"),
        ("amorphous_mtl", "the name of a file of the standing models"),
        ("composition", "a column of compositions"),
        ("hardness_hv", "hardness in HV"),
        ("p_bulk_glass", "a standing target"),
        ("amorphous_borderline", "a column of the standing target `p_amorphous`"),
        ("hardness_gpa_low", "a column of the standing target `hardness_gpa`"),
        ("hardness_gpa_screen", "named like a value of the fast models"),
        ("yield_high", "named like the upper end of an interval"),
        ("yield_logit", "named like a logit"),
        ("input_route", "named like a column of a list that was renamed"),
        ("nearest_glass", "named like what is said of training alloys"),
    ],
)
def test_what_has_the_name_is_told(name, what):
    assert refusal(own(name)) == (f"`{name}` cannot name a target of your own: it is {what}", HINT)


@pytest.mark.parametrize("name", ["vec", "annealed", "score", "input_route"])
def test_classes_cannot_have_such_a_name_either(name):
    assert refusal(own(name, "classification"))[0].startswith(f"`{name}` cannot name a target of your own: it is ")


@pytest.mark.parametrize("name", ["amorphous", "is_bulk_glass"])
def test_a_class_whose_probability_is_a_standing_one_is_refused(name):
    column = f"p_{name.removeprefix('is_')}"
    assert refusal(own(name, "classification")) == (
        f"target `{name}` would fill the column `{column}`, which is a standing target",
        HINT,
    )


def test_every_column_of_a_result_is_refused():
    none = np.empty(0)
    lead = dict.fromkeys(("rank", "index", "row", "formula"), none)
    table = ResultTable(lead, {}, {}, none, none, ([], none), none.astype(int), {}, dict.fromkeys(catalogue(), none))
    standing = standing_recipes()
    names = {*OUR_COLUMNS, *table.frame().columns, *(f"{t}{end}" for t in standing for end in ("", "_low", "_screen"))}
    names |= {condition.name for recipe in standing.values() for condition in recipe.conditions}
    names |= {symbol.lower() for symbol in element_symbols()} | {recipe.task for recipe in standing.values()}
    names |= {file_name(target).removesuffix(".onnx") for target in standing}
    assert len(names) > 200
    for name in sorted(names):
        message, _ = refusal(own(name.lower()))
        assert message.startswith(f"`{name.lower()}` cannot name a target of your own: it is ")


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            ("is_brittle", "classification"),
            ("brittle", "classification"),
            "target `brittle` would fill the column `p_brittle`, which is a column of your target `is_brittle`",
        ),
        (
            ("brittle", "classification"),
            ("is_brittle", "regression"),
            "`is_brittle` cannot name a target of your own: it is a column of your target `brittle`",
        ),
        (
            ("p_brittle", "regression"),
            ("brittle", "classification"),
            "target `brittle` would fill the column `p_brittle`, which is a column of your target `p_brittle`",
        ),
    ],
)
def test_two_targets_cannot_share_a_column(first, second, message):
    assert refusal(own(*first), own(*second)) == (message, HINT)


@pytest.mark.parametrize(("end", "place"), [("low", "lower"), ("high", "upper")])
def test_a_target_is_no_end_of_the_interval_of_another(end, place):
    both = own("yield_mpa"), own(f"yield_mpa_{end}")
    before, after = refusal(*both)[0], refusal(*reversed(both))[0]
    fact = f"`yield_mpa_{end}` cannot name a target of your own: it is"
    assert before == f"{fact} a column of your target `yield_mpa`"
    assert after == f"{fact} named like the {place} end of an interval"


def test_ordinary_names_pass():
    refuse_taken_names([own("yield_mpa"), own("is_ductile", "classification"), own("x"), own("low_k"), own("density")])


def test_a_name_that_is_taken_is_refused_where_the_declaration_is_read(tmp_path):
    path = tmp_path / "targets.toml"
    path.write_text('[targets.vec]\nkind = "regression"\ncolumn = "YS"\n', encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_declaration(path)
    assert (error.value.message, error.value.hint) == (
        "`vec` cannot name a target of your own: it is a descriptor",
        HINT,
    )
