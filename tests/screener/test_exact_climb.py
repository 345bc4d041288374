"""Climbing: what it returns may count, and conditions do not keep it at their border."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from exact_cases import TARGETS, Case, random_question, random_space

from screener.exact.points import Points
from screener.exact.question import exact_problem
from screener.jobs import Question
from screener.space import CompositionSpace

climbing = importlib.import_module("screener.exact.climb")
EIGHT = "Fe,Co,Ni,Cr,Al,Ti,Cu,Zr"


def problem_of(space, question):
    case = Case.of(space, question)
    return exact_problem(case.plan, case.nets, space)


@pytest.mark.parametrize("seed", range(12))
def test_what_climbing_finds_are_distinct_candidates_that_count(seed):
    rng = np.random.default_rng(seed)
    space = random_space(rng, 200_000)
    problem = problem_of(space, random_question(rng, space.elements))
    counts, sure = climbing.climb(problem, 40)
    assert len(counts) == len(sure) <= 40
    assert len(np.unique(counts, axis=0)) == len(counts)
    assert (np.diff(sure) <= 0.0).all()
    if len(counts):
        assert problem.holds(counts).all()
        low = problem.range_at(Points.of(counts, space.units, problem.curves))[0]
        assert low == pytest.approx(sure, rel=1e-12, abs=1e-12)  # sums of a matrix product differ with its shape
        assert (sure > -np.inf).all()


@pytest.mark.parametrize("where", ["p_amorphous > 0.9", "hardness_gpa > 6", "resistivity_uohm_cm < 100"])
def test_climbs_through_what_conditions_forbid_find_no_less(where, monkeypatch):
    space, gains = CompositionSpace.build(EIGHT, 1), []
    for target in TARGETS:
        problem = problem_of(space, Question(maximize=(target,), where=where))
        monkeypatch.setattr(climbing, "_PENALTIES", ())
        stuck = climbing.climb(problem, 20)[1]
        monkeypatch.undo()
        free = climbing.climb(problem, 20)[1]
        gains.append(free[0] - stuck[0])
    assert min(gains) >= 0.0  # it keeps what the other finds


def test_a_condition_is_priced_by_what_is_missing():
    space = CompositionSpace.build(EIGHT, 1)
    problem = problem_of(space, Question(maximize=("hardness_gpa",), where="resistivity_uohm_cm < 100"))
    counts = space.counts(space.sample(200, 1)).astype(np.int16)
    score, short = climbing._apart(problem, counts)
    met = problem.range_at(Points.of(counts, space.units, problem.curves))[0] > -np.inf
    assert ((short == 0.0) == met).all()
    assert 0 < met.sum() < len(met)
    assert climbing._penalised(problem, 2.5, counts) == pytest.approx(score - 2.5 * short)
    outside = counts.copy()
    outside[:, :2] += np.array([-200, 200], np.int16)
    assert (climbing._penalised(problem, 2.5, outside) == -np.inf).all()
