"""Aggregators of the tasks' gradients, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from training.aggregators.aligned_mtl import AlignedMTL
from training.aggregators.base import GramianWeighting
from training.aggregators.cagrad import CAGrad
from training.aggregators.gradvac import GradVac
from training.aggregators.imtl_g import IMTLG
from training.aggregators.mgda import MGDA
from training.aggregators.nash_mtl import NashMTL
from training.aggregators.pcgrad import PCGrad
from training.aggregators.plain import Mean, Sum
from training.aggregators.representation import MGDAUB, representation_gramian
from training.aggregators.upgrad import UPGrad

AGGREGATORS: Mapping[str, type[GramianWeighting]] = MappingProxyType(
    {
        "sum": Sum,
        "mean": Mean,
        "pcgrad": PCGrad,
        "gradvac": GradVac,
        "mgda": MGDA,
        "mgda_ub": MGDAUB,
        "cagrad": CAGrad,
        "imtl_g": IMTLG,
        "nash_mtl": NashMTL,
        "aligned_mtl": AlignedMTL,
        "upgrad": UPGrad,
    }
)

__all__ = ["AGGREGATORS", "GramianWeighting", "representation_gramian"]
