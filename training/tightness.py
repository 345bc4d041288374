"""The relaxation gap of a small net: what bounds over a box of compositions lose at its ReLUs, as a penalty.

Exact search bounds nets over boxes of compositions by lines above and below each ReLU; where a unit may be on or off in
a box, the lines leave a gap. A net that learns with a light penalty on these gaps says almost the same and is proven
with a fraction of the cells; K. Y. Xiao et al., doi:10.48550/arXiv.1809.03008, for training with what verification
needs in mind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import FeatureSpec
from training.nets import SharedNet

MEMBERS = 6
"""Elements of a box that vary: those with most of it."""
RADIUS = (0.02, 0.08)
"""How far each of them may, at least and at most, atomic fraction."""
_STEP = 0.01
"""Atomic fraction over which slopes of features are taken."""
_AT_ONCE = 64
"""Boxes of one training step."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of compositions as a net sees them.

    Attributes:
        centre: inputs in the middle, shape (n, f).
        along: by how much inputs change for each atomic fraction of a member added, shape (n, s, f).
        member: which of the s places hold an element, shape (n, s).
    """

    centre: NDArray[np.float32]
    along: NDArray[np.float32]
    member: NDArray[np.bool_]

    def scaled(self, mean: NDArray[np.floating], scale: NDArray[np.floating]) -> Boxes:
        """Standardise inputs by their mean and scale (f,)."""
        centre, along = (self.centre - mean) / scale, self.along / scale
        return Boxes(centre.astype(np.float32), along.astype(np.float32), self.member)


def make_boxes(
    fractions: NDArray[np.float64], symbols: tuple[str, ...], spec: FeatureSpec, inputs: NDArray[np.float32]
) -> Boxes:
    """Lay out boxes around compositions.

    Args:
        fractions: atomic fractions (n, d).
        symbols: d element symbols.
        spec: the first of the inputs, which compositions decide.
        inputs: what the net reads of the compositions, the others after the features, shape (n, f).

    Raises:
        CompositionError: an element lacks a property.
    """
    every, largest = np.arange(len(fractions)), np.argsort(-fractions, axis=1, kind="stable")[:, :MEMBERS]
    member = np.take_along_axis(fractions, largest, axis=1) > 0.0
    along = np.zeros((*largest.shape, inputs.shape[1]), np.float32)
    features = inputs[:, : len(spec.names)]
    for place in range(largest.shape[1]):
        share = _STEP * member[:, place]
        moved = (1.0 - share[:, None]) * fractions
        moved[every, largest[:, place]] += share
        along[:, place, : features.shape[1]] = (featurize(moved, symbols, spec) - features) / _STEP
    return Boxes(inputs, along, member)


class GapPenalty:
    """Relaxation gap of a net's first output in random boxes, in units of the standardised target.

    Args:
        boxes: where, inputs standardised.
        seed: of the boxes' choice and sizes.
    """

    def __init__(self, boxes: Boxes, seed: int) -> None:
        self._centre, self._along = torch.from_numpy(boxes.centre), torch.from_numpy(boxes.along)
        self._member = torch.from_numpy(boxes.member.astype(np.float32))[:, :, None]
        self._generator = torch.Generator().manual_seed(seed)

    def of(self, net: SharedNet) -> torch.Tensor:
        """Return the mean gap over boxes drawn anew, a scalar."""
        drawn = torch.randint(len(self._centre), (_AT_ONCE,), generator=self._generator)
        least, most = RADIUS
        radius = least + (most - least) * torch.rand((_AT_ONCE, self._along.shape[1], 1), generator=self._generator)
        return relaxation_gap(net, self._centre[drawn], self._along[drawn], self._member[drawn], radius).mean()


def relaxation_gap(
    net: SharedNet, centre: torch.Tensor, along: torch.Tensor, member: torch.Tensor, radius: torch.Tensor
) -> torch.Tensor:
    """Return what the lines around the ReLUs leave open at a net's first output, shape (b,).

    Args:
        net: hidden layers without normalisation.
        centre: standardised inputs (b, f).
        along: their change with each member (b, s, f).
        member: 1 where a place holds an element, else 0 (b, s, 1).
        radius: how far each may vary (b, s, 1).
    """
    value, slopes, left = centre, along, torch.zeros(())
    for layer in (each for each in net.trunk if isinstance(each, torch.nn.Linear)):
        value, slopes = layer(value), slopes @ layer.weight.T
        carried = left @ layer.weight.abs().T if left.ndim else left
        spread = _spread(slopes, member, radius) + carried
        rise, gap = _line(value - spread, value + spread)
        value, slopes, left = torch.relu(value), slopes * rise[:, None], rise * carried + gap
    return left @ net.heads[0].get_submodule("0").get_parameter("weight")[0].abs()


def _spread(slopes: torch.Tensor, member: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """Return how far units (b, h) move at most where members (b, s, h) vary and their sum does not."""
    held = slopes * member
    held = (held - held.sum(1, keepdim=True) / member.sum(1, keepdim=True)) * member
    return (held.abs() * radius).sum(1)


def _line(low: torch.Tensor, high: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return slope and height at zero of the line above a ReLU between two limits (b, h)."""
    width = (high - low).clamp_min(1e-9)
    rise = torch.where(low >= 0, 1.0, torch.where(high <= 0, 0.0, high / width))
    gap = torch.where((low < 0) & (high > 0), -low * high / width, 0.0)
    return rise, gap
