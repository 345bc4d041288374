"""Weightings of the tasks' losses, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from training.weighting.base import LossWeighting
from training.weighting.dwa import DynamicWeightAverage
from training.weighting.famo import Famo
from training.weighting.fixed import Fixed
from training.weighting.gls import GeometricMean
from training.weighting.gradnorm import GradNorm
from training.weighting.imtl_l import ImpartialLoss
from training.weighting.rlw import RandomWeights
from training.weighting.stch import SmoothTchebycheff
from training.weighting.uncertainty import Uncertainty

WEIGHTINGS: Mapping[str, type[LossWeighting]] = MappingProxyType(
    {
        "fixed": Fixed,
        "uncertainty": Uncertainty,
        "dwa": DynamicWeightAverage,
        "rlw": RandomWeights,
        "imtl_l": ImpartialLoss,
        "famo": Famo,
        "stch": SmoothTchebycheff,
        "gls": GeometricMean,
        "gradnorm": GradNorm,
    }
)

__all__ = ["WEIGHTINGS", "LossWeighting"]
