"""Candidates by position: blocks of a whole space and of a draw hold the same alloys as the space itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.candidates import Candidates
from screener.errors import CompositionError
from screener.jobs import Question, ScreenJob
from screener.space import CompositionSpace

SPACE = CompositionSpace.build("Al,Ti,Cr,Fe", 2.5)


@given(block=st.integers(1, 5000), sample=st.one_of(st.none(), st.integers(1, 13_000)))
@settings(deadline=None, max_examples=30)
def test_spans_cover_every_candidate_once(block: int, sample: int | None) -> None:
    candidates = Candidates.of(ScreenJob(SPACE, Question(), sample, seed=3))
    out = np.zeros((block, 4), np.float32)
    seen, rows = [], []
    for span in candidates.spans(block):
        seen.append(candidates.fill(span, out))
        rows.append(out[: len(span)].copy())
    index = np.concatenate(seen)
    assert len(index) == candidates.size == min(sample or SPACE.size, SPACE.size)
    assert (np.diff(index) > 0).all()
    assert (np.concatenate(rows) == (SPACE.counts(index) / SPACE.units).astype(np.float32)).all()
    assert (candidates.fractions(index[:5]) == SPACE.counts(index[:5]) / SPACE.units).all()


def test_more_than_allowed_is_refused_with_the_exact_size() -> None:
    with pytest.raises(CompositionError) as caught:
        Candidates.of(ScreenJob(SPACE, Question(), max_candidates=12_000))
    assert caught.value.message == f"{SPACE.size} candidates are more than the 12000 of --max-candidates"
    assert Candidates.of(ScreenJob(SPACE, Question(), 12_000, max_candidates=12_000)).size == 12_000


def test_a_space_beyond_numbering_is_refused_even_if_allowed() -> None:
    space = CompositionSpace.build("Al,Ti,Cr,Fe,Ni,Co,Cu,Zr,Nb,Mo,W,Ta,Y", "0.1")
    for sample in (None, 5):
        with pytest.raises(CompositionError, match="candidates are too many to number"):
            Candidates.of(ScreenJob(space, Question(), sample, max_candidates=10**40))
