"""Layers of the multi-task nets: hidden blocks, heads, a dropout with its own random stream."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from screener.errors import InputError
from training.imbalance.choices import require_choice

NORMS = ("bn", "ln", "none")
"""Normalisations of a hidden block: over the batch, over the channels of a row, none."""
DEEPEST, WIDEST = 32, 8192
"""Most hidden layers, and most channels of one: beyond anything that measured alloys can fill."""

Pool = tuple[Tensor, int]
"""Drawn factors, and how many of them are used up."""


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, so that nothing else shifts its stream.

    Small batches spend more time on drawing than on anything else. Here factors are drawn for many batches ahead, four
    from one 64-bit number; the rate is rounded to 2⁻¹⁶, and what is kept is scaled by the rounded one.

    Args:
        rate: share of the channels set to zero in training.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise InputError(f"dropout of `{rate}` is not a share", "choose a number from 0 up to but not including 1")
        self.rate = rate
        kept = max(1, round((1.0 - rate) * _STEPS))
        self._limit, self._gain = kept - _STEPS // 2, _STEPS / kept
        self.generator: torch.Generator | None = None
        self.pool: Pool = (torch.empty(0), 0)

    def forward(self, x: Tensor) -> Tensor:
        """Drop channels and scale the others up; leave values alone outside training."""
        return x * self.factors(x) if self.training and self.rate else x

    def factors(self, x: Tensor) -> Tensor:
        """Take the next factors from the stream, in the shape of ``x``: 0, or what makes up for the zeros."""
        (factors, used), count = self.pool, x.numel()
        if used + count > len(factors):
            factors, used = self._draw(max(_AHEAD, count)).to(x.dtype), 0
        self.pool = (factors, used + count)
        return factors[used : used + count].view(x.shape)

    def _draw(self, count: int) -> Tensor:
        """Draw factors, shape (count,)."""
        bits = torch.empty((count + 3) // 4, dtype=torch.int64)
        bits.random_(-(2**63), None, generator=self.generator)
        return (bits.view(torch.int16)[:count] < self._limit).float().mul_(self._gain)


_STEPS = 2**16
_AHEAD = 2**18
"""Factors drawn at once."""


class RowsNorm(nn.BatchNorm1d):
    """Batch normalisation that falls back on its running statistics where a batch has fewer than two rows."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise rows, shape (b, d)."""
        learning = self.training and len(input) > 1
        return nn.functional.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, learning, self.momentum or 0.0, self.eps
        )


def norm_layer(norm: str, width: int) -> list[nn.Module]:
    """Make the normalisation of one block, an empty list for none.

    Raises:
        InputError: there is no such normalisation.
    """
    require_choice("norm", norm, NORMS)
    return [RowsNorm(width)] if norm == "bn" else [nn.LayerNorm(width)] if norm == "ln" else []


def hidden_linears(n_in: int, widths: Sequence[int]) -> list[nn.Linear]:
    """Make the linear layers of a backbone n_in → widths.

    Raises:
        InputError: no width, one that is not positive, or too many.
    """
    if not widths or any(isinstance(width, bool) or not isinstance(width, int) or width < 1 for width in widths):
        raise InputError(f"widths of `{list(widths)}` make no backbone", "give at least one whole number above 0")
    if len(widths) > DEEPEST or max(widths) > WIDEST:
        raise InputError(
            f"widths of `{list(widths)}` make too large a backbone",
            f"give at most {DEEPEST} whole numbers up to {WIDEST}",
        )
    return [nn.Linear(a, b) for a, b in zip((n_in, *widths), widths, strict=False)]


def backbone(linears: Sequence[nn.Linear], norm: str, dropout: float) -> nn.Sequential:
    """Chain linear layers with their own normalisation, ReLU and dropout."""
    layers: list[nn.Module] = []
    for linear in linears:
        layers += [linear, *norm_layer(norm, linear.out_features), nn.ReLU()]
        layers += [Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers)


def tower(n_in: int, hidden: int) -> nn.Sequential:
    """Make one task's head n_in → hidden → 1, or n_in → 1 for no hidden layer.

    Raises:
        InputError: the hidden layer is of no size there is.
    """
    if not 0 <= hidden <= WIDEST:
        raise InputError(f"a hidden layer of `{hidden}` makes no head", f"give a whole number from 0 to {WIDEST}")
    if not hidden:
        return nn.Sequential(nn.Linear(n_in, 1))
    return nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Linear(hidden, 1))


def share_generator(net: nn.Module, generator: torch.Generator) -> None:
    """Let every dropout of a net draw from one generator."""
    for module in net.modules():
        if isinstance(module, Dropout):
            module.generator, module.pool = generator, (torch.empty(0), 0)
