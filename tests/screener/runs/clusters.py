"""Clusters for tests: one in this process, and the processes of a real one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from screener.distributed import Cluster


class Lost(Exception):
    """A worker died."""


class Refused(Exception):
    """A task failed."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class HereRay:
    """As much of Ray as is used, in this process: tasks end in random order, some are lost, the first for certain."""

    exceptions = SimpleNamespace(
        RayTaskError=Refused, RaySystemError=Lost, ObjectLostError=Lost, WorkerCrashedError=Lost, NodeDiedError=Lost
    )

    def __init__(self, seed: int = 0, lose: float = 0.0, resources: dict[str, float] | None = None) -> None:
        self.draw, self.lose = random.Random(seed), lose
        self.resources = resources or {"CPU": 3.0}
        self.asked: list[dict[str, object]] = []
        self.flying = self.most = self.lost = 0

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def put(self, value: object) -> object:
        return value

    def remote(self, task: Callable[..., object]) -> HereRay:
        self.task = task
        return self

    def options(self, **how: object) -> SimpleNamespace:
        self.asked.append(how)
        return SimpleNamespace(remote=self._begin)

    def _begin(self, *given: object) -> object:
        self.flying += 1
        self.most = max(self.most, self.flying)
        return Handle(given)

    def wait(self, refs: list[Handle], num_returns: int, timeout: float) -> tuple[list[Handle], list[Handle]]:
        return [self.draw.choice(refs)], []

    def get(self, ref: Handle) -> object:
        self.flying -= 1
        if self.lose and (not self.lost or self.draw.random() < self.lose):
            self.lost += 1
            raise Lost("the worker died")
        return self.task(*ref.given)

    def cancel(self, ref: object) -> None:
        pass


class Handle:
    def __init__(self, given: tuple[object, ...]) -> None:
        self.given = given


@contextmanager
def cluster_of(ray: object, device: str) -> Iterator[Cluster]:
    """Open a cluster that is there already."""
    yield Cluster(ray, device)


def descendants(parent: int) -> dict[int, str]:
    """List the processes below one of ours, with their names; those that ended and were not waited for have none."""
    parents, titles = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                titles[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, IndexError):
                continue
    found, wave = {}, {parent}
    while wave:
        wave = {pid for pid, above in parents.items() if above in wave}
        found |= {pid: titles[pid] for pid in wave}
    return found


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def started(folder: Path, models: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "screener", *arguments],
        cwd=folder,
        env=os.environ | {"SCREENER_MODELS": str(models)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_workers(process: subprocess.Popen[str], title: str, most: int) -> int:
    """Kill workers that do something, one after the other, until the process ends; how many there were."""
    killed = 0
    while process.poll() is None:
        workers = [pid for pid, each in descendants(process.pid).items() if title in each]
        if workers and killed < most:
            os.kill(random.Random(killed).choice(workers), signal.SIGKILL)
            killed += 1
        time.sleep(0.7)
    return killed
