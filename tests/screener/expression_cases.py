"""Columns and how conditions and scores over them are read."""

from __future__ import annotations

from screener.expression import Expression

COLUMNS = {
    "Al",
    "In",
    "As",
    "No",
    "hardness_gpa",
    "density_g_cm3",
    "p_amorphous",
    "is_amorphous",
    "in_domain",
    "odd name",
}
NUMBERS = ["Al", "In", "hardness_gpa"]
CONDITIONS = ["is_amorphous", "in_domain"]


def where(text):
    return Expression.parse(text, COLUMNS, "boolean", "--where")


def rank_by(text):
    return Expression.parse(text, COLUMNS, "number", "--rank-by")
