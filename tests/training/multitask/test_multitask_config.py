from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from screener.errors import ScreenerError
from tests.training.multitask.small_folds import TASKS, small_fold
from training.architectures import ARCHITECTURES
from training.multitask.checks import check_before_training
from training.multitask.config import MultiTaskConfig, config_of, read_config
from training.multitask.config_parts import Training
from training.multitask.loop import build_net, fit
from training.weighting import WEIGHTINGS


def refusal(make, *args, **kwargs):
    with pytest.raises(ScreenerError) as caught:
        make(*args, **kwargs)
    return caught.value.message, caught.value.hint


def test_defaults_are_those_of_the_paper():
    config = MultiTaskConfig()
    assert (config.architecture.name, config.weighting, config.aggregator, config.sampler.name) == (
        *("hard", None, None),
        "union",
    )
    assert Training() == Training(32, 200, 1e-3, 1e-5, 30, 0.5, 10)


def test_a_file_is_read_and_written_back(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        """
        architecture = { name = "structured", gcn = "paper", widths = [32, 32] }
        weighting = { name = "fixed", weights = [1.0, 65.0, 62.0] }
        aggregator = "pcgrad"
        sampler = "per_task"
        [balance.hardness]
        lds = { kernel = "analytic" }
        fds = true
        loss = { name = "bmc", bank = 64 }
        [balance.is_glass]
        class_weights = true
        [training]
        batch = 256
        """
    )
    config = read_config(path)
    assert config.architecture.options == {"gcn": "paper", "widths": (32, 32)}
    assert config.weighting.options["weights"] == (1.0, 65.0, 62.0)
    assert config.balance["hardness"].loss.options == {"bank": 64}
    assert config.balance["hardness"].fds.options == {}
    assert config.balance["is_glass"].class_weights
    assert config.training.batch == 256
    assert config_of(config.table()) == config


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_is_chosen_by_name(architecture):
    config = MultiTaskConfig.named(architecture)
    assert config_of(config.table()) == config


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_every_weighting_is_chosen_by_name(weighting):
    config = MultiTaskConfig.named(weighting=weighting)
    assert config_of(config.table()) == config
    check_before_training(config, small_fold())


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ({"architecture": "hardd"}, "unknown architecture `hardd`", "did you mean `hard`?"),
        ({"weighting": "uncertanty"}, "unknown weighting `uncertanty`", "did you mean `uncertainty`?"),
        ({"aggregator": "pcgrd"}, "unknown aggregator `pcgrd`", "did you mean `pcgrad`?"),
        ({"sampler": "pertask"}, "unknown sampler `pertask`", "did you mean `per_task`?"),
        (
            {"balance": {"is_glass": {"class_weights": "false"}}},
            "class_weights of `is_glass` is `false`, not true or false",
            "write `class_weights = true`",
        ),
        (
            {"architecture": {"name": "soft", "strenght": 0.1}},
            None,
            "did you mean `strength`?",
        ),
        (
            {"architecture": {"name": "soft", "strength": "much"}},
            "option `strength` of architecture `soft` is `much`",
            "give a finite number",
        ),
        ({"architecture": {"norm": "bn"}}, "architecture has no name", 'write architecture = { name = "…" }'),
        ({"agregator": "pcgrad"}, "unknown setting `agregator`", "did you mean `aggregator`?"),
        ({"absent": "skip"}, "unknown policy for absent tasks `skip`", None),
        ({"training": {"bach": 3}}, "unknown setting of training `bach`", "did you mean `batch`?"),
        ({"training": {"batch": 1}}, "batch of `1` does not train", "give a whole number of at least 2"),
        ({"training": {"lr": float("nan")}}, "lr of `nan` does not train", "give a number of at least 0"),
        (
            {"training": {"plateau_factor": 1.5}},
            "plateau_factor of `1.5` lowers nothing",
            "choose a number between 0 and 1",
        ),
        ({"balance": {"a": {"ldss": True}}}, "unknown remedy of `a` `ldss`", "did you mean `lds`?"),
        ({"balance": {"a": {"lds": {"kernel": "gauss"}}}}, None, None),
        ({"balance": {"a": {"loss": "bcm"}}}, "unknown loss `bcm`", "did you mean `bmc`?"),
        ({"balance": {"a": {"loss": {"name": "bmc", "bank": 0}}}}, "a bank of `0` labels cannot be drawn", None),
        (
            {"balance": {"a": {"loss": {"name": "gai", "components": 0}}}},
            "a mixture of `0` components cannot be fitted",
            None,
        ),
        (
            {"balance": {"a": {"lds": {"clip": [0.5]}}}},
            "option `clip` of lds `lds` is `(0.5,)`",
            "give a list of 2, each a finite number",
        ),
        ({"balance": {"a": {"fds": {"clip": [0.1, 1, 10]}}}}, None, "give a list of 2, each a finite number"),
        (
            {"balance": {"a": {"fds": {"clip": [10, 0.1]}}}},
            "clip `10, 0.1` does not hold 1",
            "give a range such as 0.1, 10",
        ),
        ({"balance": {"a": {"fds": {"buckets": 10**8}}}}, None, None),
        (
            {"balance": {"a": {"lds": {"sigma": float("inf")}}}},
            "option `sigma` of lds `lds` is `inf`",
            "give a finite number",
        ),
        (
            {"balance": {"a": {"lds": {"size": 10**7 + 1}}}},
            "a kernel of `10000001` bins is wider than any histogram",
            None,
        ),
        ({"balance": {"a": {"lds": {"n_bins": 10**9}}}}, "`1000000000` bins cannot hold labels", None),
        (
            {"architecture": {"name": "soft", "strength": -10}},
            "option `strength` of architecture `soft` is `-10`",
            "give 0 or a number above 0",
        ),
        ({"architecture": {"name": "structured", "lambda1": -1.0}}, None, "give 0 or a number above 0"),
        ({"architecture": {"name": "structured", "alpha": float("nan")}}, None, "give a finite number"),
        ({"architecture": {"name": "structured", "embedding": -3}}, None, "give a whole number from 1 to 8192"),
        ({"architecture": {"name": "structured", "embedding": 10**6}}, None, "give a whole number from 1 to 8192"),
        (
            {"aggregator": {"name": "cagrad", "c": float("inf")}},
            "option `c` of aggregator `cagrad` is `inf`",
            "give a finite number",
        ),
        (
            {"weighting": "dwa", "balance": {"a": {"loss": "gai"}}},
            "loss `gai` can be below 0, which weighting `dwa` cannot take",
            'choose loss = "bmc", or weights that are fixed',
        ),
        (
            {"aggregator": {"name": "mgda", "normalise": "loss+"}, "balance": {"*": {"loss": "gai"}}},
            "loss `gai` can be below 0, which normaliser `loss+` cannot divide by",
            'choose loss = "bmc", or normalise = "l2"',
        ),
        (
            {"architecture": "soft", "aggregator": "pcgrad"},
            "aggregator `pcgrad` has no shared parameters to work on in `soft`",
            "choose the architecture `hard` or `structured`",
        ),
        (
            {"architecture": "independent", "weighting": "gradnorm"},
            "weighting `gradnorm` has no shared layer to read in `independent`",
            "choose the architecture `hard` or `structured`",
        ),
        (
            {"architecture": {"name": "hard", "norm": "task_bn"}},
            "norm `task_bn` needs rows of every task in every batch",
            'choose sampler = "per_task"',
        ),
        ({"balance": 3}, "balance is `3`, not a table", None),
    ],
)
def test_what_does_not_exist_or_does_not_fit_is_refused_at_once(content, message, hint):
    found = refusal(config_of, content)
    assert message is None or found[0] == message
    assert hint is None or found[1] == hint


