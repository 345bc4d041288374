"""The part of a screen network that can be bounded, told from its graph: dense layers, then a rising function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.errors import ModelError
from screener.float64_net import Float64Net, Node

Matrix = NDArray[np.float64]
_LAYERS = ("Gemm", "Relu", "Gemm", "Relu", "Gemm")
_HINT = "use `--search exhaustive`"


@dataclass(frozen=True, slots=True)
class Rise:
    """A rising function of one number, as the steps of a graph.

    Attributes:
        steps: operator and constant, in order; the constant of `Exp` and `Sigmoid` counts for nothing.
    """

    steps: tuple[tuple[str, float], ...] = ()

    def __call__(self, value: Matrix) -> Matrix:
        """Evaluate it, any shape."""
        with np.errstate(over="ignore"):
            for operator, constant in self.steps:
                value = _apply(operator, value, constant)
        return value

    def back(self, value: Matrix) -> Matrix:
        """Return about where it reaches a value, any shape; ±∞ where it stays above or below."""
        with np.errstate(divide="ignore", over="ignore"):
            for operator, constant in reversed(self.steps):
                value = _undo(operator, value, constant)
        return value


@dataclass(frozen=True, slots=True)
class ReluNet:
    """A network of two hidden layers and a rising function of its one output.

    Attributes:
        first: weights of features, then conditions, shape (f, h).
        first_bias: shape (h,).
        second: shape (h, g).
        second_bias: shape (g,).
        last: shape (g,).
        last_bias: one number.
        rise: what turns the output into the value.
    """

    first: Matrix
    first_bias: Matrix
    second: Matrix
    second_bias: Matrix
    last: Matrix
    last_bias: float
    rise: Rise


def read_relu_net(net: Float64Net, output: str) -> ReluNet:
    """Find the layers behind an output.

    Raises:
        ModelError: the graph has another shape, for which no bound is known.
    """
    made = {node.output: node for node in net.nodes}
    steps: list[tuple[str, float]] = []
    name = output
    while name in made and made[name].operator != "Gemm":
        step, name = _rise(made[name], net.constants)
        steps.append(step)
    layers: list[tuple[Matrix, Matrix]] = []
    for operator in reversed(_LAYERS):
        if name not in made or made[name].operator != operator:
            raise _no_bound(made[name].operator if name in made else output)
        if operator == "Gemm":
            layers.append(_dense(made[name], net.constants))
        name = made[name].inputs[0]
    _check_input(name, made)
    (last, last_bias), (second, second_bias), (first, first_bias) = layers
    if last.shape[1] != 1:
        raise _no_bound("Gemm")
    rise = Rise(tuple(reversed(steps)))
    return ReluNet(first, first_bias, second, second_bias, last[:, 0].copy(), float(last_bias[0]), rise)


def _rise(node: Node, constants: Mapping[str, Matrix]) -> tuple[tuple[str, float], str]:
    """Read one rising step and the name of what it is applied to."""
    if node.operator in ("Exp", "Sigmoid", "Identity"):
        return (node.operator, 0.0), node.inputs[0]
    fixed = [each for each in node.inputs if each in constants]
    varying = [each for each in node.inputs if each not in constants]
    if len(fixed) != 1 or len(varying) != 1 or constants[fixed[0]].size != 1:
        raise _no_bound(node.operator)
    constant = float(constants[fixed[0]].reshape(-1)[0])
    leads = node.inputs[0] == varying[0]
    rising = {
        "Add": True,
        "Max": True,
        "Min": True,
        "Sub": leads,
        "Mul": constant > 0.0,
        "Div": leads and constant > 0.0,
    }
    if not rising.get(node.operator, False):
        raise _no_bound(node.operator)
    return (node.operator, constant), varying[0]


def _apply(operator: str, value: Matrix, constant: float) -> Matrix:
    """Evaluate one step."""
    match operator:
        case "Exp":
            return np.exp(value)
        case "Sigmoid":
            half = np.exp(-np.abs(value))
            return np.where(value >= 0, 1.0, half) / (1.0 + half)
        case "Add":
            return value + constant
        case "Sub":
            return value - constant
        case "Mul":
            return value * constant
        case "Div":
            return value / constant
        case "Max":
            return np.maximum(value, constant)
        case "Min":
            return np.minimum(value, constant)
    return value


def _undo(operator: str, value: Matrix, constant: float) -> Matrix:
    """Invert one step."""
    match operator:
        case "Exp":
            return np.log(np.maximum(value, 0.0))
        case "Sigmoid":
            held = np.clip(value, 0.0, 1.0)
            return np.log(held) - np.log1p(-held)
        case "Add":
            return value - constant
        case "Sub":
            return value + constant
        case "Mul":
            return value / constant
        case "Div":
            return value * constant
        case "Max":
            return np.where(value <= constant, -np.inf, value)
        case "Min":
            return np.where(value > constant, np.inf, value)
    return value


def _dense(node: Node, constants: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    """Return weight (inputs, outputs) and bias (outputs,) of a dense layer."""
    if not {*node.inputs[1:]} <= set(constants):
        raise _no_bound("Gemm")
    weight, bias = constants[node.inputs[1]], constants[node.inputs[2]]
    weight = np.ascontiguousarray(weight.T if node.transposed else weight)
    return weight, np.ascontiguousarray(np.broadcast_to(bias, (1, weight.shape[1]))[0])


def _check_input(name: str, made: Mapping[str, Node]) -> None:
    """Refuse networks that read anything but features, then conditions."""
    while name in made and made[name].operator == "Identity":
        name = made[name].inputs[0]
    if name in made and made[name].operator == "Concat":
        if made[name].inputs == ("features", "conditions"):
            return
        raise _no_bound("Concat")
    if name != "features":
        raise _no_bound(made[name].operator if name in made else name)


def _no_bound(operator: str) -> ModelError:
    return ModelError(f"no bound is known for `{operator}` where a screen model has it", _HINT)
