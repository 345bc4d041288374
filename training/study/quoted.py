"""Figures printed in the founding paper, marked as quoted wherever they are shown."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from training.study.base import StudyResult

Figures = Mapping[str, Mapping[str, float]]
"""Arm → ``task.metric`` → figure."""


@cache
def _document() -> dict[str, object]:
    return tomllib.loads(Path(__file__).with_name("quoted.toml").read_text(encoding="utf-8"))


def citation() -> str:
    """Return where the figures are from."""
    return str(_document()["citation"])


def quoted(study: str) -> Figures:
    """Return the figures that belong to a study, none for most."""
    table = _document().get(study, {})
    assert isinstance(table, dict)
    return table


def unquoted(result: StudyResult) -> StudyResult:
    """Leave out what was quoted, for rows of other tasks than the paper's: its figures say nothing of these."""
    findings = tuple(replace(finding, quoted="") for finding in result.findings)
    return replace(result, findings=findings, quoted={})
