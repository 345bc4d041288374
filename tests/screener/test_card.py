"""Model cards: written and read back unchanged, and whatever does not fit is refused by name."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.card import (
    PREFIX,
    SCHEMA,
    TIERS,
    Condition,
    DistanceBin,
    Golden,
    ModelCard,
    OperatingPoint,
    Source,
    Target,
)
from screener.elements import element_symbols
from screener.errors import ModelError

HINT = "export the model again with `training fit`"
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
NUMBERS = st.floats(-1e12, 1e12)
SHARES = st.floats(0, 1)
THRESHOLDS = st.floats(0.001, 0.999)


@st.composite
def ranges(draw):
    return tuple(sorted((draw(NUMBERS), draw(NUMBERS))))


TARGETS = st.builds(
    lambda name, unit, kind, span: Target(name, unit, kind, *span),
    NAMES, TEXT, st.sampled_from(["regression", "classification"]), ranges(),
)  # fmt: skip
LEVELS = st.dictionaries(NAMES, NUMBERS, max_size=3)
CONDITIONS = st.builds(
    lambda name, unit, at, span, levels: Condition(name, unit, at, *span, levels),
    NAMES, TEXT, NUMBERS, ranges(), LEVELS,
)  # fmt: skip


@st.composite
def distances(draw):
    """No bins, or some that reach up to 100 at.%."""
    inner = draw(st.lists(st.integers(1, 99), unique=True, max_size=4))
    ends = draw(st.sampled_from([(), (*sorted(inner), 100)]))
    widening = sorted(draw(st.lists(st.floats(0.1, 5), min_size=len(ends), max_size=len(ends))))
    return tuple(
        DistanceBin(float(end), draw(st.integers(0, 10**6)), draw(st.floats(0, 1e6)), factor)
        for end, factor in zip(ends, widening, strict=True)
    )


CARDS = st.builds(
    ModelCard,
    tier=st.sampled_from(TIERS),
    target=TARGETS,
    features=TEXT,
    features_digest=TEXT,
    elements=st.lists(st.sampled_from(element_symbols()), unique=True, max_size=6).map(tuple),
    conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
    threshold=st.none() | THRESHOLDS,
    curve=st.lists(st.builds(OperatingPoint, THRESHOLDS, SHARES, SHARES, SHARES), max_size=4).map(tuple),
    metrics=st.dictionaries(TEXT, st.dictionaries(TEXT, NUMBERS, max_size=3), max_size=3),
    interval=TEXT,
    method=TEXT,
    notes=st.lists(TEXT, max_size=3).map(tuple),
    golden=st.lists(st.builds(Golden, TEXT, st.dictionaries(TEXT, NUMBERS, max_size=3)), max_size=3).map(tuple),
    sources=st.lists(st.builds(Source, TEXT, TEXT, TEXT, st.integers(0, 10**9)), max_size=3).map(tuple),
    data_digest=TEXT,
    code_version=TEXT,
    created=TEXT,
    classifier=st.sampled_from(["", "mtl", "independent"]),
    preferred=st.booleans(),
    prior=st.none() | THRESHOLDS,
    interval_rule=st.sampled_from(["", "relative", "absolute"]),
    interval_floor=st.none() | NUMBERS,
    distance=distances(),
    domain_limit=st.none() | st.floats(0, 100),
    folds=TEXT,
    fold_scores=st.dictionaries(TEXT, st.lists(NUMBERS, max_size=3).map(tuple), max_size=3),
)
CARD = ModelCard(
    tier="screen",
    target=Target("hardness_gpa", "GPa", "regression", 2.0, 11.0),
    features="kang21",
    features_digest="0123456789abcdef",
    elements=("Al", "Ti"),
    conditions=(Condition("load_n", "N", 9.8, 0.1, 50.0, {"bulk": 2.0}),),
    threshold=0.35,
    curve=(OperatingPoint(0.35, 0.8, 0.95, 0.85),),
    metrics={"grouped": {"r2": 0.5}},
    interval="split conformal",
    method="a net",
    notes=("mind the gap",),
    golden=(Golden("Al20Ti80", {"hardness_gpa": 5.5}),),
    sources=(Source("tiny", "A. Smith (2020)", "CC-BY-4.0", 7),),
    data_digest="0" * 16,
    code_version="1.2",
    created="2026-01-01",
    classifier="mtl",
    preferred=False,
    prior=0.4,
    interval_rule="absolute",
    interval_floor=0.0,
    distance=(DistanceBin(10.0, 50, 0.5, 1.0), DistanceBin(100.0, 7, 1.5, 2.0)),
    domain_limit=20.0,
    folds="f" * 16,
    fold_scores={"mae": (0.4, 0.6)},
)


def changed(place: str, value: object) -> dict[str, str]:
    """Metadata of the example with one value, given by its path, put in another's place."""
    raw = {key.removeprefix(PREFIX): json.loads(text) for key, text in CARD.to_props().items()}
    *parents, last = place.split(".")
    inner = raw
    for key in parents:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    if isinstance(inner, list):
        inner[int(last)] = value
    else:
        inner[last] = value
    return {PREFIX + key: json.dumps(value) for key, value in raw.items()}


