from __future__ import annotations

import numpy as np
import pytest
import torch

from screener.errors import InputError
from training.architectures import ARCHITECTURES, HardNet, IndependentNet, SoftNet, StructuredNet
from training.architectures.layers import Dropout, share_generator

B, F, T = 12, 5, 3


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def x_of(rows=B):
    return torch.randn(rows, F)


def flat(gradients):
    return torch.cat([g.flatten() for g in gradients])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_net_keeps_the_common_interface(name):
    net = ARCHITECTURES[name](F, T)
    x = x_of()
    assert net.tasks == T
    assert net(x).shape == (B, T)
    net.eval()
    assert torch.equal(net(x), net.heads(net.trunk(x)))
    shared, others = net.shared_parameters(), net.heads_parameters()
    assert {id(p) for p in (*shared, *others)} == {id(p) for p in net.parameters()}
    assert len(shared) + len(others) == len(list(net.parameters()))
    for task in range(T):
        assert {id(p) for p in net.task_parameters(task)} <= {id(p) for p in others}
    for a in range(T):
        for b in range(a):
            assert not {id(p) for p in net.task_parameters(a)} & {id(p) for p in net.task_parameters(b)}


@pytest.mark.parametrize("name", ["independent", "hard", "soft"])
def test_a_task_reaches_its_own_parameters_and_the_shared_ones_alone(name):
    net = ARCHITECTURES[name](F, T, norm="none", dropout=0.0)
    for task in range(T):
        mine = {id(p) for p in (*net.shared_parameters(), *net.task_parameters(task))}
        gradients = torch.autograd.grad(net(x_of())[:, task].square().sum(), net.parameters(), allow_unused=True)
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            assert (id(parameter) in mine) == (gradient is not None and bool(gradient.abs().sum() > 0))


def test_sizes_are_those_of_the_paper():
    assert sum(p.numel() for p in HardNet(21, 3).shared_parameters()) == 19_840
    widths = [m.out_features for m in IndependentNet(21, 1).modules() if isinstance(m, torch.nn.Linear)]
    assert widths == [128, 64, 1]
    assert HardNet(21, 3).last_shared().weight.shape == (128, 128)
    assert len(HardNet(21, 3).last_block()) == 4


@pytest.mark.parametrize("name", ["independent", "soft"])
def test_rows_go_through_the_backbones_of_their_labels_only(name):
    net = ARCHITECTURES[name](F, T, dropout=0.0)
    x, known = x_of(), torch.zeros(B, T, dtype=torch.bool)
    known[:4, 0], known[4:9, 1], known[9, 2] = True, True, True
    out = net(x, known)
    body = net.backbones[0]
    again = net.towers[0](body(x[:4]))
    torch.testing.assert_close(out[:4, :1], again)  # the statistics are those of the four rows
    assert (net.backbones[2][1].running_mean == 0).all()  # one row has no variance: statistics stay
    assert not (net.backbones[1][1].running_mean == 0).all()


def test_task_norm_shares_weights_but_not_statistics():
    net = HardNet(F, 2, norm="task_bn", dropout=0.0)
    linears = [[m for m in body if isinstance(m, torch.nn.Linear)] for body in net.backbones]
    assert all(a is b for a, b in zip(*linears, strict=True))
    assert {tuple(p.shape) for p in net.shared_parameters()} == {(128, F), (128, 128), (128,)}
    known = torch.zeros(B, 2, dtype=torch.bool)
    known[:5, 0], known[5:, 1] = True, True
    net(x_of() + torch.arange(B)[:, None], known)
    means = [body[1].running_mean for body in net.backbones]
    assert not torch.allclose(means[0], means[1])
    HardNet(F, 2, norm="task_bn", dropout=0.0).load_state_dict(net.state_dict())


