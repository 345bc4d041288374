"""`screener models` and `screener cite`: what is installed, and whose work it stands on."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from screener.cli import options
from screener.errors import ModelError

MODELS_HELP = """List the installed models: target, features, elements, validation grouped by chemical system, data."""
MODELS_EXAMPLES = """\b
Examples:
  screener models
  screener models --check --device cuda
  screener models --json"""
CITE_HELP = """Say what to cite: this software, the method, the data behind the models, the formulas."""
CITE_EXAMPLES = """\b
Example:
  screener cite"""


def models(
    check: Annotated[
        bool, typer.Option("--check", help="Replay the golden alloys of every model and compare every digest.")
    ] = False,
    device: options.DeviceChoice = "auto",
    folder: options.ModelsFolder = None,
    as_json: options.Json = False,
) -> None:
    """List or check the installed models."""
    from screener.device import choose_device
    from screener.model_report import check_lines, model_lines, model_record
    from screener.model_set import find_folder, load_models

    loaded = load_models(find_folder(folder), choose_device(device))
    checked = check_lines(loaded) if check else []
    if as_json:
        for model in loaded:
            typer.echo(json.dumps(model_record(model), ensure_ascii=False))
        return
    for line in checked or model_lines(loaded):
        typer.echo(line)


def cite(folder: options.ModelsFolder = None) -> None:
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
    for line in cite_lines(loaded):
        typer.echo(line)
