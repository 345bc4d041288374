"""Work over processes: order, one thread each, and no worker that outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.workers import in_order


def add(shared: int, item: int) -> int:
    return shared + item


def threads(shared: object, item: int) -> int:
    import numpy as np  # noqa: F401  # its thread pool is what is looked at
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info()), default=1)


def fail_at_two(shared: int, item: int) -> int:
    if item == 2:
        raise ValueError("two")
    return item


def sleep_long(folder: str, item: int) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(in_order(add, 10, range(7), workers)) == [10, 11, 12, 13, 14, 15, 16]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_has_one_thread(workers):
    assert set(in_order(threads, None, range(3), workers)) == {1}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_arrives_in_its_place(workers):
    results = in_order(fail_at_two, 0, range(4), workers)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)


def test_nothing_to_do():
    assert list(in_order(add, 0, [], 2)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes under /proc")
def test_workers_end_with_a_killed_parent(tmp_path):
    lines = (
        "import sys",
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})",
        "from test_workers import sleep_long",
        "from training.workers import in_order",
        "if __name__ == '__main__':",
        f"    list(in_order(sleep_long, {str(tmp_path / 'pids')!r}, [1, 2], 2))",
    )
    (tmp_path / "pids").mkdir()
    (tmp_path / "parent.py").write_text("\n".join(lines), encoding="utf-8")
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], cwd=Path(__file__).parents[2])
    try:
        workers = _wait_for(lambda: [int(p.name) for p in (tmp_path / "pids").iterdir()], lambda found: len(found) == 2)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert _wait_for(lambda: [pid for pid in workers if _runs(pid)], lambda left: not left) == []


def _wait_for(look, enough, seconds=60.0):
    end = time.monotonic() + seconds
    while not enough(found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _runs(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
