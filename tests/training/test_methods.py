from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest

from screener.errors import ScreenerError
from training.aggregators import AGGREGATORS
from training.methods import build, check, require
from training.weighting import WEIGHTINGS


class Plain:
    """Takes nothing."""


class Full:
    """Takes one option of every kind."""

    def __init__(
        self,
        tasks: int,
        rate: float,
        deep: bool = False,
        name: Literal["one", "two"] = "one",
        parts: Sequence[int] | None = None,
        word: str = "",
        seed: int = 0,
    ) -> None:
        require(rate > 0, "rate", rate, "give a number above 0")
        self.taken = (tasks, rate, deep, name, parts, word, seed)


def doubled(y: float, factor: int = 2) -> float:
    return y * factor


FAMILY = {"plain": Plain, "full": Full, "doubled": doubled}


def test_options_and_what_is_given_meet_in_the_constructor():
    options = {"rate": 2, "deep": True, "name": "two", "parts": [1, 2], "word": "a"}
    made = build("kind", FAMILY, "full", options, {"tasks": 3, "seed": 9, "sizes": (1, 2, 3)})
    assert made.taken == (3, 2, True, "two", [1, 2], "a", 9)
    assert isinstance(build("kind", FAMILY, "plain", given={"tasks": 3}), Plain)
    assert build("kind", FAMILY, "doubled", {"factor": 3}, {"y": 2.0}) == 6.0


@pytest.mark.parametrize(
    ("name", "options", "message", "hint"),
    [
        ("ful", {}, "unknown kind `ful`", "did you mean `full`?"),
        ("zzz", {}, "unknown kind `zzz`", "there is `plain`, `full`, `doubled`"),
        ("full", {"rat": 1.0}, "unknown option of kind `full` `rat`", "did you mean `rate`?"),
        ("full", {"tasks": 4}, "unknown option of kind `full` `tasks`", None),
        ("plain", {"x": 1}, "unknown option of kind `plain` `x`", "there is none"),
        ("full", {}, "kind `full` lacks its option `rate`", "give a finite number"),
        ("full", {"rate": "a"}, "option `rate` of kind `full` is `a`", "give a finite number"),
        ("full", {"rate": True}, "option `rate` of kind `full` is `True`", "give a finite number"),
        ("full", {"rate": 1, "deep": 1}, "option `deep` of kind `full` is `1`", "give true or false"),
        ("full", {"rate": 1, "name": "three"}, "option `name` of kind `full` is `three`", "give one of `one`, `two`"),
        (
            "full",
            {"rate": 1, "parts": [0.5]},
            "option `parts` of kind `full` is `[0.5]`",
            "give a list, each a whole number",
        ),
        ("full", {"rate": 1, "parts": 3}, "option `parts` of kind `full` is `3`", "give a list, each a whole number"),
        ("full", {"rate": 1, "word": 3}, "option `word` of kind `full` is `3`", "give a text"),
        ("full", {"rate": -1.0}, "option `rate` of kind `full` is `-1.0`", "give a number above 0"),
    ],
)
def test_what_does_not_fit_is_refused(name, options, message, hint):
    with pytest.raises(ScreenerError) as refusal:
        build("kind", FAMILY, name, options, {"tasks": 3, "seed": 0})
    assert refusal.value.message == message
    assert hint is None or refusal.value.hint == hint


def test_a_check_builds_nothing():
    check("kind", FAMILY, "full", {"rate": -1.0}, ("tasks", "seed"))
    with pytest.raises(ScreenerError, match="lacks its option `rate`"):
        check("kind", FAMILY, "full", {}, ("tasks",))


@pytest.mark.parametrize(("family", "registry"), [("weighting", WEIGHTINGS), ("aggregator", AGGREGATORS)])
def test_every_registered_method_builds_without_options(family, registry):
    given = {"tasks": 3, "seed": 1, "sizes": (100, 10, 5), "labels": (False, False, True)}
    for name, method in registry.items():
        assert type(build(family, registry, name, {}, given)) is method


def test_a_near_miss_of_a_real_name():
    with pytest.raises(ScreenerError) as refusal:
        build("weighting", WEIGHTINGS, "uncertanty", {}, {"tasks": 3})
    assert str(refusal.value) == "unknown weighting `uncertanty`\n\nhint: did you mean `uncertainty`?"
