"""`screener explain` and `screener features`: one alloy at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from screener.cli import options
from screener.cli.lines import say, say_record
from screener.errors import CompositionError, FormulaError
from screener.jobs import Question, conditions_of

if TYPE_CHECKING:
    from screener.formula import Composition

EXPLAIN_HELP = """Explain what the models say about alloys, and how far to trust it.

Shows how each formula was read, the predictions of both tiers with 90 % intervals, the amorphous flag and its
threshold, how far each target's training alloys are and how well alloys that far were predicted, the nearest training
alloys, what was measured on them where `training data fetch --all` has been run, and every descriptor."""
EXPLAIN_EXAMPLES = """\b
Examples:
  screener explain Cu50Zr50 Zr41.2Ti13.8Cu12.5Ni10Be22.5
  screener explain Ti-6Al-4V --units wt --json"""
FEATURES_HELP = """Print the descriptors of alloys: name, value, unit, formula. Needs no models."""
FEATURES_EXAMPLES = """\b
Examples:
  screener features Al0.3CoCrFeNi
  screener features "(CoCrFeNi)94Al6" --json"""


def explain(
    formulas: options.Formulas,
    units: options.ReadUnits = None,
    recall: options.Recall = None,
    threshold: options.Threshold = None,
    process: options.Process = None,
    prior: options.Prior = None,
    classifier: options.Classifier = None,
    condition: options.ConditionValues = None,
    device: options.DeviceChoice = "auto",
    models: options.ModelsFolder = None,
    strict: options.Strict = False,
    as_json: options.Json = False,
) -> None:
    """Explain the predictions for some alloys."""
    options.check_units(units)
    question = Question(
        recall=recall,
        threshold=threshold,
        conditions=conditions_of(options.parse_conditions(condition or ())),
        strict=strict,
        process=process,
        prior=prior,
        classifier=cast(options.ClassifierName | None, classifier),
    )

    from screener.binding import check_conditions
    from screener.cli.terminal import terminal
    from screener.explain import explain as explained
    from screener.measured_values import measured_file
    from screener.plan import check_domain
    from screener.run_models import run_models

    with terminal(quiet=as_json) as told, run_models(question, models, device) as loaded:
        compositions = _read(formulas, units)
        measured = measured_file()
        for warning in check_conditions(question, loaded.models()):
            told.warn(warning)
        if strict:
            check_domain({s for c in compositions for s in c.symbols}, loaded.models(), strict)
        for place, (text, composition) in enumerate(zip(formulas, compositions, strict=True)):
            with _named(text, formulas):
                explanation = explained(text, composition, loaded, measured)
            if as_json:
                say_record(explanation.as_json())
            else:
                say([*([""] if place else []), *explanation.lines(loaded)])


def features(formulas: options.Formulas, units: options.ReadUnits = None, as_json: options.Json = False) -> None:
    """Print the descriptors of some alloys."""
    options.check_units(units)

    from screener.feature_table import composition_percent, feature_lines, feature_values

    compositions = _read(formulas, units)
    for place, (text, composition) in enumerate(zip(formulas, compositions, strict=True)):
        with _named(text, formulas):
            values = feature_values(composition)
        percent = composition_percent(composition)
        if as_json:
            record = {"formula": text, "composition": percent, "descriptors": values}
            say_record(record)
        else:
            read = ", ".join(f"{symbol} {share:.6g}" for symbol, share in percent.items())
            say([*([""] if place else []), f"{text} (at.%: {read})", *feature_lines(values)])


def _read(formulas: list[str], units: str | None) -> list[Composition]:
    """Read every formula before anything is printed.

    Raises:
        FormulaError: one of them does not read as an alloy.
    """
    from screener.formula import parse_formula

    if not formulas:
        raise FormulaError("no formula given", "name an alloy, e.g. `Cu50Zr50`")
    compositions = []
    for text in formulas:
        with _named(text, formulas):
            compositions.append(parse_formula(text, cast(options.UnitsName, units)))
    return compositions


@contextmanager
def _named(text: str, formulas: list[str]) -> Iterator[None]:
    """Name the formula that is refused, where there are several and the refusal does not.

    Raises:
        FormulaError: it does not read as an alloy.
        CompositionError: an element of it lacks a property.
    """
    from screener._formula_grammar import shown

    try:
        yield
    except (FormulaError, CompositionError) as problem:
        if len(formulas) < 2 or shown(text) in problem.message:
            raise
        raise type(problem)(f"in {shown(text)}, {problem.message}", problem.hint) from None
