"""Known alloys and the descriptors that are on record for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from screener.descriptors.catalogue import catalogue
from screener.descriptors.reference import describe
from screener.formula import parse_formula

TABLE = Path(__file__).with_name("descriptors.csv")
NAMES = (
    *("r_avg", "delta", "dH_mix", "en_avg", "d_en", "n_components"),
    *("vec", "dS_mix", "t_melt_k", "density_g_cm3"),
)
ALLOYS = {
    # bulk metallic glasses
    "Vitreloy 1": "Zr41.2Ti13.8Cu12.5Ni10Be22.5",
    "Vitreloy 4": "Zr46.75Ti8.25Cu7.5Ni10Be27.5",
    "Vitreloy 105": "Zr52.5Cu17.9Ni14.6Al10Ti5",
    "Vitreloy 106": "Zr57Cu15.4Ni12.6Al10Nb5",
    "Inoue Zr glass": "Zr65Al7.5Ni10Cu17.5",
    "binary Cu-Zr glass": "Cu50Zr50",
    "Cu-Zr-Al glass": "Cu46Zr46Al8",
    "PdNiP glass": "Pd40Ni40P20",
    "PdCuNiP glass": "Pd40Cu30Ni10P20",
    "PtCuNiP glass": "Pt57.5Cu14.7Ni5.3P22.5",
    "La glass": "La55Al25Ni20",
    "Mg glass": "Mg65Cu25Y10",
    "Ca glass": "Ca65Mg15Zn20",
    # melt-spun glasses
    "Metglas 2605": "Fe80B20",
    "Metglas 2826": "Fe40Ni40P14B6",
    "Al-Ni-Y ribbon": "Al88Ni8Y4",
    "Pd-Si ribbon": "Pd80Si20",
    "SAM1651": "Fe48Mo14Cr15Y2C15B6",
    # alloys of many principal elements
    "Cantor alloy": "CoCrFeMnNi",
    "CoCrFeNi": "CoCrFeNi",
    "Al0.3CoCrFeNi": "Al0.3CoCrFeNi",
    "AlCoCrCuFeNi": "AlCoCrCuFeNi",
    "Senkov NbMoTaW": "NbMoTaW",
    "Senkov VNbMoTaW": "VNbMoTaW",
    "Senkov HfNbTaTiZr": "HfNbTaTiZr",
    # conventional alloys and compounds
    "Ti-6Al-4V": "Ti86.2Al10.2V3.6",
    "stainless steel": "Fe70Cr19Ni9Mn2",
    "nitinol": "Ni50Ti50",
    "AlTiCr": "AlTiCr",
    "copper": "Cu",
}


def golden_table() -> str:
    """Compute the table anew: one line an alloy, twelve digits a number."""
    lines = [",".join(("alloy", "formula", *NAMES))]
    for alloy, formula in ALLOYS.items():
        composition = parse_formula(formula)
        row = describe(np.array([composition.fractions]), composition.symbols, [catalogue()[name] for name in NAMES])[0]
        lines.append(",".join((alloy, formula, *(f"{value:.12g}" for value in row))))
    return "\n".join(lines) + "\n"