@pytest.mark.parametrize("weighting", [None, "fixed", "rlw"])
def test_losses_below_zero_go_with_weights_that_read_no_losses(weighting):
    assert config_of({"balance": {"*": {"loss": "gai"}}, **({"weighting": weighting} if weighting else {})})


def test_files_that_are_no_toml_are_refused(tmp_path):
    (tmp_path / "a.toml").write_text("architecture = [")
    assert refusal(read_config, tmp_path / "a.toml")[0] == "`a.toml` does not read as TOML: TOMLDecodeError"


def changed(fold, side="train", **values):
    return dataclasses.replace(fold, **{side: dataclasses.replace(getattr(fold, side), **values)})


def with_value(fold, value, task=1, side="train"):
    rows = getattr(fold, side)
    y = rows.y.copy()
    y[np.flatnonzero(rows.known[:, task])[0], task] = value
    return changed(fold, side, y=y)


def untrained(fold, config=None):
    """The message with which a fold is refused; the net must not have moved."""
    config = config or MultiTaskConfig.named(training={"epochs": 1})
    net = build_net(config, 6, len(fold.train.tasks), 0)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    found = refusal(fit, net, fold, config, 0)
    assert all((a == b).all() for a, b in zip(before, net.parameters(), strict=True))
    return found


def test_values_that_are_not_finite_are_refused_before_training():
    fold = small_fold()
    hint = "remove these rows, or mark them as unknown"
    assert untrained(with_value(fold, np.nan)) == ("task `hardness` has the value `nan` in 1 training rows", hint)
    assert untrained(with_value(fold, np.inf, side="valid")) == (
        "task `hardness` has the value `inf` in 1 validation rows",
        hint,
    )
    x = fold.train.x.copy()
    x[7, 2] = np.nan
    assert untrained(changed(fold, x=x))[0] == "features of training row 7 are not finite"
    assert untrained(with_value(fold, 0.5, task=2))[0] == "task `is_glass` has labels other than 0 and 1"


