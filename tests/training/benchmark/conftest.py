"""An invented benchmark and the task that is made of it."""

from __future__ import annotations

import pytest

from tests.training.benchmark.invented_benchmark import invented_benchmark, others_near
from tests.training.invented_tasks import GLASS
from training.benchmark_rows import benchmark_task


@pytest.fixture(scope="module")
def table():
    return invented_benchmark()


@pytest.fixture(scope="module")
def task(table):
    return benchmark_task(table, GLASS, others_near(table))
