"""A network over the elements of one space: means folded into its first layer, conditions into its bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from screener.descriptors.catalogue import Descriptor, Kind
from screener.descriptors.properties import element_column, pair_matrix
from screener.errors import ModelError
from screener.exact._curve_kernels import Curves
from screener.exact._frame_kernels import Floats
from screener.exact._net_kernels import Weights
from screener.exact.graph import ReluNet, Rise

CURVED = (Kind.SPREAD, Kind.RELATIVE_SPREAD, Kind.PAIR_SUM, Kind.ENTROPY)
"""Descriptors that lie between two linear functions over a cell."""
_ROUNDING = 2.0**-40
"""Relative rounding of a whole evaluation: sums of some hundred terms in float64 stay thousands of times below it."""


@dataclass(frozen=True, slots=True)
class FoldedNet:
    """A network ready to be bounded.

    Attributes:
        weights: its layers over fractions and curved descriptors.
        rise: what turns its output into the value.
        rounding: ε, more than rounding can move its output anywhere in the space, from the sizes of its weights.
    """

    weights: Weights
    rise: Rise
    rounding: float


def curves_of(descriptors: Sequence[Descriptor], symbols: Sequence[str]) -> Curves:
    """Compile curved descriptors for the elements of a space.

    Raises:
        CompositionError: an element lacks a property.
        ModelError: no bound is known for a descriptor.
    """
    q, d = len(descriptors), len(symbols)
    curves = Curves(np.zeros(q, np.int64), np.zeros((q, d)), np.zeros((q, d, d)), np.zeros((q, 2)), np.ones(q))
    for place, each in enumerate(descriptors):
        if each.kind not in CURVED or each.scale <= 0:
            raise unbounded(each)
        curves.kind[place], curves.scale[place] = int(each.kind), each.scale
        if each.kind is Kind.PAIR_SUM:
            curves.pair[place] = pair_matrix(symbols, each.first)
            curves.bend[place] = _bend(curves.pair[place])
        elif each.kind is not Kind.ENTROPY:
            curves.column[place] = element_column(symbols, each.first)
        if each.kind is Kind.RELATIVE_SPREAD and curves.column[place].min() <= 0:
            raise unbounded(each)
    return curves


def unbounded(descriptor: Descriptor) -> ModelError:
    """Say that a descriptor has no bound over a cell."""
    return ModelError(f"no bound is known for the descriptor `{descriptor.name}`", "use `--search exhaustive`")


def fold(
    net: ReluNet,
    descriptors: Sequence[Descriptor],
    curved: Sequence[Descriptor],
    symbols: Sequence[str],
    conditions: Sequence[float],
) -> FoldedNet:
    """Express a network over the fractions of d elements.

    Args:
        net: the network.
        descriptors: its features in order, f of them.
        curved: the curved descriptors that are enclosed, in order.
        symbols: d element symbols.
        conditions: values of its conditions, in order.

    Raises:
        CompositionError: an element lacks a property.
        ModelError: no bound is known for a descriptor.
    """
    h = len(net.first_bias)
    linear, bent = np.zeros((len(symbols), h)), np.zeros((len(curved), h))
    size = np.zeros((len(symbols), h))
    for row, each in enumerate(descriptors):
        if each.kind in CURVED:
            bent[curved.index(each)] += net.first[row]
        else:
            column = linear_column(each, symbols)
            linear += np.outer(column, net.first[row])
            size += np.outer(np.abs(column), np.abs(net.first[row]))
    bias = net.first_bias + np.asarray(conditions, np.float64) @ net.first[len(descriptors) :]
    with np.errstate(over="ignore"):
        rough = net.second.astype(np.float32)
    ends = net.second_bias, net.last, np.array([net.last_bias])
    weights = Weights(linear, bent, bias, net.second, rough, *ends, np.vstack([linear, bent, bias]).T.copy())
    return FoldedNet(weights, net.rise, _rounding(net, conditions, size, bent, largest(curved, symbols)))


def linear_column(each: Descriptor, symbols: Sequence[str]) -> Floats:
    """Return the coefficient of every element (d,) in a fraction or a mean.

    Raises:
        CompositionError: an element lacks a property.
        ModelError: the descriptor is no linear function of the fractions.
    """
    if each.kind is Kind.FRACTION:
        return np.array([1.0 if symbol == each.first else 0.0 for symbol in symbols]) * each.scale
    if each.kind is not Kind.MEAN:
        raise unbounded(each)
    return element_column(symbols, each.first) * each.scale


def largest(curved: Sequence[Descriptor], symbols: Sequence[str]) -> Floats:
    """Return a size that each curved descriptor, and what it is computed from, does not exceed (q,)."""
    found = np.ones(len(curved))
    for place, each in enumerate(curved):
        if each.kind is Kind.PAIR_SUM:
            found[place] = each.scale * np.abs(pair_matrix(symbols, each.first)).max(initial=0.0)
        elif each.kind is Kind.ENTROPY:
            found[place] = each.scale * np.log(max(2, len(symbols)))
        elif each.kind is Kind.SPREAD:
            found[place] = each.scale * np.abs(element_column(symbols, each.first)).max(initial=0.0)
    return found


def _rounding(net: ReluNet, conditions: Sequence[float], size: Floats, bent: Floats, curved: Floats) -> float:
    """Carry the sizes of all terms through the layers: what rounding can do is a small share of that."""
    tail = np.abs(np.asarray(conditions, np.float64)) @ np.abs(net.first[len(net.first) - len(conditions) :])
    first = size.max(axis=0, initial=0.0) + curved @ np.abs(bent) + np.abs(net.first_bias) + tail
    second = first @ np.abs(net.second) + np.abs(net.second_bias)
    return _ROUNDING * float(second @ np.abs(net.last) + abs(net.last_bias))


def _bend(pair: Floats) -> Floats:
    """Return the least and greatest eigenvalue of a pair sum among changes that keep Σ c, padded outward."""
    d = len(pair)
    keep = np.eye(d) - 1.0 / d
    values = np.linalg.eigvalsh(keep @ pair @ keep)
    pad = 1e-12 * float(np.abs(pair).sum())
    return np.array([values[0] - pad, values[-1] + pad])
