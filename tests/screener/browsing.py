"""Headless Chromium for tests of pages: where it is, how it is opened, how one waits for a page."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="no Chromium: apt-get install chromium chromium-driver"
)
PATIENCE = 60.0
"""Seconds to wait for a page; machines that run tests are often busy."""


@contextmanager
def headless(downloads: Path) -> Iterator[webdriver.Chrome]:
    """Open a browser without a window, whose downloads go to a folder."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        driver.downloads = downloads  # type: ignore[attr-defined]
        folder = {"behavior": "allow", "downloadPath": str(downloads)}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", folder)
        driver.set_window_size(1280, 1000)
        yield driver
    finally:
        driver.quit()


def waited(browser: webdriver.Chrome, holds: Callable[[], object]) -> object:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < end, "the page did not get there"
        time.sleep(0.05)
    return found
