"""Where inference runs: the CPU always, a CUDA device when there is one; never a silent change of mind."""

from __future__ import annotations

import contextlib
import ctypes
import io
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

    `auto` takes CUDA only where a driver answers and ONNX Runtime can use it, so that a machine without it stays quiet.

    Raises:
        ModelError: CUDA was asked for and is not there, the text is none of these, or `$SCREENER_THREADS` is no number.
    """
    threads = _threads(os.environ if environment is None else environment)
    match = re.fullmatch(r"auto|cpu|cuda(?::([0-9]{1,3}))?", str(text))
    if not match:
        raise ModelError(f"unknown device `{text}`", "use `--device auto`, `cpu`, `cuda` or `cuda:0`")
    present = 0 if text == "cpu" else cuda_devices()
    libraries = present > 0 and load_cuda_libraries()
    if text == "cpu" or (text == "auto" and not libraries):
        return Device("cpu", 0, threads)
    ordinal = int(match[1] or 0)
    if ordinal < present:
        return Device("cuda", ordinal, threads)
    if present:
        raise ModelError(f"there is no device `{text}`", f"the last CUDA device is `cuda:{present - 1}`")
    raise ModelError("no CUDA device answers", "use `--device cpu`, or install a driver and the `gpu` extra")


def cuda_devices() -> int:
    """Count the CUDA devices that a driver offers and ONNX Runtime can use."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    import onnxruntime

    return count.value if "CUDAExecutionProvider" in onnxruntime.get_available_providers() else 0


def load_cuda_libraries() -> bool:
    """Load the CUDA libraries of installed wheels, and say whether all that ONNX Runtime needs are there."""
    import onnxruntime

    # what is missing is printed on standard output, where results go
    with contextlib.redirect_stdout(io.StringIO()):
        onnxruntime.preload_dlls()
    major = onnxruntime.cuda_version.partition(".")[0]
    try:
        for name in (f"libcudart.so.{major}", f"libcublasLt.so.{major}", "libcudnn.so.9"):
            ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _threads(environment: Mapping[str, str]) -> int:
    """Threads for one operator: `$SCREENER_THREADS`, else the cores this process may use less the featurizer's."""
    text = environment.get("SCREENER_THREADS", "")
    if re.fullmatch("[1-9][0-9]{0,2}", text):
        return int(text)
    if text:
        raise ModelError(
            f"$SCREENER_THREADS is `{text}`, not a number of threads from 1 to 999", "unset it, or set it to e.g. 2"
        )
    return max(1, len(os.sched_getaffinity(0)) - 1) if hasattr(os, "sched_getaffinity") else 1
