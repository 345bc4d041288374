"""The report as a file: complete or absent, whole in itself, and deaf to what hostile results would tell a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_results import HOSTILE, plain_rows, write_result

from screener.report import document
from screener.report.document import write_report
from screener.report.payload import embedded

pytest.importorskip("plotly", reason="the extra `report` is not installed")
pytest.importorskip("jinja2", reason="the extra `report` is not installed")

HEADINGS = (
    "What was asked",
    "What to mind",
    "Map of compositions",
    "Two properties against each other",
    "Table",
    "Parallel coordinates",
    "Distribution of the values",
    "The models, and how wrong they are",
)


class Page(HTMLParser):
    """Elements of a page, and the content of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.headings: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
        elif self._open == "h2":
            self.headings.append(data)


@pytest.fixture
def page(tmp_path: Path, tiny_models: Path) -> Page:
    """The report of an invented result with a hostile cell."""
    result = write_result(tmp_path / "a.csv", plain_rows())
    write_report(result, tmp_path / "a.html", tiny_models)
    return Page((tmp_path / "a.html").read_text(encoding="utf-8"))


def test_the_page_has_its_sections_and_names_every_control(page: Page) -> None:
    assert tuple(page.headings) == HEADINGS
    named = {attrs.get("id") for _, attrs in page.elements}
    for tag, attrs in page.elements:
        if tag == "section":
            assert attrs["aria-labelledby"] in named
        if attrs.get("role") in ("img", "group"):
            assert attrs["aria-label"]
    assert ("html", {"lang": "en"}) in page.elements


def test_the_page_is_whole_in_itself(page: Page) -> None:
    for tag, attrs in page.elements:
        for name in ("src", "href", "action", "data"):
            assert (attrs.get(name) or "#").startswith(("#", "data:")), (tag, attrs)
    policy = next(attrs["content"] for _, attrs in page.elements if attrs.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; connect-src 'none'; ")
    assert "unsafe-eval" not in policy
    _, library, code = page.scripts
    for script in (library, code):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_hostile_texts_stay_texts(page: Page) -> None:
    assert len(page.scripts) == 3
    columns = {column["name"]: column for column in json.loads(page.scripts[0])["columns"]}
    assert columns["note"]["text"].split("\n")[1] == HOSTILE


def test_hostile_names_and_questions_are_escaped(tmp_path: Path, tiny_models: Path) -> None:
    asked = {"list": HOSTILE, "where": HOSTILE, "maximize": [HOSTILE], "conditions": {HOSTILE: 1}, "process": HOSTILE}
    frame = plain_rows().rename({"note": HOSTILE})
    write_report(write_result(tmp_path / "a.csv", frame, asked), tmp_path / "a.html", tiny_models)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert len(Page(text).scripts) == 3


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=5), st.lists(st.text(max_size=9) | st.sampled_from([HOSTILE, "<!--<script>", "\u2028&amp;"]))
    )
)
def test_embedded_json_reads_back_and_cannot_end_its_element(payload: dict[str, object]) -> None:
    text = embedded(payload)
    assert json.loads(text) == payload
    assert not set("<>&\u2028\u2029") & set(text)


def test_maps_are_packed_without_loss_that_an_eye_would_see(run, tiny_models: Path, tmp_path: Path) -> None:
    assert run("enumerate", "--elements", "Al,Ti,Cr", "--step", "10", "--top", "5", "-o", "a.csv").code == 0
    ended = run("report", "a.csv", "-o", "a.html")
    assert (ended.code, ended.out) == (0, "")
    assert re.fullmatch(r"5 rows, \d\.\d MB: open `a.html` in a browser\n", ended.err.splitlines(keepends=True)[-1])
    payload = json.loads(Page((tmp_path / "a.html").read_text(encoding="utf-8")).scripts[0])
    (grid,) = payload["grids"]
    assert payload["corners"] == [["Al", "Ti", "Cr"]]
    nodes = grid["values"]["hardness_gpa"]
    packed = np.frombuffer(base64.b64decode(nodes["nodes"]), "<u2").reshape(11, 11)
    assert (packed < 65_535).sum() == 66
    assert payload["training"]["formulas"]
    from screener import CompositionSpace, screen

    space = CompositionSpace.build("Al,Ti,Cr", 10)
    frame = screen(space, models=tiny_models, tier="screen", top=space.size)
    span = nodes["high"] - nodes["low"]
    for row in frame.iter_rows(named=True):
        value = nodes["low"] + packed[round(row["Al"] / 10), round(row["Ti"] / 10)] / 65_534 * span
        assert value == pytest.approx(row["hardness_gpa"], abs=span / 60_000)


