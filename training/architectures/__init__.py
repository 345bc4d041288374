"""Architectures of multi-task nets by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from training.architectures.hard_sharing import HardNet
from training.architectures.independent import IndependentNet
from training.architectures.multitask_net import MultiTaskNet
from training.architectures.soft_sharing import SoftNet
from training.architectures.structured import StructuredNet

ARCHITECTURES: Mapping[str, type[MultiTaskNet]] = MappingProxyType(
    {"independent": IndependentNet, "hard": HardNet, "soft": SoftNet, "structured": StructuredNet}
)
"""Every architecture; the constructor takes f, t and its options."""

__all__ = ["ARCHITECTURES", "HardNet", "IndependentNet", "MultiTaskNet", "SoftNet", "StructuredNet"]
