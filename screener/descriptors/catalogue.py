"""Every descriptor of an alloy composition: name, unit, formula, source.

A descriptor is data, not code: one of the kinds below applied to columns of the element and pair tables. Both the
float64 reference (`reference.py`) and the float32 kernel (`featurizer.py`) read this catalogue, so that a definition
stands once.

Notation: c_i atomic fraction of element i, p_i its property, ⟨p⟩ = Σ c_i p_i, φ_ij a symmetric pair property.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from types import MappingProxyType

R_GAS = 8.314462618
"""Molar gas constant in J/(mol K), CODATA 2018."""
PRESENT_FOR_PAIRS = 0.020001
"""Elements up to 2 at.% do not take part in pair extremes.

The limit lies off every grid, so that rounding to float32 never decides whether an element of exactly 2 at.% counts.
"""


class Kind(IntEnum):
    """How a descriptor follows from the fractions."""

    FRACTION = 0
    MEAN = 1
    SPREAD = 2
    RELATIVE_SPREAD = 3
    PAIR_SUM = 4
    PAIR_MIN = 5
    PAIR_MAX = 6
    ENTROPY = 7
    COUNT = 8
    LARGEST = 9
    MEAN_RATIO = 10
    MEAN_PRODUCT = 11
    COVARIANCE = 12


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One named number of a composition.

    Attributes:
        name: column name, unit in it where it has one.
        kind: rule that makes it from the fractions.
        unit: physical unit, `1` for pure numbers.
        formula: the rule in the field's notation.
        source: DOI or convention behind the formula.
        first: element column, pair property or symbol the rule reads.
        second: second element column (ratio, product, covariance).
        scale: factor applied to the result.
    """

    name: str
    kind: Kind
    unit: str
    formula: str
    source: str
    first: str = ""
    second: str = ""
    scale: float = 1.0


LN_RHO = "ln element_resistivity_uohm_cm|200"
"""Logarithm of the element's resistivity, non-metals counted as 200 µΩ·cm: beyond that a metal's neighbours decide."""

GUO = "10.1063/1.3587228"
ZHANG = "10.1002/adem.200700240"
TAKEUCHI = "10.2320/matertrans.46.2817"
MIRACLE = "10.1179/095066010X12646898728200"
PAULING = "ISBN 978-0-8014-0333-0"
MIEDEMA = "10.1016/0378-4363(80)90054-6"
NORDHEIM = "10.1002/andp.19314010507"
MIXTURE = "rule of mixtures"
PUGH = "10.1080/14786440808520496"
KANG = "10.48550/arXiv.2512.22740"


def fraction(symbol: str) -> Descriptor:
    """Give the atomic fraction of one element as a descriptor."""
    return Descriptor(f"c_{symbol}", Kind.FRACTION, "1", f"c_{symbol}", "composition", symbol)


def _mean(name: str, column: str, unit: str, source: str, scale: float = 1.0) -> Descriptor:
    return Descriptor(name, Kind.MEAN, unit, f"Σ c_i {column}_i", source, column, scale=scale)


def _spread(name: str, column: str, unit: str, source: str, scale: float = 1.0) -> Descriptor:
    return Descriptor(name, Kind.SPREAD, unit, f"√Σ c_i ({column}_i − mean)²", source, column, scale=scale)


def _relative(name: str, column: str, source: str) -> Descriptor:
    return Descriptor(name, Kind.RELATIVE_SPREAD, "1", f"√Σ c_i (1 − {column}_i/mean)²", source, column)


def _pair(name: str, pair: str, unit: str, source: str, scale: float = 1.0) -> Descriptor:
    return Descriptor(name, Kind.PAIR_SUM, unit, f"Σ_i≠j c_i c_j φ_ij, φ = {pair}", source, pair, scale=scale)


_KANG21 = (
    _mean("r_avg", "radius_miracle_pm", "Å", MIRACLE, 0.01),
    _relative("delta", "radius_miracle_pm", ZHANG),
    Descriptor(
        "dH_mix", Kind.PAIR_SUM, "kJ/mol", "4 Σ_i<j c_i c_j H_ij", f"{ZHANG}; {TAKEUCHI}", "dH_mix_kj_mol", scale=2.0
    ),
    _mean("en_avg", "electronegativity_pauling", "1", PAULING),
    _spread("d_en", "electronegativity_pauling", "1", PAULING),
    Descriptor("n_components", Kind.COUNT, "1", "number of elements with c_i > 0", KANG),
)

