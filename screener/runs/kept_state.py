"""What a search keeps, as plain JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.rounding import Rounding
from screener.objectives import Direction
from screener.pareto import ParetoFront
from screener.plan import Plan
from screener.ranking import Ranking
from screener.runs.sealed import of_type, packed, unpacked
from screener.search import Keep, front_values
from screener.tier_models import Columns

Kept: TypeAlias = Ranking | ParetoFront
"""What candidates are offered to, and merged in any order."""


def state_of(kept: Kept) -> dict[str, object]:
    """Write down what is kept and counted."""
    index, values = kept.finish()
    return {
        "name": name_of(kept),
        "seen": kept.seen,
        "nan_count": kept.nan_count,
        "index": packed(index),
        "values": packed(values),
    }


def name_of(kept: Kept) -> str:
    """Name the pass that keeps so much: a search makes a second one, which keeps more, where rounding asks for it."""
    if isinstance(kept, Ranking):
        return f"best {kept.capacity}"
    objectives = zip(kept.directions, kept.rounding, strict=True)
    return " ".join(["front", *(f"{way}:{each.absolute!r}:{each.relative!r}" for way, each in objectives)])


def merge_state(kept: Kept, state: Mapping[str, object], size: int) -> None:
    """Take in what ``state_of`` wrote, over rows that ``kept`` has not seen.

    Raises:
        ValueError: it is something else.
    """
    if state.get("name") != name_of(kept):
        raise ValueError(f"what `{state.get('name')}` keeps")
    seen, nan_count = of_type(state.get("seen"), int), of_type(state.get("nan_count"), int)
    index = cast("NDArray[np.int64]", unpacked(state.get("index"), "int64"))
    width = None if isinstance(kept, Ranking) else len(kept.directions)
    values = cast("NDArray[np.float64]", unpacked(state.get("values"), "float64", width))
    if len(values) != len(index) or not len(index) + nan_count <= seen or nan_count < 0 or np.isnan(values).any():
        raise ValueError("counts that contradict each other")
    if len(index) and (index.min() < 0 or index.max() >= size or len(np.unique(index)) < len(index)):
        raise ValueError("candidates outside the space")
    if isinstance(kept, Ranking):
        if len(index) > kept.capacity:
            raise ValueError("more candidates than are kept")
        kept.merge(Ranking.restore(kept.capacity, index, values, seen, nan_count))
        return
    front = ParetoFront(kept.directions, kept.capacity, kept.rounding)
    front.update(values, index)
    front.seen, front.nan_count = seen, nan_count
    kept.merge(front)


def kept_of(name: str) -> Kept:
    """Make what a pass keeps from its name.

    Raises:
        ValueError: no pass is called so.
    """
    kind, *rest = name.split()
    if kind == "best" and len(rest) == 1:
        return Ranking(int(rest[0]))
    objectives = [each.split(":") for each in rest]
    if kind == "front" and all(len(each) == 3 and each[0] in ("max", "min") for each in objectives):
        ways = cast("list[Direction]", [each[0] for each in objectives])
        return ParetoFront(ways, rounding=[Rounding(float(each[1]), float(each[2])) for each in objectives])
    raise ValueError(f"a pass `{name}`")


def offer(kept: Kept, plan: Plan, keep: Keep, index: NDArray[np.int64], columns: Columns) -> None:
    """Offer a block of candidates that ``keep`` lets pass, as a search does."""
    index, columns = keep(index, columns)
    if isinstance(kept, Ranking):
        kept.update(plan.score(columns), index)
    else:
        kept.update(front_values(plan, columns), index)
