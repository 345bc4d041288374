"""Results read back for a report or a plot: tables and what they say about themselves."""

from __future__ import annotations

import numpy as np

from fuzzing.harnesses import chosen, hold_to_manners, stored
from screener.errors import InputError
from screener.report.question_words import objectives, question_lines, title_of
from screener.report.result_file import read_result, require_result
from screener.report.screened_space import space_of
from screener.sinks import meta_path

TOKENS = (
    *(
        "formula",
        "p_amorphous",
        "in_domain",
        "score",
        "rank",
        "true",
        "false",
        ",",
        "\n",
        '"',
        "1.5",
        "nan",
        "inf",
        "1_0",
    ),
    *(
        '{"screener.question": "{}"}',
        '"screener.summary"',
        '"screener.models"',
        "\n=====\n",
        "{",
        "}",
        "[",
        "]",
        "null",
    ),
    *('{"formula": "CuZr", "score": 1.5}', "PAR1", "\x00", "\ufeff"),
)
_SUFFIXES = (".csv", ".jsonl", ".parquet")


def check(data: bytes) -> None:
    """Read a table, with metadata behind a line of `=====`."""
    kind, rest = chosen(data, len(_SUFFIXES))
    table, apart, about = rest.partition(b"\n=====\n")
    with stored(table, _SUFFIXES[kind]) as path:
        if apart:
            meta_path(path).write_bytes(about)
        try:
            read = read_result(path)
            require_result(read)
        except InputError as refused:
            hold_to_manners(refused)
            return
        finally:
            meta_path(path).unlink(missing_ok=True)
    assert read.rows == read.total >= 1
    said = [title_of(read), *objectives(read), *(part for line in question_lines(read) for part in line)]
    assert "".join(said).encode()
    space = space_of(read.question)
    assert space is None or space.digest == read.question["space"]
    for column in read.columns.values():
        assert len(column.text) == read.rows, f"{len(column.text)} values of {read.rows}"
        if column.kind != "text":
            assert column.numbers.shape == (read.rows,)
            assert column.numbers.dtype == np.float64
