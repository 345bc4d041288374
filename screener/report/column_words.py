"""Columns as people read them: a name in words and a unit for axes, tables and captions."""

from __future__ import annotations

_PLAIN = {
    "p_amorphous": ("probability of an amorphous phase", ""),
    "p_bulk_glass": ("probability of a bulk glass (1 mm or more)", ""),
    "is_amorphous": ("flagged as amorphous-former", ""),
    "amorphous_borderline": ("at the threshold of the flag", ""),
    "resistivity_uohm_cm": ("electrical resistivity", "µΩ cm"),
    "hardness_gpa": ("hardness", "GPa"),
    "in_domain": ("within what the models know", ""),
    "nearest_training_alloy": ("nearest training alloy", ""),
    "nearest_distance": ("distance to the nearest training alloy", "at.%"),
    "density_g_cm3": ("density", "g/cm³"),
    "cost_usd_kg": ("price of the elements", "USD/kg"),
    "t_melt_k": ("mean melting temperature", "K"),
    "vec": ("valence electron concentration", ""),
    "supply_risk_hhi": ("supply risk (HHI)", ""),
    "score": ("score", ""),
    "rank": ("rank", ""),
}
_UNITS = {
    "_uohm_cm": "µΩ cm",
    "_kj_mol": "kJ/mol",
    "_g_cm3": "g/cm³",
    "_usd_kg": "USD/kg",
    "_j_mol_k": "J/(mol K)",
    "_gpa": "GPa",
    "_mpa": "MPa",
    "_pm": "pm",
    "_ev": "eV",
    "_k": "K",
    "_mm": "mm",
}
_ENDINGS = {
    "_low": ", lower end of the 90 % interval",
    "_high": ", upper end of the 90 % interval",
    "_screen": ", fast models",
}
SMALL_IS_BEAUTIFUL = frozenset({"density_g_cm3", "cost_usd_kg", "supply_risk_hhi", "nearest_distance", "rank"})
"""Columns of which less is better unless the question says otherwise."""


def words_of(column: str) -> str:
    """Name a column in words, without its unit."""
    return _words_and_unit(column)[0]


def unit_of(column: str) -> str:
    """Give the unit of a column; empty where it has none."""
    return _words_and_unit(column)[1]


def axis_of(column: str) -> str:
    """Write a column as the title of an axis: words and unit."""
    words, unit = _words_and_unit(column)
    return f"{words} ({unit})" if unit else words


def _words_and_unit(column: str) -> tuple[str, str]:
    """Look a column up, or take its name apart."""
    if column in _PLAIN:
        return _PLAIN[column]
    for ending, said in _ENDINGS.items():
        if column.endswith(ending) and len(column) > len(ending):
            words, unit = _words_and_unit(column.removesuffix(ending))
            return words + said, unit
    for ending, unit in _UNITS.items():
        if column.endswith(ending) and len(column) > len(ending):
            return column.removesuffix(ending).replace("_", " "), unit
    if column.startswith("p_") and len(column) > 2:
        return f"probability of {column[2:].replace('_', ' ')}", ""
    return column, ""
