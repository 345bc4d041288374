"""The feature sets `kang21` and `screen` in vectorised NumPy: what one would write without a compiler.

Whole blocks at a time in float32, means as one matrix product, two-pass spreads, nothing per row in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_values, pair_values

R_GAS = 8.314462618
Block = NDArray[np.float32]
Featurize = Callable[[Block], Block]
_KANG21 = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Mo", "W", "Mn", "Si", "Mg", "Re", "Ta")


def kang21(symbols: Sequence[str]) -> Featurize:
    """Prepare the 21 columns for some elements."""
    places = [_KANG21.index(symbol) for symbol in symbols]
    radius, chi = (_row(symbols, name) for name in ("radius_miracle_pm", "electronegativity_pauling"))
    enthalpy = (2.0 * pair_values(symbols)).astype(np.float32)
    weights = np.stack([0.01 * radius, chi], axis=1)

    def featurize(c: Block) -> Block:
        out = np.zeros((len(c), 21), np.float32)
        out[:, places] = c
        means = c @ weights
        out[:, 15] = means[:, 0]
        out[:, 16] = np.sqrt((c * (1.0 - 0.01 * radius / means[:, :1]) ** 2).sum(axis=1))
        out[:, 17] = ((c @ enthalpy) * c).sum(axis=1)
        out[:, 18] = means[:, 1]
        out[:, 19] = np.sqrt((c * (chi - means[:, 1:2]) ** 2).sum(axis=1))
        out[:, 20] = np.count_nonzero(c, axis=1)
        return out

    return featurize


def screen(symbols: Sequence[str], domain: Sequence[str]) -> Featurize:
    """Prepare the fractions of every element of the domain and sixteen descriptors."""
    places = [list(domain).index(symbol) for symbol in symbols]
    names = ("radius_miracle_pm", "electronegativity_pauling", "vec", "melting_point_k")
    radius, chi, vec, melt = (_row(symbols, name) for name in names)
    rho = np.log(np.minimum(element_values(symbols, "element_resistivity_uohm_cm"), 200.0)).astype(np.float32)
    nws, volume = (_row(symbols, name) for name in ("miedema_nws_third", "atomic_volume_a3"))
    enthalpy = (2.0 * pair_values(symbols)).astype(np.float32)
    weights = np.stack([0.01 * radius, chi, vec, melt, rho, nws, volume], axis=1)
    first = len(domain)

    def spread(c: Block, column: Block, mean: Block) -> Block:
        squares: Block = (c * (column - mean[:, None]) ** 2).sum(axis=1)
        return np.sqrt(squares)

    def featurize(c: Block) -> Block:
        out = np.zeros((len(c), first + 16), np.float32)
        out[:, places] = c
        means = c @ weights
        described = out[:, first:]
        described[:, 0] = means[:, 0]
        described[:, 1] = np.sqrt((c * (1.0 - 0.01 * radius / means[:, :1]) ** 2).sum(axis=1))
        described[:, 2] = ((c @ enthalpy) * c).sum(axis=1)
        described[:, 3], described[:, 4] = means[:, 1], spread(c, chi, means[:, 1])
        described[:, 5], described[:, 6] = means[:, 2], spread(c, vec, means[:, 2])
        described[:, 7], described[:, 8] = means[:, 3], spread(c, melt, means[:, 3])
        described[:, 9] = -R_GAS * (c * np.log(np.where(c > 0, c, 1.0))).sum(axis=1)
        described[:, 10] = (c * (1.0 - c)).sum(axis=1)
        described[:, 11] = means[:, 4]
        described[:, 12], described[:, 13] = means[:, 5], spread(c, nws, means[:, 5])
        described[:, 14], described[:, 15] = means[:, 6], spread(c, volume, means[:, 6])
        return out

    return featurize


def _row(symbols: Sequence[str], column: str) -> Block:
    """One element property in float32, shape (d,)."""
    return element_values(symbols, column).astype(np.float32)