def test_labels_that_do_not_vary_are_not_smoothed():
    fold = small_fold()
    y = fold.train.y.copy()
    y[:, 1] = 2.0
    config = config_of({"balance": {"hardness": {"fds": True}}})
    assert untrained(changed(fold, y=y), config)[0] == "labels of `hardness` do not vary, so nothing can be smoothed"


@pytest.mark.parametrize(("side", "name"), [("train", "training"), ("valid", "validation")])
def test_tasks_without_labels_are_refused(side, name):
    fold = small_fold()
    hidden = getattr(fold, side).hiding(["hardness"])
    found = untrained(dataclasses.replace(fold, **{side: hidden}))
    assert found == (f"task `hardness` has no label in the {name} rows", "leave it out, or split otherwise")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "architecture `hard` has a single task to share"),
        ({"architecture": "soft"}, "architecture `soft` has a single task to share"),
        ({"architecture": "independent", "weighting": "dwa"}, "weighting `dwa` has a single task to weigh"),
    ],
)
def test_a_single_task_is_refused_for_methods_of_several(names, message):
    fold = small_fold().only(["hardness"])
    assert refusal(check_before_training, MultiTaskConfig.named(**names), fold)[0] == message
    check_before_training(MultiTaskConfig.named("independent"), fold)


@pytest.mark.parametrize(
    ("balance", "message"),
    [
        ({"hardnes": {"lds": True}}, "unknown task with a balance `hardnes`"),
        ({"is_glass": {"lds": True}}, "`lds` is not defined for the labels of `is_glass`"),
        ({"hardness": {"class_weights": True}}, "`hardness` has no classes to weigh"),
    ],
)
def test_remedies_belong_to_tasks_of_their_kind(balance, message):
    config = MultiTaskConfig.named(balance=balance)
    assert refusal(check_before_training, config, small_fold())[0] == message
    check_before_training(MultiTaskConfig.named(balance={"*": {"lds": True}}), small_fold())


def test_weights_must_match_the_tasks():
    config = MultiTaskConfig.named(weighting={"name": "fixed", "weights": [1, 2]})
    assert refusal(check_before_training, config, small_fold())[1] == "give 3 numbers, one per task"


def test_rows_are_selected_by_task():
    fold = small_fold().only(["hardness", "is_glass"])
    assert fold.train.tasks == TASKS[1:]
    assert fold.train.known.any(axis=1).all()
    assert fold.train.is_label.tolist() == [False, True]
    assert refusal(fold.train.only, ["hard"])[0] == "no task `hard` in these rows"


@pytest.mark.parametrize(
    "loss", [{"name": "focal", "beta": -1.0}, {"name": "huber", "delta": 0.0}, {"name": "bmc", "sigma": -1.0}]
)
def test_options_of_losses_are_tried_before_training(loss):
    option, value = list(loss.items())[1]
    message, _ = refusal(config_of, {"balance": {"*": {"loss": loss}}})
    assert option in message
    assert f"`{value:g}`" in message or f"`{value}`" in message


def test_batches_must_hold_a_row_of_every_task():
    config = config_of({"sampler": "per_task", "training": {"batch": 2}})
    message, _ = refusal(check_before_training, config, small_fold())
    assert "batch" in message
