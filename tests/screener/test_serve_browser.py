"""The page of `screener serve` in headless Chromium: choose elements, see size and time, run, cancel, download."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `serve` is not installed")
pytest.importorskip("selenium", reason="selenium of the extra `dev` is not installed")

import uvicorn
from browsing import NEEDS_CHROMIUM, PATIENCE, headless, waited
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from screener.jobs import ScreenJob
from screener.outcome import Outcome
from screener.pipeline import run_screen
from screener.serve.api import Api, make_app
from screener.serve.installed import Installed
from screener.serve.runs import RunWatch
from screener.serve.server import open_socket

pytestmark = NEEDS_CHROMIUM


class Brake:
    """A search that can be held up in the middle."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()

    def __call__(self, job: ScreenJob, watch: RunWatch) -> Outcome:
        done = 0
        while not self.free.wait(0.02):
            done += 100
            watch.progress(done, 10**6)
            watch.best("hardness_gpa 7.5")
        return run_screen(job, watch)


@pytest.fixture(scope="module")
def brake() -> Brake:
    return Brake()


@pytest.fixture(scope="module")
def address(trusted_models: Path, brake: Brake) -> Iterator[str]:
    """A server on a free port, in a thread."""
    opened = open_socket("127.0.0.1", 0)
    app = make_app(Api(Installed.load(trusted_models, "cpu"), screen=brake), ("127.0.0.1",))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{opened.getsockname()[1]}"
    server.should_exit = True
    thread.join(PATIENCE)
    opened.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser without a window."""
    with headless(tmp_path_factory.mktemp("downloads")) as driver:
        yield driver


@pytest.fixture
def page(browser: webdriver.Chrome, address: str, brake: Brake) -> Iterator[webdriver.Chrome]:
    """The page, opened anew."""
    brake.free.set()
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(address)
    waited(browser, lambda: browser.execute_script("return document.documentElement.dataset.ready"))
    yield browser
    brake.free.set()


def text(page: webdriver.Chrome, name: str) -> str:
    return page.find_element(By.ID, name).text


def choose(page: webdriver.Chrome, *symbols: str) -> None:
    for symbol in symbols:
        page.find_element(By.CSS_SELECTOR, f"[data-symbol='{symbol}']").click()


def started(page: webdriver.Chrome) -> str:
    """Start a run and name it."""
    before = len(page.find_elements(By.CSS_SELECTOR, "#runs li"))
    page.find_element(By.ID, "start").click()
    waited(page, lambda: len(page.find_elements(By.CSS_SELECTOR, "#runs li")) > before)
    return page.find_element(By.CSS_SELECTOR, "#runs li").get_attribute("data-number")


def state(page: webdriver.Chrome, number: str) -> str:
    return page.find_element(By.CSS_SELECTOR, f"#runs li[data-number='{number}']").get_attribute("data-state")


def pressed(page: webdriver.Chrome, number: str, part: str) -> None:
    page.find_element(By.CSS_SELECTOR, f"#runs li[data-number='{number}'] [data-part='{part}']").click()


def test_a_screen_from_the_first_click_to_the_download(page, address) -> None:
    choose(page, "Al", "Ti", "Cr")
    assert page.find_element(By.ID, "elements").get_attribute("value") == "Al,Ti,Cr"
    Select(page.find_element(By.NAME, "step")).select_by_visible_text("5")
    page.find_element(By.ID, "to-Cr").send_keys("30")
    page.find_element(By.ID, "add-objective").click()
    column = Select(page.find_element(By.CSS_SELECTOR, ".objective [data-part='column']"))
    column.select_by_value("hardness_gpa")
    page.find_element(By.NAME, "where").send_keys("Al > 10")
    waited(page, lambda: "MB of memory" in text(page, "size"))
    assert text(page, "size").startswith("126 candidates: about")
    command = "screener enumerate --elements Al,Ti,Cr --step 5 --bounds Cr=0:30 --maximize hardness_gpa"
    assert text(page, "command") == f"{command} --where 'Al > 10' -o best.csv"
    number = started(page)
    waited(page, lambda: page.find_element(By.ID, "result").is_displayed())
    assert state(page, number) == "done"
    page.switch_to.frame("report")
    waited(page, lambda: page.execute_script("return document.documentElement.dataset.opened"))
    assert "Al–Ti–Cr: the best 20 alloys" in page.find_element(By.TAG_NAME, "h1").text
    for name in ("triangle", "scatter"):
        picture = page.find_element(By.ID, name)
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
        waited(page, lambda picture=picture: picture.get_attribute("data-drawn"))
    assert len(page.find_elements(By.CSS_SELECTOR, "#table tr[data-place]")) == 20
    page.switch_to.default_content()
    page.find_element(By.ID, "download-csv").click()
    file = page.downloads / f"Al-Ti-Cr-{number}.csv"
    waited(page, file.exists)
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 20
    assert all(float(row["Al"]) > 10 and float(row["Cr"]) <= 30 for row in rows)
    assert page.get_log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"]
    assert urls
    assert all(url.startswith((address, "data:", "blob:")) for url in urls), urls


def test_a_running_screen_is_watched_and_cancelled_and_the_next_runs(page, brake) -> None:
    brake.free.clear()
    choose(page, "Al", "Ti")
    waited(page, lambda: "MB of memory" in text(page, "size"))
    running, waiting = started(page), started(page)
    waited(page, lambda: "best so far: hardness_gpa 7.5" in text(page, "runs"))
    line = page.find_element(By.CSS_SELECTOR, f"#runs li[data-number='{running}']")
    assert "candidates/s" in line.text
    assert 0 < float(line.find_element(By.TAG_NAME, "progress").get_attribute("value")) < 1
    assert state(page, waiting) == "waiting"
    pressed(page, running, "cancel")
    waited(page, lambda: state(page, running) == "cancelled")
    waited(page, lambda: state(page, waiting) == "running")
    brake.free.set()
    waited(page, lambda: state(page, waiting) == "done")
    pressed(page, running, "remove")
    waited(page, lambda: not page.find_elements(By.CSS_SELECTOR, f"#runs li[data-number='{running}']"))
    assert page.get_log("browser") == []


def test_what_cannot_be_run_is_said_with_its_remedy(page) -> None:
    choose(page, "Al", "Ti")
    page.find_element(By.NAME, "where").send_keys("hardness > 3")
    waited(page, lambda: page.find_element(By.ID, "problem").is_displayed())
    assert text(page, "problem").startswith("unknown column `hardness`\n")
    assert not page.find_element(By.ID, "start").is_enabled()
    box = page.find_element(By.NAME, "where")
    box.send_keys("_gpa")
    page.execute_script("arguments[0].value = 'hardness_gpa > 3'", box)
    box.send_keys(" ")
    waited(page, lambda: "MB of memory" in text(page, "size"))
    assert not page.find_element(By.ID, "problem").is_displayed()
    assert page.find_element(By.ID, "start").is_enabled()


def test_the_keyboard_alone_does(page) -> None:
    focus = "document.querySelector(\"[data-symbol='Al']\").focus()"
    page.execute_script(focus)
    keys = ActionChains(page)
    keys.send_keys(Keys.SPACE, Keys.ARROW_DOWN, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ENTER).perform()
    # Down from Al is Ga; two to the left is Cu.
    assert page.find_element(By.ID, "elements").get_attribute("value") == "Al,Cu"
    stops = page.find_elements(By.CSS_SELECTOR, "#periodic button[tabindex='0']")
    assert [stop.text for stop in stops] == ["Cu"]
    waited(page, lambda: "MB of memory" in text(page, "size"))
    page.find_element(By.ID, "start").send_keys(Keys.ENTER)
    waited(page, lambda: page.find_element(By.ID, "result").is_displayed())


def test_every_control_has_a_name(page) -> None:
    choose(page, "Al", "Ti")
    page.find_element(By.ID, "add-objective").click()
    for details in page.find_elements(By.TAG_NAME, "details"):
        page.execute_script("arguments[0].open = true", details)
    controls = page.find_elements(By.CSS_SELECTOR, "input, select, button, iframe, progress")
    assert len(controls) > 100
    assert all(each.accessible_name for each in controls if each.is_displayed())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 700])
def test_nothing_sticks_out_in_any_theme(page, theme: str, width: int) -> None:
    feature = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    page.set_window_size(width, 1000)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    try:
        choose(page, "Al", "Ti", "Cr", "Fe")
        page.find_element(By.ID, "add-objective").click()
        ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[theme]
        assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        page.set_window_size(1280, 1000)


def test_the_description_of_the_interface_works_offline(page, address) -> None:
    page.get(f"{address}/api")
    waited(page, lambda: page.execute_script("return document.documentElement.dataset.ready"))
    page.find_element(By.ID, "send").click()
    waited(page, lambda: text(page, "answer").startswith("200\n"))
    assert '"candidates": 1326' in text(page, "answer")
    assert len(page.find_elements(By.CSS_SELECTOR, "#paths section")) >= 10
    assert page.get_log("browser") == []
