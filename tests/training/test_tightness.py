from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from training.nets import SharedNet, run_layers
from training.students import Schedule, fit_layers
from training.tightness import MEMBERS, GapPenalty, make_boxes, relaxation_gap

SYMBOLS = ("Al", "Ti", "Cr", "Ni", "Cu", "Zr", "Fe", "Co")
SCREEN = feature_spec("screen")


def alloys(n, seed=0, zeros=0.4):
    rng = np.random.default_rng(seed)
    amounts = rng.dirichlet(np.ones(len(SYMBOLS)), n) * (rng.random((n, len(SYMBOLS))) > zeros)
    amounts[:, 0] += 1e-3
    return amounts / amounts.sum(axis=1, keepdims=True)


def boxes_of(fractions, conditions=1):
    rows = np.hstack([featurize(fractions, SYMBOLS, SCREEN), np.ones((len(fractions), conditions))])
    return make_boxes(fractions, SYMBOLS, SCREEN, rows.astype(np.float32))


def net_of(widths, inputs, seed):
    torch.manual_seed(seed)
    return SharedNet(inputs, widths, 2, norm=False, dropout=0.0)


def one_unit(bias):
    """max(0, x₀ − x₁ + bias) · 3 where x are the amounts of two elements."""
    net = net_of((1,), 2, 0)
    with torch.no_grad():
        net.trunk[0].weight[:], net.trunk[0].bias[:] = torch.tensor([[1.0, -1.0]]), bias
        net.heads[0][0].weight[:] = -3.0
    return net


@pytest.mark.parametrize(("bias", "gap"), [(0.0, 0.3), (0.1, 0.225), (0.2, 0.0), (-0.3, 0.0)])
def test_the_gap_of_one_unit_by_hand(bias, gap):
    # ±0.1 of each: the unit moves by ±0.2; line of height −l·u/(u−l) at zero, weight 3 whatever its sign
    halves, radius = torch.full((1, 2), 0.5), torch.full((1, 2, 1), 0.1)
    found = relaxation_gap(one_unit(bias), halves, torch.eye(2)[None], torch.ones(1, 2, 1), radius)
    assert found.tolist() == pytest.approx([gap], abs=1e-6)


@given(seed=st.integers(0, 2**31 - 1), depth=st.integers(1, 3), radius=st.floats(1e-4, 0.1))
@settings(max_examples=60, deadline=None)
def test_no_point_of_a_box_lies_above_its_line_by_more_than_the_line_allows(seed, depth, radius):
    # fractions alone: a net of linear inputs, for which the slopes are exact
    rng = np.random.default_rng(seed)
    s = int(rng.integers(2, 7))
    net = net_of((7, 5, 3)[:depth], s, seed)
    centre = torch.from_numpy(rng.dirichlet(np.ones(s), 1).astype(np.float32))
    along, member = torch.eye(s)[None], torch.ones(1, s, 1)
    gap = relaxation_gap(net, centre, along, member, torch.full((1, s, 1), radius))
    assert gap.item() >= 0.0
    nothing = relaxation_gap(net, centre, along, member, torch.zeros(1, s, 1))
    assert nothing.item() == pytest.approx(0.0, abs=1e-6)
    moved = rng.uniform(-1, 1, (200, s))
    moved -= moved.mean(axis=1, keepdims=True)
    moved *= radius / np.abs(moved).max(axis=1, keepdims=True)
    first, out = net.trunk[0], net.heads[0][0].weight[0]
    with torch.no_grad():
        points = centre + torch.from_numpy(moved.astype(np.float32))
        spread = ((first.weight - first.weight.mean(1, keepdim=True)).abs() * radius).sum(1)
        assert ((first(points) - first(centre)).abs() <= spread + 1e-5).all()
        if depth == 1:  # between the line above every unit and the unit itself there is never more than its gap
            low, high = first(centre) - spread, first(centre) + spread
            rise = torch.where(low >= 0, 1.0, torch.where(high <= 0, 0.0, high / (high - low)))
            above = torch.where((low < 0) & (high > 0), rise * (first(points) - low), rise * first(points))
            lost = (above - torch.relu(first(points))) @ out.abs()
            assert lost.min() >= -1e-5
            assert lost.max() <= gap.item() + 1e-5


