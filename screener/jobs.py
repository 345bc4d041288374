"""What is asked for, frozen before anything runs: one question, put to a space or to a list of alloys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from screener.errors import CompositionError, InputError, ModelError

if TYPE_CHECKING:
    import polars

    from screener.formula import Units
    from screener.space import CompositionSpace

TierChoice: TypeAlias = Literal["auto", "screen", "characterize"]
ClassifierChoice: TypeAlias = Literal["mtl", "independent"]
EncodingChoice: TypeAlias = Literal["utf-8", "latin-1", "cp1252"]
SearchChoice: TypeAlias = Literal["auto", "exhaustive", "exact"]

BLOCK = 16_384
"""Rows evaluated at once: features of a block stay in the second-level cache, calls stay few."""
DEFAULT_TOP = 20
MAX_CANDIDATES = 2_000_000_000
"""Largest space searched exhaustively unless asked for more: hours on a desktop, a typing error beyond."""
DEFAULT_PROCESS = "ribbon"
"""Process that predictions are for, where models know it: most measured glasses are melt-spun ribbons."""
CHARACTERIZE_UP_TO = 20_000
"""Longest list that the precise models score without being asked to."""


@dataclass(frozen=True, slots=True)
class Question:
    """What candidates are filtered and ranked by, and how they are shown.

    Attributes:
        maximize: `COL` or `COL=LO:HI`, larger is better.
        minimize: the same, smaller is better.
        rank_by: expression whose value is the score.
        where: condition a candidate must meet.
        pareto: keep only what nothing beats in every objective.
        top: how many to keep; None keeps every row of a list.
        tier: which models predict.
        recall: recall the amorphous flag must reach out of fold.
        threshold: probability from which the amorphous flag is set.
        conditions: measurement conditions by name.
        with_descriptors: add every descriptor to the result.
        strict: refuse what would otherwise be flagged or rejected.
        process: process whose conditions hold; None takes `ribbon` where a model knows it.
        prior: share of amorphous-formers among the alloys asked about; None takes that of the models.
        classifier: which of several amorphous classifiers screens; None takes the preferred one.
    """

    maximize: tuple[str, ...] = ()
    minimize: tuple[str, ...] = ()
    rank_by: str | None = None
    where: str | None = None
    pareto: bool = False
    top: int | None = None
    tier: TierChoice = "auto"
    recall: float | None = None
    threshold: float | None = None
    conditions: tuple[tuple[str, float], ...] = ()
    with_descriptors: bool = False
    strict: bool = False
    process: str | None = None
    prior: float | None = None
    classifier: ClassifierChoice | None = None

    def __post_init__(self) -> None:
        if self.top is not None:
            object.__setattr__(self, "top", _whole("top", self.top, "ask for so many alloys, for example `top=20`"))
        _check_text("where", self.where, "hardness_gpa > 5")
        _check_text("rank_by", self.rank_by, "hardness_gpa / density_g_cm3")
        for name in ("recall", "threshold", "prior"):
            _take_number(self, name, f"give a fraction, for example `{name}=0.5`")
        if self.top is not None and self.top < 1:
            raise CompositionError(f"--top `{self.top}` is below 1", "ask for at least one candidate, e.g. `--top 20`")
        if self.tier not in ("auto", "screen", "characterize"):
            raise CompositionError(f"unknown tier `{self.tier}`", "use `auto`, `screen` or `characterize`")
        if self.classifier not in (None, "mtl", "independent"):
            raise ModelError(f"unknown classifier `{self.classifier}`", "use `mtl` or `independent`")
        if self.classifier and self.tier == "characterize":
            raise ModelError(
                "both `--classifier` and `--tier characterize` are given",
                "the choice is between classifiers of the screen tier: leave one of them out",
            )

    @property
    def ranks(self) -> bool:
        """Whether an order other than the default was asked for."""
        return bool(self.maximize or self.minimize or self.rank_by)

    def as_json(self) -> dict[str, object]:
        """Return what was asked as plain JSON values."""
        return asdict(self) | {"conditions": dict(self.conditions)}


@dataclass(frozen=True, slots=True)
class ScreenJob:
    """A search of a composition space.

    Attributes:
        space: every candidate.
        question: what is asked of them.
        sample: evaluate so many candidates drawn at random instead of all.
        seed: seed of the draw.
        units: unit of the element columns written, `at` or `wt`.
        max_candidates: refuse to evaluate more one by one.
        models: folder of models; None looks them up.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        block: rows evaluated at once.
        search: `exact` proves the best without scoring every candidate, `auto` where that is possible and faster.
        time_limit: seconds after which an exact search stops with what it has.
        diverse: least distance of winners, as the largest difference of an amount, at.%.
        near: greatest distance to a measured alloy, likewise.
    """

    space: CompositionSpace
    question: Question
    sample: int | None = None
    seed: int = 0
    units: Units = "at"
    max_candidates: int = MAX_CANDIDATES
    models: Path | None = None
    device: str = "auto"
    block: int = BLOCK
    search: SearchChoice = "auto"
    time_limit: float | None = None
    diverse: float | None = None
    near: float | None = None

    def __post_init__(self) -> None:
        if self.search not in ("auto", "exhaustive", "exact"):
            raise CompositionError(f"unknown search `{self.search}`", "use `auto`, `exhaustive` or `exact`")
        _check_units(self.units, ("at", "wt"))
        if self.sample is not None:
            hint = "draw so many candidates, for example `sample=1000`"
            object.__setattr__(self, "sample", _whole("sample", self.sample, hint))
        hint = "set how many may be scored one by one, for example `max_candidates=10_000_000`"
        object.__setattr__(self, "max_candidates", _whole("max_candidates", self.max_candidates, hint))
        object.__setattr__(self, "seed", _whole("seed", self.seed, "use a seed of 0 or more, for example `seed=1`"))
        _take_number(self, "time_limit", "give seconds, for example `time_limit=60`")
        for name in ("diverse", "near"):
            _take_number(self, name, f"give at.%, for example `{name}=5`")
        if self.sample is not None and self.sample < 1:
            raise CompositionError(f"sample size `{self.sample}` is below 1", "draw at least one candidate")
        if self.seed < 0:
            raise CompositionError(f"seed `{self.seed}` is negative", "use a seed of 0 or more")

    @property
    def candidates(self) -> int:
        """How many candidates are evaluated."""
        return self.space.size if self.sample is None else min(self.sample, self.space.size)

    def as_json(self) -> dict[str, object]:
        """Return the question and the space as plain JSON values, without where it runs."""
        space = self.space
        asked: dict[str, object] = {
            "space": space.digest,
            "elements": list(space.elements),
            "step_at_percent": 100 / space.units,
            "limits": space.describe(),
            **space.limits(),
            "units": self.units,
        }
        asked |= {name: value for name in ("diverse", "near") if (value := getattr(self, name)) is not None}
        if self.sample is not None:
            asked |= {"sample": self.sample, "seed": self.seed}
        return asked | self.question.as_json()


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """A list of alloys to predict.

    Attributes:
        source: CSV, JSON lines or Parquet file, `-` for standard input, or a table in memory.
        question: what is asked of its rows.
        units: how amounts are meant; None takes atomic parts and refuses balance notation.
        models: folder of models; None looks them up.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        block: rows evaluated at once.
        column: name of the column of formulas; None looks for what holds compositions.
        encoding: of text, `utf-8`, `latin-1` or `cp1252`.
        with_elements: add the at.% of every element to the result.
    """

    source: Path | polars.DataFrame
    question: Question
    units: Units | None = None
    models: Path | None = None
    device: str = "auto"
    block: int = BLOCK
    column: str | None = None
    encoding: EncodingChoice = "utf-8"
    with_elements: bool = False

    def __post_init__(self) -> None:
        _check_units(self.units, (None, "at", "wt"))
        if self.encoding not in ("utf-8", "latin-1", "cp1252"):
            raise InputError(f"unknown encoding `{self.encoding}`", "use `utf-8`, `latin-1` or `cp1252`")

    def as_json(self) -> dict[str, object]:
        """Return the question as plain JSON values, without where it runs."""
        name = self.source.name if isinstance(self.source, Path) else None
        asked = {"list": name, "units": self.units, "composition_column": self.column, "encoding": self.encoding}
        return {**asked, "with_elements": self.with_elements, **self.question.as_json()}


def conditions_of(given: Mapping[str, float] | None) -> tuple[tuple[str, float], ...]:
    """Order conditions by name, so that equal questions are equal.

    Raises:
        InputError: they are no numbers by name.
    """
    hint = 'give numbers by name, for example `conditions={"load_n": 9.8}`'
    if given is not None and not isinstance(given, Mapping):
        raise InputError(f"conditions `{given}` are not a dictionary", hint)
    for name in given or ():
        if not isinstance(name, str):
            raise InputError(f"condition `{name}` is not a name", hint)
    return tuple(sorted((name, _number(f"condition {name}", value, hint)) for name, value in (given or {}).items()))


def models_folder(given: object) -> Path | None:
    """Take a folder of models, or None to look them up.

    Raises:
        InputError: it is no path.
    """
    if given is None or isinstance(given, str | Path):
        return None if given is None else Path(given)
    raise InputError(f"models `{given}` is not a path", 'name a folder, for example `models="models"`')


def as_tuple(texts: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Take one text or several.

    Raises:
        InputError: something else is among them.
    """
    several = isinstance(texts, Iterable) and not isinstance(texts, str)
    parts: tuple[object, ...] = tuple(texts) if several else (texts,)
    for part in parts:
        if not isinstance(part, str):
            raise InputError(f"objective `{part}` is not text", 'name a column, for example `maximize="hardness_gpa"`')
    return tuple(str(part) for part in parts)


def _whole(name: str, value: object, hint: str) -> int:
    """Take a whole number of Python or NumPy.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{name} `{value}` is not a whole number", hint)
    return int(value)


def _number(name: str, value: object, hint: str) -> float:
    """Take a number of Python or NumPy as one of Python: others cannot be written as JSON.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} `{value}` is not a number", hint)
    return value if isinstance(value, int) else float(value)


def _take_number(asked: Question | ScreenJob, name: str, hint: str) -> None:
    """Take what was given for one part of a question or job, unless that is None.

    Raises:
        InputError: it is not a number.
    """
    if (value := getattr(asked, name)) is not None:
        object.__setattr__(asked, name, _number(name, value, hint))


def _check_text(name: str, value: object, example: str) -> None:
    """Accept a text, or None.

    Raises:
        InputError: it is something else.
    """
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name} `{value}` is not text", f'write an expression, for example `{name}="{example}"`')


def _check_units(units: object, known: tuple[str | None, ...]) -> None:
    """Accept one of the units there are.

    Raises:
        InputError: it is none of them.
    """
    if units not in known:
        raise InputError(f"unknown units `{units}`", "use `at` or `wt`")
