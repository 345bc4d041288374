"""Runs of a server for tests: how one is asked for, and waited for."""

from __future__ import annotations

import time

from starlette.testclient import TestClient

REQUEST = {"elements": "Al,Ti,Cr", "step": 10, "maximize": ["hardness_gpa"], "top": 7}
PATIENCE = 300.0
"""Seconds to wait for a run; the first one of a machine may compile."""


def until(client: TestClient, number: int, *states: str) -> dict:
    """Wait until a run is in one of some states."""
    end = time.monotonic() + PATIENCE
    while True:
        run = client.get(f"/api/runs/{number}").json()
        if run["state"] in states:
            return run
        assert time.monotonic() < end, run
        time.sleep(0.02)


def started(client: TestClient, **more: object) -> int:
    """Put a run into the queue."""
    answer = client.post("/api/runs", json={**REQUEST, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["number"]
