"""Runs in a queue: one at a time, watched, stopped when somebody asks for it."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from screener.errors import InputError, ScreenerError
from screener.jobs import ScreenJob
from screener.outcome import Outcome
from screener.serve import MOST_KEPT, MOST_WAITING

if TYPE_CHECKING:
    from screener.exact.standing import Tally

State: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled"]
Screen: TypeAlias = "Callable[[ScreenJob, RunWatch], Outcome]"


class CancelledError(Exception):
    """Somebody asked for the run to stop."""


@dataclass(slots=True)
class Run:
    """One run: what was asked, how far it is, what came out.

    Attributes:
        number: its name, counted from 1.
        job: the search.
        asked: the request, with all defaults.
        command: the same at a terminal.
        state: where it stands.
        done: candidates scored so far.
        total: candidates to score; None for a proof.
        best: what the best candidate so far reaches, in words; empty where nobody knows.
        settled: share of the space that a proof has settled; None for others.
        began: `time.monotonic` at its start; 0 before.
        seconds: how long it took; 0 before its end.
        warnings: what the user should know before trusting the result.
        error: what went wrong: fact and hint.
        outcome: the result.
        stop: set to stop it.
    """

    number: int
    job: ScreenJob
    asked: Mapping[str, object]
    command: str
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    best: str = ""
    settled: float | None = None
    began: float = 0.0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    error: ScreenerError | None = None
    outcome: Outcome | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def as_json(self) -> dict[str, object]:
        """Describe the run as plain JSON values."""
        spent = self.seconds or (time.monotonic() - self.began if self.began else 0.0)
        rate = self.done / spent if self.done and spent else None
        left = (self.total - self.done) / rate if self.state == "running" and rate and self.total else None
        share = self.settled if self.total is None else self.done / max(1, self.total)
        error = None if self.error is None else {"error": self.error.message, "hint": self.error.hint}
        return {
            "number": self.number,
            "state": self.state,
            "elements": list(self.job.space.elements),
            "space": self.job.space.describe(),
            "request": dict(self.asked),
            "command": self.command,
            "candidates": self.job.candidates,
            "done": self.done,
            "share": 1.0 if self.state == "done" else share,
            "seconds": round(spent, 2),
            "rate": None if rate is None else round(rate),
            "seconds_left": None if left is None else round(left, 1),
            "best": self.best,
            "warnings": list(self.warnings),
            "problem": error,
            "rows": None if self.outcome is None else self.outcome.frame.height,
            "summary": None if self.outcome is None else self.outcome.summary.text().splitlines(),
        }


class RunWatch:
    """Writes down how far a run is, and stops it when that was asked for."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def progress(self, done: int, total: int | None) -> None:
        """Hear how many candidates are scored."""
        self._run.done, self._run.total = done, total
        self._check()

    def best(self, text: str) -> None:
        """Hear what the best candidate so far reaches."""
        self._run.best = text

    def proving(self, tally: Tally) -> None:
        """Hear of the settled share of a proof."""
        self._run.done, self._run.total, self._run.settled = tally.points, None, tally.settled
        self._check()

    def warn(self, text: str) -> None:
        """Hear of something the user should know."""
        self._run.warnings.append(text)
        self._check()

    def _check(self) -> None:
        """Stop, if asked to.

        Raises:
            CancelledError: somebody asked.
        """
        if self._run.stop.is_set():
            raise CancelledError


class RunQueue:
    """Runs, one at a time, in the order they came.

    Args:
        screen: runs one.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._runs: dict[int, Run] = {}
        self._last = 0
        self._changed = threading.Condition()
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="runs", daemon=True)
        self._worker.start()

    def add(self, job: ScreenJob, asked: Mapping[str, object], command: str) -> Run:
        """Put a run at the end of the queue.

        Raises:
            InputError: too many are waiting.
        """
        with self._changed:
            if sum(run.state == "waiting" for run in self._runs.values()) >= MOST_WAITING:
                raise InputError(f"{MOST_WAITING} runs are waiting", "cancel one, or wait until one is done")
            self._last += 1
            run = self._runs[self._last] = Run(self._last, job, asked, command)
            self._forget()
            self._changed.notify_all()
        return run

    def get(self, number: int) -> Run | None:
        """Find a run."""
        with self._changed:
            return self._runs.get(number)

    def all(self) -> list[Run]:
        """List the runs, the latest first."""
        with self._changed:
            return list(self._runs.values())[::-1]

    def cancel(self, run: Run) -> None:
        """Stop a run, or take it out of the queue; a finished one stays as it is."""
        with self._changed:
            run.stop.set()
            if run.state == "waiting":
                run.state = "cancelled"

    def remove(self, run: Run) -> None:
        """Stop a run and forget it with its result."""
        self.cancel(run)
        with self._changed:
            self._runs.pop(run.number, None)

    def close(self) -> None:
        """Stop everything and wait for it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for run in self.all():
            self.cancel(run)
        self._worker.join(timeout=10)

    def _work(self) -> None:
        """Run what waits, until closed."""
        while (run := self._next()) is not None:
            try:
                outcome = self._screen(run.job, RunWatch(run))
                self._end(run, "cancelled" if run.stop.is_set() else "done", outcome)
            except CancelledError:
                self._end(run, "cancelled")
            except ScreenerError as error:
                self._end(run, "failed", error=error)
            except Exception as bug:
                traceback.print_exc()
                self._end(run, "failed", error=ScreenerError(f"the run broke: {bug}", "please report it as a bug"))

    def _next(self) -> Run | None:
        """Wait for the next run; None once closed."""
        with self._changed:
            while not self._closed:
                for run in self._runs.values():
                    if run.state == "waiting":
                        run.state, run.began = "running", time.monotonic()
                        return run
                self._changed.wait()
        return None

    def _end(self, run: Run, state: State, outcome: Outcome | None = None, error: ScreenerError | None = None) -> None:
        """Enter how a run ended."""
        with self._changed:
            run.seconds = time.monotonic() - run.began
            run.outcome = outcome if state == "done" else None
            run.error, run.state = error, state

    def _forget(self) -> None:
        """Let go of the oldest finished runs."""
        ended = [number for number, run in self._runs.items() if run.state not in ("waiting", "running")]
        for number in ended[: max(0, len(ended) - MOST_KEPT)]:
            del self._runs[number]
