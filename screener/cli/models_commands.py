"""`screener models` and `screener cite`: what is installed, and whose work it stands on."""

from __future__ import annotations

from typing import Annotated

import typer

from screener.cli import options
from screener.cli.lines import say, say_record
from screener.errors import ModelError

MODELS_HELP = """List the installed models, or show the whole card of those named by file or target.

Scores come first from folds grouped by chemical system, then from random ones; then the coverage of 90 % intervals, the
domain limit (distance to the training alloys), rows, data and licences."""
MODELS_EXAMPLES = """\b
Examples:
  screener models
  screener models screen/hardness.onnx p_amorphous
  screener models --check --device cuda
  screener models --json"""
CITE_HELP = """Say what to cite: this software, the method, the data behind the models, the formulas."""
CITE_EXAMPLES = """\b
Examples:
  screener cite
  screener cite --json"""


def models(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Models to show whole, by file or target.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Replay the golden alloys of every model and compare every digest.")
    ] = False,
    device: options.DeviceChoice = "auto",
    folder: options.ModelsFolder = None,
    as_json: options.Json = False,
) -> None:
    """List or check the installed models."""
    from screener.device import choose_device
    from screener.model_report import card_lines, check_lines, model_lines, model_record, named_models
    from screener.model_set import find_folder, load_models

    loaded = load_models(find_folder(folder), choose_device(device))
    checked = check_lines(loaded) if check else []
    picked = named_models(loaded, names or ())
    if as_json:
        for model in picked or loaded:
            say_record(model_record(model))
        return
    whole = [line for model in picked for line in card_lines(model)]
    say(checked or whole or model_lines(loaded))


def cite(folder: options.ModelsFolder = None, as_json: options.Json = False) -> None:
    """Say what to cite."""
    from screener.device import choose_device
    from screener.model_report import cite_lines
    from screener.model_set import find_folder, load_models

    try:
        found = find_folder(folder)
    except ModelError:
        if folder is not None:
            raise
        loaded = None
    else:
        loaded = load_models(found, choose_device("cpu"))
    if not as_json:
        say(cite_lines(loaded))
        return
    heading = ""
    for line in cite_lines(loaded):
        if line.startswith("  "):
            say_record({"for": heading, "cite": line.strip()})
        else:
            heading = line
