"""What to mind before trusting a result, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from screener.card import ModelCard
from screener.domain import training_distances
from screener.elements import element_symbols
from screener.formula_batch import FormulaBatch, dense_fractions
from screener.model_set import column_order
from screener.report.column_words import words_of
from screener.report.compositions import RowCompositions
from screener.report.result_file import ResultFile
from screener.report.used_models import UsedModels

_NAMED = 8
"""Elements named before the rest is counted."""


def warnings_of(result: ResultFile, compositions: RowCompositions | None, used: UsedModels) -> list[str]:
    """Say how many rows to doubt, and why."""
    lines = [used.note] if used.note else []
    if result.total > result.rows:
        lines.append(f"The file holds {result.total:,} rows; this report shows the first {result.rows:,}.")
    lines += _domain_lines(result, compositions, used)
    borderline = _flagged(result, "amorphous_borderline")
    if borderline.any():
        lines.append(
            f"{_rows(borderline)} at the threshold of the amorphous flag: a rounding error could turn it over."
        )
    if compositions is None:
        lines.append("No column of formulas reads as alloys, so there are no maps of compositions.")
    elif compositions.readable < result.rows:
        missing = result.rows - compositions.readable
        many = "formula of 1 row does" if missing == 1 else f"formulas of {missing:,} rows do"
        lines.append(f"The {many} not read as alloys; maps leave {'it' if missing == 1 else 'them'} out.")
    return lines


def _domain_lines(result: ResultFile, compositions: RowCompositions | None, used: UsedModels) -> list[str]:
    """Say how many rows are outside the domain, and for what reason."""
    if "in_domain" not in result.columns:
        return ["The result has no column in_domain: whether the models know such alloys is unknown."]
    outside = np.array([text == "false" for text in result.columns["in_domain"].text])
    if not outside.any():
        return [f"All {result.rows:,} alloys lie within what the models were trained on."]
    lines = [
        f"{_rows(outside)} outside what the models were trained on (in_domain is false): "
        "their values are extrapolated and their intervals too narrow or unproven."
    ]
    cards = used.reported(result)
    if compositions is None or not used.same or not cards:
        return [*lines, "Why is unknown here: it takes the models that made the result."]
    inside_batch = taken(compositions.batch, np.flatnonzero(outside))
    every = {m.card.target.name: m.card for m in reversed(used.models)}
    return [*lines, *_element_lines(inside_batch, every | cards), *_distance_lines(result, inside_batch, cards, used)]


def _element_lines(batch: FormulaBatch, cards: Mapping[str, ModelCard]) -> list[str]:
    """Say which elements a model never saw; targets that lack the same ones share a line."""
    rows = np.repeat(np.arange(len(batch.start) - 1), np.diff(batch.start))
    found: dict[tuple[str, ...], list[str]] = {}
    counts: dict[tuple[str, ...], int] = {}
    for target in sorted(cards, key=column_order):
        known = cards[target].elements
        unseen = np.isin(batch.element, [i for i, s in enumerate(element_symbols()) if s not in known])
        if unseen.any():
            counted = Counter(element_symbols()[place] for place in batch.element[unseen]).most_common()
            symbols = tuple(symbol for symbol, _ in counted)
            found.setdefault(symbols, []).append(words_of(target))
            counts[symbols] = len(np.unique(rows[unseen]))
    return [
        f"{_count(counts[symbols])} elements without training data for {_joined(targets)}: {_some(symbols)}."
        for symbols, targets in found.items()
    ]


def _distance_lines(
    result: ResultFile, batch: FormulaBatch, cards: Mapping[str, ModelCard], used: UsedModels
) -> list[str]:
    """Say which rows are farther from the training alloys than a model can be trusted."""
    limited = {target: card for target, card in cards.items() if card.domain_limit is not None}
    if used.index is None or not limited or "nearest_distance" not in result.columns:
        return []
    symbols = [element_symbols()[place] for place in np.unique(batch.element)]
    distances = training_distances(used.index, dense_fractions(batch, symbols), symbols, limited)
    far = {target: int((distances[target] > (card.domain_limit or 0.0)).sum()) for target, card in limited.items()}
    said = [
        f"{words_of(target)} {far[target]:,} (limit {limited[target].domain_limit:g} at.%)"
        for target in sorted(far, key=column_order)
        if far[target]
    ]
    if not said:
        return []
    return [
        f"Too far from every training alloy, where held-out alloys were predicted no better than by a constant: "
        f"{', '.join(said)}."
    ]


def _joined(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _some(symbols: Sequence[str]) -> str:
    """Name the first elements, and count the rest."""
    more = len(symbols) - _NAMED
    return ", ".join(symbols[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def taken(batch: FormulaBatch, rows: NDArray[np.int64]) -> FormulaBatch:
    """Take some formulas of a batch."""
    sizes = np.diff(batch.start)[rows]
    entries = np.concatenate([np.arange(batch.start[r], batch.start[r + 1]) for r in rows]).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return FormulaBatch(start, batch.element[entries], batch.fraction[entries], {})


def _flagged(result: ResultFile, name: str) -> NDArray[np.bool_]:
    """Give a column of flags (n,); nothing set where it is missing."""
    if name not in result.columns:
        return np.zeros(result.rows, np.bool_)
    return np.array([text == "true" for text in result.columns[name].text])


def _rows(mask: NDArray[np.bool_]) -> str:
    count = int(mask.sum())
    share = f"{count:,} of {len(mask):,} alloys"
    return f"{share} {'is' if count == 1 else 'are'}"


def _count(count: int) -> str:
    return f"{count:,} {'has' if count == 1 else 'have'}"
