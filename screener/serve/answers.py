"""How the server answers: JSON, errors of one fact and a hint, headers that let nothing in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from screener.errors import ScreenerError
from screener.serve import MOST_BYTES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class RefusedError(Exception):
    """A request that cannot be answered: status, fact and hint."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


def json_answer(value: object, status: int = 200) -> Response:
    """Answer with JSON; numbers that are none become null."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Response(text, status, media_type="application/json")


def error_answer(status: int, message: str, hint: str = "") -> Response:
    """Answer with one fact and a hint."""
    return json_answer({"error": message, "hint": hint}, status)


async def read_body(request: Request) -> bytes:
    """Take the body of a request, JSON of a bounded size.

    Raises:
        RefusedError: it is of another type, or too long.
    """
    # A page of another origin can send other types without asking this server first.
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedError(
            415, f"content type `{kind[:60] or 'none'}` is not JSON", "send `content-type: application/json`"
        )
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise RefusedError(413, f"the request is longer than {MOST_BYTES} bytes", "ask for less at once")
    return body


async def on_user_error(request: Request, problem: Exception) -> Response:
    """Answer what the user can mend."""
    assert isinstance(problem, ScreenerError)
    return error_answer(400, problem.message, problem.hint)


async def on_refused(request: Request, problem: Exception) -> Response:
    """Answer a request that is none of ours."""
    assert isinstance(problem, RefusedError)
    return error_answer(problem.status, problem.message, problem.hint)


async def on_http(request: Request, problem: Exception) -> Response:
    """Answer an address or a method there is none of."""
    assert isinstance(problem, HTTPException)
    facts = {404: f"nothing at `{request.url.path[:200]}`", 405: f"`{request.method}` is not possible here"}
    message = facts.get(problem.status_code, str(problem.detail).lower())
    return error_answer(problem.status_code, message, "`/api` lists what there is")


async def on_bug(request: Request, problem: Exception) -> Response:
    """Answer a bug; its traceback stands on the server's standard error."""
    return error_answer(500, "something broke here", "the terminal of the server shows where; please report it")


class Guard:
    """Answers only those who call the server by one of its names, and adds headers that keep a page to itself.

    Args:
        app: what is guarded.
        names: host names and addresses; None takes any.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] | None) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given: list[tuple[bytes, bytes]] = list(message.get("headers", []))
                held = {name.lower() for name, _ in given}
                wanted = {**_HEADERS, "content-security-policy": _POLICY}
                given += [(n.encode(), v.encode()) for n, v in wanted.items() if n.encode() not in held]
                message["headers"] = given
            await send(message)

        # A foreign name that was made to point here would let a page of others read the answers.
        host = _header(scope["headers"], b"host")
        if self._names is not None and _name_of(host) not in self._names:
            hint = "use the address that `screener serve` printed"
            await error_answer(421, f"this server is not `{host[:100]}`", hint)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


def _header(headers: list[tuple[bytes, bytes]], wanted: bytes) -> str:
    """Find a header; empty where there is none."""
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")


def _name_of(host: str) -> str:
    """Take the port off."""
    return (
        host[: host.index("]") + 1].lower() if host.startswith("[") and "]" in host else host.partition(":")[0].lower()
    )
