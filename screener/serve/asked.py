"""A request, read: the search it asks for and the command line that asks the same."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from screener.errors import CompositionError, InputError
from screener.jobs import ClassifierChoice, Question, ScreenJob, SearchChoice, TierChoice, conditions_of
from screener.serve import MOST_DRAWN, MOST_ROWS
from screener.serve.fields import BY_NAME, FIELDS, Field, checked_value
from screener.space import CompositionSpace

Asked = Mapping[str, object]
"""A request with every field, those not sent at their defaults."""


def read_request(body: bytes) -> dict[str, object]:
    """Read a request.

    Raises:
        InputError: it is no JSON object, has unknown fields, or a value of the wrong kind.
    """
    try:
        sent = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InputError("the request is not JSON", 'send an object such as {"elements": "Al,Ti,Cr"}') from None
    if b"\\u" in body and not _writable(sent):
        raise InputError("the request holds half of a surrogate pair", "send whole characters")
    if not isinstance(sent, dict):
        raise InputError("the request is not an object", 'send an object such as {"elements": "Al,Ti,Cr"}')
    for name in sent:
        if name not in BY_NAME:
            close = difflib.get_close_matches(name, BY_NAME, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(BY_NAME)}"
            raise InputError(f"unknown field `{name[:60]}`", hint)
    return {field.name: checked_value(field, sent.get(field.name)) for field in FIELDS}


def job_of(asked: Asked, models: Path | None, device: str, max_candidates: int) -> ScreenJob:
    """Build the search that a request asks for.

    Raises:
        ScreenerError: elements, limits or settings do not fit together.
    """
    top = cast(int, asked["top"])
    if top > MOST_ROWS:
        raise CompositionError(
            f"top `{top}` is more than the {MOST_ROWS} that a page shows", "run the command line for more"
        )
    sample = cast("int | None", asked["sample"])
    if sample is not None and sample > MOST_DRAWN:
        raise CompositionError(
            f"sample `{sample}` is more than the {MOST_DRAWN} that a page draws", "run the command line for more"
        )
    space = CompositionSpace.build(
        _text(asked, "elements") or "",
        _text(asked, "step") or "1",
        _text(asked, "components"),
        _text(asked, "bounds"),
        _texts(asked, "sums") or None,
    )
    conditions = cast("dict[str, float]", asked["conditions"] or {})
    question = Question(
        _texts(asked, "maximize"),
        _texts(asked, "minimize"),
        _text(asked, "rank_by"),
        _text(asked, "where"),
        bool(asked["pareto"]),
        top,
        cast(TierChoice, asked["tier"]),
        _number(asked, "recall"),
        _number(asked, "threshold"),
        conditions_of({name: float(value) for name, value in conditions.items()}),
        bool(asked["with_descriptors"]),
        bool(asked["strict"]),
        _text(asked, "process"),
        _number(asked, "prior"),
        cast(ClassifierChoice | None, asked["classifier"]),
    )
    return ScreenJob(
        space,
        question,
        sample,
        cast(int, asked["seed"]),
        "wt" if asked["units"] == "wt" else "at",
        max_candidates,
        models,
        device,
        search=cast(SearchChoice, asked["search"]),
        time_limit=_number(asked, "time_limit"),
        diverse=_number(asked, "diverse"),
        near=_number(asked, "near"),
    )


def command_line(asked: Asked, output: str = "best.csv") -> str:
    """Write the command that asks the same at a terminal; what stands at its default is left out."""
    words = ["screener", "enumerate"]
    for field in FIELDS:
        value = asked[field.name]
        if value in (field.default, None, [], {}) and field.name != "elements":
            continue
        if field.kind == "flag":
            words.append(field.option)
        elif field.kind == "texts":
            words += [part for text in cast("list[str]", value) for part in _option(field, text)]
        elif field.kind == "numbers":
            pairs = sorted(cast("dict[str, float]", value).items())
            words += [part for name, number in pairs for part in _option(field, f"{name}={number!r}")]
        else:
            words += _option(field, str(value))
    return shlex.join([*words, "-o", output])


def _option(field: Field, value: str) -> list[str]:
    """Write an option and its value; one that begins with a dash would read as an option of its own."""
    return [f"{field.option}={value}"] if value.startswith("-") else [field.option, value]


def _text(asked: Asked, name: str) -> str | None:
    return cast("str | None", asked[name])


def _texts(asked: Asked, name: str) -> tuple[str, ...]:
    return tuple(cast("list[str]", asked[name] or []))


def _number(asked: Asked, name: str) -> float | None:
    value = cast("float | None", asked[name])
    return None if value is None else float(value)


def _writable(sent: object) -> bool:
    """Say whether every text can be written: escapes of JSON can spell characters that no answer can hold."""
    try:
        json.dumps(sent, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _no_number(name: str) -> float:
    raise ValueError(name)
