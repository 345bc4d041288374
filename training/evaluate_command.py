"""`training evaluate`: the table of honest scores on standard output, in JSON, in a README."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from screener.errors import OutputError
from training.baselines import BASELINES
from training.contenders import NET, SHARED_NET
from training.evaluation import CONTENDERS, Score, compact_markdown, evaluate, markdown
from training.fit import table_digest
from training.fit_command import clock, describe
from training.measured import load_measured
from training.publish import check_writable, write_whole
from training.readme import replace_block, split_at_marks

QUICK = (*BASELINES, NET, SHARED_NET)
BLOCK = "evaluation"
"""Name of the marks in a README between which the table stands."""


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What `training evaluate` was asked for.

    Attributes:
        data: a user's table.
        targets: TOML file with targets of the user's own.
        units: how formulas of the table are meant.
        catalogue: learn from the measured data sets that are found, too.
        repeats: regroupings to average over.
        quick: baselines and the paper's nets only.
        out: JSON file of the scores.
        readme: file whose table is replaced.
        workers: processes.
    """

    data: Path | None = None
    targets: Path | None = None
    units: Literal["at", "wt"] = "at"
    catalogue: bool = True
    repeats: int = 1
    quick: bool = False
    out: Path | None = None
    readme: Path | None = None
    workers: int = 2


def run_evaluate(request: EvaluateRequest) -> None:
    """Cross-validate, print the table, write JSON and README block where asked.

    Raises:
        InputError: data that cannot be learned from, or a README without marks.
        OutputError: a file cannot be written.
    """
    _check_outputs(request)
    say, repeats = clock(), request.repeats
    measured = load_measured(request.data, request.targets, units=request.units, with_catalogue=request.catalogue)
    say(describe(measured))
    digest = table_digest(measured.tables)
    models = QUICK if request.quick else CONTENDERS
    scores = evaluate(measured.tables, range(repeats), models, workers=request.workers, progress=say)
    today = datetime.now(UTC).date().isoformat()
    caption = (
        f"Five folds, {repeats} regrouping{'s' if repeats > 1 else ''}, out of fold, {today}, data {digest}; grouped = "
        "by chemical system, assigned on the union of all tasks; random = by composition. "
        "Written by `training evaluate`."
    )
    print(f"{markdown(scores, measured.tables)}\n{caption}")
    if request.out:
        write_whole(request.out, to_json(scores, digest, today, repeats).encode())
    if request.readme:
        replace_block(request.readme, BLOCK, f"{compact_markdown(scores, measured.tables)}\n{caption}")


def to_json(scores: Sequence[Score], digest: str, today: str, repeats: int) -> str:
    """Write scores with date, data digest and seeds; a score that cannot be had is null."""
    rows = [
        {
            "target": s.target,
            "model": s.model,
            "split": s.split,
            "scores": {k: {"mean": _finite(m), "sd": _finite(sd)} for k, (m, sd) in s.values.items()},
        }
        for s in scores
    ]
    document = {"date": today, "data_digest": digest, "seeds": list(range(repeats)), "scores": rows}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _check_outputs(request: EvaluateRequest) -> None:
    """Refuse places that cannot be written before an hour is spent on what goes there."""
    if request.readme:
        split_at_marks(request.readme, BLOCK)
    for path in (request.out, request.readme):
        if path and path.is_dir():
            raise OutputError(f"`{path}` is a folder", "name a file")
        if path:
            check_writable(path.parent)


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
