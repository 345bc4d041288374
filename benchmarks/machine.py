"""On what was measured: processor, cores, versions, models, date."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import screener
from benchmarks.cases import CORES, models_folder
from screener.device import Device
from screener.model_set import load_models

PACKAGES = ("numpy", "numba", "onnxruntime", "onnxruntime-gpu", "polars")


def machine() -> dict[str, str | int]:
    """Describe this machine, what is installed on it and what was measured with."""
    return {
        "processor": processor(),
        "cores": CORES,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := _version(name))},
        "screener": screener.__version__,
        "models": load_models(models_folder(), Device("cpu"), ("screen",)).digest,
        "date": datetime.now(UTC).date().isoformat(),
    }


def processor() -> str:
    """Name the processor as the system does."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    match = re.search(r"model name\s*:\s*(.+)", text)
    return match[1].strip() if match else platform.machine()


def slug(facts: dict[str, str | int]) -> str:
    """Make a file name of processor and cores."""
    return re.sub(r"[^a-z0-9]+", "-", f"{facts['processor']} {facts['cores']} cores".lower()).strip("-")


def _version(package: str) -> str:
    """Version of an installed package, empty where it is missing."""
    try:
        return version(package)
    except ImportError:
        return ""
