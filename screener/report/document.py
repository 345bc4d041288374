"""The report: one HTML file that needs nothing else, and lets nothing in or out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from screener import __version__
from screener.errors import ScreenerError
from screener.report import MOST_POINTS
from screener.report.compositions import row_compositions
from screener.report.domain_words import warnings_of
from screener.report.maps import make_maps
from screener.report.payload import embedded, payload_of
from screener.report.question_words import question_lines, title_of
from screener.report.result_file import ResultFile, read_result, require_result
from screener.report.used_models import card_rows, used_models
from screener.sinks import atomic_file

if TYPE_CHECKING:
    from jinja2 import Environment

_PAGE = Path(__file__).with_name("page")
_SCRIPTS = (
    *("data.js", "table.js", "drawing.js", "scatter.js", "parallel.js", "histograms.js", "triangle.js", "space.js"),
    "main.js",
)
MOST_ROWS = 50_000
"""Rows of a result that a page holds; more would make it too large to open."""
PIP_LINE = "pip install 'alloy-screener[report]'"


def check_extra(*modules: str) -> None:
    """Find out whether the packages of the extra are installed.

    Raises:
        ScreenerError: one is missing.
    """
    for module in modules:
        if find_spec(module) is None:
            raise ScreenerError(f"the package `{module}` is not installed", f"install the extra: {PIP_LINE}")


def write_report(path: Path, out: Path, models: Path | None = None, points: int = MOST_POINTS) -> ResultFile:
    """Write the report of a result; the file is complete or absent.

    Args:
        path: the result.
        out: HTML file to write.
        models: folder of models; None looks them up.
        points: candidates to predict again for maps, at most; 0 draws the rows alone.

    Raises:
        InputError: the result cannot be read.
        ModelError: the models cannot be loaded.
        OutputError: the file cannot be written.
        ScreenerError: the extra `report` is not installed.
    """
    check_extra("plotly", "jinja2")
    result = read_result(path, MOST_ROWS)
    require_result(result)
    html = report_html(result, models, points)
    with atomic_file(out) as file:
        file.write(html.encode("utf-8", "replace"))
    return result


def report_html(result: ResultFile, models: Path | None = None, points: int = MOST_POINTS) -> str:
    """Lay a report out as HTML.

    Raises:
        ModelError: the models cannot be loaded.
    """
    compositions, used = row_compositions(result), used_models(result, models)
    maps = make_maps(result, compositions, used, points)
    payload = payload_of(result, compositions, maps, used)
    return page_html(
        {
            "title": title_of(result),
            "origin": _origin(result),
            "question": question_lines(result),
            "warnings": warnings_of(result, compositions, used),
            "cards": card_rows(used),
            "models_note": used.note,
            "maps_note": maps.note,
            "has_maps": bool(maps.corners),
            "version": __version__,
        },
        embedded(payload),
    )


def _origin(result: ResultFile) -> str:
    """Say where a result comes from, as far as it says so itself."""
    parts = [result.path.name]
    parts += [f"made by alloy-screener {result.version}"] if result.version else []
    parts += [f"models {result.models['digest']}"] if "digest" in result.models else []
    return ", ".join(parts)


def page_html(words: Mapping[str, object], payload: str) -> str:
    """Fill the page.

    Args:
        words: texts of the template, escaped there.
        payload: JSON as :func:`screener.report.payload.embedded` writes it.
    """
    library = (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    code = "(() => {\n'use strict';\n" + "\n".join(_asset(name) for name in _SCRIPTS) + "\n})();"
    policy = (
        "default-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; "
        f"img-src data: blob:; script-src {_digest(library)} {_digest(code)}"
    )
    template = _environment().from_string(_asset("report.html.j2"))
    return template.render(
        **words, css=_asset("report.css"), library=library, code=code, payload=payload, policy=policy
    )


def _environment() -> Environment:
    """Make the environment: everything is escaped unless the template says that it is code of ours."""
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _asset(name: str) -> str:
    """Read a part of the page."""
    return (_PAGE / name).read_text(encoding="utf-8")


def _digest(code: str) -> str:
    """Write the digest by which a browser knows a script that may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"