_SCALARS = (
    Descriptor("dS_mix", Kind.ENTROPY, "J/(mol K)", "−R Σ c_i ln c_i", ZHANG, scale=R_GAS),
    Descriptor("c_max", Kind.LARGEST, "1", "max c_i", "composition"),
    Descriptor("nordheim", Kind.PAIR_SUM, "1", "Σ c_i (1 − c_i)", NORDHEIM, "one"),
    _mean("vec", "vec", "1", GUO),
    _spread("d_vec", "vec", "1", GUO),
    _mean("t_melt_k", "melting_point_k", "K", MIXTURE),
    _spread("d_t_melt_k", "melting_point_k", "K", MIXTURE),
    Descriptor(
        "density_g_cm3",
        Kind.MEAN_RATIO,
        "g/cm³",
        "Σ c_i M_i / Σ c_i V_i (additive molar volumes)",
        MIXTURE,
        "atomic_mass_u",
        "molar_volume_cm3",
    ),
    Descriptor(
        "cost_usd_kg",
        Kind.MEAN_RATIO,
        "USD/kg",
        "Σ c_i M_i price_i / Σ c_i M_i",
        "raw-material prices as dated in the element table",
        "atomic_mass_u*price_usd_kg",
        "atomic_mass_u",
    ),
    Descriptor(
        "supply_risk_hhi",
        Kind.MEAN_RATIO,
        "1",
        "Σ c_i M_i HHI_i / Σ c_i M_i (Herfindahl–Hirschman index of production)",
        "10.1021/cm400893e",
        "atomic_mass_u*supply_hhi_production",
        "atomic_mass_u",
    ),
    Descriptor("dH_pair_min", Kind.PAIR_MIN, "kJ/mol", "min H_ij over c_i, c_j > 2 at.%", TAKEUCHI, "dH_mix_kj_mol"),
    Descriptor("dH_pair_max", Kind.PAIR_MAX, "kJ/mol", "max H_ij over c_i, c_j > 2 at.%", TAKEUCHI, "dH_mix_kj_mol"),
    _pair("dH_abs", "|dH_mix_kj_mol|", "kJ/mol", TAKEUCHI, 2.0),
)

# short name → (element column, unit, source): each gives a mean and a spread
_MOMENTS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "electrons": ("atomic_number", "1", MIXTURE),
        "period": ("period", "1", MIXTURE),
        "ln_rho": (LN_RHO, "1", MIXTURE),
        "d_count": ("d_electrons", "1", MIXTURE),
        "sp_count": ("sp_electrons", "1", MIXTURE),
        "volume": ("atomic_volume_a3", "Å³", MIXTURE),
        "mendeleev": ("mendeleev_number", "1", "10.1016/0038-1098(84)90765-8"),
        "moment": ("magnetic_moment_bohr", "µB", MIXTURE),
        "phi": ("miedema_phi_v", "V", MIEDEMA),
        "nws": ("miedema_nws_third", "d.u.^⅓", MIEDEMA),
        "v_miedema": ("miedema_volume_cm3", "cm³/mol", MIEDEMA),
        "z_miedema": ("miedema_valence", "1", MIEDEMA),
        "covalent": ("covalent_radius_pm", "pm", MIXTURE),
        "cohesion": ("heat_of_vaporization_kj_mol", "kJ/mol", MIXTURE),
    }
)

_FAMILIES = ("sp", "early", "v", "cr", "late", "noble")


def _moments() -> Iterable[Descriptor]:
    """Mean and spread of every element property in the table above."""
    for short, (column, unit, source) in _MOMENTS.items():
        yield _mean(f"{short}_avg", column, unit, source)
        yield _spread(f"{short}_dev", column, unit, source)


def _families() -> Iterable[Descriptor]:
    """Share of six element families and the products of their shares."""
    for k, a in enumerate(_FAMILIES):
        yield _mean(f"fam_{a}", f"family_{a}", "1", "periodic table")
        for b in _FAMILIES[k + 1 :]:
            formula = f"fam_{a} · fam_{b}"
            yield Descriptor(
                f"fam_{a}_{b}", Kind.MEAN_PRODUCT, "1", formula, "periodic table", f"family_{a}", f"family_{b}"
            )


