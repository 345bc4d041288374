"""Where inference runs: the CPU always, a CUDA device when there is one; never a silent change of mind."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from screener.errors import ModelError


@dataclass(frozen=True, slots=True)
class Device:
    """A chosen place for inference.

    Attributes:
        kind: `cpu` or `cuda`.
        ordinal: CUDA device number, 0 on the CPU.
        threads: ONNX Runtime threads within an operator on the CPU.
    """

    kind: str
    ordinal: int = 0
    threads: int = 1

    @property
    def providers(self) -> list[tuple[str, dict[str, str]]]:
        """ONNX Runtime providers in order of preference, TF32 off so that results match the CPU."""
        cpu: tuple[str, dict[str, str]] = ("CPUExecutionProvider", {})
        if self.kind == "cpu":
            return [cpu]
        return [("CUDAExecutionProvider", {"device_id": str(self.ordinal), "use_tf32": "0"}), cpu]

    @property
    def provider(self) -> str:
        """Name of the provider that must be in use after a session was made."""
        return self.providers[0][0]

    def __str__(self) -> str:
        return f"cuda:{self.ordinal}" if self.kind == "cuda" else "cpu"


def choose_device(text: str = "auto", environment: Mapping[str, str] | None = None) -> Device:
    """Resolve `auto`, `cpu`, `cuda` or `cuda:n`.

    `auto` takes CUDA only where a driver answers and ONNX Runtime has the provider, so that a machine without one
    stays quiet.

    Raises:
        ModelError: CUDA was asked for and is not there, or the text is none of these.
    """
    threads = _threads(os.environ if environment is None else environment)
    match = re.fullmatch(r"(auto|cpu|cuda)(?::(\d+))?", text)
    if not match or (match[2] and match[1] != "cuda"):
        raise ModelError(f"unknown device `{text}`", "use `--device auto`, `cpu`, `cuda` or `cuda:0`")
    available = match[1] != "cpu" and cuda_available()
    if match[1] == "cuda" and not available:
        raise ModelError("no CUDA device answers", "use `--device cpu`, or install a driver and the `gpu` extra")
    if not available:
        return Device("cpu", 0, threads)
    return Device("cuda", int(match[2] or 0), threads)


def cuda_available() -> bool:
    """Say whether a CUDA driver with a device is present and ONNX Runtime can use it."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return False
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def _threads(environment: Mapping[str, str]) -> int:
    """Threads for one operator: `$SCREENER_THREADS`, else the cores this process may use less the featurizer's."""
    text = environment.get("SCREENER_THREADS", "")
    if text.isdigit() and int(text) > 0:
        return int(text)
    return max(1, len(os.sched_getaffinity(0)) - 1) if hasattr(os, "sched_getaffinity") else 1
