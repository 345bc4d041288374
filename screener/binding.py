"""Models bound to a question: flags, share of positives, measurement conditions and process are settled and checked."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence

from screener.card import LARGEST_CONDITION, Condition, Tier
from screener.errors import ModelError
from screener.flag import Flag, prior_shift
from screener.jobs import DEFAULT_PROCESS, Question
from screener.model import Model
from screener.tier_models import AMORPHOUS, TierModels


def bind_tier(tier: Tier, models: Mapping[str, Model], question: Question) -> TierModels:
    """Settle flags, probabilities and conditions of one tier.

    Raises:
        ModelError: `--recall`, `--threshold` or `--prior` do not fit the amorphous classifier, or there is none.
    """
    _check_classifier_options(tier, models, question)
    shifts = {} if question.prior is None else {AMORPHOUS: prior_shift(models[AMORPHOUS].card, question.prior)}
    flags = {
        name: Flag.choose(model.card, *_asked(name, question), shift=shifts.get(name, 0.0))
        for name, model in models.items()
        if model.card.target.kind == "classification" and model.card.flagged
    }
    process, given = question.process or DEFAULT_PROCESS, dict(question.conditions)
    levels = process_levels(models.values(), process)
    used = process if set(levels) - set(given) else None
    return TierModels(tier, models, flags, levels | given, used, shifts)


def _asked(name: str, question: Question) -> tuple[float | None, float | None]:
    """Return recall and threshold asked of a classifier."""
    return (question.recall, question.threshold) if name == AMORPHOUS else (None, None)


def _check_classifier_options(tier: Tier, models: Mapping[str, Model], question: Question) -> None:
    """Refuse options of the amorphous classifier where there is none, or where it flags nothing."""
    asked = {"--recall": question.recall, "--threshold": question.threshold, "--prior": question.prior}
    for option, value in asked.items():
        if value is None:
            continue
        if AMORPHOUS not in models:
            raise ModelError(f"no {tier} model predicts `{AMORPHOUS}`", f"leave `{option}` out")
        if option != "--prior" and not models[AMORPHOUS].card.flagged:
            raise ModelError(
                f"the {tier} model of `{AMORPHOUS}` has no operating points, so it flags nothing",
                f'leave `{option}` out; `--where "{AMORPHOUS} >= 0.5"` filters by the probability',
            )


def process_levels(models: Iterable[Model], process: str) -> dict[str, float]:
    """Give the values of the conditions that a process sets, by name."""
    conditions = (condition for model in models for condition in model.card.conditions)
    return {each.name: each.levels[process] for each in conditions if process in each.levels}


def known_conditions(models: Iterable[Model]) -> dict[str, Condition]:
    """Collect the conditions that any model takes, by name."""
    return {condition.name: condition for model in models for condition in model.card.conditions}


def check_conditions(question: Question, models: Sequence[Model]) -> list[str]:
    """Check the process and the conditions given by name against every model, and return what to warn of.

    Raises:
        ModelError: no model knows such a process or takes such a condition, both set the same, or a value is not a
            finite number.
    """
    known = known_conditions(models)
    _check_process(question, models)
    warnings = []
    for name, value in question.conditions:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            names = ", ".join(f"`{each}`" for each in sorted(known))
            hint = f"did you mean `{close[0]}`?" if close else f"the models take {names or 'no conditions'}"
            raise ModelError(f"unknown condition `{name}`", hint)
        condition = known[name]
        if not abs(value) <= LARGEST_CONDITION:
            raise ModelError(
                f"condition `{name}` is {'too large' if math.isfinite(value) else 'not finite'}",
                f"give it in {condition.unit}, e.g. `{name}={condition.reference:g}`",
            )
        if not condition.low <= value <= condition.high:
            warnings.append(
                f"condition {name}={value:g} lies outside the {condition.low:g} to {condition.high:g} {condition.unit} "
                "the models were trained on"
            )
    return warnings


def _check_process(question: Question, models: Sequence[Model]) -> None:
    """Refuse a process that no model knows, or one whose condition is given as well."""
    if question.process is None:
        return
    set_by_it = process_levels(models, question.process)
    if not set_by_it:
        levels = {level for model in models for condition in model.card.conditions for level in condition.levels}
        names = ", ".join(f"`{level}`" for level in sorted(levels))
        hint = f"the models know {names}" if levels else "the models know no process: leave `--process` out"
        raise ModelError(f"unknown process `{question.process}`", hint)
    for name, _ in question.conditions:
        if name in set_by_it:
            raise ModelError(
                f"both `--process` and `--condition {name}` are given",
                f"the process sets `{name}`: keep one of them",
            )
