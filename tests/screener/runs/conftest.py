"""Runs whose process is gone at a chosen moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stopped_runs import QUESTIONS, Killed, write_at_once

from screener.runs.course import Course


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the journal after every block."""
    write_at_once(monkeypatch)


@pytest.fixture
def kill_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """End the process, as far as the journal can tell, once a method of its course was called so many times."""
    methods = {name: getattr(Course, name) for name in ("write", "passed", "proved")}

    def arrange(times: int, method: str = "write") -> None:
        write_at_once(monkeypatch)
        left = [times]

        def counted(course: Course, *how: object, **more: object) -> None:
            methods[method](course, *how, **more)
            left[0] -= 1
            if left[0] == 0:
                course._said = True  # whoever is killed says nothing
                raise Killed

        monkeypatch.setattr(Course, method, counted)

    return arrange


@pytest.fixture
def stopped(run, kill_after) -> None:
    """Leave the journal of a run that writes `out.csv`, 4 of 11 blocks done."""
    kill_after(4)
    with pytest.raises(Killed):
        run(*QUESTIONS["ranking"], "-o", "out.csv")
    kill_after(-1)
