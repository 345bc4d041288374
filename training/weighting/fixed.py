"""Fixed weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from training.methods import require
from training.weighting.base import LossWeighting

Preset = Literal["equal", "paper", "mitigation", "inverse_size"]
PRESETS: Mapping[str, tuple[float, ...]] = {"paper": (1.0, 65.0, 62.0), "mitigation": (1.0, 10.0, 10.0)}
OF_PRESETS = (False, False, True)
"""Which of the tasks of the published weights are labels."""
_FOR = "it is for resistivity, hardness and glass formation"


class Fixed(LossWeighting):
    """Σ wₜLₜ with weights that never change.

    Args:
        tasks: t.
        weights: one number per task, or a preset. `paper` and `mitigation` are the weights (1, 65, 62) and (1, 10, 10)
            of Kang 2025 (doi:10.48550/arXiv.2512.22740) for resistivity, hardness and glass formation, in this order;
            `inverse_size` is the number of labels of the largest task over that of each.
        sizes: labels of each task in the training rows, needed by `inverse_size`.
        labels: which tasks are labels, where known.

    Raises:
        OptionError: weights that are not t positive numbers, or a preset for other tasks.
    """

    needs_positive = False
    values: Tensor

    def __init__(
        self,
        tasks: int,
        weights: Preset | Sequence[float] = "equal",
        sizes: Sequence[int] | None = None,
        labels: Sequence[bool] | None = None,
    ) -> None:
        super().__init__(tasks)
        if isinstance(weights, str):
            require(weights not in PRESETS or labels is None or tuple(labels) == OF_PRESETS, "weights", weights, _FOR)
            chosen = _preset(weights, tasks, sizes)
        else:
            chosen = tuple(map(float, weights))
        require(len(chosen) == tasks, "weights", weights, f"give {tasks} numbers, one per task")
        require(all(0 < each < float("inf") for each in chosen), "weights", weights, "give numbers above 0")
        self.register_buffer("values", torch.tensor(chosen))
        self.used.copy_(self.values)

    def forward(self, losses: Tensor, present: Tensor, epoch: int, step: int) -> Tensor:
        """Combine losses."""
        self.remember(self.values[present], present)
        return (self.values[present] * losses[present]).sum()

    def reset(self) -> None:
        """Do nothing: nothing is learned."""


def _preset(name: str, tasks: int, sizes: Sequence[int] | None) -> tuple[float, ...]:
    """The weights that a preset stands for."""
    if name == "equal":
        return (1.0,) * tasks
    if name == "inverse_size":
        known = sizes is not None and all(each > 0 for each in sizes)
        require(known, "weights", name, "it needs the number of labels of every task")
        return tuple(max(sizes or ()) / each for each in sizes or ())
    require(name in PRESETS, "weights", name, "give numbers, `equal`, `paper`, `mitigation` or `inverse_size`")
    require(tasks == len(PRESETS[name]), "weights", name, _FOR)
    return PRESETS[name]
