"""Named feature sets: what the columns of a model's input mean.

`kang21` is the 21-column set of Kang 2025 (arXiv 2512.22740); `screen` holds fractions and sixteen descriptors that are
means, pair sums, spreads or entropies; `alloy` is the wide physical set of the precise models.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property

from screener.descriptors._kernels import KERNEL_VERSION
from screener.descriptors.catalogue import Descriptor, catalogue, fraction
from screener.elements import tables_digest
from screener.errors import ModelError

KANG_ELEMENTS = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Mo", "W", "Mn", "Si", "Mg", "Re", "Ta")
"""The fifteen elements of the 21-column set, in its order."""

DOMAIN = (
    *KANG_ELEMENTS,
    *("Nb", "V", "Hf", "Y", "La", "B", "P", "C", "Ag", "Au", "Pd", "Zn", "Sn", "Be", "Ca", "Gd", "Ce", "Nd", "Ga"),
    *("Ge", "Sc", "Pt", "Ru", "Rh", "Ir", "Li", "Pr", "Sm", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "In", "Sb"),
    *("Bi", "Pb"),
)
"""Elements whose fractions are inputs of `screen` and `alloy`."""

_KANG = ("r_avg", "delta", "dH_mix", "en_avg", "d_en", "n_components")
_SCREEN = (
    *("r_avg", "delta", "dH_mix", "en_avg", "d_en", "vec", "d_vec", "t_melt_k", "d_t_melt_k", "dS_mix", "nordheim"),
    *("ln_rho_avg", "nws_avg", "nws_dev", "volume_avg", "volume_dev"),
)
_NOT_IN_ALLOY = ("density_g_cm3", "cost_usd_kg", "supply_risk_hhi")


@dataclass(frozen=True)
class FeatureSpec:
    """Ordered descriptor names with the digest that ties a model to this code and these tables.

    Attributes:
        name: name of the set.
        names: f column names in order.
    """

    name: str
    names: tuple[str, ...]

    @cached_property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """The f descriptors in column order."""
        return tuple(descriptor(name) for name in self.names)

    @cached_property
    def digest(self) -> str:
        """16 hex digits over names and rules of the descriptors, the kernel version and the element tables."""
        rules = (f"{d.name} {d.kind:d} {d.first} {d.second} {d.scale!r}" for d in self.descriptors)
        text = "\n".join((*rules, f"kernel {KERNEL_VERSION}", tables_digest()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def descriptor(name: str) -> Descriptor:
    """Look up a descriptor by column name (`c_Al` is the fraction of Al).

    Raises:
        KeyError: there is no such descriptor.
    """
    known = catalogue()
    if name in known:
        return known[name]
    if name.startswith("c_") and name[2:].isalpha():
        return fraction(name[2:])
    raise KeyError(name)


@cache
def feature_spec(name: str) -> FeatureSpec:
    """Return one of the sets `kang21`, `screen`, `alloy`.

    Raises:
        ModelError: there is no such set.
    """
    fractions = tuple(f"c_{symbol}" for symbol in DOMAIN)
    wide = tuple(n for n in catalogue() if n not in _NOT_IN_ALLOY)
    sets = {
        "kang21": (*(f"c_{s}" for s in KANG_ELEMENTS), *_KANG),
        "screen": (*fractions, *_SCREEN),
        "alloy": (*fractions, *wide),
    }
    if name not in sets:
        raise ModelError(f"unknown feature set `{name}`", f"use one of {', '.join(sets)}")
    return FeatureSpec(name, sets[name])
