"""The loop of a search by itself: candidates described, predicted, scored and ranked, with models already loaded."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import models_folder
from screener.binding import bind_tier
from screener.candidates import Candidates
from screener.device import Device
from screener.engine import BlockEngine
from screener.jobs import Question
from screener.model_set import load_models
from screener.plan import Plan, make_plan
from screener.ranking import Ranking
from screener.search import SLACK, Batching, scan
from screener.space import CompositionSpace
from screener.summary import PythonWatch
from screener.tier_models import Columns

THREE = Question(maximize=("p_amorphous", "hardness_gpa"), minimize=("resistivity_uohm_cm",))
"""Asks for alloys that are good in all three standing targets."""


def bound(elements: Sequence[str], question: Question = THREE, device: Device | None = None) -> Plan:
    """Load the fast models, one thread per session, and bind a question to them."""
    models = load_models(models_folder(), device or Device("cpu"), ("screen",)).screen
    return make_plan(question, bind_tier("screen", models, question), elements)


def loop(
    space: CompositionSpace, plan: Plan, batching: Batching, k: int, *, fused: bool = True
) -> tuple[NDArray[np.int64], float]:
    """Score every candidate: indices of the best in float32, and candidates per second."""
    candidates, ranking = Candidates(space), Ranking(k + SLACK)
    engine = BlockEngine(plan.models, space.elements, plan.wanted, batching.batch, fused=fused)

    def offer(index: NDArray[np.int64], columns: Columns) -> None:
        ranking.update(plan.scorer.score(columns), index)

    start = time.perf_counter()
    scan(candidates, engine, batching, offer, PythonWatch())
    return ranking.finish()[0][:k], space.size / (time.perf_counter() - start)
