"""The server: its pages, and its JSON interface to the engine."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from screener import __version__
from screener.errors import ScreenerError
from screener.estimate import cost_of, duration
from screener.jobs import MAX_CANDIDATES, ScreenJob
from screener.pipeline import run_screen
from screener.report.document import report_html
from screener.report.result_file import result_of
from screener.serve.answers import (
    Guard,
    RefusedError,
    error_answer,
    json_answer,
    on_bug,
    on_http,
    on_refused,
    on_user_error,
    read_body,
)
from screener.serve.asked import Asked, command_line, job_of, read_request
from screener.serve.installed import Installed
from screener.serve.openapi import openapi
from screener.serve.runs import Run, RunQueue, Screen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import polars

_PAGE = Path(__file__).with_name("page")
_MAP_POINTS = 20_000
"""Candidates predicted again for the maps of a page; fewer than in a report, so that it opens while one waits."""
_MOST_ROWS_AT_ONCE = 1000
_FILES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet"}


class Api:
    """Answers requests.

    Args:
        installed: models that searches use.
        max_candidates: refuse to score more one by one.
        screen: runs a search.
    """

    def __init__(self, installed: Installed, max_candidates: int = MAX_CANDIDATES, screen: Screen = run_screen) -> None:
        self._installed = installed
        self._max_candidates = max_candidates
        self.runs = RunQueue(screen)
        self._reports: dict[int, str] = {}
        self._drawing = threading.Lock()

    def routes(self) -> list[Route]:
        """List what there is."""
        return [
            Route("/", self._page),
            Route("/page/{name}", self._page),
            Route("/api", self._api_page),
            Route("/health", self._health),
            Route("/api/openapi.json", self._openapi),
            Route("/api/installed", self._describe),
            Route("/api/size", self._size, methods=["POST"]),
            Route("/api/estimate", self._estimate, methods=["POST"]),
            Route("/api/runs", self._start, methods=["POST"]),
            Route("/api/runs", self._list),
            Route("/api/runs/{number}", self._show),
            Route("/api/runs/{number}", self._remove, methods=["DELETE"]),
            Route("/api/runs/{number}/cancel", self._cancel, methods=["POST"]),
            Route("/api/runs/{number}/rows", self._rows),
            Route("/api/runs/{number}/result.{suffix}", self._file),
            Route("/api/runs/{number}/report", self._report),
        ]

    async def _page(self, request: Request) -> Response:
        return _asset(request.path_params.get("name", "index.html"))

    async def _api_page(self, request: Request) -> Response:
        return _asset("api.html")

    async def _health(self, request: Request) -> Response:
        states = [run.state for run in self.runs.all()]
        return json_answer(
            {
                "status": "ok",
                "version": __version__,
                "models": self._installed.models.digest,
                "running": states.count("running"),
                "waiting": states.count("waiting"),
            }
        )

    async def _openapi(self, request: Request) -> Response:
        return json_answer(openapi())

    async def _describe(self, request: Request) -> Response:
        there = self._installed
        return json_answer(
            {
                "version": __version__,
                "models": {"folder": there.folder.name, "digest": there.models.digest},
                "device": there.device,
                "elements": there.elements(),
                "columns": there.columns(),
                "processes": there.processes(),
            }
        )

    async def _asked(self, request: Request) -> tuple[Asked, ScreenJob]:
        """Read a request and the search it asks for.

        Raises:
            RefusedError: it is no JSON, or too long.
            ScreenerError: it asks for something there is not.
        """
        body = await read_body(request)

        def read() -> tuple[Asked, ScreenJob]:
            asked = read_request(body)
            return asked, job_of(asked, self._installed.folder, self._installed.device, self._max_candidates)

        return await run_in_threadpool(read)

    async def _size(self, request: Request) -> Response:
        asked, job = await self._asked(request)
        return json_answer(await run_in_threadpool(lambda: _sized(asked, job, list(job.space.notes))))

    async def _estimate(self, request: Request) -> Response:
        asked, job = await self._asked(request)

        def estimate() -> dict[str, object]:
            found = _sized(asked, job, self._installed.check(job))
            cost = cost_of(job)
            said = None if cost.seconds is None else duration(cost.seconds)
            return found | {
                "search": cost.search,
                "seconds": cost.seconds,
                "time": said,
                "megabytes": round(cost.megabytes),
            }

        return json_answer(await run_in_threadpool(estimate))

    async def _start(self, request: Request) -> Response:
        asked, job = await self._asked(request)
        await run_in_threadpool(self._installed.check, job)
        try:
            run = self.runs.add(job, asked, command_line(asked))
        except ScreenerError as full:
            return error_answer(429, full.message, full.hint)
        return json_answer(run.as_json(), 201)

    async def _list(self, request: Request) -> Response:
        return json_answer({"runs": [run.as_json() for run in self.runs.all()]})

    async def _show(self, request: Request) -> Response:
        return json_answer(self._run(request).as_json())

    async def _cancel(self, request: Request) -> Response:
        run = self._run(request)
        self.runs.cancel(run)
        return json_answer(run.as_json())

    async def _remove(self, request: Request) -> Response:
        run = self._run(request)
        self.runs.remove(run)
        self._reports.pop(run.number, None)
        return Response(status_code=204)

    async def _rows(self, request: Request) -> Response:
        frame = self._frame(request)
        start = _whole(request, "start", 0, frame.height)
        count = _whole(request, "count", 100, _MOST_ROWS_AT_ONCE)
        rows = [{k: _plain(v) for k, v in row.items()} for row in frame.slice(start, count).iter_rows(named=True)]
        return json_answer({"start": start, "total": frame.height, "columns": frame.columns, "rows": rows})

    async def _file(self, request: Request) -> Response:
        run, suffix = self._finished(request), request.path_params["suffix"]
        if suffix not in _FILES:
            raise RefusedError(404, f"no format `{suffix[:20]}`", f"there are {', '.join(_FILES)}")
        assert run.outcome is not None
        frame, about = run.outcome.frame, dict(run.outcome.metadata)
        content = await run_in_threadpool(_written, frame, suffix, about)
        name = f"{'-'.join(run.job.space.elements)[:60]}-{run.number}.{suffix}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=_FILES[suffix], headers=headers)

    async def _report(self, request: Request) -> Response:
        run = self._finished(request)
        html = await run_in_threadpool(self._drawn, run)
        # The page says itself which scripts may run, by their digests.
        return Response(html, media_type="text/html", headers={"content-security-policy": "frame-ancestors 'self'"})

    def _drawn(self, run: Run) -> str:
        """Draw the report of a run, once."""
        assert run.outcome is not None
        with self._drawing:
            if run.number not in self._reports:
                kept = {each.number for each in self.runs.all()}
                self._reports = {number: html for number, html in self._reports.items() if number in kept}
                name = f"{'-'.join(run.job.space.elements)}-{run.number}"
                result = result_of(run.outcome.frame, run.outcome.metadata, name)
                self._reports[run.number] = report_html(result, self._installed.folder, _MAP_POINTS)
            return self._reports[run.number]

    def _run(self, request: Request) -> Run:
        """Find the run a request names.

        Raises:
            RefusedError: there is none.
        """
        text = str(request.path_params["number"])
        run = self.runs.get(int(text)) if re.fullmatch("[0-9]{1,18}", text) else None
        if run is None:
            raise RefusedError(404, f"no run `{text[:20]}`", "`GET /api/runs` lists those remembered")
        return run

    def _finished(self, request: Request) -> Run:
        """Find a run that has a result with rows.

        Raises:
            RefusedError: there is none, or nothing came out.
        """
        run = self._run(request)
        if run.outcome is None:
            raise RefusedError(409, f"run `{run.number}` is {run.state} and has no result", "ask for one that is done")
        if not run.outcome.frame.height:
            raise RefusedError(409, f"run `{run.number}` kept no candidate", "widen the space or loosen the filter")
        return run

    def _frame(self, request: Request) -> polars.DataFrame:
        outcome = self._finished(request).outcome
        assert outcome is not None
        return outcome.frame


def make_app(api: Api, names: Sequence[str] | None) -> Starlette:
    """Build the application.

    Args:
        api: what answers.
        names: names by which the server may be called; None takes any.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        api.runs.close()

    app = Starlette(
        routes=api.routes(),
        middleware=[Middleware(Guard, names=None if names is None else frozenset(names))],
        exception_handlers={
            ScreenerError: on_user_error,
            RefusedError: on_refused,
            HTTPException: on_http,
            Exception: on_bug,
        },
        lifespan=lifespan,
    )
    app.state.api = api
    return app


