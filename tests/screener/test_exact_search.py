"""Exact searches against scoring and sorting every candidate, to the last bit and in order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact_cases import FOLDER, TARGETS, Case, random_question, random_space
from notes import Notes

from screener.device import choose_device
from screener.exact import branch, quantities
from screener.exact import problem as problem_module
from screener.exact.branch import MOST_BYTES, BrokenBoundError
from screener.exact.regions import alloys_in
from screener.exact.stack import Stack
from screener.jobs import BLOCK, Question
from screener.run_models import read_index
from screener.search import Batching, search
from screener.space import CompositionSpace


def same_list(case: Case, k: int) -> None:
    """Compare an exact search with brute force: candidates, order, scores and columns."""
    found, brute = case.exact(k).found, case.brute(k)
    assert found.index.tolist() == brute.index.tolist()
    assert found.score.tolist() == brute.score.tolist()
    for name, values in brute.columns.items():
        assert np.array_equal(found.columns[name], values), name


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_every_target_both_ways(target, direction):
    space = CompositionSpace.build("Al,Ni,Cu,Zr", 4)
    same_list(Case.of(space, Question(**{direction: (target,)})), 50)


@pytest.mark.parametrize("seed", range(24))
def test_random_spaces_and_questions(seed):
    rng = np.random.default_rng(seed)
    space = random_space(rng, 6_000)
    same_list(Case.of(space, random_question(rng, space.elements)), int(rng.integers(1, 60)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_many_random_spaces_and_questions(seed):
    rng = np.random.default_rng(seed)
    space = random_space(rng, 200_000)
    same_list(Case.of(space, random_question(rng, space.elements)), int(rng.integers(1, 200)))


LARGE = {
    "1.4e6": ("Al,Ni,Cu,Zr", "0.5", None, Question(maximize=("p_bulk_glass",))),
    "1.2e6": ("Fe,Co,Ni,Cr,Al,Ti,Cu,Zr,Nb,Mo", 5, "1-5", Question(minimize=("resistivity_uohm_cm",))),
    "4.6e6": ("Al,Ti,Cr,Fe,Co", 1, None, Question(maximize=("hardness_gpa",), where="density_g_cm3 < 5.9003")),
    "3.4e6": ("Fe,Co,Ni,Cr,Al,Ti,Cu,Zr", 4, None, Question(rank_by="hardness_gpa - resistivity_uohm_cm / 100")),
    "9.7e7": ("Al,Ni,Cu,Zr,Ti,Ag", 1, None, Question(maximize=("hardness_gpa",), where="p_amorphous > 0.9")),
    "7.0e7": ("Fe,Co,Ni,Cr,Al", "0.5", None, Question(minimize=("p_amorphous",))),
}


@pytest.mark.slow
@pytest.mark.parametrize("size", LARGE)
def test_large_spaces(size):
    """Spaces of 10⁶ to 10⁸ candidates against scoring every one in blocks, as users do."""
    elements, step, components, question = LARGE[size]
    case = Case.of(CompositionSpace.build(elements, step, components), question)
    assert f"{case.candidates.size:.1e}".replace("e+0", "e") == size
    shown = {*case.plan.models.columns, *case.plan.wanted}
    batching = Batching.on(choose_device("cpu"), BLOCK)
    everything = search(case.candidates, case.plan, 100, batching, case.judge, shown, Notes())
    found = case.exact(100, workers=2).found
    assert found.index.tolist() == everything.index.tolist()
    assert found.score.tolist() == everything.score.tolist()


@pytest.mark.parametrize(
    "question",
    [
        Question(maximize=("p_amorphous=0.1:0.999", "hardness_gpa=1:30")),
        Question(maximize=("hardness_gpa",), where="density_g_cm3 between 6 and 7 and Al = 20"),
        Question(minimize=("density_g_cm3",), where="is_amorphous and delta > 0.05"),
        Question(maximize=("dS_mix",), where="cost_usd_kg < 10 and in_domain"),
        Question(rank_by="p_amorphous + hardness_gpa / 20 - 0.01 * Zr"),
        Question(maximize=("Cu",), where="p_amorphous > 0.5"),
        Question(maximize=("p_bulk_glass",), prior=0.2, process="film"),
        Question(maximize=("hardness_gpa",), where="p_amorphous > 0.9999999"),
    ],
    ids=lambda each: each.rank_by or each.where or "products",
)
def test_questions_of_other_forms(question):
    same_list(Case.of(CompositionSpace.build("Al,Ni,Cu,Zr,Ag", 5), question), 30)


def test_all_candidates_can_be_asked_for():
    space = CompositionSpace.build("Cu,Zr", 10)
    same_list(Case.of(space, Question()), 11)
    same_list(Case.of(space, Question()), 50)


def test_few_of_many_elements_are_searched_by_choice():
    space = CompositionSpace.build("Al,Ni,Cu,Zr,Ti,Ag,Fe,Co", 5, "2-3", {"Cu": (5, 60)})
    same_list(Case.of(space, Question(maximize=("p_bulk_glass",))), 40)


def test_certificate_and_partial_answer():
    case = Case.of(CompositionSpace.build("Fe,Co,Ni,Cr,Al,Ti,Cu", 1), Question(minimize=("p_amorphous",)))
    stopped = case.exact(10, seconds=1e-3)
    tally = stopped.proof.tally
    assert not stopped.proof.complete
    assert tally.ceiling >= tally.threshold
    assert 0.0 <= tally.settled < 1.0
    assert stopped.lines[1].startswith("certificate: partial, no candidate scores above ")
    assert len(stopped.found.index) == 10
    case = Case.of(CompositionSpace.build("Cu,Zr,Al", 2), Question())
    done = case.exact(10)
    assert done.proof.complete
    assert done.proof.tally.settled == 1.0
    assert done.lines[1] == f"certificate: no candidate outside this list scores above {done.found.score[-1]:.10g}"


def test_open_cells_take_little_memory(monkeypatch):
    sizes, push = [], Stack.push

    def watched(self, cells):
        push(self, cells)
        sizes.append(self.size)
        assert self.size == sum(part.size for part in self.parts)

    monkeypatch.setattr(Stack, "push", watched)
    case = Case.of(CompositionSpace.build("Fe,Co,Ni,Cr,Al,Ti,Cu", 1), Question(minimize=("p_amorphous",)))
    case.exact(10, seconds=0.5)
    assert 0 < max(sizes) < MOST_BYTES / 1000


def test_more_open_cells_than_fit_end_the_search(monkeypatch):
    case = Case.of(CompositionSpace.build("Al,Ni,Cu,Zr", 2), Question())
    monkeypatch.setattr(branch, "MOST_BYTES", 100)
    stopped = case.exact(10)
    assert stopped.proof.crowded
    assert stopped.lines[1].startswith("certificate: partial, no candidate scores above ")


@pytest.mark.parametrize("apart", [4, 10])
def test_winners_apart_are_those_of_a_greedy_pass(apart):
    case = Case.of(CompositionSpace.build("Al,Ni,Cu,Zr", 4), Question(maximize=("hardness_gpa",)))
    everything = case.brute(case.candidates.size)
    counts = case.candidates.space.counts(everything.index)
    taken: list[int] = []
    for row in range(len(counts)):
        if all(np.abs(counts[row] - counts[other]).max() * 4 >= apart for other in taken):
            taken.append(row)
    found = case.exact(15, apart=apart).found
    assert found.index.tolist() == everything.index[taken[:15]].tolist()
    assert found.score.tolist() == everything.score[taken[:15]].tolist()


@pytest.mark.parametrize("reach", [2, 6.5])
def test_only_the_neighbourhood_of_measured_alloys(reach):
    case = Case.of(CompositionSpace.build("Al,Ni,Cu,Zr", 4), Question())
    index, symbols = read_index(FOLDER), case.candidates.space.elements
    alloys, others = np.zeros((len(index), 4)), np.zeros(len(index))
    for row in range(len(index)):
        span = slice(index.start[row], index.start[row + 1])
        for element, permille in zip(index.element[span], index.permille[span], strict=True):
            if index.symbols[element] in symbols:
                alloys[row, symbols.index(index.symbols[element])] = permille / 10
            else:
                others[row] = max(others[row], permille / 10)
    everything = case.brute(case.candidates.size)
    amounts = 4.0 * case.candidates.space.counts(everything.index)
    far = np.maximum(np.abs(amounts[:, None] - alloys).max(axis=2), others).min(axis=1)
    near = np.flatnonzero(far <= reach + 1e-9)[:40]
    found = case.exact(40, near=alloys_in(index, symbols, 25, reach), reach=reach).found
    assert len(near) > 0
    assert found.index.tolist() == everything.index[near].tolist()


def test_a_neighbourhood_that_no_draw_hits():
    case = Case.of(CompositionSpace.build("Al,Ni,Cu,Zr", 1), Question())
    alloy = np.array([[7.0, 31.0, 11.0, 51.0]])
    found = case.exact(20, near=alloy, reach=1.0).found
    assert len(found.index) == 19  # one up and one down among four amounts, or two of each, or none
    assert np.abs(case.candidates.space.counts(found.index) - alloy).max() == 1


@pytest.mark.parametrize("share", [0.1, 0.2, 0.6])
def test_a_bound_that_is_too_low_is_caught(monkeypatch, share):
    """The search itself notices: a candidate above the bound of its cell, or a good one that was dropped."""
    sound = problem_module.Problem.bounded

    def unsound(self, block, threshold, pull):
        bounded = sound(self, block, threshold, pull)
        return replace(bounded, ceiling=bounded.ceiling - share * (np.abs(bounded.ceiling) + 10.0))

    case = Case.of(CompositionSpace.build("Al,Ni,Cu,Zr", 2), Question())
    same_list(case, 100)
    monkeypatch.setattr(problem_module.Problem, "bounded", unsound)
    with pytest.raises(BrokenBoundError):
        case.exact(100)


@pytest.mark.parametrize("by", [0.3, 2.0])
def test_a_line_that_is_too_low_is_caught(monkeypatch, by):
    """Cells cut by lines that good candidates rise above lose some of those known from the start."""
    sound = quantities.net_roof

    def unsound(*asked):
        roof = sound(*asked)
        return roof._replace(level=roof.level - by)

    case = Case.of(CompositionSpace.build("Al,Ni,Cu,Zr", 2), Question())
    monkeypatch.setattr(quantities, "net_roof", unsound)
    with pytest.raises(BrokenBoundError):
        case.exact(100)
