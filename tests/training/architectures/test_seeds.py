from __future__ import annotations

import pytest
import torch

from screener.errors import InputError
from training.architectures import HardNet, IndependentNet, StructuredNet
from training.architectures.layers import share_generator
from training.architectures.passes import SeedPasses
from training.architectures.seed_corrections import parts_of
from training.architectures.seeds import SeedNets

NETS = {
    "hard": lambda: HardNet(5, 3, widths=(9, 7), head_hidden=4),
    "plain": lambda: HardNet(5, 2, widths=(9,), head_hidden=0, norm="none", dropout=0.0),
    "single": lambda: IndependentNet(5, 1, widths=(9, 7)),
    "structured": lambda: StructuredNet(5, 3, widths=(9, 7), head_hidden=4, embedding=6),
    "published": lambda: StructuredNet(5, 3, widths=(9, 7), head_hidden=4, embedding=6, gcn="paper", per="target"),
}


def disturbed(kind):
    """A net whose corrections are not zero, as they are at the start."""
    net = NETS[kind]()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.startswith("functions"):
                parameter.normal_()
    return net


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("rows", [1, 11])
def test_written_out_passes_are_those_of_autograd(kind, count, rows):
    torch.manual_seed(0)
    nets = SeedNets([disturbed(kind) for _ in range(count)]).double()
    x = torch.randn(count, rows, 5, dtype=torch.float64)
    slope = torch.randn(count, nets.tasks, rows, dtype=torch.float64)
    found = {}
    start = {name: value.clone() for name, value in nets.state_dict().items()}
    for way in ("autograd", "written out"):
        nets.load_state_dict(start)
        nets.zero_grad()
        share_generator(nets, torch.Generator().manual_seed(1))
        if way == "autograd":
            out = nets(x).transpose(1, 2)
            torch.autograd.backward((out * slope).sum() + penalty_of(nets))
        else:
            passes = SeedPasses(nets)
            out = passes.forward(x)
            passes.backward(slope)
        gradients = {name: p.grad.clone() for name, p in nets.named_parameters()}
        buffers = {name: b.clone() for name, b in nets.named_buffers()}
        found[way] = {"out": out.detach(), **gradients, **buffers}
    assert found["autograd"].keys() == found["written out"].keys()
    for name, expected in found["autograd"].items():
        torch.testing.assert_close(found["written out"][name], expected, msg=name)


def penalty_of(nets):
    """The penalty of all nets, computed one by one from parameters that the stack is made of."""
    total = torch.zeros((), dtype=torch.float64)
    if nets.corrections is None:
        return total
    for k, net in enumerate(nets.nets):
        names = dict(zip([id(p) for p in parts_of(net)], nets.corrections.parameters(), strict=True))
        given = {name: names[id(p)][k] for name, p in net.named_parameters() if id(p) in names}
        total = total + torch.func.functional_call(Penalty(net).double(), {f"net.{n}": p for n, p in given.items()}, ())
    return total


class Penalty(torch.nn.Module):
    """A net's penalty as a module."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self):
        return self.net.penalty()


@pytest.mark.parametrize("kind", ["structured", "published"])
def test_stacked_corrections_predict_as_each_net_and_return_to_it(kind):
    torch.manual_seed(0)
    each = [disturbed(kind).eval() for _ in range(3)]
    nets = SeedNets(each).eval()
    x = torch.randn(3, 11, 5)
    expected = torch.stack([net(rows) for net, rows in zip(each, x, strict=True)])
    torch.testing.assert_close(nets(x), expected)
    with torch.no_grad():
        for parameter in nets.parameters():
            parameter.mul_(1.5)
    torch.testing.assert_close(torch.stack([n(rows) for n, rows in zip(nets.unstacked(), x, strict=True)]), nets(x))


def test_corrections_that_train_what_they_read_are_refused():
    with pytest.raises(InputError, match="without `detach` cannot be trained at once"):
        SeedNets([StructuredNet(5, 2, detach=False) for _ in range(2)])
