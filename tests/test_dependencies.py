"""What is installed with this package: no version with a mended advisory, and one set of versions that was tested."""

from __future__ import annotations

import importlib.util
import tomllib
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FIXED = (
    ("jinja2", "3.1.6", "CVE-2025-27516"),
    ("onnx", "1.21.0", "CVE-2025-51480, CVE-2026-27489, CVE-2026-34445"),
    ("pymatgen", "2024.2.20", "CVE-2024-23346"),
    ("ray", "2.55.0", "CVE-2025-62593, CVE-2026-41486"),
    ("scikit-learn", "1.5.0", "CVE-2024-5206"),
    ("lightgbm", "4.6.0", "CVE-2024-43598"),
    ("starlette", "1.3.1", "CVE-2025-62727, CVE-2026-48710, CVE-2026-54282"),
)
"""Packages that we ask for: the version that mended the last advisory known when this was written, and which it was."""
FIXED_BELOW = (
    ("fonttools", "4.60.2", "CVE-2025-66034"),
    ("h11", "0.16.0", "CVE-2025-43859"),
    ("pillow", "11.3.0", "CVE-2025-48379"),
    ("protobuf", "6.31.1", "CVE-2025-4565"),
    ("requests", "2.32.4", "CVE-2024-47081"),
    ("tornado", "6.5", "CVE-2025-47287"),
    ("urllib3", "2.6.0", "CVE-2025-66418"),
)
"""Packages that those bring along."""


def asked_for() -> list[Requirement]:
    """Every requirement of the project and its extras."""
    groups = (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    return [Requirement(text) for group in groups for text in group]


def constraints() -> dict[str, Version]:
    """Package to version, as constraints.txt pins them."""
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    assert [name for name, _ in pairs] == sorted({canonicalize_name(name) for name, _ in pairs})
    return {name: Version(version) for name, version in pairs}


@pytest.mark.parametrize(("name", "fixed", "advisory"), FIXED)
def test_no_lower_bound_lets_a_version_with_a_mended_advisory_in(name, fixed, advisory):
    bounds = [r for r in asked_for() if r.name == name]
    assert bounds
    for bound in bounds:
        lowest = max(Version(each.version) for each in bound.specifier if each.operator in (">=", "=="))
        assert lowest >= Version(fixed), f"{bound}: {advisory}"


@pytest.mark.parametrize(("name", "fixed", "advisory"), FIXED + FIXED_BELOW)
def test_no_pinned_version_has_a_mended_advisory(name, fixed, advisory):
    assert constraints()[name] >= Version(fixed), advisory


def test_what_is_pinned_is_what_the_project_asks_for():
    pinned, left_out = constraints(), {PROJECT["name"]}
    for extra in ("gpu", "peers", "fuzz"):
        left_out |= {Requirement(text).name for text in PROJECT["optional-dependencies"][extra]}
    for each in asked_for():
        # Markers name the machines that a package is for; the pins are those of Linux on x86-64.
        there = each.marker is None or each.marker.evaluate({"sys_platform": "linux", "platform_machine": "x86_64"})
        if there and (each.name not in left_out or each.name in pinned):
            assert each.specifier.contains(pinned[canonicalize_name(each.name)]), each


def test_the_pins_are_written_by_their_command():
    loader = SourceFileLoader("pin", str(REPOSITORY / ".ci/pin"))
    spec = importlib.util.spec_from_loader("pin", loader)
    pin = importlib.util.module_from_spec(spec)
    loader.exec_module(pin)
    text = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    assert text.startswith(pin.HEAD)
    assert set(constraints()) >= {
        canonicalize_name(r.name) for r in map(Requirement, PROJECT["dependencies"]) if not r.marker
    }
