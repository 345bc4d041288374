"""Thresholds: from the card, given, or found for a recall; flags near them are marked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import CURVE, TARGETS

from screener.card import ModelCard
from screener.errors import ModelError
from screener.flag import BORDERLINE, Flag, flag_column, sigmoid


def card(threshold: float | None = 0.35, curve=CURVE) -> ModelCard:
    return ModelCard("screen", TARGETS["p_amorphous"], "screen", "", ("Al",), threshold=threshold, curve=curve)


def test_default_is_the_cards_threshold_with_its_operating_point() -> None:
    flag = Flag.choose(card())
    assert (flag.threshold, flag.point, flag.column) == (0.35, CURVE[1], "is_amorphous")


def test_given_threshold_shows_the_nearest_measured_point() -> None:
    flag = Flag.choose(card(), threshold=0.49)
    assert (flag.threshold, flag.point) == (0.49, CURVE[2])


@given(recall=st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=60)
def test_recall_takes_the_highest_threshold_that_reaches_it(recall: float) -> None:
    flag = Flag.choose(card(), recall=recall)
    assert flag.threshold == max(p.threshold for p in CURVE if p.recall >= recall)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            {"recall": 0.9, "threshold": 0.5},
            "both `--recall` and `--threshold` are given",
            "give one of them; the other follows from it",
        ),
        ({"threshold": 1.5}, "--threshold `1.5` is not between 0 and 1", "give a fraction, e.g. `--threshold 0.5`"),
        ({"recall": 0.0}, "--recall `0` is not between 0 and 1", "give a fraction, e.g. `--recall 0.5`"),
        (
            {"threshold": math.nan},
            "--threshold `nan` is not between 0 and 1",
            "give a fraction, e.g. `--threshold 0.5`",
        ),
        (
            {"recall": 0.995},
            "no threshold of the screen model of `p_amorphous` reaches recall `0.995`",
            "ask for `--recall 0.99` or less, or give `--threshold`",
        ),
    ],
)
def test_bad_thresholds_are_refused(arguments: dict[str, float], message: str, hint: str) -> None:
    with pytest.raises(ModelError) as caught:
        Flag.choose(card(), **arguments)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_card_without_threshold_or_curve_needs_one_given() -> None:
    with pytest.raises(ModelError, match="has no threshold"):
        Flag.choose(card(None, ()))
    with pytest.raises(ModelError, match="reaches recall") as caught:
        Flag.choose(card(None, ()), recall=0.9)
    assert caught.value.hint == "the model was made without an operating curve; give `--threshold`"
    assert Flag.choose(card(None, ()), threshold=0.4).point is None


@given(logit=st.floats(-60, 60), threshold=st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=200)
def test_flag_is_probability_at_least_threshold(logit: float, threshold: float) -> None:
    flag = Flag("p_amorphous", threshold)
    values = np.array([logit])
    assert flag.holds(values)[0] == (sigmoid(values)[0] >= threshold)
    near = abs(logit - flag.logit) < BORDERLINE * max(1.0, abs(flag.logit))
    assert flag.borderline(values)[0] == near


def test_sigmoid_neither_overflows_nor_leaves_the_unit_interval() -> None:
    values = sigmoid(np.array([-1e4, -40.0, 0.0, 40.0, 1e4], np.float32))
    assert values[2] == 0.5
    assert ((values >= 0) & (values <= 1)).all()
    assert values.dtype == np.float64


def test_flag_columns_follow_their_probability() -> None:
    assert flag_column("p_brittle") == "is_brittle"
