"""The report in a real browser: headless Chromium opens it, sorts, filters, selects and downloads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_results import HOSTILE, plain_rows, write_result

pytest.importorskip("plotly", reason="the extra `report` is not installed")
pytest.importorskip("selenium", reason="selenium of the extra `dev` is not installed")

from browsing import NEEDS_CHROMIUM, headless, waited
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser without a window, whose downloads go to a folder of its own."""
    with headless(tmp_path_factory.mktemp("downloads")) as driver:
        yield driver


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Path:
    """The report of a space, with maps and a hostile column beside it."""
    from screener.cli import main
    from screener.report.document import write_report

    folder = tmp_path_factory.mktemp("report")
    result = folder / "a.csv"
    command = ["enumerate", "--elements", "Al,Ti,Cr", "--step", "5", "--top", "60", "--models", str(tiny_models)]
    assert main([*command, "--maximize", "hardness_gpa", "--quiet", "-o", str(result)]) == 0
    lines = result.read_text(encoding="utf-8").splitlines()
    lines[0] += ",note"
    lines[1:] = [f'{line},"{HOSTILE if row == 4 else f"row {row}, plain"}"' for row, line in enumerate(lines[1:])]
    result.write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_report(result, folder / "a.html", tiny_models)
    return folder / "a.html"


@pytest.fixture
def page(browser: webdriver.Chrome, report: Path) -> webdriver.Chrome:
    """The report, opened, with nothing logged before."""
    return opened(browser, report)


def opened(browser: webdriver.Chrome, path: Path) -> webdriver.Chrome:
    """Open a report and wait until its first pictures stand there."""
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(path.as_uri())
    waited(browser, lambda: browser.execute_script("return document.documentElement.dataset.opened"))
    return browser


def rows(page: webdriver.Chrome, column: str) -> list[str]:
    """Read the exact texts of a column, of the rows drawn."""
    script = """
        const place = [...document.querySelectorAll('#table thead button')]
            .findIndex((button) => button.textContent.replace(/ [▲▼]$/, '') === arguments[0]);
        return [...document.querySelectorAll('#table tr[data-place]')].map((row) => row.cells[place].title);"""
    return page.execute_script(script, column)


def shown(page: webdriver.Chrome) -> str:
    """Read how many rows are shown."""
    return page.find_element(By.ID, "shown").text


def selected(page: webdriver.Chrome) -> str:
    """Read how many alloys are selected."""
    return page.find_element(By.ID, "selection-status").text


def control(page: webdriver.Chrome, label: str) -> WebElement:
    """Find a filter of the table by its label."""
    return page.find_element(By.CSS_SELECTOR, f"[aria-label='{label}']")


def into_sight(page: webdriver.Chrome, name: str) -> WebElement:
    """Bring a picture into sight and wait until it is drawn."""
    found = page.find_element(By.ID, name)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    waited(page, lambda: found.get_attribute("data-drawn"))
    return found


def drag(page: webdriver.Chrome, target: WebElement, start: tuple[int, int], by: tuple[int, int]) -> None:
    """Drag from a place, counted from the middle of an element."""
    chain = ActionChains(page, duration=50).move_to_element_with_offset(target, *start).click_and_hold()
    chain.move_by_offset(by[0] // 2, by[1] // 2).move_by_offset(
        by[0] - by[0] // 2, by[1] - by[1] // 2
    ).release().perform()


def test_every_picture_is_drawn_without_errors_and_without_the_network(page) -> None:
    for name in ("triangle", "scatter", "parallel", "histogram"):
        into_sight(page, name)
    assert page.get_log("browser") == []
    assert page.execute_script("return window.broken") is None
    asked = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"]
    assert urls
    assert all(url.startswith(("file:", "data:", "blob:")) for url in urls), urls
    assert not page.find_elements(By.CSS_SELECTOR, "[data-title*='loud'], [data-title*='hare']")


def test_a_click_on_a_heading_sorts_by_value(page) -> None:
    button = next(b for b in page.find_elements(By.CSS_SELECTOR, "thead button") if b.text == "p_amorphous")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", button)
    button.click()
    falling = [float(text) for text in rows(page, "p_amorphous")]
    assert len(falling) > 10
    assert falling == sorted(falling, reverse=True)
    button.send_keys(Keys.ENTER)
    rising = [float(text) for text in rows(page, "p_amorphous")]
    assert rising == sorted(rising)
    assert rising[0] < falling[0]
    assert len(page.find_elements(By.CSS_SELECTOR, "th[aria-sort='ascending']")) == 1


def test_filters_take_numbers_ranges_and_texts(page, report) -> None:
    with report.with_suffix(".csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    cases = (
        ("filter Al", ">= 40", [row for row in table if float(row["Al"]) >= 40]),
        ("filter rank", "5..9", table[4:9]),
        ("filter formula", "al5", [row for row in table if "al5" in row["formula"].lower()]),
    )
    for label, written, kept in cases:
        box = control(page, label)
        page.execute_script("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", box)
        box.send_keys(written)
        assert shown(page) == f"{len(kept)} of 60 rows shown"
        assert rows(page, "formula")[:5] == [row["formula"] for row in kept][:5]
        page.find_element(By.ID, "clear-filters").click()
        assert shown(page) == "60 of 60 rows shown"
    page.find_element(By.ID, "search").send_keys("row 7, plain")
    assert rows(page, "rank") == ["8"]


def test_hostile_texts_are_shown_as_texts(page) -> None:
    page.find_element(By.ID, "search").send_keys("</script>")
    assert rows(page, "note") == [HOSTILE]


