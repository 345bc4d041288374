"""What a request may ask for: one list that checks it, documents it and writes the command line for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from screener.errors import InputError
from screener.jobs import DEFAULT_TOP
from screener.serve import MOST_ROWS

Kind: TypeAlias = Literal["text", "texts", "number", "whole", "flag", "numbers"]

_LONGEST_TEXT = 2000
_MOST_TEXTS = 64
_LARGEST = 1e15
_JSON_TYPES: Mapping[Kind, str] = {
    "text": "a text",
    "texts": "a list of texts",
    "number": "a number",
    "whole": "a whole number",
    "flag": "true or false",
    "numbers": "an object of numbers",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be asked.

    Attributes:
        name: key in the request.
        option: option of `screener enumerate` that asks the same.
        kind: what its value is.
        text: what it means, with its unit.
        default: value that asks nothing.
        choices: values allowed; empty for any.
        example: a value, for the description of the interface.
    """

    name: str
    option: str
    kind: Kind
    text: str
    default: object = None
    choices: tuple[str, ...] = ()
    example: object = None


_TIERS = ("auto", "screen", "characterize")
FIELDS = (
    Field("elements", "--elements", "text", "Element symbols, parted by commas.", example="Al,Ti,Cr"),
    Field("step", "--step", "text", "Grid step in at.%, 0.1 to 50; divides 100 exactly.", "1", example="2"),
    Field("components", "--components", "text", "How many elements may be present, `3` or `2-4`.", example="2-3"),
    Field("bounds", "--bounds", "text", "Limits of elements in at.%.", example="Al=5:35,Cr=0:20"),
    Field("sums", "--sum", "texts", "Limits of sums of elements in at.%.", example=["Al+Ti=40:90"]),
    Field("sample", "--sample", "whole", "Evaluate so many candidates drawn at random instead of all."),
    Field("seed", "--seed", "whole", "Seed of `sample`.", 0),
    Field("maximize", "--maximize", "texts", "Columns to make large, `COL` or `COL=LO:HI`.", example=["hardness_gpa"]),
    Field("minimize", "--minimize", "texts", "Columns to make small.", example=["density_g_cm3=3:6"]),
    Field("rank_by", "--rank-by", "text", "Expression to rank by, larger first; the default is p_amorphous."),
    Field("where", "--where", "text", "Condition that a candidate must meet.", example="in_domain and Al > 10"),
    Field("pareto", "--pareto", "flag", "Keep only what none beats in every objective.", False),
    Field("top", "--top", "whole", f"How many candidates to keep, at most {MOST_ROWS}.", DEFAULT_TOP, example=50),
    Field("tier", "--tier", "text", "Which models predict: auto, or one tier throughout.", "auto", _TIERS),
    Field("recall", "--recall", "number", "Flag amorphous at the highest threshold of this out-of-fold recall."),
    Field("threshold", "--threshold", "number", "Flag amorphous from this probability on."),
    Field("process", "--process", "text", "Process predictions are for: ribbon, film or bulk."),
    Field("prior", "--prior", "number", "Expected share of amorphous-formers: rescales p_amorphous."),
    Field(
        "classifier", "--classifier", "text", "Which amorphous classifier screens.", None, ("mtl", "independent")
    ),
    Field("conditions", "--condition", "numbers", "Measurement conditions by name, in the unit of the models."),
    Field("with_descriptors", "--with-descriptors", "flag", "Add every descriptor.", False),
    Field("units", "--units", "text", "Unit of the element columns, at.% or wt.%.", "at", ("at", "wt")),
    Field(
        "search", "--search", "text", "Score every candidate, or prove the best.", "auto",
        ("auto", "exhaustive", "exact"),
    ),
    Field("time_limit", "--time-limit", "number", "Stop an exact search after so many seconds with what it has."),
    Field("diverse", "--diverse", "number", "Winners differ by at least so many at.% in one element (exact)."),
    Field("near", "--near", "number", "Only within so many at.% of a measured alloy (exact)."),
    Field("strict", "--strict", "flag", "Refuse elements outside the training of a model.", False),
)  # fmt: skip
BY_NAME = {field.name: field for field in FIELDS}


def checked_value(field: Field, value: object) -> object:
    """Take a value of the right kind; null asks nothing.

    Raises:
        InputError: it is of another kind, too long, or not among the choices.
    """
    if value is None:
        return field.default
    value = _spelled(field, value)
    if not _is(field.kind, value):
        raise InputError(f"`{field.name}` is not {_JSON_TYPES[field.kind]}", f"{field.text} {_example(field)}".strip())
    texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    if len(texts) > _MOST_TEXTS or any(len(text) > _LONGEST_TEXT for text in texts):
        raise InputError(f"`{field.name}` is too long", f"send at most {_MOST_TEXTS} texts of {_LONGEST_TEXT} letters")
    if field.choices and value not in field.choices:
        raise InputError(f"`{field.name}` is `{value}`", f"use {' or '.join(f'`{each}`' for each in field.choices)}")
    return value


def json_schema(field: Field) -> dict[str, object]:
    """Describe a field in the schema language of OpenAPI."""
    types: Mapping[Kind, dict[str, object]] = {
        "text": {"type": "string", "maxLength": _LONGEST_TEXT},
        "texts": {"type": "array", "items": {"type": "string"}, "maxItems": _MOST_TEXTS},
        "number": {"type": "number"},
        "whole": {"type": "integer"},
        "flag": {"type": "boolean"},
        "numbers": {"type": "object", "additionalProperties": {"type": "number"}},
    }
    schema = {**types[field.kind], "description": f"{field.text} As `{field.option}`."}
    schema |= {"enum": list(field.choices)} if field.choices else {}
    schema |= {"default": field.default} if field.default is not None else {}
    return schema | ({"example": field.example} if field.example is not None else {})


def _spelled(field: Field, value: object) -> object:
    """Let people write a list for elements, a number for a step, one text for a list."""
    if field.kind == "texts" and isinstance(value, str):
        return [value] if value.strip() else []
    if field.kind != "text":
        return value
    if field.name == "elements" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    if field.name in ("step", "components") and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if isinstance(value, int) else f"{value:.12g}"
    if isinstance(value, str) and not value.strip() and field.name != "elements":
        return field.default
    return value


def _is(kind: Kind, value: object) -> bool:
    """Say whether a value is of a kind."""
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "texts":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if kind == "numbers":
        return isinstance(value, dict) and all(_is("number", each) for each in value.values())
    if kind == "whole":
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    return value is None or isinstance(value, str)


def _example(field: Field) -> str:
    return "" if field.example is None else f"For example {field.example!r}.".replace("'", '"')