def test_places_without_an_element_and_the_order_of_members_change_nothing():
    boxes = boxes_of(alloys(30))
    net = net_of((16, 8), boxes.centre.shape[1], 3)
    centre, along = torch.from_numpy(boxes.centre), torch.from_numpy(boxes.along)
    member = torch.from_numpy(boxes.member.astype(np.float32))[:, :, None]
    radius = torch.full(member.shape, 0.05)
    gap = relaxation_gap(net, centre, along, member, radius)
    assert (gap > 0).any()
    turned = relaxation_gap(net, centre, along.flip(1), member.flip(1), radius)
    assert turned.tolist() == pytest.approx(gap.tolist(), rel=1e-4)
    filled = along + 5.0 * (1.0 - member)
    assert relaxation_gap(net, centre, filled, member, radius).tolist() == pytest.approx(gap.tolist(), rel=1e-6)


def test_slopes_are_those_of_the_descriptors():
    fractions = alloys(50, zeros=0.0)
    boxes = boxes_of(fractions)
    assert boxes.along.shape == (50, MEMBERS, len(SCREEN.names) + 1)
    assert not boxes.along[:, :, -1].any()
    order = np.argsort(-fractions, axis=1)[:, :MEMBERS]
    ours = SCREEN.names.index("c_Ni")
    share = fractions[:, SYMBOLS.index("Ni")][:, None]
    nickel = np.where(order == SYMBOLS.index("Ni"), 1.0 - share, -share)
    assert boxes.along[:, :, ours] == pytest.approx(nickel, abs=1e-4)
    # a mean moves towards the element's own value
    mean = SCREEN.names.index("t_melt_k")
    pure = featurize(np.eye(len(SYMBOLS)), SYMBOLS, SCREEN)[:, mean]
    assert boxes.along[:, :, mean] == pytest.approx(pure[order] - boxes.centre[:, mean][:, None], abs=0.5)


def test_elements_that_an_alloy_lacks_are_no_members():
    pure = np.eye(len(SYMBOLS))[:3]
    boxes = boxes_of(pure)
    assert boxes.member.sum(axis=1).tolist() == [1, 1, 1]
    assert not boxes.along.any()


def test_a_light_penalty_tightens_a_net_and_leaves_what_it_says():
    fractions = alloys(3000, 1)
    boxes = boxes_of(fractions, conditions=0)
    x = boxes.centre
    y = (100.0 * fractions[:, 0] * fractions[:, 1] + x[:, SCREEN.names.index("dH_mix")])[:, None]
    schedule = Schedule(epochs=25, batch=128, widths=(48, 24), rate=8e-3)
    plain = fit_layers(x, y, schedule)[0]
    tight = fit_layers(x, y, Schedule(25, 128, 8e-3, 1e-6, (48, 24), 0, 0.01), boxes=boxes)[0]
    none = fit_layers(x, y, Schedule(25, 128, 8e-3, 1e-6, (48, 24), 0, 0.0), boxes=boxes)[0]
    assert all((a[0] == b[0]).all() for a, b in zip(plain, none, strict=True))
    errors = [np.mean((run_layers(layers, x) - y[:, 0]) ** 2) / y.var() for layers in (plain, tight)]
    assert max(errors) < 0.02
    gaps = [gap_of(layers, boxes) for layers in (plain, tight)]
    assert gaps[1] < 0.6 * gaps[0]


def gap_of(layers, boxes):
    """The gap of dense layers on raw inputs."""
    widths = tuple(weight.shape[1] for weight, _ in layers[:-1])
    net = SharedNet(boxes.centre.shape[1], widths, 1, norm=False, dropout=0.0)
    linear = [*(each for each in net.trunk if isinstance(each, torch.nn.Linear)), net.heads[0][0]]
    with torch.no_grad():
        for module, (weight, bias) in zip(linear, layers, strict=True):
            module.weight[:], module.bias[:] = torch.from_numpy(weight.T), torch.from_numpy(bias)
        return GapPenalty(boxes, 0).of(net).item()
