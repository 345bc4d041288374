"""How faithfully the screen tier repeats the characterize tier on random alloys that neither has seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.featurizer import featurize
from screener.device import Device
from screener.elements import element_symbols
from screener.errors import ModelError
from screener.model import Model
from screener.model_set import find_folder, load_models
from training.distillation import LOGIT_LIMIT
from training.draws import random_alloys
from training.metrics import r_squared
from training.report_tables import Section, Value

Array = NDArray[np.floating]
ALLOYS = 10_000
SEED = 40_320
"""Seed of the random alloys; no lesson is drawn with it."""
SIZES = (2, 3, 4, 5, 6)
_COLUMNS = (
    *(("target", "target"), ("domain", "alloys of"), ("rows", "alloys")),
    *(("scale", "compared as"), ("r2", "R²"), ("spearman", "Spearman")),
)
_CAPTION = (
    "The models in `{folder}`, fitted on data {digest}, on random alloys of 2 to 6 elements at reference conditions: "
    "screen tier against characterize tier, whose answers count as true. Logits are compared within ±{limit:g}."
)


def parity_section(data_digest: str, folder: Path | None = None, n: int = ALLOYS) -> Section:
    """Compare both tiers of the models in use, if they were fitted on these data.

    Args:
        data_digest: digest of the rows that everything else in the report was computed from.
        folder: folder of models; looked up where None.
        n: random alloys per target and domain.
    """
    try:
        folder = find_folder(folder)
        tiers = load_models(folder, Device("cpu")).tiers
    except ModelError as problem:
        return _nothing(f"Not computed: {problem.message}.")
    pairs = [(model, tiers["characterize"][t]) for t, model in tiers["screen"].items() if t in tiers["characterize"]]
    pairs = [pair for pair in pairs if {model.card.data_digest for model in pair} == {data_digest}]
    if not pairs:
        return _nothing(f"Not computed: the models in `{folder.name}` were not fitted on data {data_digest}.")
    union = {symbol for _, teacher in pairs for symbol in teacher.card.elements}
    every = tuple(symbol for symbol in element_symbols() if symbol in union)
    rows: list[dict[str, Value]] = []
    for student, teacher in pairs:
        domains = {"its own elements": teacher.card.elements}
        if len(every) > len(teacher.card.elements):
            domains["all elements"] = every
        for name, elements in domains.items():
            told = compare_tiers(student, teacher, elements, n)
            rows.append({"target": teacher.card.target.name, "domain": f"{name} ({len(elements)})", "rows": n, **told})
    caption = _CAPTION.format(folder=folder.name, digest=data_digest, limit=LOGIT_LIMIT)
    return Section("parity", "Screen tier against characterize tier", caption, _COLUMNS, rows)


def compare_tiers(
    student: Model, teacher: Model, elements: Sequence[str], n: int, seed: int = SEED
) -> dict[str, Value]:
    """Score one net against its teacher on ``n`` random alloys of some elements: scale, R², Spearman correlation."""
    from scipy.stats import spearmanr

    drawn = random_alloys(n, len(elements), np.random.default_rng(seed), sizes=SIZES)
    answers = [_answers(model, drawn, elements) for model in (student, teacher)]
    if teacher.card.target.kind == "classification":
        scale, (ours, theirs) = "logit", [np.clip(out, -LOGIT_LIMIT, LOGIT_LIMIT) for out in answers]
    elif min(out.min() for out in answers) > 0.0:
        scale, (ours, theirs) = "logarithm", [np.log(out) for out in answers]
    else:
        scale, (ours, theirs) = "value", answers
    return {"scale": scale, "r2": r_squared(theirs, ours), "spearman": float(spearmanr(theirs, ours).statistic)}


def _answers(model: Model, fractions: Array, elements: Sequence[str]) -> Array:
    """Logits or values of one model, shape (b,)."""
    name = model.card.target.name
    column = f"{name}_logit" if model.card.target.kind == "classification" else name
    out = model.predict(featurize(fractions, tuple(elements), model.spec))[column]
    return np.asarray(out, np.float64)


def _nothing(why: str) -> Section:
    """Say why there is no table."""
    return Section("parity", "Screen tier against characterize tier", why, _COLUMNS, ())
