"""One random stream per purpose, all from one seed: changing one method never shifts another's draws."""

from __future__ import annotations

import numpy as np
import torch

PURPOSES = ("start", "batches", "dropout", "methods")


def stream_seed(seed: int, purpose: str) -> int:
    """Derive the seed of one purpose."""
    return int(np.random.SeedSequence([seed, PURPOSES.index(purpose)]).generate_state(1)[0])


def stream(seed: int, purpose: str) -> torch.Generator:
    """Return the generator of one purpose: `start`, `batches`, `dropout` or `methods`."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose))
