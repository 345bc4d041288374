"""Bounds hold on random cells and random networks; cells lose no candidate and hold none twice."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from exact_cases import ELEMENTS
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.descriptors.reference import describe
from screener.descriptors.specs import feature_spec
from screener.errors import ModelError
from screener.exact._cut_kernels import cut_all, points_below
from screener.exact.bounds import lay_out_block, net_roof
from screener.exact.cells import first_cells
from screener.exact.folding import CURVED, curves_of, fold, largest
from screener.exact.graph import ReluNet, Rise, read_relu_net
from screener.exact.points import Points, net_output
from screener.exact.problem import Problem
from screener.exact.quantities import Curved, Linear, Prediction, Ratio
from screener.float64_net import Float64Net, Node
from screener.space import CompositionSpace

SCREEN = feature_spec("screen").descriptors
BENT = [each for each in SCREEN if each.kind in CURVED]
NAMES = [each.name for each in BENT]
SEEDS = st.integers(0, 2**32 - 1)
LAWS = settings(max_examples=60, deadline=None)


def random_net(rng: np.random.Generator, conditions: int = 1) -> ReluNet:
    """A network with dead, saturated and equal neurons and weights of any size."""
    h, g = int(rng.integers(1, 12)), int(rng.integers(1, 9))
    scale = 10.0 ** rng.uniform(-6, 3)
    first = rng.normal(0, scale, (len(SCREEN) + conditions, h))
    first /= np.r_[
        np.ones(54), 1 + np.abs([3, 0.1, 30, 2, 0.3, 8, 2, 1600, 500, 12, 0.8, 3, 1.5, 0.2, 15, 5]), np.ones(conditions)
    ][:, None]
    second, last = rng.normal(0, 10.0 ** rng.uniform(-2, 2), (h, g)), rng.normal(0, 1, g)
    biases = rng.normal(0, scale, h), rng.normal(0, 1, g)
    kind = rng.integers(5)
    if kind == 1:
        biases[0][: h // 2 + 1] = -1e6 * scale
    elif kind == 2:
        biases[0][: h // 2 + 1] = 1e6 * scale
    elif kind == 3:
        first[:] = first[:, :1]
        second[:] = second[:, :1]
    elif kind == 4:
        last[:] = 0.0
    return ReluNet(first, biases[0], second, biases[1], last, float(rng.normal()), Rise())


def random_cells(rng: np.random.Generator, n: int = 6) -> tuple[tuple[str, ...], int, tuple]:
    """Elements, grid and cells, some at the border of the simplex, some of a single point."""
    elements = tuple(rng.permutation(ELEMENTS)[: rng.integers(1, 8)].tolist())
    d, units = len(elements), int([10, 100, 1000][rng.integers(3)])
    centre = np.round(rng.dirichlet(np.full(d, [0.1, 1.0][rng.integers(2)]), n) * units)
    reach = rng.integers(0, [[1], [2], [units // 4 + 1]] * (n // 3), (n, d))
    lower, upper = np.maximum(0, centre - reach), np.minimum(units, centre + reach + 1)
    space = CompositionSpace.build(elements, 100 / units)
    limits = Problem(space, curves_of([], elements), ()).limits
    first = next(first_cells(space, (), limits))
    cells = type(first)(
        np.repeat(first.members, n, 0),
        lower.astype(np.int16),
        upper.astype(np.int16),
        np.full(n, np.inf),
        np.zeros(n),
        np.zeros(n, int),
    ).tightened(limits)
    return elements, units, (cells, limits)


def points_in(rng: np.random.Generator, lower: np.ndarray, upper: np.ndarray, units: int) -> np.ndarray:
    """Whole amounts of one cell: corners and others."""
    found = []
    for _ in range(25):
        amounts, order = lower.astype(int), rng.permutation(len(lower))
        for place, i in enumerate(order):
            rest = units - amounts.sum()
            later = sum(int(upper[j] - amounts[j]) for j in order[place + 1 :])
            least, most = max(0, rest - later), min(int(upper[i] - amounts[i]), rest)
            amounts[i] += [least, most, rng.integers(least, most + 1)][rng.integers(3)]
        found.append(amounts)
    return np.array(found)


def output_of(net: ReluNet, fractions: np.ndarray, elements: tuple[str, ...], conditions: list[float]) -> np.ndarray:
    """A network from its definition."""
    given_ = np.tile(conditions, (len(fractions), 1)).reshape(len(fractions), len(conditions))
    x = np.concatenate([describe(fractions, elements, SCREEN), given_], axis=1)
    first = np.maximum(x @ net.first + net.first_bias, 0)
    return np.maximum(first @ net.second + net.second_bias, 0) @ net.last + net.last_bias


def stays_below(values, roof, block, row, fractions):
    """Values at points of a cell against its roof: the ceiling, and the line wherever it is said to hold."""
    assert (values <= roof.ceiling[row]).all()
    frame, m = block.frame, block.frame.opened[row]
    x = (fractions - frame.centre[row])[:, frame.place[row, :m]]
    slope = roof.slope[row, :m]
    line = roof.level[row] + x @ slope + 1e-13 * (abs(roof.level[row]) + np.abs(slope).sum())
    assert (values <= np.where(values > roof.floor[row], line, np.inf)).all()


@given(SEEDS)
@LAWS
def test_networks_stay_below_their_ceilings(seed):
    rng = np.random.default_rng(seed)
    elements, units, (cells, _) = random_cells(rng)
    net, conditions = random_net(rng), [float(rng.normal())]
    folded = fold(net, SCREEN, BENT, elements, conditions)
    curves = curves_of(BENT, elements)
    block = lay_out_block(cells.members, cells.lower, cells.upper, units, curves)
    above, below = net_roof(block, folded, 1.0), net_roof(block, folded, -1.0)
    for row in range(len(cells)):
        counts = points_in(rng, cells.lower[row], cells.upper[row], units)
        output = output_of(net, counts / units, elements, conditions)
        stays_below(output, above, block, row, counts / units)
        stays_below(-output, below, block, row, counts / units)
        quick = net_output(Points.of(counts, units, curves), folded)
        assert (np.abs(quick - output) <= folded.rounding).all()


@given(SEEDS)
@LAWS
def test_curved_descriptors_stay_between_their_lines(seed):
    rng = np.random.default_rng(seed)
    elements, units, (cells, _) = random_cells(rng)
    curves = curves_of(BENT, elements)
    block = lay_out_block(cells.members, cells.lower, cells.upper, units, curves)
    frame, lines, size = block.frame, block.lines, largest(BENT, elements)
    for row in range(len(cells)):
        fractions = points_in(rng, cells.lower[row], cells.upper[row], units) / units
        exact = describe(fractions, elements, BENT)
        assert np.allclose(Points.of(np.rint(fractions * units).astype(int), units, curves).curved, exact, 1e-9, 1e-9)
        m = frame.opened[row]
        x = np.zeros((len(fractions), len(elements)))
        x[:, :m] = (fractions - frame.centre[row])[:, frame.place[row, :m]]
        above = x @ lines.above[row, :, :-1].T + lines.above[row, :, -1]
        below = x @ lines.below[row, :, :-1].T + lines.below[row, :, -1]
        middle = x @ lines.middle[row, :, :-1].T + lines.middle[row, :, -1]
        slack = 1e-12 * (1.0 + size)
        assert (exact <= above + slack).all(), NAMES
        assert (exact >= below - slack).all(), NAMES
        assert (np.abs(exact - middle) <= lines.radius[row] + slack).all(), NAMES


@given(SEEDS)
@LAWS
def test_sums_ratios_and_lines_stay_below_their_ceilings(seed):
    rng = np.random.default_rng(seed)
    elements, units, (cells, _) = random_cells(rng)
    block = lay_out_block(cells.members, cells.lower, cells.upper, units, curves_of(BENT, elements))
    top, bottom = rng.normal(size=len(elements)), rng.uniform(0.1, 3, len(elements))
    place = int(rng.integers(len(BENT)))
    for quantity in (Linear(top), Ratio(top, bottom), Curved(place, float(largest(BENT, elements)[place]))):
        above, below = quantity.roof(block, 1.0), quantity.roof(block, -1.0)
        for row in range(len(cells)):
            counts = points_in(rng, cells.lower[row], cells.upper[row], units)
            low, high = quantity.range_at(Points.of(counts, units, curves_of(BENT, elements)))
            stays_below(low, above, block, row, counts / units)
            stays_below(-high, below, block, row, counts / units)
            if isinstance(quantity, Linear) and len(elements) < 4:
                # A linear sum is greatest at a corner, so its ceiling is reached there.
                every, _ = cells.take(slice(row, row + 1)).points(len(elements), _free(elements, units))
                assert np.isclose((every / units @ top).max(), above.ceiling[row], rtol=0, atol=1e-9)


def _free(elements, units):
    return Problem(CompositionSpace.build(elements, 100 / units), curves_of([], elements), ()).limits


@given(SEEDS)
@LAWS
def test_cutting_takes_away_only_what_a_line_leaves_below(seed):
    rng = np.random.default_rng(seed)
    elements, units, (cells, limits) = random_cells(rng)
    block = lay_out_block(cells.members, cells.lower, cells.upper, units, curves_of([], elements))
    column = rng.normal(size=len(elements))
    roof = Linear(column).roof(block, 1.0)
    least = roof.ceiling - rng.choice([-1e-6, 0.0, 0.05, 0.5]) * np.abs(column).max()
    lower, upper, alive = cells.lower.copy(), cells.upper.copy(), np.ones(len(cells), bool)
    cut_all(block.frame, roof, least, units, lower, upper, alive)
    for row in range(len(cells)):
        counts = points_in(rng, cells.lower[row], cells.upper[row], units)
        good = counts[counts / units @ column >= least[row]]
        inside = (good >= lower[row]).all(axis=1) & (good <= upper[row]).all(axis=1)
        assert inside.all()
        assert alive[row] or not len(good)
        left = ~alive[row] | (lower[row] >= cells.lower[row]).all() & (upper[row] <= cells.upper[row]).all()
        assert left
        if len(elements) < 4 and alive[row]:
            # Every limit that is left is reached by an alloy good enough, but for rounding.
            every, _ = cells.take(slice(row, row + 1)).points(len(elements), limits)
            good = every[every / units @ column >= least[row] - 1e-9]
            assert (good.min(axis=0) <= lower[row]).all()
            assert (good.max(axis=0) >= upper[row]).all()
        below = np.zeros(len(counts), bool)
        points_below(block.frame, roof, least, units, counts.astype(np.int16), np.full(len(counts), row), below)
        assert (below <= (counts / units @ column < least[row])).all()


@given(st.sampled_from(["Exp", "Sigmoid", "Add", "Sub", "Mul", "Div", "Max", "Min"]), SEEDS)
@LAWS
def test_what_a_prediction_needs_is_no_more_than_it_takes(step, seed):
    rng = np.random.default_rng(seed)
    constant = float(np.exp(rng.normal()))
    rise = Rise((("Add", float(rng.normal())), (step, constant), ("Mul", 2.0)))
    empty = fold(random_net(rng), SCREEN, BENT, ("Al", "Ni"), [0.0])
    prediction = Prediction(dataclasses.replace(empty, rise=rise))
    output = np.concatenate([rng.normal(0, 3, 200), [-40.0, 40.0, 0.0]])
    for sign in (1.0, -1.0):
        value = sign * rise(output)
        wanted = np.sort(np.concatenate([value, rng.normal(0, 3, 20), [-np.inf, np.inf]]))
        needed = prediction.needed(wanted, sign)
        for least, enough in zip(wanted, needed, strict=True):
            assert (sign * output[value >= least] >= enough).all()


@given(SEEDS)
@LAWS
def test_cells_hold_every_candidate_once(seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 6))
    elements = tuple(rng.permutation(ELEMENTS)[:d].tolist())
    most = int(rng.integers(1, d + 1))
    components = (int(rng.integers(1, most + 1)), most)
    sums = f"{elements[0]}+{elements[1]}=20:100" if d > 2 and rng.random() < 0.5 else None
    space = CompositionSpace.build(
        elements, [10, 5][rng.integers(2)], components, {elements[-1]: (0, 70)} if components[0] > 1 else None, sums
    )
    limits = Problem(space, curves_of([], elements), ()).limits
    seen = []
    for cells in first_cells(space, (), limits):
        for _ in range(4):
            done = cells.counts <= 5
            seen.append(cells.take(done).points(d, limits)[0])
            cells = cells.take(~done)
            # Halve along the widest member.
            place = (cells.upper - cells.lower).argmax(axis=1)
            cells = dataclasses.replace(cells, place=place)
            cells = cells.halves().tightened(limits)
        seen.append(cells.points(d, limits)[0])
    index = space.rank(np.concatenate(seen))
    assert sorted(index.tolist()) == list(range(space.size))


def graph(*tail: Node, second: str = "Relu") -> Float64Net:
    """A network of two hidden layers and some tail."""
    nodes = (
        Node("Gemm", ("features", "w", "b"), "z0"),
        Node("Relu", ("z0",), "a0"),
        Node("Gemm", ("a0", "v", "c"), "z1"),
        Node(second, ("z1",), "a1"),
        Node("Gemm", ("a1", "u", "o"), "z2"),
        *tail,
    )
    shapes = {"w": (3, 2), "b": (2,), "v": (2, 2), "c": (2,), "u": (2, 1), "o": (1,)}
    rng = np.random.default_rng(0)
    numbers = {"two": np.array([[2.0]]), "minus": np.array([[-1.0]])}
    return Float64Net(nodes, {name: rng.normal(size=shape) for name, shape in shapes.items()} | numbers)


def test_a_rising_tail_is_read_from_the_graph():
    tail = (
        Node("Mul", ("two", "z2"), "t0"),
        Node("Add", ("t0", "minus"), "t1"),
        Node("Exp", ("t1",), "t2"),
        Node("Sub", ("t2", "two"), "t3"),
        Node("Div", ("t3", "two"), "t4"),
        Node("Max", ("t4", "minus"), "t5"),
        Node("Min", ("t5", "two"), "t6"),
        Node("Identity", ("t6",), "t7"),
        Node("Sigmoid", ("t7",), "y"),
    )
    net = graph(*tail)
    x = np.random.default_rng(1).normal(size=(5, 3))
    values = net.run({"features": x})
    read = read_relu_net(net, "y")
    assert np.allclose(read.rise(values["z2"][:, 0]), values["y"][:, 0], rtol=1e-14)
    assert np.array_equal(read.second, net.constants["v"])


@pytest.mark.parametrize(
    ("net", "named"),
    [
        (graph(Node("Mul", ("z2", "minus"), "y")), "Mul"),
        (graph(Node("Sub", ("two", "z2"), "y")), "Sub"),
        (graph(Node("Add", ("z2", "z1"), "y")), "Add"),
        (graph(Node("Identity", ("z2",), "y"), second="Exp"), "Exp"),
        (graph(Node("Relu", ("z2",), "y")), "Relu"),
    ],
)
def test_graphs_without_a_bound_are_refused(net, named):
    with pytest.raises(ModelError) as refused:
        read_relu_net(net, "y")
    assert refused.value.message == f"no bound is known for `{named}` where a screen model has it"
    assert refused.value.hint == "use `--search exhaustive`"


def test_descriptors_without_a_bound_are_refused():
    wide = feature_spec("alloy").descriptors
    net = ReluNet(np.zeros((len(wide), 1)), np.zeros(1), np.zeros((1, 1)), np.zeros(1), np.zeros(1), 0.0, Rise())
    with pytest.raises(ModelError, match="no bound is known for the descriptor `n_components`"):
        fold(net, wide, [each for each in wide if each.kind in CURVED], ("Al", "Ni"), [])
