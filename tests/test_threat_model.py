"""The page that says what is let in names the limits that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from screener import _card_fields, _expression_tree, _graph_fields, expression, graph_check, model_file

PAGE = " ".join((Path(__file__).resolve().parents[1] / "docs/threat_model.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    "text",
    [
        f"At most {model_file.MAX_MODEL_BYTES // 1_000_000} MB",
        f"the {sum(map(len, graph_check.OPERATORS.values()))} operators of our nets and trees",
        f"at most {_graph_fields.MAX_PARTS:,} parts of a kind",
        f"{graph_check.MAX_WIDTH:,} columns",
        f"{graph_check.MAX_WORK // 1_000_000} million multiplications",
        f"at most {_graph_fields.MAX_ENTRIES // 1_000_000} million nodes",
        f"At most {_card_fields.MAX_CARD_CHARACTERS // 1_000_000} million characters of JSON",
        f"At most {expression.MAX_LENGTH:,} characters, {_expression_tree.MAX_DEPTH} levels of terms and "
        f"{expression.MAX_NESTING} of brackets",
        f"{len(expression._FUNCTIONS)} functions of numbers",
    ],
)
def test_limits_are_those_of_the_code(text):
    assert text in PAGE
