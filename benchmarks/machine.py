"""On what was measured: processor, cores, versions, models, date."""

from __future__ import annotations

import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import screener
from benchmarks.cases import CORES, models_folder
from screener.device import Device, cuda_devices
from screener.model_set import load_models

PACKAGES = ("numpy", "numba", "onnxruntime", "onnxruntime-gpu", "polars")


def machine() -> dict[str, str | int]:
    """Describe this machine, what is installed on it and what was measured with."""
    return {
        "processor": processor(),
        "cores": CORES,
        **gpu(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := _version(name))},
        "screener": screener.__version__,
        "models": load_models(models_folder(), Device("cpu"), ("screen",)).digest,
        "date": datetime.now(UTC).date().isoformat(),
    }


def gpu() -> dict[str, str]:
    """Name the first CUDA device and its driver, if there is one."""
    if not cuda_devices():
        return {}
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader", "--id=0"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return {"gpu": "unknown"}
    name, _, driver = told.partition(", ")
    return {"gpu": name, "driver": driver}


def processor() -> str:
    """Name the processor as the system does."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    match = re.search(r"model name\s*:\s*(.+)", text)
    return match[1].strip() if match else platform.machine()


def slug(facts: dict[str, str | int]) -> str:
    """Make a file name of processor, cores and GPU."""
    text = f"{facts['processor']} {facts['cores']} cores {facts.get('gpu', '')}"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _version(package: str) -> str:
    """Version of an installed package, empty where it is missing."""
    try:
        return version(package)
    except ImportError:
        return ""