def test_dropout_has_its_own_stream():
    net = torch.nn.Sequential(Dropout(0.3))
    x = torch.ones(2000, 10)
    drawn = []
    for _ in range(2):
        share_generator(net, torch.Generator().manual_seed(3))
        torch.rand(1)
        drawn.append(net(x))
    assert torch.equal(*drawn)
    assert float((drawn[0] == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(drawn[0].mean()) == pytest.approx(1.0, abs=0.02)
    assert torch.equal(net.eval()(x), x)


def test_the_pull_between_backbones_has_its_closed_form():
    net = SoftNet(F, T, strength=0.3, same_start=False, norm="none", dropout=0.0)
    bodies = [list(body.parameters()) for body in net.backbones]
    direct = sum(
        0.3 * (a - b).square().sum()
        for i, mine in enumerate(bodies)
        for j, other in enumerate(bodies)
        if i != j
        for a, b in zip(mine, other, strict=True)
    )
    torch.testing.assert_close(net.penalty(), direct)
    gradients = torch.autograd.grad(net.penalty(), bodies[0])
    for k, gradient in enumerate(gradients):
        expected = 2 * 0.3 * 2 * sum(bodies[0][k] - bodies[j][k] for j in (1, 2))
        torch.testing.assert_close(gradient, expected.detach())


def test_the_pull_ignores_running_statistics_and_starts_at_zero():
    net = SoftNet(F, T)
    assert float(net.penalty().detach()) == pytest.approx(0.0, abs=1e-6)
    assert net.similarity() == pytest.approx(1.0)
    net(x_of(), torch.tensor([[True, False, False]] * 6 + [[False, True, True]] * 6))
    assert float(net.penalty().detach()) == pytest.approx(0.0, abs=1e-6)


def test_a_huge_pull_makes_backbones_alike():
    net = SoftNet(F, T, strength=1e6, same_start=False, norm="none", dropout=0.0)
    assert net.similarity() < 0.5
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        torch.autograd.backward(net.penalty())
        optimiser.step()
    assert net.similarity() > 0.98


def relation_spread(gcn):
    relations = StructuredNet(F, 4, gcn=gcn).relations()
    off = relations[~torch.eye(4, dtype=torch.bool)]
    assert (relations.diagonal() == 0).all()
    return float(off.max() - off.min())


def test_the_published_graph_gives_every_edge_one_value_and_the_mended_one_does_not():
    assert relation_spread("paper") < 1e-6
    assert relation_spread("fixed") > 1e-2


def test_relations_of_the_published_graph_stay_equal_under_training():
    net = StructuredNet(F, T, gcn="paper", dropout=0.0)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    x, y = x_of(), torch.randn(B, T)
    for _ in range(10):
        optimiser.zero_grad()
        torch.autograd.backward((net(x) - y).square().mean() + net.penalty())
        optimiser.step()
    off = net.relations()[~torch.eye(T, dtype=torch.bool)]
    assert float(off.max() - off.min()) < 1e-6


def test_corrections_start_at_nothing():
    net = StructuredNet(F, T).eval()
    x = x_of()
    assert torch.equal(net(x), HardNet.heads(net, net.trunk(x)))


def test_penalties_of_the_graph():
    net = StructuredNet(F, T, lambda1=0.5)
    assert float(net.penalty().detach()) == pytest.approx(0.5 * float(net.relations().sum()), rel=1e-5)
    assert float(StructuredNet(F, T, lambda1=0.0).penalty().detach()) == 0.0
    paper = StructuredNet(F, T, gcn="paper", lambda1=0.0, lambda2=0.2)
    trace = float(paper.graph().trace().detach())
    assert float(paper.penalty().detach()) == pytest.approx(0.2 * (1 - trace), rel=1e-5)


def test_corrections_train_what_they_read_only_where_asked():
    for detach in (True, False):
        net = StructuredNet(F, 2, norm="none", dropout=0.0, detach=detach)
        torch.nn.init.ones_(net.functions.out)
        gradients = torch.autograd.grad(net(x_of())[:, 0].sum(), list(net.towers[1].parameters()), allow_unused=True)
        reached = any(g is not None and float(g.abs().sum()) > 0 for g in gradients)
        assert reached is not detach


def test_a_correction_is_learned_where_only_another_task_tells():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(256, F)).astype(np.float32))
    first = x[:, :1] + 0.5 * x[:, 1:2]
    y = torch.cat([first, first + 0.05 * torch.randn(256, 1)], dim=1)
    net = StructuredNet(F, 2, alpha=1.0, lambda1=1e-3, norm="none", dropout=0.0, widths=(32,), head_hidden=0)
    torch.nn.init.zeros_(net.towers[1][0].weight)
    for parameter in net.towers[1].parameters():
        parameter.requires_grad_(False)  # of its own, task 2 knows nothing of x
    optimiser = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(250):
        optimiser.zero_grad()
        torch.autograd.backward((net(x) - y).square().mean() + net.penalty())
        optimiser.step()
    low, high = torch.tensor([[-1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    rise = (net.functions(high) - net.functions(low))[0, 1, 0] * net.relations()[1, 0]
    assert float(rise.detach()) > 1.0  # 2 would be perfect


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"norm": "batch"}, "unknown norm `batch`", "there is `bn`, `ln`, `none`, `task_bn`"),
        ({"norm": "taskbn"}, "unknown norm `taskbn`", "did you mean `task_bn`?"),
        ({"widths": (0,)}, "widths of `[0]` make no backbone", "give at least one whole number above 0"),
        ({"dropout": 1.0}, "dropout of `1.0` is not a share", "choose a number from 0 up to but not including 1"),
    ],
)
def test_options_that_make_no_net_are_refused(options, message, hint):
    with pytest.raises(InputError) as caught:
        HardNet(F, T, **options)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_unknown_graphs_are_refused():
    with pytest.raises(InputError, match="unknown gcn `papers`"):
        StructuredNet(F, T, gcn="papers")


@pytest.mark.parametrize("name", ["independent", "soft"])
def test_tasks_without_a_common_layer_say_so(name):
    with pytest.raises(InputError, match="share no layer"):
        ARCHITECTURES[name](F, T).last_shared()