def _d_band() -> Iterable[Descriptor]:
    """d-metal share, mean group number among the d metals, covariances that the moments miss."""
    yield _mean("d_metal", "is_d_metal", "1", "periodic table")
    yield Descriptor(
        "vec_d_metals", Kind.MEAN_RATIO, "1", "Σ_d c_i VEC_i / Σ_d c_i", GUO, "vec*is_d_metal", "is_d_metal"
    )
    for a, b, unit in (
        ("vec", "miedema_phi_v", "V"),
        ("vec", "atomic_volume_a3", "Å³"),
        ("vec", "electronegativity_pauling", "1"),
        ("atomic_volume_a3", "miedema_nws_third", "Å³ d.u.^⅓"),
        ("vec", "melting_point_k", "K"),
    ):
        formula = f"Σ c_i ({a}_i − mean)({b}_i − mean)"
        yield Descriptor(f"cov_{a}_{b}", Kind.COVARIANCE, unit, formula, MIXTURE, a, b)


def _pairs() -> Iterable[Descriptor]:
    """Pair sums Σ c_i c_j φ_ij: scattering, size and charge-transfer terms."""
    yield _pair("nordheim_vec", "|Δvec|", "1", NORDHEIM)
    yield _pair("nordheim_radius", "|Δradius_miracle_pm|", "pm", NORDHEIM)
    yield _pair("nordheim_en", "|Δelectronegativity_pauling|", "1", NORDHEIM)
    yield _pair("nordheim_volume", "|Δatomic_volume_a3|", "Å³", NORDHEIM)
    yield _pair("nordheim_phi", "|Δmiedema_phi_v|", "V", NORDHEIM)
    yield _pair("nordheim_rho", f"Σ{LN_RHO}", "1", NORDHEIM)
    yield _pair("pairs_vec", "Σvec", "1", NORDHEIM)
    yield _pair("pairs_dd", "is_d_metal×is_d_metal", "1", NORDHEIM)
    yield _pair("pairs_spd", "family_sp~is_d_metal", "1", NORDHEIM)
    yield _pair("pairs_dd_vec", "is_d_metal×is_d_metal*|Δvec|", "1", NORDHEIM)
    yield _pair("pairs_spd_vec", "family_sp~is_d_metal*Σvec", "1", NORDHEIM)
    yield _pair("pairs_dd_h", "is_d_metal×is_d_metal*dH_mix_kj_mol", "kJ/mol", TAKEUCHI)
    yield _pair("pairs_spd_h", "family_sp~is_d_metal*dH_mix_kj_mol", "kJ/mol", TAKEUCHI)
    yield _pair("pairs_size_h", "|Δradius_miracle_pm|*dH_mix_kj_mol", "pm kJ/mol", TAKEUCHI)
    yield _pair("pairs_moment", "magnetic_moment_bohr×magnetic_moment_bohr", "µB²", NORDHEIM)
    yield _pair("pairs_early_late", "family_early~family_late", "1", NORDHEIM)
    yield _pair("pairs_early_noble", "family_early~family_noble", "1", NORDHEIM)


def _mechanics() -> Iterable[Descriptor]:
    """Elastic moduli mixtures and their mismatch."""
    yield _mean("shear_avg_gpa", "shear_modulus_gpa", "GPa", MIXTURE)
    yield _spread("shear_dev_gpa", "shear_modulus_gpa", "GPa", MIXTURE)
    yield _mean("bulk_avg_gpa", "bulk_modulus_gpa", "GPa", MIXTURE)
    yield _spread("bulk_dev_gpa", "bulk_modulus_gpa", "GPa", MIXTURE)
    yield Descriptor("pugh", Kind.MEAN_RATIO, "1", "⟨G⟩/⟨B⟩", PUGH, "shear_modulus_gpa", "bulk_modulus_gpa")


@cache
def catalogue() -> Mapping[str, Descriptor]:
    """Return every named descriptor that is not a single element's fraction, in reading order."""
    everything = (*_KANG21, *_SCALARS, *_moments(), *_d_band(), *_families(), *_pairs(), *_mechanics())
    return MappingProxyType({d.name: d for d in everything})
