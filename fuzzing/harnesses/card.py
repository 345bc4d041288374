"""Model cards, as any file may carry one."""

from __future__ import annotations

import json
import math

from fuzzing.harnesses import chosen, hold_to_manners
from screener.card import PREFIX, SCHEMA, ModelCard
from screener.errors import ModelError

TOKENS = (
    *(
        '"tier"',
        '"screen"',
        '"characterize"',
        '"target"',
        '"features"',
        '"elements"',
        '"conditions"',
        '"threshold"',
        "[",
    ),
    *(
        '"curve"',
        '"metrics"',
        '"golden"',
        '"sources"',
        '"distance"',
        '"domain_limit"',
        '"prior"',
        "null",
        "true",
        "NaN",
    ),
    *("Infinity", "1e999", "-1", "0.5", "100.0", "{", "}", "]", ":", ",", '"\\ud800"', '"\\u0000"', '"upto"', '"rows"'),
)


def check(data: bytes) -> None:
    """Read metadata, whole or part by part; a card that is read says what it said."""
    kind, rest = chosen(data, 2)
    try:
        text = rest.decode("utf-8", "replace")
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if kind == 0 and isinstance(values, dict):
        props = {PREFIX + name: _dumped(value) for name, value in values.items()}
    else:
        props = {f"{PREFIX}{name}": body for name, _, body in (line.partition("=") for line in text.split("\n"))}
        props.setdefault(f"{PREFIX}schema", str(SCHEMA))
    try:
        card = ModelCard.from_props(props)
    except ModelError as refused:
        hold_to_manners(refused)
        return
    written = card.to_props()
    assert ModelCard.from_props(written).to_props() == written, "reads back as another"
    assert card.target.low <= card.target.high
    assert math.isfinite(card.target.low) and math.isfinite(card.target.high)
    assert card.threshold is None or 0 < card.threshold < 1
    assert card.prior is None or 0 < card.prior < 1


def _dumped(value: object) -> str:
    """Write a value as it came; one that nests too deeply as a list that does."""
    try:
        return json.dumps(value)
    except RecursionError:
        return "[" * 100_000
