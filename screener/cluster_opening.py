"""Connecting to a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from screener.distributed import Cluster
from screener.errors import InputError

_STORE = 256 << 20
_PATIENCE = 10.0
"""Seconds that the head of a cluster has to answer."""


@contextmanager
def open_cluster(address: str | None, device: str, cpus: int | None = None) -> Iterator[Cluster]:
    """Connect to a Ray cluster, or start one on this machine; what was started ends with the block.

    Args:
        address: of a running cluster; None takes `$RAY_ADDRESS`, else starts one.
        device: `auto`, `cpu` or `cuda`.
        cpus: workers of a cluster that is started here; None takes all cores.

    Raises:
        InputError: Ray is not installed, or no cluster answers.
    """
    # A screening run tells nobody that it runs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise InputError(
            "`--engine ray` needs Ray, which is not installed", "run: pip install 'alloy-screener[distributed]'"
        ) from None
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address is not None:
        _check_reachable(address)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is None:
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, object_store_memory=_STORE, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, OSError, RuntimeError, ValueError) as problem:
        raise _no_answer(address or "local", str(problem)) from None
    finally:
        for number, handler in handlers.items():
            with suppress(ValueError):  # not in the main thread
                signal.signal(number, handler)
    try:
        yield Cluster(ray, device)
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Find out whether anybody listens at an address: Ray itself would wait for minutes.

    Raises:
        InputError: it does not read, or nobody does.
    """
    match = re.fullmatch(r"(?:ray://)?\[?([^\]/]+?)\]?:([0-9]{1,5})", address)
    if address in ("auto", "local"):
        return
    if match is None:
        raise InputError(f"`{address}` is no address of a cluster", "write it like `--ray-address head:6379`")
    try:
        socket.create_connection((match[1], int(match[2])), _PATIENCE).close()
    except (OSError, OverflowError) as problem:
        raise _no_answer(address, str(problem)) from None


def _no_answer(address: str, problem: str) -> InputError:
    text = problem.strip().splitlines()
    return InputError(
        f"no Ray cluster answers at `{address}`: {text[0][:200].lower() if text else 'no reason is given'}",
        "start one with `ray start --head` there, or leave --ray-address out",
    )
