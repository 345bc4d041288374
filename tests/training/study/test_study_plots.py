from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.study.plots import histogram_svg, lines_svg, mean_curve

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")


def texts(svg, anchor):
    """Words of a drawing that are set at an anchor."""
    return [each.text for each in ElementTree.fromstring(svg).iter(f"{SVG}text") if each.get("text-anchor") == anchor]


def drawn(x, y, **options):
    return lines_svg("t", {"line": (np.array(x, float), np.array(y, float))}, "x", "y", **options)


def test_figures_are_whole_svg_and_leave_out_what_is_not_finite():
    x = np.arange(5.0)
    svg = lines_svg("a < b", {"one & two": (x, np.array([1.0, np.nan, 3.0, 0.0, 5.0]))}, "epoch", "loss", log_y=True)
    (line,) = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    assert len(line.get("points").split()) == 3
    assert "a &lt; b" in svg
    ElementTree.fromstring(histogram_svg("h", {"s": np.array([]), "t": np.array([1.0, np.inf, 2.0])}, "error"))
    assert mean_curve([np.array([1.0, 3.0]), np.array([3.0])])[1].tolist() == [2.0, 3.0]


@example([-1e6, -999999.9999999999])
@example([3.25])
@given(st.lists(st.floats(-1e6, 1e6).filter(lambda v: v == 0.0 or abs(v) > 1e-6), min_size=1, max_size=5))
def test_ticks_are_equal_steps_of_one_two_or_five_in_decimals_and_hold_all_values(values):
    ticks = texts(drawn(range(len(values)), values), "end")
    assert all(NUMBER.fullmatch(tick) for tick in ticks)
    numbers = [float(tick.replace(",", "")) for tick in ticks]
    steps = np.diff(numbers)
    assert f"{steps[0]:e}"[0] in "125"
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    assert numbers[0] <= min(values) + 1e-6 * steps[0]
    assert numbers[-1] >= max(values) - 1e-6 * steps[0]


@given(st.lists(st.floats(1e-8, 1e8), min_size=1, max_size=5))
def test_ticks_of_a_logarithmic_axis_are_round_numbers_around_all_values(values):
    svg = drawn(range(len(values)), values, log_y=True)
    ticks = texts(svg, "end")
    assert all(NUMBER.fullmatch(tick) for tick in ticks)
    numbers = [float(tick.replace(",", "")) for tick in ticks]
    assert all(re.match(r"[125]\.0+e", f"{number:e}") for number in numbers)
    assert numbers[0] <= min(values) * (1 + 1e-6)
    assert numbers[-1] >= max(values) * (1 - 1e-6)
    assert "y, logarithmic" in texts(svg, "middle")


def test_an_axis_of_named_places_is_logarithmic_where_it_says_so():
    svg = drawn([10, 100, 1000], [0.1, 0.2, 0.3], log_x=True, x_ticks={10: "10", 100: "100", 1000: "all"})
    assert [text for text in texts(svg, "middle") if text in ("10", "100", "all")] == ["10", "100", "all"]
    assert "x, logarithmic" in texts(svg, "middle")
    (line,) = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    places = [float(pair.split(",")[0]) for pair in line.get("points").split()]
    assert places == pytest.approx([70.0, 280.0, 490.0])


@pytest.mark.parametrize("name", ["a", "resistivity_uohm_cm – formation_enthalpy_ev_atom"])
def test_the_longest_name_has_room_in_the_legend(name):
    svg = lines_svg("t", {name: (np.arange(2.0), np.arange(2.0))}, "x", "y")
    width = float(ElementTree.fromstring(svg).get("viewBox").split()[2])
    (place,) = [e.get("x") for e in ElementTree.fromstring(svg).iter(f"{SVG}text") if e.text == name]
    assert float(place) + 6.3 * len(name) <= width


def test_what_lies_below_the_floor_is_marked_at_the_edge():
    svg = drawn([1, 2, 3], [0.5, -215.0, 0.9], floor=-0.5)
    drawing = ElementTree.fromstring(svg)
    assert texts(svg, "end")[0] == "-0.5"
    assert "y (▽: below -0.5)" in texts(svg, "middle")
    (line,) = drawing.iter(f"{SVG}polyline")
    assert line.get("points").split()[1].endswith(",350.0")
    assert len([each for each in drawing.iter(f"{SVG}path") if each.get("d").endswith("350Z")]) == 1
    assert "▽" not in drawn([1, 2, 3], [0.5, 0.1, 0.9], floor=-0.5)


def test_a_single_point_is_seen():
    assert len(list(ElementTree.fromstring(drawn([1], [0.5])).iter(f"{SVG}circle"))) == 1
