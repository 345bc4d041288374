"""Compositions at corners and edges, through the Python API by both paths of a list."""

from __future__ import annotations

import warnings

import numpy as np
import polars
import pytest
from tiny_models import ELEMENTS

from screener import scoring
from screener.descriptors.featurizer import featurize
from screener.descriptors.reference import describe
from screener.descriptors.specs import DOMAIN, feature_spec
from screener.scoring import score
from screener.space import CompositionSpace

TRACE, SUBNORMAL = "0." + "0" * 40 + "1", "0." + "0" * 320 + "1"
NINES = "9" * 307
READ = {
    "Ti": 1,
    "Al0.000001Ti99.999999": 2,
    "Al0.0000001Ti1": 2,
    "".join(ELEMENTS): 8,
    f"Al{TRACE}Ti1": 2,
    f"Al{SUBNORMAL}Ti1": 2,
    f"Al{SUBNORMAL}Ti{SUBNORMAL}": 2,
    f"Al{SUBNORMAL}": 1,
    f"Al{NINES}Ti0.5": 2,
    f"Al{NINES}Ti{NINES}": 2,
    "Al0Ti1": 1,
    "(AlTi)99.7Cr0.5": 3,
    "((((Al9999999)9999999)9999999)9999999)Ti": 2,
}
REFUSED = {
    "AlTiAl": "`Al` is repeated",
    "Al1e300Ti1e300": "cannot read `e300Ti1e300`",
    f"Al{'9' * 400}Ti1": "are not finite",
    f"Al{'9' * 308}Ti{'9' * 308}": "are not finite",
    "Al-0Ti1": "cannot read `-0Ti1`",
    "Al0Ti0": "nothing is left",
    "Al-1Ti2": "cannot read `-1Ti2`",
    "AlnanTi": "cannot read",
    "AlinfTi": "cannot read",
}
AMOUNTS = (
    ("50", "50", True),
    ("-0", "100", True),
    ("1e-320", "100", True),
    ("99.6", "0", True),
    ("100.4", "0", True),
    ("0.6", "0.4", True),
    ("50.3", "50.1", True),
    ("1e-6", "0.999999", True),
    ("-1e-300", "100", False),
    ("101", "0", False),
    ("98", "0", False),
    ("1e300", "1e300", False),
    ("nan", "100", False),
    ("inf", "1", False),
    ("0", "0", False),
)


def scored(table, folder, monkeypatch, short, **how):
    monkeypatch.setattr(scoring, "CHARACTERIZE_UP_TO", 20_000 if short else 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows that are refused, elements outside the training
        return score(table, models=folder, **how)


def assert_finite(frame):
    numbers = frame.select(polars.selectors.float()).to_numpy()
    assert np.isfinite(numbers).all()


@pytest.mark.parametrize("short", [True, False])
def test_formulas_at_the_edge_are_read_or_refused(tiny_models, tmp_path, monkeypatch, short):
    rejects = tmp_path / "r.csv"
    table = polars.DataFrame({"formula": [*READ, *REFUSED]})
    frame = scored(table, tiny_models, monkeypatch, short, with_descriptors=True, rejects=rejects)
    assert frame["input_formula"].to_list() == list(READ)
    assert frame["n_components"].to_list() == list(READ.values())
    assert_finite(frame)
    why = polars.read_csv(rejects, infer_schema=False)
    assert why["text"].to_list() == list(REFUSED)
    for reason, expected in zip(why["reason"], REFUSED.values(), strict=True):
        assert expected in reason


@pytest.mark.parametrize("short", [True, False])
def test_amounts_at_the_edge_are_read_or_refused(tiny_models, tmp_path, monkeypatch, short):
    rejects = tmp_path / "r.csv"
    table = polars.DataFrame({"Al": [each[0] for each in AMOUNTS], "Ti": [each[1] for each in AMOUNTS]})
    frame = scored(table, tiny_models, monkeypatch, short, with_descriptors=True, rejects=rejects)
    assert frame["row"].to_list() == [row for row, each in enumerate(AMOUNTS, 1) if each[2]]
    assert_finite(frame)
    assert len(polars.read_csv(rejects)) == sum(not each[2] for each in AMOUNTS)


def test_both_paths_of_a_list_agree_at_the_edge(tiny_models, monkeypatch):
    table = polars.DataFrame({"formula": list(READ)})
    one, other = (
        scored(table, tiny_models, monkeypatch, short, tier="screen", with_descriptors=True) for short in (True, False)
    )
    for name in other.columns:
        if other[name].dtype.is_float():
            np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("name", ["kang21", "screen", "alloy"])
def test_descriptors_of_many_elements_pure_ones_and_traces_are_finite(name):
    spec, count = feature_spec(name), len(DOMAIN)
    traces = np.full((1, count), 1e-6)
    traces[0, 3] = 1.0
    subnormal = np.full((1, count), 5e-324)
    subnormal[0, 7] = 1.0
    rows = np.concatenate([np.eye(count), np.full((1, count), 1 / count), traces / traces.sum(), subnormal])
    narrow, wide = featurize(rows, DOMAIN, spec), describe(rows, DOMAIN, spec.descriptors)
    assert np.isfinite(narrow).all()
    assert np.isfinite(wide).all()
    np.testing.assert_allclose(narrow, wide, rtol=1e-5, atol=1e-4)


def test_spaces_of_one_alloy_and_of_fifteen_elements(tiny_models):
    from screener import screen

    one = CompositionSpace.build("Al,Ti", 50, bounds="Al=50:50")
    assert screen(one, models=tiny_models)["formula"].to_list() == ["Al50Ti50"]
    many = CompositionSpace.build(DOMAIN[:15], "5", components="15")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # elements outside the training
        frame = screen(many, models=tiny_models, search="exhaustive", sample=200, top=10)
    assert frame.height == 10
    assert_finite(frame)
