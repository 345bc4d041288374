"""The random order in which a task meets the others."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TaskOrder(nn.Module):
    """Fresh random orders from a generator of its own, which no other random number of the fit disturbs.

    Args:
        seed: of the generator; its place is part of the state.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)

    def others(self, task: int, count: int) -> list[int]:
        """Return all of 0 … count−1 but `task`, shuffled."""
        places: list[int] = torch.randperm(count - 1, generator=self.generator).tolist()
        return [place + (place >= task) for place in places]

    def reset(self) -> None:
        """Start again."""
        self.generator.manual_seed(self.seed)

    def get_extra_state(self) -> Tensor:
        """Return where the generator stands."""
        return self.generator.get_state()

    def set_extra_state(self, state: Tensor) -> None:
        """Go on from there."""
        self.generator.set_state(state)
