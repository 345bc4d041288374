"""Objectives: reading them, desirabilities against a plain loop, and the ways they may not be combined."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import ExpressionError
from screener.expression import Expression
from screener.objectives import Objective, Scorer, front_columns, parse_objective

COLUMNS = {"p_amorphous", "p_amorphous_logit", "hardness_gpa", "resistivity_uohm_cm", "vec", "is_amorphous", "a=b"}
RANGES = {"hardness_gpa": (2.0, 12.0), "resistivity_uohm_cm": (50.0, 300.0)}


def one_by_one(objectives, row):
    """Slow twin of the desirability product, for one candidate."""
    product = 1.0
    for objective in objectives:
        share = (row[objective.column] - objective.low) / (objective.high - objective.low)
        if objective.direction == "min":
            share = 1 - share
        product *= min(max(share, 0.0), 1.0)
    return product


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hardness_gpa", ("hardness_gpa", None, None)),
        ("hardness_gpa=5:12", ("hardness_gpa", 5.0, 12.0)),
        (" hardness_gpa = -1e-3:.5 ", ("hardness_gpa", -1e-3, 0.5)),
        ("a=b", ("a=b", None, None)),
        ("a=b=0:1", ("a=b", 0.0, 1.0)),
    ],
)
def test_objectives_are_read(text, expected):
    for direction in ("max", "min"):
        objective = parse_objective(text, direction, COLUMNS)
        assert (objective.column, objective.low, objective.high) == expected
        assert objective.direction == direction


@pytest.mark.parametrize(
    ("text", "direction", "message", "hint"),
    [
        ("hardnes_gpa", "max", "unknown column `hardnes_gpa`", "did you mean `hardness_gpa`?"),
        ("hardnes_gpa=1:2", "max", "unknown column `hardnes_gpa`", "did you mean `hardness_gpa`?"),
        (
            "score",
            "max",
            "`score` exists only after re-scoring",
            "filter the written result by it: --maximize sees screening values and descriptors",
        ),
        (
            "is_amorphous",
            "min",
            "`is_amorphous` is a condition, not a number",
            "filter with --where is_amorphous instead of --minimize",
        ),
        (
            "hardness_gpa=5-12",
            "max",
            "cannot read range `5-12`",
            "write --maximize hardness_gpa=LO:HI, for example --maximize hardness_gpa=5:12",
        ),
        (
            "vec=",
            "min",
            "cannot read range ``",
            "write --minimize vec=LO:HI, for example --minimize vec=5:12",
        ),
        (
            "vec=1:2:3",
            "max",
            "cannot read range `1:2:3`",
            "write --maximize vec=LO:HI, for example --maximize vec=5:12",
        ),
        ("vec=1:inf", "max", "range `1:inf` is not finite", "write two numbers: --maximize vec=LO:HI"),
        ("vec=nan:2", "max", "range `nan:2` is not finite", "write two numbers: --maximize vec=LO:HI"),
        ("vec=2:2", "max", "range `2:2` is empty", "write the lower limit first: --maximize vec=LO:HI"),
        ("vec=12:5", "min", "range `12:5` is empty", "write the lower limit first: --minimize vec=LO:HI"),
    ],
)
def test_objectives_are_refused(text, direction, message, hint):
    with pytest.raises(ExpressionError) as refused:
        parse_objective(text, direction, COLUMNS)
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_nothing_asked_for_ranks_by_the_logit_of_being_amorphous():
    scorer = Scorer.build()
    assert scorer.columns == ("p_amorphous_logit",)
    logit = np.array([40.0, 41.0], dtype=np.float32)
    probability = 1 / (1 + np.exp(-logit))
    assert probability[0] == probability[1]
    score = scorer.score({"p_amorphous_logit": logit, "p_amorphous": probability})
    assert score.tolist() == [40.0, 41.0]
    assert score.dtype == np.float64


@pytest.mark.parametrize(("direction", "sign"), [("max", 1.0), ("min", -1.0)])
@pytest.mark.parametrize(("column", "read"), [("vec", "vec"), ("p_amorphous", "p_amorphous_logit")])
def test_one_objective_without_a_range_is_its_value(column, read, direction, sign):
    scorer = Scorer.build([Objective(column, direction)], default_ranges=RANGES)
    assert scorer.columns == (read,)
    values = {read: np.array([3.0, -1.0, np.nan])}
    np.testing.assert_array_equal(scorer.score(values), sign * values[read])


def test_one_objective_with_a_range_is_its_desirability():
    scorer = Scorer.build([Objective("p_amorphous", "min", 0.5, 1.0)])
    assert scorer.columns == ("p_amorphous",)
    assert scorer.score({"p_amorphous": np.array([0.2, 0.75, 1.0])}).tolist() == [1.0, 0.5, 0.0]


def test_defaults_come_from_the_training_range_and_from_zero_to_one():
    scorer = Scorer.build([Objective("hardness_gpa", "max"), Objective("p_amorphous", "max")], default_ranges=RANGES)
    values = {"hardness_gpa": np.array([7.0, 12.0, 20.0]), "p_amorphous": np.array([0.5, 0.5, 1.0])}
    assert scorer.score(values).tolist() == [0.25, 0.5, 1.0]
    assert scorer.columns == ("hardness_gpa", "p_amorphous")


def test_a_stated_range_wins_over_the_default():
    scorer = Scorer.build(
        [Objective("hardness_gpa", "max", 0.0, 10.0), Objective("vec", "min", 4.0, 8.0)], default_ranges=RANGES
    )
    assert scorer.score({"hardness_gpa": np.array([5.0]), "vec": np.array([5.0])}).tolist() == [0.375]


FINITE = st.floats(-1e6, 1e6)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_products_equal_a_loop_and_stay_within_zero_and_one(data):
    names = data.draw(st.permutations([*RANGES, "vec"]))
    objectives = []
    for name in names:
        low = data.draw(FINITE)
        high = low + data.draw(st.floats(1e-3, 1e6))
        objectives.append(Objective(name, data.draw(st.sampled_from(["max", "min"])), low, high))
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, FINITE)), min_size=1, max_size=6))
    values = {name: np.array([row[name] for row in rows]) for name in names}
    score = Scorer.build(objectives).score(values)
    np.testing.assert_allclose(score, [one_by_one(objectives, row) for row in rows], rtol=1e-6, atol=1e-9)
    assert ((score >= 0) & (score <= 1)).all()


def test_a_missing_value_makes_the_score_missing_even_beside_a_zero():
    scorer = Scorer.build([Objective("vec", "max", 0.0, 1.0), Objective("hardness_gpa", "max", 0.0, 1.0)])
    assert np.isnan(scorer.score({"vec": np.array([0.0]), "hardness_gpa": np.array([np.nan])})).all()


def test_scoring_leaves_the_columns_alone():
    values = {"hardness_gpa": np.array([7.0]), "vec": np.array([5.0])}
    Scorer.build([Objective("hardness_gpa", "max", 0.0, 9.0), Objective("vec", "min", 4.0, 8.0)]).score(values)
    assert (values["hardness_gpa"][0], values["vec"][0]) == (7.0, 5.0)


def test_expressions_are_scores():
    rank_by = Expression.parse("hardness_gpa / vec", COLUMNS, "number", "--rank-by")
    scorer = Scorer.build(rank_by=rank_by)
    assert scorer.columns == ("hardness_gpa", "vec")
    assert scorer.score({"hardness_gpa": np.array([7.0]), "vec": np.array([2.0])}).tolist() == [3.5]


def test_an_expression_that_is_a_probability_alone_ranks_by_its_logit():
    rank_by = Expression.parse("p_amorphous", COLUMNS, "number", "--rank-by")
    assert Scorer.build(rank_by=rank_by) == Scorer.build()


def test_scorers_travel_between_processes():
    scorer = Scorer.build([Objective("vec", "max", 0.0, 1.0)])
    assert pickle.loads(pickle.dumps(scorer)) == scorer


def test_fronts_compare_probabilities_by_their_logit():
    objectives = [Objective("p_amorphous", "max"), Objective("vec", "min")]
    assert front_columns(objectives) == ("p_amorphous_logit", "vec")


def refusal(**question):
    with pytest.raises(ExpressionError) as refused:
        Scorer.build(**question)
    return refused.value.message, refused.value.hint


def test_expressions_and_objectives_exclude_each_other():
    rank_by = Expression.parse("vec", COLUMNS, "number", "--rank-by")
    assert refusal(objectives=[Objective("vec", "min")], rank_by=rank_by) == (
        "`--rank-by` together with `--minimize`",
        "keep one of --rank-by and --minimize",
    )


def test_a_column_is_an_objective_once():
    twice = [Objective("vec", "max", 0.0, 1.0), Objective("vec", "min", 0.0, 1.0)]
    assert refusal(objectives=twice) == (
        "two objectives for `vec`",
        "keep one --maximize or --minimize for each column",
    )


@pytest.mark.parametrize("ranges", [{}, {"vec": (3.0, 3.0)}, {"vec": (np.nan, 3.0)}])
def test_a_descriptor_among_several_needs_a_range(ranges):
    objectives = [Objective("p_amorphous", "max"), Objective("vec", "min")]
    assert refusal(objectives=objectives, default_ranges=ranges) == (
        "no default range for `vec`",
        "state one: --minimize vec=LO:HI",
    )
