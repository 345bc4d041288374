"""Options that several commands share, each declared once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from screener.errors import InputError, ModelError

TierName: TypeAlias = Literal["auto", "screen", "characterize"]
UnitsName: TypeAlias = Literal["at", "wt"]
ClassifierName: TypeAlias = Literal["mtl", "independent"]

Maximize: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--maximize",
        metavar="COL[=LO:HI]",
        help="Make a column large; LO is worthless, HI is ideal, in its unit. Several multiply their desirabilities.",
    ),
]
Minimize: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--minimize", metavar="COL[=LO:HI]", help="Make a column small; LO is ideal, HI is worthless."),
]
RankBy: TypeAlias = Annotated[
    str | None,
    typer.Option("--rank-by", metavar="EXPR", help="Rank by an expression, larger first. Default: p_amorphous."),
]
Where: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="EXPR",
        help="Keep alloys that meet a condition on predictions, at.% of elements and descriptors (screen tier).",
    ),
]
Pareto: TypeAlias = Annotated[
    bool, typer.Option("--pareto", help="Keep only alloys that none beats in every --maximize and --minimize.")
]
Tier: TypeAlias = Annotated[
    str,
    typer.Option(
        "--tier",
        metavar="auto|screen|characterize",
        help="auto: fast models filter and rank, precise ones describe what is reported. The others force one tier.",
    ),
]
Recall: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--recall", metavar="R", help="Flag amorphous at the highest threshold whose out-of-fold recall is at least R."
    ),
]
Threshold: TypeAlias = Annotated[
    float | None, typer.Option("--threshold", metavar="P", help="Flag amorphous from this probability on.")
]
Process: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--process",
        metavar="ribbon|film|bulk",
        help="Process predictions are for: sets the conditions that `screener models` shows it for. Default: ribbon.",
    ),
]
Prior: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--prior",
        metavar="P",
        help="Share of amorphous-formers among the alloys asked about: rescales p_amorphous. Default flags stay, and a "
        "ranking by it alone; other scores that read it may rank differently.",
    ),
]
Classifier: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--classifier",
        metavar="mtl|independent",
        help="Which amorphous classifier screens. Default: the preferred one of `screener models`.",
    ),
]
ConditionValues: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--condition",
        metavar="NAME=VALUE",
        help="Measurement condition, in the unit that `screener models` shows. Default: the model's reference.",
    ),
]
WithDescriptors: TypeAlias = Annotated[
    bool, typer.Option("--with-descriptors", help="Add every descriptor that all elements have the properties for.")
]
Output: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write .csv, .parquet or .jsonl; `-` is CSV on standard output. Default: a table on a terminal, else CSV.",
    ),
]
DeviceChoice: TypeAlias = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda[:N]", help="Where predictions run.")
]
ModelsFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--models", metavar="DIR", help="Folder of models. Default: $SCREENER_MODELS, the user's own, the shipped ones."
    ),
]
Strict: TypeAlias = Annotated[
    bool, typer.Option("--strict", help="Refuse what would otherwise be flagged or set aside.")
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", help="No summary and no progress; warnings and errors stay.")
]
EngineName: TypeAlias = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray",
        help="ray: spread a search of any kind, or lists, over a Ray cluster; one is started here and stopped unless "
        "--ray-address names one.",
    ),
]
RayAddress: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--ray-address", metavar="A", help="Running cluster, such as HEAD:6379. Default: $RAY_ADDRESS, else none."
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")]
ResultJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Write the result to standard output, one JSON object a line.")
]
Formulas: TypeAlias = Annotated[list[str], typer.Argument(metavar="FORMULA...", help="Alloys such as Cu50Zr50.")]
ReadUnits: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--units",
        metavar="at|wt",
        help="How amounts in formulas are meant, at.% or wt.%. Balance notation such as Ti-6Al-4V must say.",
    ),
]


def parse_conditions(texts: Sequence[str]) -> dict[str, float]:
    """Read `NAME=VALUE` texts.

    Raises:
        ModelError: a text has no `=`, its value is no number, or a name comes twice.
    """
    values: dict[str, float] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise ModelError(f"cannot read condition `{text}`", "write `--condition NAME=VALUE`")
        if name in values:
            raise ModelError(f"condition `{name}` is given twice", "give each condition once")
        try:
            values[name] = float(value)
        except ValueError:
            raise ModelError(
                f"condition `{name}` is `{value}`, not a number", f"write a number, e.g. `--condition {name}=1`"
            ) from None
    return values


def check_units(text: str | None) -> None:
    """Accept `at`, `wt` or nothing.

    Raises:
        InputError: it is something else.
    """
    if text not in (None, "at", "wt"):
        raise InputError(f"unknown units `{text}`", "use `--units at` or `--units wt`")