def _sized(asked: Asked, job: ScreenJob, notes: list[str]) -> dict[str, object]:
    """Say how large a search is, and how to ask for it at a terminal."""
    return {
        "candidates": job.candidates,
        "space": job.space.describe(),
        "space_size": str(job.space.size),
        "notes": notes,
        "command": command_line(asked),
    }


def _asset(name: str) -> Response:
    """Answer with a part of the page.

    Raises:
        HTTPException: there is none of that name.
    """
    known = {path.name: path for path in _PAGE.iterdir() if path.suffix in (".html", ".css", ".js")}
    if name not in known:
        raise HTTPException(404)
    return FileResponse(known[name])


def _whole(request: Request, name: str, default: int, most: int) -> int:
    """Read a whole number from the address.

    Raises:
        RefusedError: it is none, or out of bounds.
    """
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > most:
        raise RefusedError(400, f"`{name}` is `{text[:40]}`", f"write a whole number from 0 to {most}")
    return int(text)


def _plain(value: object) -> object:
    """Take NaN and infinity, which JSON has not, as null."""
    return None if isinstance(value, float) and value - value != 0 else value


def _written(frame: polars.DataFrame, suffix: str, about: dict[str, str]) -> bytes:
    """Write a result as a file."""
    if suffix == "csv":
        return frame.write_csv().encode()
    if suffix == "jsonl":
        return frame.write_ndjson().encode()
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata=about)
    return buffer.getvalue()
