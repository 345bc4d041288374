from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from screener.errors import InputError
from tests.training.multitask.small_folds import FAST, SMALL, TASKS, small_fold
from training.multitask.config import MultiTaskConfig
from training.multitask.loop import build_net
from training.transfer.curriculum import by_size, fit_curriculum
from training.transfer.finetuning import anchor_to, finetune, groups_of, learn
from training.transfer.leakage import groups_by, leak_free, require_leak_free
from training.transfer.pretraining import GroupedFold, adapt_statistics, pretrain, sources_of
from training.transfer.strategies import FROZEN, LAST, STRATEGIES, WHOLE, Stage, Strategy

CONFIG = MultiTaskConfig.named(SMALL, training=FAST)
FOLD = small_fold()
TARGET = FOLD.only(("hardness",))


def grouped(fold=FOLD):
    names = [
        np.array([f"{side}{i}" for i in range(len(rows))]) for side, rows in (("t", fold.train), ("v", fold.valid))
    ]
    return GroupedFold(fold, *names)


@pytest.fixture(scope="module")
def body():
    return pretrain(grouped(), ("resistivity",), (), CONFIG, 0)


def body_of(result):
    return {name: value for name, value in result.best_joint.items() if name.startswith("backbones")}


def moved(result, body, part=""):
    """Distance of a fine-tuned body from the pre-trained one."""
    found = body_of(result)
    pairs = [(found[f"backbones.0.{name}"], value) for name, value in body.state.items() if part in name]
    return float(sum(((a - b).double() ** 2).sum() for a, b in pairs) ** 0.5)


def test_a_frozen_body_stays_bit_by_bit(body):
    result = finetune(body, TARGET, STRATEGIES["S1"], CONFIG, 0)
    for name, value in body.state.items():
        assert torch.equal(result.best_joint[f"backbones.0.{name}"], value), name
    assert len(result.history) == FAST["epochs"]


def test_the_last_layer_alone_moves_where_that_is_asked(body):
    found = body_of(finetune(body, TARGET, STRATEGIES["S3"], CONFIG, 0))
    changed = {name.split(".")[2] for name, value in found.items() if not torch.equal(value, body.state[name[12:]])}
    assert changed == {"4", "5"}  # the second linear layer and its normalisation


def test_everything_with_a_body_at_rate_0_is_the_frozen_body(body):
    at_rest = dataclasses.replace(STRATEGIES["S2"], stages=(Stage(0.0, 0.0, WHOLE.head),))
    first, second = (finetune(body, TARGET, s, CONFIG, 0) for s in (at_rest, STRATEGIES["S1"]))
    assert first.history.joint == second.history.joint
    assert all(torch.equal(first.best_joint[key], second.best_joint[key]) for key in first.best_joint)


def test_a_body_that_rests_is_in_evaluation_mode():
    net = build_net(CONFIG, 6, 1, 0)
    _, resting = groups_of(net, FROZEN)
    assert resting == list(net.backbones[0].children())
    groups, resting = groups_of(net, LAST)
    assert [group["lr"] for group in groups] == [3e-4, 1e-3]
    assert len(resting) == 4  # linear, normalisation, ReLU, dropout of the first block
    assert groups_of(net, WHOLE)[1] == []


def test_a_strong_pull_is_a_frozen_body(body):
    def with_pull(anchor):
        strategy = dataclasses.replace(STRATEGIES["S5"], anchor=anchor)
        return finetune(body, TARGET, strategy, CONFIG, 0)

    free, usual, strong = (moved(with_pull(anchor), body, ".weight") for anchor in (0.0, 1.0, 1e6))
    assert strong < 0.2 * free
    assert strong <= usual <= free
    assert free == pytest.approx(moved(finetune(body, TARGET, STRATEGIES["S2"], CONFIG, 0), body, ".weight"))


def test_the_pull_is_a_squared_distance():
    net = build_net(CONFIG, 6, 1, 0)
    pull = anchor_to(net, 0.5)
    assert float(pull().detach()) == 0.0
    with torch.no_grad():
        net.backbones[0][0].bias += 2.0
    assert float(pull().detach()) == pytest.approx(0.5 * 16 * 4)


def test_a_net_that_has_not_been_tuned_represents_rows_as_the_body_did(body):
    pretrained = build_net(CONFIG, 6, 1, 5)
    fresh = body.start(build_net(CONFIG, 6, 1, 9))
    body.start(pretrained)
    x = body.scales(TARGET.train).inputs(TARGET.train.x)
    assert torch.equal(fresh.eval().trunk(x), pretrained.eval().trunk(x))
    scales = body.scales(TARGET.train)
    assert (scales.x_mean == body.x_mean).all()
    assert scales.y_mean[0] == pytest.approx(TARGET.train.y[TARGET.train.known[:, 0], 0].mean())


def test_stages_follow_each_other(body):
    short = Strategy("mine", "", "largest", (Stage(0.0, 0.0, 1e-3, 1), Stage(1e-4, 1e-4, 1e-3)))
    result = finetune(body, TARGET, short, CONFIG, 0)
    assert len(result.history) == 1 + FAST["epochs"]
    assert result.history.steps == sorted(result.history.steps)
    assert result.history.joint[result.joint_epoch] == min(result.history.joint)
    assert [stage.head for stage in STRATEGIES["S4"].stages] == pytest.approx([1e-3, 3e-4, 9e-5])


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_trains_the_same_net(name):
    held_out = ["t0", "t1", "v0"]
    result = learn(grouped(), "hardness", STRATEGIES[name], held_out, CONFIG, 0)
    shapes = {key: value.shape for key, value in result.net.state_dict().items()}
    scratch = build_net(CONFIG, 6, 1, 0).state_dict()
    assert shapes == {key: value.shape for key, value in scratch.items()}
    assert np.isfinite(result.history.joint).all()


