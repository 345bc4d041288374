"""Descriptors inside a graph: the catalogue's rules as tensor operations, from grid units to the inputs of the nets.

Everything quadratic is a sum over pairs: as Σ c_i = 1, Σ c_i (a_i − ⟨a⟩)(b_i − ⟨b⟩) is
Σ_{i<j} c_i c_j (a_i − a_j)(b_i − b_j), whose terms have one sign for a spread, so that float32 loses nothing. All such
descriptors are one product of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from screener.descriptors.catalogue import Descriptor, Kind
from screener.descriptors.properties import element_column, pair_matrix

COUNTS = "counts"
"""Input: amounts of the elements in grid units (b, d), uint8 or uint16."""
_LEFT_OUT = (Kind.PAIR_MIN, Kind.PAIR_MAX)
"""Rules that nets of the screen tier do not use; they have no form here."""
_TINY = 1e-30
"""Stands for an amount of zero under a logarithm."""
Matrix = NDArray[np.float64]


@dataclass(slots=True)
class Describer:
    """Collects the operations that make descriptors.

    Attributes:
        symbols: d elements of the columns.
        nodes: operations so far.
        constants: tensors so far.
        order: position of each finished descriptor in its set, in the order of the columns made.
    """

    symbols: tuple[str, ...]
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    order: list[int] = field(default_factory=list)

    def node(self, operator: str, inputs: Sequence[str], name: str, **options: int | list[int]) -> str:
        """Append an operation and return the name of its result."""
        made = helper.make_node(operator, list(inputs), [f"d.{name}"])
        made.attribute.extend(helper.make_attribute(key, value) for key, value in options.items())
        self.nodes.append(made)
        return f"d.{name}"

    def constant(self, values: Matrix | NDArray[np.int64], name: str) -> str:
        """Append a tensor, float32 unless it holds whole numbers, and return its name."""
        kind = np.int64 if values.dtype == np.int64 else np.float32
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, kind), f"d.{name}"))
        return f"d.{name}"

    def linear(self, columns: Sequence[Matrix], name: str) -> str:
        """Append averages of columns (d,) of element data, (b, k)."""
        return self.node("MatMul", ["d.c", self.constant(np.array(columns).T, f"{name}.p")], name)

    def quadratic(self, forms: Sequence[Matrix], name: str) -> str:
        """Append sums Σ_{i<j} c_i c_j φ_ij of pair data (d, d), (b, k)."""
        upper = np.triu_indices(len(self.symbols), 1)
        values = np.array([form[upper] for form in forms]).T
        return self.node("MatMul", ["d.pairs", self.constant(values, f"{name}.p")], name)


def can_describe(descriptors: Sequence[Descriptor]) -> bool:
    """Say whether every rule has a form in a graph."""
    return not any(each.kind in _LEFT_OUT for each in descriptors)


def describe_in_graph(
    descriptors: Sequence[Descriptor], symbols: Sequence[str], units: int, result: str
) -> tuple[list[NodeProto], list[TensorProto], list[int]]:
    """Make descriptors from amounts in grid units.

    Args:
        descriptors: what is wanted; fractions of elements that are not among the symbols are left out.
        symbols: the d elements.
        units: grid units in the whole.
        result: name of the matrix made (b, f).

    Returns:
        Operations, tensors, and for each column made the position of its descriptor.

    Raises:
        CompositionError: an element lacks a property that a descriptor needs.
    """
    made = Describer(tuple(symbols))
    amounts = made.node("Cast", [COUNTS], "amounts", to=TensorProto.FLOAT)
    made.node("Div", [amounts, made.constant(np.array(float(units)), "units")], "c")
    first, second = np.triu_indices(len(symbols), 1)
    for name, places in (("first", first), ("second", second)):
        made.node("Gather", ["d.c", made.constant(places.astype(np.int64), f"{name}.i")], name, axis=1)
    made.node("Mul", ["d.first", "d.second"], "pairs")
    parts = []
    for kind, write in _RULES.items():
        live = [k for k, d in enumerate(descriptors) if d.kind is kind and lives(d, symbols)]
        if live:
            parts.append(write(made, [descriptors[k] for k in live], f"kind{kind:d}"))
            made.order += live
    made.nodes.append(helper.make_node("Concat", parts, [result], axis=1))
    return made.nodes, made.constants, made.order


def lives(descriptor: Descriptor, symbols: Sequence[str]) -> bool:
    """Say whether a descriptor can differ from zero in alloys of some elements."""
    return descriptor.kind is not Kind.FRACTION or descriptor.first in symbols


def _fractions(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """Pick fractions."""
    places = np.array([made.symbols.index(d.first) for d in wanted], np.int64)
    return made.node("Gather", ["d.c", made.constant(places, f"{name}.i")], name, axis=1)


def _means(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """⟨p⟩."""
    return made.linear([d.scale * element_column(made.symbols, d.first) for d in wanted], name)


def _pair_sums(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """Σ_{i≠j} c_i c_j φ_ij."""
    return made.quadratic([2.0 * d.scale * pair_matrix(made.symbols, d.first, apart=True) for d in wanted], name)


def _covariances(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """Σ c_i (a_i − ⟨a⟩)(b_i − ⟨b⟩)."""
    return made.quadratic([d.scale * _differences(made, d.first) * _differences(made, d.second) for d in wanted], name)


def _spreads(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """√Σ c_i (p_i − ⟨p⟩)²; scales are positive."""
    squared = made.quadratic([(d.scale * _differences(made, d.first)) ** 2 for d in wanted], f"{name}.squared")
    return made.node("Sqrt", [squared], name)


def _relative_spreads(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """√Σ c_i (1 − p_i/⟨p⟩)²."""
    means = made.linear([element_column(made.symbols, d.first) for d in wanted], f"{name}.means")
    return made.node("Div", [_spreads(made, wanted, f"{name}.spreads"), means], name)


def _products(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """⟨a⟩⟨b⟩."""
    second = made.linear([element_column(made.symbols, d.second) for d in wanted], f"{name}.second")
    return made.node("Mul", [_means(made, wanted, f"{name}.first"), second], name)


def _ratios(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """⟨a⟩/⟨b⟩, 0 where ⟨b⟩ vanishes."""
    below = made.linear([element_column(made.symbols, d.second) for d in wanted], f"{name}.below")
    nothing = made.constant(np.array(0.0), f"{name}.zero")
    vanishes = made.node("Equal", [below, nothing], f"{name}.vanishes")
    divided = made.node("Div", [_means(made, wanted, f"{name}.above"), below], f"{name}.divided")
    return made.node("Where", [vanishes, nothing, divided], name)


def _entropies(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """−Σ c_i ln c_i with 0 ln 0 = 0."""
    above = made.node("Max", ["d.c", made.constant(np.array(_TINY), f"{name}.tiny")], f"{name}.above")
    terms = made.node("Mul", ["d.c", made.node("Log", [above], f"{name}.log")], f"{name}.terms")
    ones = -np.ones((len(made.symbols), 1)) * np.array([[d.scale for d in wanted]])
    return made.node("MatMul", [terms, made.constant(ones, f"{name}.scale")], name)


def _counts(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """Number of elements present."""
    present = made.node("Greater", ["d.c", made.constant(np.array(0.0), f"{name}.zero")], f"{name}.present")
    number = made.node("Cast", [present], f"{name}.number", to=TensorProto.FLOAT)
    ones = np.ones((len(made.symbols), 1)) * np.array([[d.scale for d in wanted]])
    return made.node("MatMul", [number, made.constant(ones, f"{name}.scale")], name)


def _largest(made: Describer, wanted: Sequence[Descriptor], name: str) -> str:
    """Largest fraction."""
    most = made.node("ReduceMax", ["d.c"], f"{name}.most", axes=[1], keepdims=1)
    return made.node("Mul", [most, made.constant(np.array([[d.scale for d in wanted]]), f"{name}.scale")], name)


def _differences(made: Describer, column: str) -> Matrix:
    """p_i − p_j for all pairs (d, d)."""
    values = element_column(made.symbols, column)
    return np.subtract.outer(values, values)


_RULES: dict[Kind, Callable[[Describer, Sequence[Descriptor], str], str]] = {
    Kind.FRACTION: _fractions,
    Kind.MEAN: _means,
    Kind.SPREAD: _spreads,
    Kind.RELATIVE_SPREAD: _relative_spreads,
    Kind.PAIR_SUM: _pair_sums,
    Kind.ENTROPY: _entropies,
    Kind.COUNT: _counts,
    Kind.LARGEST: _largest,
    Kind.MEAN_RATIO: _ratios,
    Kind.MEAN_PRODUCT: _products,
    Kind.COVARIANCE: _covariances,
}
