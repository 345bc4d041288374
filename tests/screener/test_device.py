"""Where inference runs: quiet without a driver, refused where CUDA was asked for, threads as told."""

import ctypes
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from screener import device
from screener.device import Device, choose_device, cuda_devices
from screener.errors import ModelError


@pytest.fixture
def no_driver(monkeypatch):
    """A machine without a CUDA driver, whatever this one has."""
    monkeypatch.setattr(device.ctypes, "CDLL", missing_library)


def missing_library(name):
    raise OSError(f"{name}: cannot open shared object file")


@pytest.fixture
def driver(monkeypatch):
    """A machine with a CUDA driver, made up: two devices and every library, each of which a test can take away."""
    import onnxruntime

    state = SimpleNamespace(devices=2, starts=0, libraries=True, providers=["CUDAExecutionProvider"], opened=[])

    def count_devices(count):
        count._obj.value = state.devices
        return 0

    def open_library(name):
        state.opened.append(name)
        if name != "libcuda.so.1" and not state.libraries:
            missing_library(name)
        return SimpleNamespace(cuInit=lambda flags: state.starts, cuDeviceGetCount=count_devices)

    monkeypatch.setattr(device.ctypes, "CDLL", open_library)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*state.providers, "CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: print("Failed to load libcublasLt.so.13"))
    monkeypatch.setattr(onnxruntime, "cuda_version", "13.0", raising=False)
    return state


def refusal(text, environment=None):
    with pytest.raises(ModelError) as refused:
        choose_device(text, environment or {})
    return refused.value.message, refused.value.hint


@pytest.mark.usefixtures("no_driver")
def test_without_a_driver_auto_is_the_cpu():
    assert choose_device("auto", {"SCREENER_THREADS": "2"}) == Device("cpu", 0, 2)
    assert choose_device("cpu", {"SCREENER_THREADS": "2"}) == Device("cpu", 0, 2)
    assert cuda_devices() == 0


@pytest.mark.usefixtures("no_driver")
@pytest.mark.parametrize("text", ["cuda", "cuda:0", "cuda:3"])
def test_without_a_driver_cuda_is_refused(text):
    assert refusal(text) == (
        "no CUDA device answers", "use `--device cpu`, or install a driver and the `gpu` extra"
    )  # fmt: skip


def test_auto_says_nothing_on_a_machine_without_a_driver():
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        pass
    else:
        pytest.skip("this machine has a CUDA driver")
    code = "from screener.device import choose_device; print(choose_device())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("cpu\n", "")


@pytest.mark.parametrize(
    "text", ["", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "auto:1", "cuda:1000", "cuda:٣"]
)
def test_other_texts_are_refused(text):
    assert refusal(text) == (f"unknown device `{text}`", "use `--device auto`, `cpu`, `cuda` or `cuda:0`")


def test_cuda_is_taken_where_it_can_be_used(driver):
    assert choose_device("auto", {}).kind == "cuda"
    assert str(choose_device("cuda:1", {})) == "cuda:1"
    assert str(choose_device("cuda", {})) == "cuda:0"
    assert str(choose_device("cpu", {})) == "cpu"


def test_the_cpu_needs_no_look_at_the_driver(driver):
    choose_device("cpu", {})
    assert driver.opened == []


def test_a_device_that_is_not_there_is_refused(driver):
    assert refusal("cuda:2") == ("there is no device `cuda:2`", "the last CUDA device is `cuda:1`")


@pytest.mark.parametrize("lack", [{"devices": 0}, {"starts": 100}, {"providers": []}])
def test_a_driver_that_is_of_no_use_is_no_device(driver, lack):
    vars(driver).update(lack)
    assert choose_device("auto", {}).kind == "cpu"
    assert refusal("cuda")[0] == "no CUDA device answers"


def test_auto_is_the_cpu_where_cuda_libraries_are_missing_and_says_nothing(driver, capsys):
    driver.libraries = False
    assert choose_device("auto", {}).kind == "cpu"
    assert choose_device("cuda", {}).kind == "cuda"  # asked for: the session says what is missing
    assert {"libcudart.so.13", "libcuda.so.1"} <= set(driver.opened)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_providers_name_the_device_and_keep_float32_whole():
    assert Device("cpu").providers == [("CPUExecutionProvider", {})]
    assert Device("cpu").provider == "CPUExecutionProvider"
    cuda = Device("cuda", 1)
    assert cuda.provider == "CUDAExecutionProvider"
    assert cuda.providers[0][1] == {"device_id": "1", "use_tf32": "0"}


def test_threads_are_those_told_or_the_cores_less_one(monkeypatch):
    assert choose_device("cpu", {"SCREENER_THREADS": "7"}).threads == 7
    monkeypatch.setenv("SCREENER_THREADS", "3")
    assert choose_device("cpu").threads == 3
    for cores, threads in (({0}, 1), ({0, 1}, 1), (set(range(8)), 7)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores, raising=False)
        assert choose_device("cpu", {}).threads == threads
        assert choose_device("cpu", {"SCREENER_THREADS": ""}).threads == threads


@pytest.mark.parametrize("text", ["0", "-1", "two", "²", "1.5", "1000", " 2"])
def test_threads_that_are_no_number_are_refused(text):
    assert refusal("cpu", {"SCREENER_THREADS": text}) == (
        f"$SCREENER_THREADS is `{text}`, not a number of threads from 1 to 999",
        "unset it, or set it to e.g. 2",
    )
