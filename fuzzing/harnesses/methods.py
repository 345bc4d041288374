"""Methods of a multi-task fit, in TOML."""

from __future__ import annotations

from fuzzing.harnesses import hold_to_manners, stored
from screener.errors import ScreenerError
from training.aggregators import AGGREGATORS
from training.architectures import ARCHITECTURES
from training.imbalance.samplers import SAMPLERS
from training.multitask.config import config_of, read_config
from training.weighting import WEIGHTINGS

TOKENS = (
    *(
        "architecture",
        "weighting",
        "aggregator",
        "sampler",
        "balance",
        "absent",
        "training",
        "name",
        "=",
        "\n",
        "[",
        "]",
    ),
    *(f'"{name}"' for registry in (ARCHITECTURES, WEIGHTINGS, AGGREGATORS, SAMPLERS) for name in registry),
    *("[balance.hardness_gpa]", '[balance."*"]', "lds", "fds", "loss", "class_weights", '"bmc"', '"gai"', '"huber"'),
    *(
        "[training]",
        "batch",
        "epochs",
        "lr",
        "weight_decay",
        "patience",
        "plateau_factor",
        "{",
        "}",
        "true",
        "-1",
        "1e9",
    ),
    *("[architecture]", "[weighting]", "[aggregator]", "widths", "norm", "nan", "inf", "07:32:00", "0.5", '"drop"'),
)


def check(data: bytes) -> None:
    """Read a configuration; what is accepted can be written down and read again."""
    with stored(data, ".toml") as path:
        try:
            config = read_config(path)
        except ScreenerError as refused:
            hold_to_manners(refused)
            return
    assert config_of(config.table()) == config, "reads back as another"
    assert config.balance_of("hardness_gpa", False) is not None
