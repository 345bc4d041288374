"""Descriptors that the `alloy` set leaves out, tried beside it: each must earn its place on new chemical systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from screener.elements import element_symbols, element_values, pair_values
from screener.errors import CompositionError

Array = NDArray[np.float64]
GAS = 8.314462618
"""Molar gas constant, J/(mol·K)."""
_LEAST_ENTHALPY = 0.1
"""Least |ΔH_mix| that Ω is divided by, kJ/mol."""
_LEAST_MISMATCH = 0.1
"""Least δ that Λ is divided by, %."""


def omega(c: Array) -> Array:
    """ln(1 + Ω) with Ω = T_m ΔS_mix / |ΔH_mix|, shape (n, d) → (n, 1); doi:10.1016/j.matchemphys.2011.11.021."""
    enthalpy = np.maximum(np.abs(np.einsum("ni,ij,nj->n", c, 2.0 * _enthalpies(), c)), _LEAST_ENTHALPY)
    melting = c @ _column("melting_point_k")
    return np.asarray(np.log1p(melting * _entropy(c) / (1000.0 * enthalpy)))[:, None]


def entropy_over_mismatch(c: Array) -> Array:
    """Λ = ΔS_mix / δ², J/(mol·K) with δ in %, shape (n, d) → (n, 1); doi:10.1016/j.intermet.2014.04.019."""
    delta = 100.0 * _relative_spread(c, "radius_miracle_pm")
    return np.asarray(_entropy(c) / np.maximum(delta, _LEAST_MISMATCH) ** 2)[:, None]


def enthalpy_spread(c: Array) -> Array:
    """Standard deviation of 2 H_ij over pairs drawn by amount, whose mean is ΔH_mix, kJ/mol, shape (n, d) → (n, 1)."""
    pairs = 2.0 * _enthalpies()
    mean = np.einsum("ni,ij,nj->n", c, pairs, c)
    square = np.einsum("ni,ij,nj->n", c, pairs**2, c)
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0.0)))[:, None]


def mismatch(column: str) -> Callable[[Array], Array]:
    """δ = √Σ c_i (1 − r_i / r̄)² of one column of radii, shape (n, d) → (n, 1)."""
    return lambda c: _relative_spread(c, column)[:, None]


def moments(*columns: str) -> Callable[[Array], Array]:
    """Mean and standard deviation of element properties, shape (n, d) → (n, 2 · columns)."""

    def both(c: Array) -> Array:
        parts = []
        for values in map(_column, columns):
            mean = c @ values
            parts += [mean, np.sqrt(np.maximum(c @ values**2 - mean**2, 0.0))]
        return np.stack(parts, axis=1)

    return both


CANDIDATES: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "Ω, melting temperature · entropy over enthalpy": omega,
        "Λ, entropy over squared size mismatch": entropy_over_mismatch,
        "δ of 12-coordinated metallic radii": mismatch("radius_metallic_pm"),
        "spread of pair enthalpies": enthalpy_spread,
        "Allen electronegativity": moments("electronegativity_allen"),
        "elemental resistivity, rule of mixtures": moments("element_resistivity_uohm_cm"),
        "thermal conductivity": moments("thermal_conductivity_w_mk"),
        "ionisation energy, electron affinity": moments("first_ionization_ev", "electron_affinity_ev"),
        "boiling point, heats of fusion and vaporisation": moments(
            "boiling_point_k", "heat_of_fusion_kj_mol", "heat_of_vaporization_kj_mol"
        ),
        "Young's modulus": moments("youngs_modulus_gpa"),
        "f electrons": moments("f_electrons"),
    }
)
"""Columns made of atomic fractions (n, d) over ``element_symbols()``, by what they are."""


def _entropy(c: Array) -> Array:
    """ΔS_mix = −R Σ c ln c, J/(mol·K), shape (n, d) → (n,)."""
    return np.asarray(-GAS * np.sum(np.where(c > 0, c * np.log(np.where(c > 0, c, 1.0)), 0.0), axis=1))


def _relative_spread(c: Array, column: str) -> Array:
    """√Σ c_i (1 − r_i / r̄)², shape (n, d) → (n,)."""
    values = _column(column)
    mean = c @ values
    return np.asarray(np.sqrt(np.maximum(c @ values**2 / mean**2 - 1.0, 0.0)))


def _column(name: str) -> Array:
    """One property of every element (d,); where it has none, the mean of the others, for trials alone."""
    values = np.full(len(element_symbols()), np.nan)
    for place, symbol in enumerate(element_symbols()):
        try:
            values[place] = element_values([symbol], name)[0]
        except CompositionError:
            continue
    return np.where(np.isnan(values), np.nanmean(values), values)


def _enthalpies() -> Array:
    """Pair enthalpies at equal amounts, kJ/mol, shape (d, d); 0 where there is none."""
    symbols = element_symbols()
    table = np.zeros((len(symbols), len(symbols)))
    for i, first in enumerate(symbols):
        for j, second in enumerate(symbols[:i]):
            try:
                table[i, j] = table[j, i] = pair_values([second, first])[0, 1]
            except CompositionError:
                continue
    return table
