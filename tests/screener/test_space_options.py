"""How the options of a composition space read, and the exact words of every refusal."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screener._space_limits import GroupSum
from screener._space_options import parse_bounds, parse_components, parse_elements, parse_step, parse_sums
from screener.errors import CompositionError
from screener.space import CompositionSpace


def refusal(call, *arguments, **options) -> tuple[str, str]:
    with pytest.raises(CompositionError) as refused:
        call(*arguments, **options)
    return refused.value.message, refused.value.hint


# --- elements ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("elements", ["Al,Ti,Cr", " Al , Ti,Cr ", ["Al", "Ti", "Cr"], ("Al", " Ti", "Cr")])
def test_elements_keep_their_order(elements):
    assert parse_elements(elements) == ("Al", "Ti", "Cr")


@pytest.mark.parametrize(
    ("elements", "message", "hint"),
    [
        ("", "no elements given", "name them in order, e.g. `--elements Al,Ti,Cr`"),
        ([], "no elements given", "name them in order, e.g. `--elements Al,Ti,Cr`"),
        (" , ", "no elements given", "name them in order, e.g. `--elements Al,Ti,Cr`"),
        ("Al,,Ti", "empty element in `Al,,Ti`", "separate elements by single commas"),
        ("Al,Ti,", "empty element in `Al,Ti,`", "separate elements by single commas"),
        ("Al,Ti,Al", "element `Al` is given twice", "name each element once"),
        ("Al,Tii", "unknown element `Tii`", "did you mean `Ti`?"),
    ],
)
def test_elements_refused(elements, message, hint):
    assert refusal(CompositionSpace.build, elements) == (message, hint)


# --- step -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "units"),
    [
        ("1", 100),
        (1, 100),
        (1.0, 100),
        ("0.1", 1000),
        (0.1, 1000),
        (np.float64(0.1), 1000),
        ("0.2", 500),
        (".25", 400),
        ("0.25", 400),
        ("2.5", 40),
        ("12.5", 8),
        ("5.", 20),
        ("50", 2),
        (" 50.0 ", 2),
        (Fraction(1, 2), 200),
        (Fraction(100, 3), 3),
        ("3.125", 32),
    ],
)
def test_steps_that_divide(step, units):
    assert parse_step(step) == units


@pytest.mark.parametrize(
    ("step", "message", "hint"),
    [
        ("3", "step `3` does not divide 100 at.%", "use `--step 2.5` or `--step 4`"),
        (0.3, "step `0.3` does not divide 100 at.%", "use `--step 0.25` or `--step 0.4`"),
        ("0.11", "step `0.11` does not divide 100 at.%", "use `--step 0.1` or `--step 0.16`"),
        ("49.9", "step `49.9` does not divide 100 at.%", "use `--step 25` or `--step 50`"),
        ("1.000000001", "step `1.000000001` does not divide 100 at.%", "use `--step 1` or `--step 1.25`"),
        ("60", "step `60` is outside 0.1 to 50 at.%", "use a step from 0.1 to 50"),
        ("100", "step `100` is outside 0.1 to 50 at.%", "use a step from 0.1 to 50"),
        ("0.05", "step `0.05` is outside 0.1 to 50 at.%", "use a step from 0.1 to 50"),
        (0, "step `0` is outside 0.1 to 50 at.%", "use a step from 0.1 to 50"),
        (-1, "step `-1` is outside 0.1 to 50 at.%", "use a step from 0.1 to 50"),
        ("one", "step `one` is not a number", "write the step in at.%, e.g. `--step 0.5`"),
        ("", "step `` is not a number", "write the step in at.%, e.g. `--step 0.5`"),
        (float("nan"), "step `nan` is not a number", "write the step in at.%, e.g. `--step 0.5`"),
        ("inf", "step `inf` is not a number", "write the step in at.%, e.g. `--step 0.5`"),
        ("1e999999999", "step `1e999999999` is not a number", "write the step in at.%, e.g. `--step 0.5`"),
        ("1/3", "step `1/3` is not a number", "write the step in at.%, e.g. `--step 0.5`"),
    ],
)
def test_steps_refused(step, message, hint):
    assert refusal(CompositionSpace.build, "Al,Ti", step) == (message, hint)


@given(st.decimals("0.1", "50", places=3))
def test_a_step_is_taken_exactly_or_refused_with_steps_that_work(step):
    if 100 % Fraction(step) == 0:
        assert parse_step(str(step)) * Fraction(step) == 100
    else:
        _, hint = refusal(parse_step, str(step))
        below, above = (Fraction(word.strip("`")) for word in hint.removeprefix("use `--step ").split("` or `--step "))
        assert below < step < above
        assert parse_step(below) * below == parse_step(above) * above == 100


# --- components -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        (None, (1, 6)),
        ("3", (3, 3)),
        (3, (3, 3)),
        ("3-5", (3, 5)),
        (" 3-5 ", (3, 5)),
        ((3, 5), (3, 5)),
        ("1-6", (1, 6)),
        ("6", (6, 6)),
    ],
)
def test_components_read(components, expected):
    assert parse_components(components, 6) == (expected, ())


def test_components_beyond_the_elements_end_there_and_say_so():
    assert parse_components("2-99", 6) == ((2, 6), ("components `2-99` end at the 6 elements given",))
    space = CompositionSpace.build("Al,Ti,Cr", components="2-99")
    assert space == CompositionSpace.build("Al,Ti,Cr", components="2-3")
    assert space.notes == ("components `2-99` end at the 3 elements given",)


@pytest.mark.parametrize(
    ("components", "message", "hint"),
    [
        ("0-2", "components `0-2` start below 1", "use `--components 1-2`"),
        ("0", "components `0` start below 1", "use `--components 1` for pure elements"),
        ("5-3", "components `5-3` run backwards", "use `--components 3-5`"),
        ("4", "components `4` need more than the 3 elements given", "add to `--elements`"),
        ((4, 9), "components `4-9` need more than the 3 elements given", "add to `--elements`"),
        ("", "components `` do not read as a number or a range", "write `3` or `3-5`"),
        ("-3", "components `-3` do not read as a number or a range", "write `3` or `3-5`"),
        ("3-", "components `3-` do not read as a number or a range", "write `3` or `3-5`"),
        ("2,3", "components `2,3` do not read as a number or a range", "write `3` or `3-5`"),
        ("2.5", "components `2.5` do not read as a number or a range", "write `3` or `3-5`"),
        ((-1, 2), "components `-1-2` do not read as a number or a range", "write `3` or `3-5`"),
        ("9" * 20, f"components `{'9' * 20}` do not read as a number or a range", "write `3` or `3-5`"),
    ],
)
def test_components_refused(components, message, hint):
    assert refusal(CompositionSpace.build, "Al,Ti,Cr", components=components) == (message, hint)


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bounds",
    [
        "Al=5:35,Cr=0:20",
        " Cr = 0 : 20 , Al = 5.0 : 35 ",
        {"Al": (5, 35), "Cr": (0, 20)},
        {"Al": "5:35", "Cr": (Fraction(0), 20.0)},
    ],
)
def test_bounds_read(bounds):
    assert parse_bounds(bounds, ("Al", "Ti", "Cr"), 100) == ((5, 0, 0), (35, 100, 20), ())


def test_no_bounds_leave_everything():
    assert parse_bounds(None, ("Al", "Ti"), 40) == parse_bounds({}, ("Al", "Ti"), 40) == ((0, 0), (40, 40), ())


def test_limits_off_the_grid_move_inward_and_say_so():
    space = CompositionSpace.build("Al,Ti,Cr", 1, bounds="Al=5.3:35.9,Ti=0:50", sums=["Ti+Cr=60.5:90"])
    assert space.lower == (6, 0, 0)
    assert space.upper == (35, 50, 100)
    assert space.groups == (GroupSum((1, 2), 61, 90),)
    assert space.notes == (
        "`Al` lower limit 5.3 at.% rounded to 6 at.%",
        "`Al` upper limit 35.9 at.% rounded to 35 at.%",
        "`Ti+Cr` lower limit 60.5 at.% rounded to 61 at.%",
    )


def test_limits_on_a_fine_grid_stay_where_decimals_put_them():
    # In binary 0.7 / 0.1 is 6.999…: such limits would lose a grid point.
    assert parse_bounds("Al=0.7:2.3", ("Al", "Ti"), 1000) == ((7, 0), (23, 1000), ())
    assert parse_bounds({"Al": (0.7, 2.3)}, ("Al", "Ti"), 1000) == ((7, 0), (23, 1000), ())


READ = "write `Al=5:35`"


@pytest.mark.parametrize(
    ("bounds", "message", "hint"),
    [
        ("", "`` does not read as limits in at.%", READ),
        ("Al=5:35,", "`` does not read as limits in at.%", READ),
        ("Al", "`Al` does not read as limits in at.%", READ),
        ("Al=20", "`Al=20` does not read as limits in at.%", READ),
        ("Al=5:", "`Al=5:` does not read as limits in at.%", READ),
        ("=5:35", "`=5:35` does not read as limits in at.%", READ),
        ({"Al": "35"}, "`Al=35` does not read as limits in at.%", READ),
        ("Al=5-35", "`Al=5-35` does not read as limits in at.%", READ),
        ("Al=5:x", "limit `x` of `Al` is not a number", "write at.%, e.g. `Al=5:35`"),
        ("Al=5:35%", "limit `35%` of `Al` is not a number", "write at.%, e.g. `Al=5:35`"),
        ("Al=5:35:40", "limit `35:40` of `Al` is not a number", "write at.%, e.g. `Al=5:35`"),
        ({"Al": (5, float("inf"))}, "limit `inf` of `Al` is not a number", "write at.%, e.g. `Al=5:35`"),
        ("Al=-5:35", "limit `-5` of `Al` is outside 0 to 100 at.%", "write at.%"),
        ("Al=5:120", "limit `120` of `Al` is outside 0 to 100 at.%", "write at.%"),
        ("Al=35:5", "limits `Al=35:5` run backwards", "write `Al=5:35`"),
        ("Al=5.2:5.8", "limits `Al=5.2:5.8` hold no grid point", "widen them or use a step finer than 1 at.%"),
        ("Al=5:35,Al=0:20", "element `Al` has two bounds", "give one range an element"),
        ("Cu=5:35", "bound for `Cu`, which is not in the space", "the elements are `Al,Ti,Cr`"),
        ("al=5:35", "bound for `al`, which is not in the space", "did you mean `Al`?"),
        ("Tii=5:35", "bound for `Tii`, which is not in the space", "did you mean `Ti`?"),
        ({"Al": 5}, "bound `5` of `Al` is not two limits", 'write `{"Al": (5, 35)}`'),
        ({"Al": (5, 35, 6)}, "bound `(5, 35, 6)` of `Al` is not two limits", 'write `{"Al": (5, 35)}`'),
        ({5: (5, 35)}, "bound for `5`, which is not in the space", "the elements are `Al,Ti,Cr`"),
        (
            [("Al", (5, 35))],
            "bounds `[('Al', (5, 35))]` are neither text nor a dictionary",
            'write `"Al=5:35,Cr=0:20"` or `{"Al": (5, 35)}`',
        ),
    ],
)
def test_bounds_refused(bounds, message, hint):
    assert refusal(CompositionSpace.build, "Al,Ti,Cr", bounds=bounds) == (message, hint)


@pytest.mark.parametrize("elements", [3, None, [1, 2], ["Al", None], b"Al,Ti"])
def test_elements_are_texts(elements):
    message, hint = refusal(CompositionSpace.build, elements)
    assert (message.endswith("is not text"), hint) == (True, 'write `elements="Al,Ti,Cr"`')


@pytest.mark.parametrize(("sums", "shown"), [(3, "3"), ([3], "3"), ([("Al",)], "('Al',)")])
def test_sums_are_texts(sums, shown):
    told = f"sum `{shown}` is not text", 'write `sums="Nb+Mo=60:100"`'
    assert refusal(CompositionSpace.build, "Al,Ti", sums=sums) == told


# --- sums -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sums", [["Nb+Mo+Ta=60:100"], ("Ta + Nb+Mo = 60.0:100 ",), "Mo+Nb+Ta=60:100"])
def test_sums_read(sums):
    assert parse_sums(sums, ("Nb", "Al", "Mo", "Ta"), 50) == ((GroupSum((0, 2, 3), 30, 50),), ())


def test_several_sums_may_stand_apart_or_in_one_text():
    symbols = ("Nb", "Al", "Mo", "Ta")
    apart = parse_sums(["Nb+Mo=10:50", "Mo+Al=5:20"], symbols, 100)
    assert apart == parse_sums(["Nb+Mo=10:50,Mo+Al=5:20"], symbols, 100)
    assert apart[0] == (GroupSum((0, 2), 10, 50), GroupSum((1, 2), 5, 20))
    assert parse_sums(None, symbols, 100) == parse_sums([], symbols, 100) == ((), ())


@pytest.mark.parametrize(
    ("sums", "message", "hint"),
    [
        (["Al+Ti"], "`Al+Ti` does not read as limits in at.%", "write `Nb+Mo=60:100`"),
        ([""], "`` does not read as limits in at.%", "write `Nb+Mo=60:100`"),
        (["Al+Al=5:35"], "sum `Al+Al=5:35` names an element twice", "name each element once"),
        (["Al+Cu=5:35"], "sum for `Cu`, which is not in the space", "the elements are `Al,Ti,Cr`"),
        (["Al+=5:35"], "sum for ``, which is not in the space", "the elements are `Al,Ti,Cr`"),
        (["Ti+Al=50:5"], "limits `Al+Ti=50:5` run backwards", "write `Al+Ti=5:50`"),
        (["Ti+Al=5:500"], "limit `500` of `Al+Ti` is outside 0 to 100 at.%", "write at.%"),
    ],
)
def test_sums_refused(sums, message, hint):
    assert refusal(CompositionSpace.build, "Al,Ti,Cr", sums=sums) == (message, hint)


# --- limits that contradict each other --------------------------------------------------------------------------------

SUM_OR_BOUNDS = "widen that `--sum` or the `--bounds` it meets"


@pytest.mark.parametrize(
    ("limits", "message", "hint"),
    [
        (
            {"bounds": "Al=50:60,Ti=40:80,Cr=30:40"},
            "lower bounds add up to 120 at.%",
            "reduce lower limits in `--bounds` to 100 or less",
        ),
        (
            {"bounds": "Al=0:20,Ti=0:20,Cr=0:20,Fe=0:19.5"},
            "upper bounds add up to 79 at.%",
            "raise upper limits in `--bounds` to 100 or more",
        ),
        (
            {"bounds": "Al=30:60,Ti=20:80", "sums": ["Al+Ti=0:40"]},
            "lower bounds of `Al+Ti` add up to 50 at.%, its sum ends at 40",
            SUM_OR_BOUNDS,
        ),
        (
            {"bounds": "Al=0:10,Ti=0:20", "sums": ["Al+Ti=40:60"]},
            "upper bounds of `Al+Ti` add up to 30 at.%, its sum starts at 40",
            SUM_OR_BOUNDS,
        ),
        (
            {"bounds": "Cr=30:60,Fe=20:60", "sums": ["Al+Ti=60:80"]},
            "other bounds leave at most 50 at.% to `Al+Ti`, its sum starts at 60",
            SUM_OR_BOUNDS,
        ),
        (
            {"bounds": "Cr=0:10,Fe=0:20", "sums": ["Al+Ti=0:60"]},
            "other bounds leave at least 70 at.% to `Al+Ti`, its sum ends at 60",
            SUM_OR_BOUNDS,
        ),
        (
            {"sums": ["Al+Ti=0:30", "Ti+Al=40:60"]},
            "limits `0:30` and `40:60` on `Al+Ti` exclude each other",
            "give one range that both allow",
        ),
        (
            {"bounds": "Al=5:20", "sums": ["Al=40:60"]},
            "limits `5:20` and `40:60` on `Al` exclude each other",
            "give one range that both allow",
        ),
        (
            {"sums": ["Al+Ti+Cr+Fe=0:50"]},
            "sum `Al+Ti+Cr+Fe=0:50` covers every element, which add up to 100 at.%",
            "leave an element out of `--sum`, or drop it",
        ),
        (
            {"bounds": "Al=5:20,Ti=5:50,Cr=1:50", "components": 2},
            "3 elements have a lower bound above 0, `--components` allows 2",
            "use `--components 3` or drop lower limits",
        ),
        (
            {"bounds": "Al=0:0,Ti=0:0", "components": "3-4"},
            "2 elements may be above 0, `--components` asks for 3",
            "raise upper limits in `--bounds` above 0",
        ),
        (
            {"components": 3, "step": 50},
            "3 components need more than the 2 steps in 100 at.%",
            "use a finer `--step`",
        ),
        (
            {"bounds": "Al=0:30,Ti=0:30,Cr=0:30,Fe=0:35", "components": "1-2"},
            "the 2 largest upper bounds add up to 65 at.%",
            "allow more `--components` or raise upper limits in `--bounds`",
        ),
        (
            {"sums": ["Al+Ti=70:100", "Ti+Cr=70:100", "Al+Cr=70:100"]},
            "no composition meets all limits together",
            "widen `--bounds` or `--sum`, or change `--components`",
        ),
        (
            {"sums": ["Al+Ti=10:90", "Cr+Fe=20:30"], "components": 1},
            "no composition meets all limits together",
            "widen `--bounds` or `--sum`, or change `--components`",
        ),
    ],
)
def test_contradictions_are_named(limits, message, hint):
    assert refusal(CompositionSpace.build, "Al,Ti,Cr,Fe", **limits) == (message, hint)
