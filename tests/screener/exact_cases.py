"""Shipped screen models bound to questions, and random spaces and questions for exact searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from notes import Notes

from screener.binding import bind_tier
from screener.candidates import Candidates
from screener.device import choose_device
from screener.errors import CompositionError
from screener.exact.question import exact_problem
from screener.exact.regions import Neighbourhoods
from screener.exact.run import Effort, ExactFound, find_exactly
from screener.float64_net import Float64Net
from screener.jobs import Question
from screener.judge import Judge
from screener.model_set import load_models
from screener.plan import Plan, make_plan
from screener.search import Found, best_first, passing
from screener.space import CompositionSpace

FOLDER = Path(__file__).resolve().parents[2] / "models"
ELEMENTS = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Mo", "W", "Mn", "Nb", "V", "Ag")
TARGETS = ("p_amorphous", "p_bulk_glass", "resistivity_uohm_cm", "hardness_gpa")
CONDITIONS = (
    "density_g_cm3 < {:.2f}",
    "t_melt_k >= {:.1f}",
    "vec > {:.3f}",
    "dH_mix < {:.2f}",
    "delta < {:.4f}",
    "{first} >= {:.0f}",
    "{first} + {last} <= {:.0f}",
    "p_amorphous > {:.3f}",
    "hardness_gpa > {:.2f}",
    "resistivity_uohm_cm < {:.1f}",
    "is_amorphous",
    "in_domain",
)
SPANS = ((6, 9), (1200, 2200), (4, 9), (-25, -2), (0.03, 0.12), (5, 40), (20, 80), (0.1, 0.9), (2, 8), (60, 250))


@dataclass(frozen=True)
class Case:
    """A space and a question bound to the shipped screen tier."""

    candidates: Candidates
    plan: Plan
    nets: dict[str, Float64Net]

    @classmethod
    def of(cls, space: CompositionSpace, question: Question) -> Case:
        """Bind."""
        models, nets = shipped(question.classifier or "")
        tier = bind_tier("screen", models, question)
        return cls(Candidates(space), make_plan(question, tier, space.elements), nets)

    def judge(self) -> Judge:
        """Who settles values."""
        shown = {*self.plan.models.columns, *self.plan.wanted}
        return Judge(self.plan.models, self.nets, self.candidates.space.elements, shown)

    def exact(
        self,
        k: int,
        seconds: float | None = None,
        workers: int = 1,
        apart: float | None = None,
        near: np.ndarray | None = None,
        reach: float = 0.0,
    ) -> ExactFound:
        """Search by branch and bound."""
        problem = exact_problem(self.plan, self.nets, self.candidates.space)
        if near is not None:
            problem = replace(problem, near=Neighbourhoods.within(near, problem.space.units, reach))
        return find_exactly(
            self.candidates, self.plan, problem, k, self.judge(), Notes(), Effort(workers, seconds, apart)
        )

    def brute(self, k: int) -> Found:
        """Score every candidate with the judge and sort."""
        index = np.arange(self.candidates.size)
        index, columns = passing(self.plan, index, self.judge().columns_of(self.candidates.fractions(index)))
        score = self.plan.scorer.score(columns)
        order = best_first(index, score)[:k]
        return Found(index[order], score[order], {n: v[order] for n, v in columns.items()}, len(index), 0)


@cache
def shipped(classifier: str) -> tuple[dict, dict[str, Float64Net]]:
    """Load the shipped screen tier once."""
    models = load_models(FOLDER, choose_device("cpu"), ("screen",), classifier).screen
    return models, {name: Float64Net.read(model.content) for name, model in models.items()}


def random_space(rng: np.random.Generator, most: int) -> CompositionSpace:
    """Draw a space of 2 to 6 elements with at most so many candidates."""
    while True:
        d = int(rng.integers(2, 7))
        elements = rng.permutation(ELEMENTS)[:d].tolist()
        step = [1, 2, 2.5, 4, 5, 10, 0.5][rng.integers(7)]
        components = (int(rng.integers(1, d)), d) if rng.random() < 0.3 else None
        if rng.random() < 0.3:
            components = (1, int(rng.integers(1, d)))
        bounds = {e: (int(rng.integers(0, 15)), int(rng.integers(30, 101))) for e in elements if rng.random() < 0.3}
        sums = f"{elements[0]}+{elements[-1]}=10:{rng.integers(40, 95)}" if d > 2 and rng.random() < 0.3 else None
        try:
            space = CompositionSpace.build(elements, step, components, bounds or None, sums)
        except CompositionError:
            continue
        if space.size <= most:
            return space


def random_question(rng: np.random.Generator, elements: Sequence[str]) -> Question:
    """Draw an objective, with ties at times, and conditions that an exact search can bound."""
    target = TARGETS[rng.integers(4)]
    where = [random_condition(rng, elements) for _ in range(rng.integers(3))] if rng.random() < 0.6 else []
    asked = {"where": " and ".join(where) or None, "classifier": [None, "independent"][rng.integers(2)]}
    kind = rng.integers(7)
    if kind == 5:  # amounts tie by the thousand
        return Question(**{"maximize" if rng.random() < 0.5 else "minimize": (elements[0],)}, **asked)
    if kind == 6:
        wishes = (f"{target}=0.05:0.999" if target.startswith("p_") else f"{target}=1:300", "hardness_gpa=1:20")
        return Question(maximize=wishes[:1] if target == "hardness_gpa" else wishes, **asked)
    if kind == 0:
        other = TARGETS[rng.integers(4)]
        text = f"{rng.normal():.3f} * {target} - {rng.random():.3f} * {other} / 7 + {rng.normal():.3f} * vec + 2"
        return Question(rank_by=text.replace("+ -", "- "), **asked)
    return Question(**{"maximize" if kind < 3 else "minimize": (target,)}, **asked)


def random_condition(rng: np.random.Generator, elements: Sequence[str]) -> str:
    """Draw one condition."""
    k = int(rng.integers(len(CONDITIONS)))
    value = rng.uniform(*SPANS[k]) if k < len(SPANS) else 0.0
    return CONDITIONS[k].format(value, first=elements[0], last=elements[-1])