def test_equal_results_leave_equal_reports(tmp_path: Path, tiny_models: Path) -> None:
    result = write_result(tmp_path / "a.csv", plain_rows())
    for name in ("one.html", "two.html"):
        write_report(result, tmp_path / name, tiny_models)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_a_result_without_metadata_gets_a_report_that_says_so(run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("formula,score\nfirst,1\nsecond,2\n", encoding="utf-8")
    ended = run("report", "a.csv", "-o", "a.html")
    assert ended.code == 0
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "unknown: a.csv carries no metadata" in page
    assert "No column of formulas reads as alloys, so there are no maps of compositions." in page
    assert "Map of compositions" not in page
    assert "Nothing is known here of the models behind these values." in page


@pytest.mark.parametrize("command", [("report", "-o", "a.html"), ("plot", "--kind", "histogram", "-o", "a.png")])
@pytest.mark.parametrize("head", ["name,x", "formula,hardness", "in_domain,p_amorphous"])
def test_a_table_that_no_screen_made_is_refused(run, tmp_path: Path, command: tuple[str, ...], head: str) -> None:
    (tmp_path / "a.csv").write_text(f"{head}\nCu50Zr50,1\n", encoding="utf-8")
    ended = run(command[0], "a.csv", *command[1:])
    assert ended.code == 2
    assert ended.err == (
        "error: `a.csv` is no result of a screen: it has no predictions\n\n"
        "hint: predict its alloys first: screener score a.csv -o predicted.csv\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_one_row_is_one_row(run, tmp_path: Path) -> None:
    assert run("enumerate", "--elements", "Al,Ti,Cr", "--top", "1", "--quiet", "-o", "a.csv").code == 0
    ended = run("report", "a.csv", "-o", "a.html")
    assert ended.err.startswith("1 row, ")


def test_results_record_their_limits_models_and_thresholds(run, tmp_path: Path, tiny_models: Path) -> None:
    limits = ("--bounds", "Al=5:35", "--sum", "Al+Ti=20:70", "--components", "2-3")
    assert run("enumerate", "--elements", "Al,Ti,Cr", *limits, "--step", "2.5", "--top", "5", "-o", "a.csv").code == 0
    about = json.loads((tmp_path / "a.csv.meta.json").read_text(encoding="utf-8"))
    question, models = json.loads(about["screener.question"]), json.loads(about["screener.models"])
    assert question["bounds"] == {"Al": [5.0, 35.0]}
    assert question["components"] == [2, 3]
    assert question["sums"] == [{"elements": ["Al", "Ti"], "at_percent": [20.0, 70.0]}]
    assert set(models["tiers"]) == {"screen", "characterize"}
    assert all(len(digest) == 16 for tier in models["tiers"].values() for digest in tier.values())
    assert 0 < models["thresholds"]["screen"]["p_amorphous"] < 1
    assert models["conditions"] == {}


def test_long_results_are_cut_and_that_is_said(tmp_path: Path, tiny_models: Path, monkeypatch) -> None:
    monkeypatch.setattr(document, "MOST_ROWS", 10)
    write_report(write_result(tmp_path / "a.csv", plain_rows()), tmp_path / "a.html", tiny_models)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "The file holds 40 rows; this report shows the first 10." in text
    assert json.loads(Page(text).scripts[0])["rows"] == 10


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("none.csv", "-o", "a.html"), "no such file `none.csv`", "name a result that `screener enumerate -o` or"),
        (("a.csv", "-o", "a.pdf"), "unknown report format `.pdf`", "end -o in .html"),
        (("a.csv", "-o", "no/a.html"), "folder `no` does not exist", "create it: mkdir -p no"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(run, tmp_path, arguments, message, hint) -> None:
    write_result(tmp_path / "a.csv", plain_rows())
    before = sorted(tmp_path.iterdir())
    ended = run("report", *arguments)
    assert ended.code == 2
    assert ended.err.startswith(f"error: {message}\n\nhint: {hint}")
    assert sorted(tmp_path.iterdir()) == before


def test_without_the_extra_the_pip_line_is_told(run, tmp_path, monkeypatch) -> None:
    write_result(tmp_path / "a.csv", plain_rows())
    monkeypatch.setattr(document, "find_spec", lambda name: None)
    for command, package in (
        (("report", "a.csv", "-o", "a.html"), "plotly"),
        (("plot", "a.csv", "--kind", "histogram", "-o", "a.png"), "matplotlib"),
    ):
        ended = run(*command)
        assert ended.code == 2
        assert ended.err == (
            f"error: the package `{package}` is not installed\n\n"
            "hint: install the extra: pip install 'alloy-screener[report]'\n"
        )
    assert not list(tmp_path.glob("a.[hp]*"))


def test_no_script_sends_anything() -> None:
    folder = Path(document.__file__).with_name("page")
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.js"))
    for word in ("fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon", "innerHTML", "eval(", "Function(", "http"):
        assert word not in code, word
    assert "showSendToCloud: false" in code
