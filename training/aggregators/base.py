"""Gradient aggregators: from the Gramian of the tasks' gradients to the weights of the gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
ROUNDING = 2.0**-23
"""Relative rounding of the gradients, which are float32 whatever the Gramian is."""


@dataclass(frozen=True, slots=True)
class TaskGramian:
    """What an aggregator sees of p present tasks.

    Attributes:
        values: G = JJᵀ, shape (p, p).
        losses: shape (p,), or none given.
        tasks: which tasks these are, p whole numbers below t; 0 … p−1 if the caller did not say.
    """

    values: Matrix
    losses: Vector | None
    tasks: tuple[int, ...]

    @property
    def norms(self) -> Vector:
        """Norms of the gradients, shape (p,)."""
        return np.sqrt(np.clip(np.diagonal(self.values), 0.0, None))


class GramianWeighting(nn.Module, ABC):
    """Makes one weight per task gradient; the shared parameters then follow d = Σ wₜgₜ.

    Only present tasks belong in the Gramian. A row of zeros is a gradient that vanished, not a task that was absent:
    MGDA and CAGrad answer it with d = 0, and would freeze the shared layers whenever a task has no label in the batch.
    Everything is computed in float64 on the CPU and is a constant for the gradient.

    Attributes:
        of_representation: the Gramian is of ∂Lₜ/∂z (`representation_gramian`), not of the parameters' gradients.
    """

    of_representation: ClassVar[bool] = False

    def forward(self, gramian: Tensor, /, losses: Tensor | None = None, present: Tensor | None = None) -> Tensor:
        """Weigh the gradients of the present tasks.

        Args:
            gramian: G = JJᵀ of the p present tasks, shape (p, p).
            losses: their losses, shape (p,); only normalisers of MGDA read them.
            present: which of the t tasks they are, shape (t,); only aggregators that remember pairs read it.

        Returns:
            Weights, shape (p,), of the Gramian's kind and place.
        """
        values = _array(gramian)
        tasks = range(len(values)) if present is None else torch.nonzero(present).flatten().tolist()
        known = None if losses is None else _array(losses)
        return torch.from_numpy(self.solve(TaskGramian(values, known, tuple(tasks)))).to(gramian)

    @abstractmethod
    def solve(self, gramian: TaskGramian) -> Vector:
        """Return the weights, shape (p,)."""

    def reset(self) -> None:
        """Forget everything remembered."""


def of_cosines(gramian: TaskGramian, rule: Callable[[Matrix, Vector], Vector]) -> Vector:
    """Apply a rule to the cosines and norms of the gradients that did not vanish; the others weigh 0.

    Cosines keep tiny and huge gradients equally precise; the Gramian itself does not.

    Args:
        gramian: of p tasks.
        rule: cosines (k, k), norms (k,) → weights (k,).
    """
    norms = gramian.norms
    alive = norms > 0
    weights = np.zeros(len(norms))
    if alive.any():
        kept = norms[alive]
        weights[alive] = rule(gramian.values[np.ix_(alive, alive)] / np.outer(kept, kept), kept)
    return weights


def _array(tensor: Tensor) -> NDArray[np.float64]:
    """A tensor as float64 numbers."""
    return tensor.detach().cpu().numpy().astype(np.float64)