def test_sources_of_strategies():
    named = {name: sources_of(strategy, FOLD, "hardness") for name, strategy in STRATEGIES.items()}
    assert named["S0"] == ()
    assert named["S1"] == named["S5"] == ("resistivity",)
    assert named["S6"] == ("resistivity", "is_glass")
    assert named["S7"] == TASKS
    with pytest.raises(InputError, match="unknown task `hard`"):
        sources_of(STRATEGIES["S1"], FOLD, "hard")
    with pytest.raises(InputError, match="no task beside `hardness`"):
        sources_of(STRATEGIES["S1"], TARGET, "hardness")


@pytest.mark.parametrize("tasks", [("resistivity",), TASKS])
def test_what_is_held_out_changes_no_body(tasks):
    held_out = [f"t{i}" for i in range(0, 300, 7)]
    bodies = []
    for fill in (None, 1e6):
        mine = grouped(small_fold())
        if fill:
            mine.fold.train.y[::7] *= fill
            mine.fold.train.y[::7, 2] = 1.0
            mine.fold.train.x[::7] += fill
        bodies.append(pretrain(mine, tasks, held_out, CONFIG, 0))
    assert all(torch.equal(bodies[0].state[key], bodies[1].state[key]) for key in bodies[0].state)
    assert not bodies[0].seen & set(held_out)
    require_leak_free(bodies[0].seen, held_out)


def test_a_body_that_has_seen_the_test_is_refused(body):
    with pytest.raises(InputError) as caught:
        finetune(body, TARGET, STRATEGIES["S2"], CONFIG, 0, held_out=sorted(body.seen)[:3])
    first = sorted(body.seen)[0]
    assert caught.value.message == f"`{first}` is tested on and was learned from before (3 in all)"
    assert caught.value.hint == "pre-train once per fold, without the groups that it holds out"


def test_groups_are_compositions_or_systems():
    keys, systems = np.array(["Al1", "Al2", "Ti1"]), np.array(["Al", "Al", "Ti"])
    assert leak_free(groups_by("composition", keys, systems), ["Al1"]).tolist() == [1, 2]
    assert leak_free(groups_by("system", keys, systems), ["Al"]).tolist() == [2]


def test_strategies_and_bodies_belong_together(body):
    with pytest.raises(InputError, match="strategy `S1` needs a pre-trained body"):
        finetune(None, TARGET, STRATEGIES["S1"], CONFIG, 0)
    with pytest.raises(InputError, match="strategy `S0` starts without any pre-trained body"):
        finetune(body, TARGET, STRATEGIES["S0"], CONFIG, 0)
    with pytest.raises(InputError, match="has no single body"):
        pretrain(grouped(), TASKS, (), MultiTaskConfig.named("soft", training={"epochs": 1}), 0)


def test_adapted_statistics_are_those_of_the_rows(body):
    net = body.start(build_net(CONFIG, 6, 1, 0))
    x = torch.randn(200, 6, generator=torch.Generator().manual_seed(0)) * 3 + 1
    adapt_statistics(net, x)
    seen = net.backbones[0][0](x)
    torch.testing.assert_close(net.backbones[0][1].running_mean, seen.mean(dim=0))
    torch.testing.assert_close(net.backbones[0][1].running_var, seen.var(dim=0))
    normal = net.backbones[0][5](net.backbones[0][:5](x))
    torch.testing.assert_close(normal.mean(dim=0), net.backbones[0][5].bias, atol=1e-4, rtol=0)


def test_a_curriculum_starts_with_the_largest_task():
    assert by_size(FOLD.train)[0] == "resistivity"
    results = fit_curriculum(FOLD, CONFIG, 0)
    seen = [result.history.rows_seen[-1] for result in results]
    assert [np.flatnonzero(rows).tolist() for rows in seen] == [
        [0],
        sorted([0, TASKS.index(by_size(FOLD.train)[1])]),
        [0, 1, 2],
    ]
    assert np.isfinite(results[-1].history.valid[-1]).all()
    assert np.isnan(results[0].history.valid[-1][1:]).all()


def test_stages_of_a_curriculum_go_on_from_each_other():
    results = fit_curriculum(FOLD, CONFIG, 0, order=("is_glass", "hardness", "resistivity"), replay=False)
    assert [np.flatnonzero(result.history.rows_seen[-1]).tolist() for result in results] == [[2], [1], [0]]
    second = fit_curriculum(FOLD, CONFIG, 0, order=("resistivity", "is_glass", "hardness"), replay=False)
    assert results[-1].history.joint != second[0].history.joint
    with pytest.raises(InputError) as caught:
        fit_curriculum(FOLD, CONFIG, 0, order=("hardness",))
    assert caught.value.message == "the order `hardness` does not name every task once"


@pytest.mark.parametrize(
    "methods", [{"weighting": {"name": "fixed", "weights": "inverse_size"}}, {"aggregator": "pcgrad"}]
)
def test_curricula_take_methods_of_several_tasks(methods):
    config = MultiTaskConfig.named(SMALL, sampler="per_task", training=FAST, **methods)
    assert np.isfinite(fit_curriculum(FOLD, config, 0)[-1].history.joint).all()