def refusal(props: dict[str, str]) -> str:
    with pytest.raises(ModelError) as refused:
        ModelCard.from_props(props)
    assert refused.value.hint == HINT
    return refused.value.message


@settings(deadline=None, max_examples=80)
@given(CARDS)
def test_reading_gives_back_what_was_written(card):
    assert ModelCard.from_props(card.to_props()) == card


def test_metadata_are_text_and_foreign_keys_are_left_alone():
    props = CARD.to_props()
    assert all(isinstance(key, str) and isinstance(text, str) for key, text in props.items())
    assert all(key.startswith("screener.") for key in props)
    assert ModelCard.from_props(props | {"author": "{not json", "screener": "["}) == CARD


def test_scores_that_are_not_defined_stay_so():
    props = changed("metrics", {"grouped": {"roc_auc": math.nan}})
    assert math.isnan(ModelCard.from_props(props).metrics["grouped"]["roc_auc"])
    props = changed("distance.0.error", math.nan)
    assert math.isnan(ModelCard.from_props(props).distance[0].error)
    props = changed("fold_scores.mae.1", math.nan)
    assert math.isnan(ModelCard.from_props(props).fold_scores["mae"][1])
    props = changed("curve.0.specificity", math.nan)
    assert math.isnan(ModelCard.from_props(props).curve[0].specificity)


@pytest.mark.parametrize("schema", [None, SCHEMA + 1, "1", [1], {}])
def test_another_schema_is_refused(schema):
    assert refusal(changed("schema", schema)) == "the file carries no model card of schema 2"


def test_a_file_without_a_card_is_refused():
    assert refusal({}) == "the file carries no model card of schema 2"
    assert refusal({"producer": "someone else"}) == "the file carries no model card of schema 2"


@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", "[" * 100_000, "1" * 10_000, "\ud800", '{"a": 1}}'], ids=lambda text: text[:10]
)
def test_broken_json_is_refused(text):
    assert refusal(CARD.to_props() | {"screener.notes": text}) == "the model card is not readable"


def test_an_endless_card_is_refused():
    props = CARD.to_props() | {"screener.method": json.dumps("x" * 5_000_000)}
    assert refusal(props) == "the model card is longer than 4,000,000 characters"


@pytest.mark.parametrize("name", [key.removeprefix(PREFIX) for key in CARD.to_props() if key != "screener.schema"])
def test_a_missing_field_is_refused_by_name(name):
    props = CARD.to_props()
    del props[PREFIX + name]
    assert refusal(props) == f"the model card has no valid `{name}`"


