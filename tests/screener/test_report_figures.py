"""Pictures for papers: what is on the front, what is written, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_results import plain_rows, write_result

pytest.importorskip("matplotlib", reason="the extra `report` is not installed")

from screener.report.figures import pareto_rows
from screener.report.ternary_figure import positions

BEGINNINGS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
VALUES = st.integers(0, 6) | st.just(float("nan"))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=25), st.booleans(), st.booleans())
def test_the_front_is_what_no_other_row_beats(points: list[tuple[float, float]], less_x: bool, less_y: bool) -> None:
    x, y = (np.array([point[axis] for point in points], np.float64) for axis in (0, 1))
    a, b = (-x if less_x else x), (-y if less_y else y)
    known = [row for row in range(len(points)) if np.isfinite(a[row]) and np.isfinite(b[row])]
    unbeaten = [
        row
        for row in known
        if not any(a[o] >= a[row] and b[o] >= b[row] and (a[o] > a[row] or b[o] > b[row]) for o in known)
    ]
    assert sorted(pareto_rows(x, y, less_x, less_y).tolist()) == unbeaten


def test_corners_of_the_triangle_are_where_they_should_be() -> None:
    x, y = positions(np.eye(3))
    assert x.tolist() == [0.0, 1.0, 0.5]
    assert y == pytest.approx([0.0, 0.0, 0.75**0.5])


@pytest.mark.parametrize("kind", ["ternary", "pareto", "histogram"])
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_every_kind_is_drawn_in_every_format_the_same_twice(run, tmp_path: Path, kind: str, suffix: str) -> None:
    write_result(tmp_path / "a.csv", plain_rows())
    for name in ("one", "two"):
        ended = run("plot", "a.csv", "--kind", kind, "-o", f"{name}.{suffix}")
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    content = (tmp_path / f"one.{suffix}").read_bytes()
    assert content.startswith(BEGINNINGS[suffix])
    assert content == (tmp_path / f"two.{suffix}").read_bytes()


def test_axes_carry_words_and_units(run, tmp_path: Path) -> None:
    write_result(tmp_path / "a.csv", plain_rows())
    assert run("plot", "a.csv", "--kind", "pareto", "--column", "p_amorphous", "-o", "a.svg").code == 0
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    for text in (
        "hardness (GPa)",
        "electrical resistivity (µΩ cm)",
        "probability of an amorphous phase",
        "Pareto front",
    ):
        assert text in drawn


def test_the_map_of_the_space_lies_behind_the_triangle(run, tmp_path: Path) -> None:
    assert run("enumerate", "--elements", "Al,Ti,Cr,Ni", "--step", "10", "--top", "5", "-o", "a.csv").code == 0
    assert run("plot", "a.csv", "--kind", "ternary", "--column", "hardness_gpa", "-o", "a.svg").code == 0
    assert run("plot", "a.csv", "--kind", "ternary", "--corners", "Ni,Cr,others", "-o", "b.svg").code == 0
    assert run("plot", "a.csv", "--kind", "ternary", "--map-points", "0", "-o", "c.svg").code == 0
    first, second, bare = ((tmp_path / name).read_text(encoding="utf-8") for name in ("a.svg", "b.svg", "c.svg"))
    assert "best of the result" in first
    assert ">Ni</text>" in second
    assert "best of the result" in second
    assert "best of the result" not in bare


def test_a_name_with_signs_is_no_formula(run, tmp_path: Path) -> None:
    write_result(tmp_path / "a.csv", plain_rows().rename({"hardness_gpa": "cost in $ & <b>"}), None)
    assert run("plot", "a.csv", "--kind", "histogram", "--column", "cost in $ & <b>", "-o", "a.svg").code == 0
    assert "cost in $ &amp; &lt;b&gt;" in (tmp_path / "a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("--kind", "pie", "-o", "a.png"), "unknown kind `pie`", "use --kind ternary, pareto or histogram"),
        (("--kind", "pareto", "-o", "a.jpg"), "unknown picture format `.jpg`", "end -o in .png, .svg or .pdf"),
        (
            ("--kind", "histogram", "--column", "nope", "-o", "a.png"),
            "no column `nope` in `a.csv`",
            "there are rank, p_amorphous, resistivity_uohm_cm, hardness_gpa, nearest_distance",
        ),
        (
            ("--kind", "pareto", "--x", "formula", "-o", "a.png"),
            "column `formula` holds no numbers in `a.csv`",
            "there are rank, p_amorphous, resistivity_uohm_cm, hardness_gpa, nearest_distance",
        ),
        (
            ("--kind", "ternary", "--corners", "Al,Ti", "-o", "a.png"),
            "corners `Al,Ti` are not three",
            "write `--corners Cu,Zr,others`",
        ),
        (
            ("--kind", "ternary", "--corners", "Al,Ti,Xx", "-o", "a.png"),
            "corner `Xx` is no element",
            "choose from Cr, Ti, Al; the last may be others",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(run, tmp_path: Path, arguments, message: str, hint: str) -> None:
    write_result(tmp_path / "a.csv", plain_rows())
    ended = run("plot", "a.csv", *arguments)
    assert (ended.code, ended.err) == (2, f"error: {message}\n\nhint: {hint}\n")
    assert not list(tmp_path.glob("a.[jp]*"))
