"""Every kind of method by name: where it is registered, and what a fit gives it beside its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from training import methods
from training.multitask.config_parts import Method

Maker = Callable[..., object]

GIVEN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "architecture": ("n_in", "tasks"),
        "weighting": ("tasks", "sizes", "labels", "seed"),
        "aggregator": ("tasks", "seed"),
        "sampler": ("known", "batch"),
        "lds": ("y",),
        "fds": ("features", "low", "high"),
        "loss": ("labels", "seed", "predicted", "y"),
    }
)
"""Arguments of each kind that follow from the rows and the seed."""


@cache
def registry(kind: str) -> Mapping[str, Maker]:
    """Return name → what makes it, of one kind."""
    if kind == "architecture":
        from training.architectures import ARCHITECTURES

        return ARCHITECTURES
    if kind == "weighting":
        from training.weighting import WEIGHTINGS

        return WEIGHTINGS
    if kind == "aggregator":
        from training.aggregators import AGGREGATORS

        return AGGREGATORS
    if kind == "sampler":
        from training.imbalance.samplers import SAMPLERS

        return SAMPLERS
    return _remedies(kind)


def _remedies(kind: str) -> Mapping[str, Maker]:
    """Remedies for unevenly spread targets: `lds`, `fds`, and the kinds of `loss`."""
    from training.imbalance.balanced_mse import BatchMonteCarlo, GaussianMixtureMse
    from training.imbalance.fds import FeatureSmoothing
    from training.imbalance.lds import lds_weights
    from training.imbalance.robust import focal_regression, huber

    losses: Mapping[str, Maker] = {
        "bmc": BatchMonteCarlo,
        "gai": GaussianMixtureMse,
        "focal": focal_regression,
        "huber": huber,
    }
    remedies: Mapping[str, Mapping[str, Maker]] = {
        "lds": {"lds": lds_weights},
        "fds": {"fds": FeatureSmoothing},
        "loss": losses,
    }
    return remedies[kind]


def check_method(kind: str, method: Method) -> None:
    """Check a method's name, its options' names and the kinds of their values.

    Raises:
        ScreenerError: one of them does not exist or fit; the hint says what was probably meant.
    """
    methods.check(kind, registry(kind), method.name, method.options, GIVEN[kind])


def make(kind: str, method: Method, **given: object) -> Any:  # noqa: ANN401
    """Make a method of its options and of what the fit knows.

    Raises:
        ScreenerError: as `check_method`, or a value that the method cannot use.
    """
    return methods.build(kind, registry(kind), method.name, method.options, given)
