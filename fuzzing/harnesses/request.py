"""Requests to `screener serve`: read, or refused with an answer that a browser can read."""

from __future__ import annotations

import json
import shlex

from fuzzing.harnesses import hold_to_manners
from screener.errors import ScreenerError
from screener.jobs import MAX_CANDIDATES
from screener.serve.answers import error_answer, json_answer
from screener.serve.asked import command_line, job_of, read_request
from screener.serve.fields import FIELDS

TOKENS = (
    *(f'"{field.name}"' for field in FIELDS),
    *('{"elements": "Al,Ti,Cr"}', ":", ",", "{", "}", "[", "]", '"', "null", "true", "1e999", "-1", "9" * 400, "0.1"),
    *('"\\ud800"', "NaN", "9223372036854775807", '"Al=5:35"', '"exact"', '"wt"', '"1e3"', "2.5"),
)


def check(data: bytes) -> None:
    """Read a request and answer it."""
    try:
        asked = read_request(data)
        job = job_of(asked, None, "cpu", MAX_CANDIDATES)
    except ScreenerError as refused:
        hold_to_manners(refused)
        json.loads(bytes(error_answer(400, refused.message, refused.hint).body))
        return
    said = {"request": dict(asked), "command": command_line(asked), "space": job.space.describe(), "job": job.as_json()}
    json.loads(bytes(json_answer(said).body))
    words = shlex.split(command_line(asked))
    assert words[:3] == ["screener", "enumerate", "--elements"] or words[2].startswith("--elements=")
    assert read_request(json.dumps(dict(asked)).encode()) == asked, "reads back as another"
