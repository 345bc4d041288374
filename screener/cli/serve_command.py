"""`screener serve`: the engine behind a page in the browser."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from screener.cli import options
from screener.jobs import MAX_CANDIDATES
from screener.visible_text import visible

SERVE_HELP = """Serve a page to screen alloys in a browser, and the same as a JSON interface.

The page shows the periodic table to choose elements, step, limits in at.%, objectives and a filter; how large the
search is and how long it takes before it starts; its progress; the result as table, maps and Pareto plot; and the
command line that asks the same. Runs queue. `/api` describes the JSON interface, `/health` says that it is up. It
listens on 127.0.0.1, so that only this machine can use it; with --host on what you name, without passwords. Results
stay in memory until it ends; nothing is written, nothing is sent elsewhere.

Needs the extra `serve`: pip install 'alloy-screener[serve]'."""
SERVE_EXAMPLES = """\b
Examples:
  screener serve
  screener serve --port 9000 --device cuda"""


def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 is every network.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port; 0 takes any that is free.")
    ] = 8350,
    models: options.ModelsFolder = None,
    device: options.DeviceChoice = "auto",
    max_candidates: Annotated[
        int, typer.Option("--max-candidates", metavar="N", help="Refuse to score more candidates than this one by one.")
    ] = MAX_CANDIDATES,
    quiet: options.Quiet = False,
) -> None:
    """Serve the page until interrupted."""
    from screener.serve.server import serve as run

    def say(line: str) -> None:
        if not quiet or line.startswith("warning") or ": warning" in line:
            print(visible(line), file=sys.stderr, flush=True)

    run(host, port, models, device, say, max_candidates)
