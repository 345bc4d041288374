"""What is measured on: one five-element space, the shipped models, blocks of the size the engine uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener.device import Device
from screener.jobs import BLOCK
from screener.model import Model
from screener.model_set import load_models, packaged_folders
from screener.space import CompositionSpace

ELEMENTS = ("Al", "Ti", "Cr", "Fe", "Co")
TARGETS = ("p_amorphous", "resistivity_uohm_cm", "hardness_gpa")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Size:
    """How much work a run does.

    Attributes:
        step: grid step of the space in at.%.
        blocks: blocks timed where a stage is looked at alone.
        rounds: repetitions, of which the fastest counts.
        top: candidates kept end to end.
    """

    step: int
    blocks: int
    rounds: int
    top: int


FULL = Size(step=1, blocks=32, rounds=5, top=1000)
QUICK = Size(step=5, blocks=1, rounds=1, top=50)


def space(step: int) -> CompositionSpace:
    """Build the space: 4,598,126 candidates at 1 at.%, 10,626 at 5 at.%."""
    return CompositionSpace.build(ELEMENTS, step)


def models_folder() -> Path:
    """Find the shipped models, never a user's own."""
    return next(folder for folder in packaged_folders() if (folder / "SHA256SUMS").is_file())


def screen_models(threads: int) -> Mapping[str, Model]:
    """Load the fast models of the three standing targets with a number of ONNX Runtime threads."""
    loaded = load_models(models_folder(), Device("cpu", 0, threads), ("screen",)).screen
    return {name: loaded[name] for name in TARGETS}


def blocks_of(candidates: CompositionSpace, count: int, rows: int = BLOCK) -> list[NDArray[np.float32]]:
    """Fill blocks of fractions (b, d) spread evenly over a space; a small space gives one shorter block."""
    rows = min(rows, candidates.size)
    starts = np.linspace(0, candidates.size - rows, count).astype(int)
    blocks = [np.empty((rows, len(candidates.elements)), np.float32) for _ in starts]
    for start, block in zip(starts, blocks, strict=True):
        candidates.fill(int(start), block)
    return blocks
