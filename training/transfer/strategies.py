"""Strategies of pre-training and fine-tuning as data: what is trained, when, and how fast.

Frozen bodies and fresh heads are those of Devi 2024 (doi:10.48550/arXiv.2406.13142); the pull towards pre-trained
weights is L2-SP (Li 2018, doi:10.48550/arXiv.1802.01483). Every strategy trains the same net, scratch included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Stage:
    """Learning rates of a part of the training; 0 leaves a part at rest, statistics and dropout included.

    Attributes:
        body: of the backbone but for its last layer.
        last: of the last layer of the backbone.
        head: of the head.
        epochs: how many; None for as many as the training has.
    """

    body: float
    last: float
    head: float
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to learn a target with the help of other data.

    Attributes:
        name: short name.
        summary: what it does.
        sources: what the body learned before: `none`, the `largest` other task, `others`, or `others+target` with the
            target's own training rows.
        stages: of the fine-tuning.
        anchor: β of the pull β‖θ − θ₀‖² of the body towards its pre-trained weights.
    """

    name: str
    summary: str
    sources: Literal["none", "largest", "others", "others+target"]
    stages: tuple[Stage, ...]
    anchor: float = 0.0


ANCHORS = (1e-4, 1e-3, 1e-2)
"""Pulls worth trying."""
SCRATCH = Stage(1e-3, 1e-3, 1e-3)
FROZEN = Stage(0.0, 0.0, 1e-3)
WHOLE = Stage(1e-4, 1e-4, 1e-3)
LAST = Stage(0.0, 3e-4, 1e-3)
GRADUAL = (Stage(0.0, 0.0, 1e-3, 20), Stage(0.0, 3e-4, 3e-4, 20), Stage(9e-5, 9e-5, 9e-5))

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        each.name: each
        for each in (
            Strategy("S0", "scratch: the same net, nothing learned before", "none", (SCRATCH,)),
            Strategy("S1", "frozen body, new head", "largest", (FROZEN,)),
            Strategy("S2", "everything trained on, the body slowly, new head", "largest", (WHOLE,)),
            Strategy("S3", "last shared layer and new head", "largest", (LAST,)),
            Strategy("S4", "gradual: head, then the last layer too, then everything", "largest", GRADUAL),
            Strategy("S5", "everything, pulled towards the pre-trained body", "largest", (WHOLE,), 1e-3),
            Strategy("S6", "body of all other properties, then everything", "others", (WHOLE,)),
            Strategy("S7", "body of all properties, the target too, then everything", "others+target", (WHOLE,)),
        )
    }
)
"""Every strategy by name."""
