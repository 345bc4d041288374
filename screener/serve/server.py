"""`screener serve` at work: the extra is there, the port is free, the address is said, requests are answered."""

from __future__ import annotations

import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from screener.errors import InputError, ScreenerError
from screener.jobs import MAX_CANDIDATES

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = ("0.0.0.0", "::")


def check_extra() -> None:
    """Find out whether the packages of the extra are installed.

    Raises:
        ScreenerError: one is missing.
    """
    for module in ("starlette", "uvicorn", "plotly", "jinja2"):
        if find_spec(module) is None:
            raise ScreenerError(
                f"the package `{module}` is not installed", "install the extra: pip install 'alloy-screener[serve]'"
            )


def open_socket(host: str, port: int) -> socket.socket:
    """Take the address.

    Raises:
        InputError: there is no such address, or another program has it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise InputError(f"no address `{host}` on this machine", "leave --host out to serve this machine") from None
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(128)
    except OSError as error:
        opened.close()
        reason = (error.strerror or str(error)).lower()
        raise InputError(
            f"cannot listen on `{host}:{port}`: {reason}", f"try `--port {port + 1 if port < 65535 else 8350}`"
        ) from None
    return opened


def serve(
    host: str,
    port: int,
    models: Path | None,
    device: str,
    say: Callable[[str], None],
    max_candidates: int = MAX_CANDIDATES,
) -> None:
    """Answer until interrupted.

    Args:
        host: address to listen on.
        port: port, 0 for any that is free.
        models: folder of models; None looks them up.
        device: where searches run.
        say: tells the person at the terminal.
        max_candidates: refuse to score more one by one.

    Raises:
        ScreenerError: the extra, the models or the address are not there.
    """
    check_extra()
    import uvicorn

    from screener.serve.api import Api, make_app
    from screener.serve.installed import Installed

    installed = Installed.load(models, device)
    with open_socket(host, port) as opened:
        shown = f"[{host}]" if ":" in host else host
        names = None if host in _EVERYWHERE else (*_LOOPBACK, shown)
        for line in address_lines(shown, opened.getsockname()[1], host):
            say(line)
        api = Api(installed, max_candidates)
        config = uvicorn.Config(
            make_app(api, names),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        try:
            uvicorn.Server(config).run(sockets=[opened])
        finally:
            api.runs.close()


def address_lines(shown: str, port: int, host: str) -> list[str]:
    """Say where to look, who can, and how to end it."""
    own = host in ("127.0.0.1", "localhost", "::1")
    place = "localhost" if host in _EVERYWHERE else shown
    who = (
        "only this machine can reach it"
        if own
        else "warning: whoever reaches this machine over the network can use it; there are no passwords"
    )
    return [f"http://{place}:{port}", f"listening on {shown}:{port}: {who}", "stop with Ctrl-C"]
