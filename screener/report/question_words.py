"""The question behind a result, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from screener.report.column_words import SMALL_IS_BEAUTIFUL, axis_of
from screener.report.result_file import ResultFile

Direction = str
"""`max` or `min`."""


def objectives(result: ResultFile) -> dict[str, Direction]:
    """Name the columns the question made large or small."""
    found = {_column(text): "max" for text in _texts(result.question.get("maximize"))}
    return found | {_column(text): "min" for text in _texts(result.question.get("minimize"))}


def direction_of(column: str, asked: Mapping[str, Direction]) -> Direction:
    """Say which way a column is better: as asked, else more unless it is a cost."""
    return asked.get(column, "min" if column in SMALL_IS_BEAUTIFUL else "max")


def title_of(result: ResultFile) -> str:
    """Name a result in one line."""
    elements = _texts(result.question.get("elements"))
    if elements:
        asked = result.counts.get("candidates_screened")
        whole = f"{asked:,} candidates" if isinstance(asked, int) else "the composition space"
        return f"{'–'.join(elements)}: the best {_alloys(result.rows)} of {whole}"
    source = result.question.get("list")
    named = f"the list {source}" if isinstance(source, str) else result.path.name
    return f"{_alloys(result.rows)} of {named}"


def question_lines(result: ResultFile) -> list[tuple[str, str]]:
    """Write what was asked as pairs of a heading and a sentence; what is not known is said."""
    asked = result.question
    if not asked:
        return [("question", f"unknown: {result.path.name} carries no metadata; everything below is read off its rows")]
    lines = [("asked of", _asked_of(asked))]
    if isinstance(asked.get("sample"), int):
        lines.append(("sample", f"{asked['sample']:,} candidates drawn at random (seed {asked.get('seed', 0)})"))
    lines.append(("wanted", _wanted(asked)))
    if asked.get("where"):
        lines.append(("condition", str(asked["where"])))
    lines.append(("models", _tier(result)))
    lines += _settings(asked)
    counted = [f"{value:,} {key.replace('_', ' ')}" for key, value in result.counts.items() if isinstance(value, int)]
    return [*lines, ("counted", ", ".join(counted))] if counted else lines


def _asked_of(asked: Mapping[str, object]) -> str:
    """Name the space or the list."""
    if isinstance(asked.get("limits"), str):
        return str(asked["limits"])
    units = {"wt": ", amounts in wt.%", "at": ", amounts in at.%"}.get(str(asked.get("units")), "")
    name = asked.get("list")
    return (f"the alloys of {name}" if isinstance(name, str) else "a list of alloys") + units


def _wanted(asked: Mapping[str, object]) -> str:
    """Say what alloys were ranked by."""
    aims = [f"high {_aim(text)}" for text in _texts(asked.get("maximize"))]
    aims += [f"low {_aim(text)}" for text in _texts(asked.get("minimize"))]
    if aims:
        joined = " and ".join(aims)
        return f"{joined}; only what no other alloy beats in all of them" if asked.get("pareto") else joined
    if asked.get("rank_by"):
        return f"a high value of {asked['rank_by']}"
    if asked.get("top") is None:
        return "every alloy, none preferred"
    return f"high {axis_of('p_amorphous')}"


def _aim(text: str) -> str:
    """Write one objective with its range."""
    column, _, span = text.partition("=")
    said = f" (from {span.replace(':', ' to ', 1)})" if span else ""
    return axis_of(column.strip()) + said


def _tier(result: ResultFile) -> str:
    """Say which models predicted; where both did, their screening values stand beside the others."""
    if any(name.endswith("_screen") for name in result.columns):
        return "fast models ranked, precise models give the values shown"
    return "precise models throughout" if result.question.get("tier") == "characterize" else "fast models throughout"


def _settings(asked: Mapping[str, object]) -> list[tuple[str, str]]:
    """Write process, conditions, prior and the choice of the flag's threshold, where they were set."""
    lines = []
    if asked.get("process"):
        lines.append(("process", str(asked["process"])))
    conditions = asked.get("conditions")
    if isinstance(conditions, dict) and conditions:
        lines.append(("conditions", ", ".join(f"{name} = {value}" for name, value in conditions.items())))
    if asked.get("prior") is not None:
        lines.append(("prior", f"{asked['prior']} of the alloys asked about are assumed to be amorphous-formers"))
    if asked.get("threshold") is not None:
        lines.append(("amorphous flag", f"from a probability of {asked['threshold']} on"))
    if asked.get("recall") is not None:
        lines.append(("amorphous flag", f"threshold that finds {asked['recall']} of held-out amorphous-formers"))
    if asked.get("classifier"):
        lines.append(("classifier", str(asked["classifier"])))
    return lines


def _alloys(count: int) -> str:
    return f"{count:,} alloy{'' if count == 1 else 's'}"


def _column(text: str) -> str:
    return text.partition("=")[0].strip()


def _texts(value: object) -> Sequence[str]:
    """Take a list of texts from metadata; anything else is none."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
