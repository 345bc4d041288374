"""What a blend leaves unexplained, learned from every row.

A blend sees a limited number of rows of every chemical system, so that large libraries do not drown small ones, and so
smooths what those libraries say. Trees that learn what is left, measured over predicted, from all rows give that back:
within a measured system they interpolate, and in one without rows they average what they learned of many others. What
they learn is bounded, since an alloy that the blend mistakes by a multiple says nothing of other systems.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
MOST = 0.5
"""What is left counts at most as ±0.5: in ln, a factor of 1.65, or in standard deviations of what was measured."""
_LEAST = 1e-6


def left_over(y: Array, said: Array, *, log: bool) -> Array:
    """Return what a blend leaves unexplained (n,), bounded: ln(measured / said); the difference if not ``log``."""
    left: Array = np.log(y / np.maximum(said, _LEAST * y)) if log else y - said
    most = MOST if log else MOST * float(np.std(y))
    return np.clip(left, -most, most)


def corrected(said: Array, learned: Array, *, log: bool) -> Array:
    """Give a blend (n,) what was learned of its residuals (n,)."""
    return said * np.exp(learned) if log else said + learned
