"""What people install: a wheel with models, tables and recipes, small enough to ship."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
MODELS = REPOSITORY / "models"
ALL_MODELS_MB, SCREEN_TIER_MB = 80, 20
CORE_FILES = (
    "screener/data/elements.csv",
    "screener/data/pairs.csv",
    "screener/data/tables.sha256",
    "screener/py.typed",
    "screener/models/SHA256SUMS",
    "screener/models/README.md",
    "screener/models/training_alloys.npz",
    "training/recipes.toml",
    "training/baselines.toml",
    "training/catalogue.toml",
    "training/py.typed",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built without the network."""
    pytest.importorskip("hatchling", reason="the dev extra holds it")
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", str(REPOSITORY), *options]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("alloy_screener-*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


TABLES = {"EVALUATION.md", "evaluation.json", "BENCHMARK.md", "benchmark.json"}
"""Written by commands that measure the models."""


def recorded() -> dict[str, str]:
    """File name to digest, as the folder of models records them."""
    lines = (MODELS / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def models_of(tier: str) -> set[str]:
    """Recorded models of a tier."""
    return {name for name in recorded() if name.startswith(f"{tier}/") and name.endswith(".onnx")}


@pytest.mark.parametrize("name", CORE_FILES)
def test_wheel_holds(wheel, name):
    assert name in wheel.namelist()


def test_wheel_holds_every_model_unchanged(wheel):
    for name, digest in recorded().items():
        assert hashlib.sha256(wheel.read(f"screener/models/{name}")).hexdigest() == digest, name


def test_wheel_holds_two_packages_and_nothing_else(wheel):
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"screener", "training"}
    assert not [name for name in wheel.namelist() if name.endswith((".pyc", ".nbi", ".nbc"))]


def test_wheel_describes_itself(wheel):
    import screener

    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert metadata["Name"] == "alloy-screener"
    assert metadata["Version"] == screener.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    scripts = wheel.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert "screener = screener.cli:main" in scripts
    assert "training = training.cli:main" in scripts


def test_recorded_digests_match():
    for name, digest in recorded().items():
        assert hashlib.sha256((MODELS / name).read_bytes()).hexdigest() == digest, name


def test_nothing_in_the_folder_is_unrecorded():
    files = {path.relative_to(MODELS).as_posix() for path in MODELS.rglob("*") if path.is_file()}
    assert files - {"README.md", "SHA256SUMS"} - TABLES == set(recorded())


def test_tables_of_scores_stay_out_of_the_wheel(wheel):
    assert all((MODELS / name).is_file() for name in TABLES)
    assert not {f"screener/models/{name}" for name in TABLES} & set(wheel.namelist())


def test_both_tiers_serve_the_standing_targets():
    names = {"bulk_glass.onnx", "hardness.onnx", "resistivity.onnx"}
    glasses = {"screen": {"amorphous_mtl.onnx", "amorphous_independent.onnx"}, "characterize": {"amorphous.onnx"}}
    for tier in ("screen", "characterize"):
        assert {name.split("/")[1] for name in models_of(tier)} == names | glasses[tier]


def test_models_are_small_enough_to_ship():
    sizes = {name: (MODELS / name).stat().st_size / 1e6 for name in recorded()}
    assert sum(sizes.values()) <= ALL_MODELS_MB
    assert sum(sizes[name] for name in models_of("screen")) <= SCREEN_TIER_MB
