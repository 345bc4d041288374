"""Targets of a user's table, declared in TOML."""

from __future__ import annotations

import re

from fuzzing.harnesses import hold_to_manners, stored
from screener.errors import InputError
from training.declaration import read_declaration

TOKENS = (
    *("[targets.yield_mpa]", "[targets]", "unit", "kind", "column", "log", "=", '"regression"', '"classification"'),
    *(
        "true",
        "false",
        "\n",
        '"',
        "'",
        "{",
        "}",
        "[",
        "]",
        ".",
        "1979-05-27T07:32:00Z",
        "0x1F",
        "inf",
        "nan",
        '"""',
        "#",
    ),
)


def check(data: bytes) -> None:
    """Read a file of declarations."""
    with stored(data, ".toml") as path:
        try:
            targets = read_declaration(path)
        except InputError as refused:
            hold_to_manners(refused)
            return
    assert targets
    assert len({target.name for target in targets}) == len(targets)
    for target in targets:
        assert re.fullmatch("[a-z][a-z0-9_]*", target.name)
        assert target.kind in ("regression", "classification")
        assert isinstance(target.unit, str)
        assert isinstance(target.column, str)
        assert target.log in (True, False)
        assert not (target.log and target.kind == "classification")
