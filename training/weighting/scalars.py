"""One learned number per task."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TaskScalars(nn.Module):
    """t learned numbers, each its own parameter.

    An absent task's number then has no gradient at all, rather than a gradient of zero, and an optimiser with momentum
    leaves it alone. Give these parameters to the model's optimiser without weight decay.
    """

    def __init__(self, tasks: int, start: float, least: float, most: float) -> None:
        super().__init__()
        self.start, self.least, self.most = start, least, most
        self.values = nn.ParameterList([nn.Parameter(torch.tensor(start)) for _ in range(tasks)])

    def of(self, present: Tensor) -> Tensor:
        """Return the numbers of the present tasks, shape (p,), after pulling them into their limits."""
        chosen = [self.values[k] for k in torch.nonzero(present).flatten().tolist()]
        with torch.no_grad():
            for each in chosen:
                each.clamp_(self.least, self.most)
        return torch.stack(chosen)

    def reset(self) -> None:
        """Return to the start."""
        with torch.no_grad():
            for each in self.values:
                each.fill_(self.start)