def test_the_keyboard_moves_and_selects(page) -> None:
    first = page.find_element(By.CSS_SELECTOR, "#table tr[data-place='0']")
    first.click()
    ActionChains(page).send_keys(Keys.ARROW_DOWN, Keys.SPACE, Keys.END, Keys.SPACE).perform()
    assert selected(page) == "3 of 60 alloys selected."
    chosen = page.find_elements(By.CSS_SELECTOR, "#table tr[aria-selected='true']")
    assert "60" in [row.find_element(By.TAG_NAME, "td").text for row in chosen]
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert selected(page) == "No alloys selected."


def test_a_selection_in_one_picture_is_seen_in_all(page) -> None:
    plane = into_sight(page, "scatter").find_element(By.CSS_SELECTOR, ".nsewdrag")
    size = plane.size
    drag(page, plane, (-size["width"] // 2 + 3, -size["height"] // 2 + 3), (size["width"] // 2, size["height"] - 6))
    waited(page, lambda: selected(page) != "No alloys selected.")
    count = int(selected(page).split()[0])
    assert 0 < count < 60
    assert shown(page) == f"{count} of 60 rows shown"
    faint = "return document.getElementById('scatter').data[0].marker.opacity.filter((value) => value < 1).length"
    assert waited(page, lambda: page.execute_script(faint)) == 60 - count
    into_sight(page, "histogram")
    bars = "return document.getElementById('histogram').data[1].y.reduce((sum, value) => sum + value, 0)"
    assert waited(page, lambda: page.execute_script(bars)) == count
    page.find_element(By.ID, "clear-selection").click()
    assert shown(page) == "60 of 60 rows shown"


def test_a_range_along_an_axis_selects(page, report) -> None:
    canvas = into_sight(page, "parallel")
    size = canvas.size
    drag(page, canvas, (-size["width"] // 2 + 70, -size["height"] // 2 + 40), (0, 120))
    waited(page, lambda: selected(page) != "No alloys selected.")
    count = int(selected(page).split()[0])
    values = [float(text) for text in rows(page, "hardness_gpa")]
    with report.with_suffix(".csv").open(encoding="utf-8") as file:
        everything = sorted((float(row["hardness_gpa"]) for row in csv.DictReader(file)), reverse=True)
    assert 0 < count < 60
    assert sorted(values, reverse=True) == everything[: len(values)]


def test_the_triangle_reads_and_selects(page) -> None:
    plane = into_sight(page, "triangle").find_element(By.CSS_SELECTOR, ".nsewdrag")
    ActionChains(page).move_to_element(plane).perform()
    assert waited(page, lambda: "at.%: " in page.find_element(By.ID, "triangle-reading").text)
    page.find_element(By.CSS_SELECTOR, "#triangle [data-val='select']").click()
    size = plane.size
    drag(page, plane, (-size["width"] // 2 + 2, size["height"] // 2 - 2), (size["width"] - 4, 4 - size["height"]))
    waited(page, lambda: selected(page) == "60 of 60 alloys selected.")


def test_the_download_holds_the_rows_shown_to_the_last_letter(page, report) -> None:
    control(page, "filter rank").send_keys("<= 6")
    assert shown(page) == "6 of 60 rows shown"
    page.find_element(By.ID, "download").click()
    file = page.downloads / "a-shown.csv"
    waited(page, file.exists)
    lines = report.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    with file.open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == list(csv.reader(lines[:7]))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_sticks_out_in_any_theme(page, theme: str, width: int) -> None:
    page.set_window_size(width, 1000)
    feature = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    try:
        for name in ("triangle", "scatter", "parallel", "histogram"):
            into_sight(page, name)
        ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[theme]
        assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
        assert page.get_log("browser") == []
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        page.set_window_size(1280, 1000)


def test_a_table_without_numbers_opens_and_selects(browser, tiny_models, tmp_path) -> None:
    from screener.report.document import write_report

    (tmp_path / "a.csv").write_text("formula,in_domain\nCu50Zr50,a\nAl20Ti30Cr50,b\nno alloy,\n", encoding="utf-8")
    write_report(tmp_path / "a.csv", tmp_path / "a.html", tiny_models)
    page = opened(browser, tmp_path / "a.html")
    page.find_element(By.CSS_SELECTOR, "#table tr[data-place='2']").click()
    assert selected(page) == "1 of 3 alloys selected."
    assert page.get_log("browser") == []


def test_twenty_thousand_rows_open_and_draw_only_what_is_seen(browser, tiny_models, tmp_path, capsys) -> None:
    from screener.report.document import write_report

    write_report(write_result(tmp_path / "big.csv", plain_rows(20_000), None), tmp_path / "big.html", tiny_models)
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    page = opened(browser, tmp_path / "big.html")
    metrics = {each["name"]: each["value"] for each in page.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
    spans = page.execute_script(
        "return [document.documentElement.dataset.usable, document.documentElement.dataset.opened]"
    )
    with capsys.disabled():
        print(f"\n20,000 rows: table after {spans[0]} ms, pictures after {spans[1]} ms", end=", ")
        print(f"{metrics['ThreadTime']:.2f} s of work")
    # Work, not time on the wall: that depends on what else the machine does.
    assert metrics["ThreadTime"] < 4.0
    assert len(page.find_elements(By.CSS_SELECTOR, "#table tr[data-place]")) < 80
    assert shown(page) == "20,000 of 20,000 rows shown"
    assert page.get_log("browser") == []