@pytest.mark.parametrize(
    "place",
    ["target.low", "conditions.0.levels", "curve.0.recall", "golden.0.formula", "sources.0.rows", "distance.0.upto"],
)
def test_a_missing_nested_field_is_refused_by_path(place):
    raw = {key.removeprefix(PREFIX): json.loads(text) for key, text in CARD.to_props().items()}
    first, *rest = place.split(".")
    inner = raw[first][0] if len(rest) == 2 else raw[first]
    del inner[rest[-1]]
    props = {PREFIX + key: json.dumps(value) for key, value in raw.items()}
    assert refusal(props) == f"the model card has no valid `{place}`"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("tier", "fast"), ("tier", 1), ("tier", None),
        ("target", []), ("target", "hardness_gpa"), ("target.name", "Hardness, GPa"), ("target.name", "../../evil"),
        ("target.name", "x" * 65), ("target.name", ""), ("target.kind", "ranking"), ("target.unit", 3),
        ("target.low", "2"), ("target.low", math.nan), ("target.high", math.inf), ("target.high", 1.0),
        ("features", 7), ("features_digest", None),
        ("elements", "AlTi"), ("elements", {"Al": 1}), ("elements", ["Al", "Xx"]), ("elements", ["Al", "Al"]),
        ("conditions", {}), ("conditions.0.name", "load N"), ("conditions.0.reference", "9.8"),
        ("conditions.0.reference", math.inf), ("conditions.0.high", 0.0), ("conditions.0.low", True),
        ("threshold", "0.35"), ("threshold", 1.5), ("threshold", -0.1), ("threshold", 0), ("threshold", 1.0),
        ("threshold", math.nan), ("threshold", True), ("threshold", [0.5]), ("threshold", 10**400),
        ("curve", "high"), ("curve.0.threshold", 0.0), ("curve.0.recall", 1.01), ("curve.0.recall", math.nan),
        ("curve.0.precision", "good"), ("curve.0.specificity", -1),
        ("metrics", []), ("metrics.grouped", 0.5), ("metrics.grouped.r2", "0.5"), ("metrics.grouped.r2", None),
        ("interval", None), ("method", ["a", "net"]), ("notes", "mind"), ("notes.0", 3),
        ("golden.0.formula", None), ("golden.0.outputs", [5.5]), ("golden.0.outputs.hardness_gpa", "5.5"),
        ("golden.0.outputs.hardness_gpa", math.nan),
        ("sources.0.citation", 1), ("sources.0.rows", 1.5), ("sources.0.rows", -1), ("sources.0.rows", "7"),
        ("data_digest", 0), ("code_version", 1.2), ("created", {}),
        ("conditions.0.levels", ["bulk"]), ("conditions.0.levels.bulk", "slow"), ("conditions.0.levels.bulk", math.nan),
        ("classifier", "tree"), ("classifier", None), ("preferred", 1), ("preferred", "yes"), ("preferred", None),
        ("prior", 0), ("prior", 1.0), ("prior", -0.5), ("prior", "0.4"), ("prior", math.nan), ("prior", False),
        ("interval_rule", "wide"), ("interval_rule", None), ("interval_floor", "0"), ("interval_floor", math.nan),
        ("distance", {}), ("distance.0.upto", 0.0), ("distance.0.upto", -5), ("distance.1.upto", 10.0),
        ("distance.1.upto", 101.0), ("distance.0.rows", 1.5), ("distance.0.error", -0.1), ("distance.0.error", None),
        ("distance.0.widening", 0.0), ("distance.0.widening", math.nan), ("distance.1.widening", 0.9),
        ("domain_limit", -1), ("domain_limit", 100.5), ("domain_limit", "20"), ("domain_limit", math.nan),
        ("folds", 7), ("fold_scores", []), ("fold_scores.mae", 0.5), ("fold_scores.mae.0", "0.4"),
        ("method", "\x1b[2Jgone"), ("notes.0", "two\nlines"), ("sources.0.citation", "\ud800"),
    ],
)  # fmt: skip
def test_a_field_of_another_type_or_range_is_refused_by_path(place, value):
    assert refusal(changed(place, value)) == f"the model card has no valid `{place}`"


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        ("conditions.0", "load_n", "conditions.0"),
        ("conditions.0.levels", {"\x07": 1.0}, "conditions.0.levels"),
        ("distance.0", 10.0, "distance.0"),
        ("curve.0", 0.5, "curve.0"),
        ("golden.0", ["Al20Ti80", 5.5], "golden.0"),
        ("sources.0", None, "sources.0"),
        ("metrics", {"grouped\x07": {"r2": 1.0}}, "metrics"),
        ("golden.0.outputs", {"a\nb": 1.0}, "golden.0.outputs"),
    ],
)
def test_wrong_nesting_and_unprintable_names_are_refused(place, value, named):
    assert refusal(changed(place, value)) == f"the model card has no valid `{named}`"


def test_bins_of_distance_must_reach_as_far_as_alloys_can_be_apart():
    assert refusal(changed("distance.1.upto", 99.0)) == "the model card has no valid `distance`"
    assert ModelCard.from_props(changed("distance", [])).distance == ()


def test_what_a_card_of_an_unfinished_fit_leaves_out_has_defaults():
    card = ModelCard("screen", CARD.target, "kang21", "0", ("Al",))
    assert (card.classifier, card.preferred, card.prior, card.domain_limit, card.distance) == ("", True, None, None, ())
    assert ModelCard.from_props(card.to_props()) == card
    assert not card.flagged
