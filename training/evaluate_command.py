"""`training evaluate`: the table of honest scores on standard output, in JSON, in a README."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from training.baselines import BASELINES
from training.contenders import NET, SHARED_NET
from training.evaluation import CONTENDERS, Score, evaluate, markdown
from training.fit import table_digest
from training.measured import load_measured
from training.publish import write_whole
from training.readme import replace_block

QUICK = (*BASELINES, NET, SHARED_NET)


def run_evaluate(data: Path | None, targets: Path | None, units: Literal["at", "wt"], catalogue: bool, repeats: int,
                 quick: bool, out: Path | None, readme: Path | None, workers: int) -> None:
    """Cross-validate, print the table, write JSON and README block where asked.

    Raises:
        InputError: data that cannot be learned from, or a README without marks.
    """
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:7.0f} s  {text}", file=sys.stderr, flush=True)

    measured = load_measured(data, targets, units=units, with_catalogue=catalogue)
    digest = table_digest(measured.tables)
    scores = evaluate(measured.tables, range(repeats), QUICK if quick else CONTENDERS, workers=workers, progress=say)
    today = datetime.now(UTC).date().isoformat()
    caption = (
        f"Five folds, {repeats} regrouping{'s' if repeats > 1 else ''}, out of fold, {today}, data {digest}; grouped = by chemical "
        "system, assigned on the union of all tasks; random = by composition. Written by `training evaluate`."
    )
    text = f"{markdown(scores, measured.tables)}\n{caption}"
    print(text)
    if out:
        write_whole(out, to_json(scores, digest, today, repeats).encode())
    if readme:
        replace_block(readme, "evaluation", text)


def to_json(scores: Sequence[Score], digest: str, today: str, repeats: int) -> str:
    """Write scores with date, data digest and seeds."""
    rows = [
        {"target": s.target, "model": s.model, "split": s.split,
         "scores": {k: {"mean": m, "sd": sd} for k, (m, sd) in s.values.items()}}
        for s in scores
    ]
    return json.dumps({"date": today, "data_digest": digest, "seeds": list(range(repeats)), "scores": rows}, indent=1) + "\n"
