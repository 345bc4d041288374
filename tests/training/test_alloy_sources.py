from __future__ import annotations

import polars as pl
import pytest

from screener.elements import element_symbols
from tests.training.invented import sheet, values, write
from training.sources import (
    conventional,
    high_entropy,
    indentation,
    resistivity,
)
from training.sources.table import (
    AMORPHOUS,
    HARDNESS,
    RESISTIVITY,
    fractions_of,
)

# resistivity


def test_films(tmp_path):
    path = write(
        tmp_path / "films.csv",
        "composition,system,thickness_nm,T_process_K,resistivity_uohm_cm,accepted\n"
        "Al60Ti40,Al-Ti,120.5,293.1,150,True\n"
        "Al60Ti40,Al-Ti,120.5,754,150,True\n"
        "Al60Ti40,Al-Ti,120.5,473,150,True\n"
        "Cu60Mg40,Cu-Mg,80,556,20,True\n"
        "Cu50Mg50,Cu-Mg,80,556,1.5,True\n"
        "Al10Ti90,Al-Ti,80,293,90,False\n",
    )
    loaded = resistivity.kim_lee_films(path)
    assert loaded.frame["process_temperature_k"].to_list() == [293.0, 773.0, None, None]
    assert loaded.frame["process_route"].unique().to_list() == ["film"]
    assert loaded.dropped == {"composition not recovered": 1, "resistivity below that of any metal": 1}
    assert loaded.n_records == 6


def test_literature_alloys_carry_both_labels(tmp_path):
    text = "composition,resistivity_uohm_cm,amorphous\nZr70Co30,170,1\nAu50Cu50,12,0\nAu40Cu60,12,?\n"
    loaded = resistivity.you_literature(write(tmp_path / "you.csv", text))
    assert values(loaded, RESISTIVITY) == [("Co30Zr70", 170.0, 1.0), ("Au50Cu50", 12.0, 1.0)]
    assert values(loaded, AMORPHOUS) == [("Co30Zr70", 1.0, 1.0), ("Au50Cu50", 0.0, 1.0)]
    assert loaded.frame["process_route"].to_list() == ["ribbon", "ribbon", "bulk", "bulk"]
    assert loaded.dropped == {"label neither 0 nor 1": 1}


# high-entropy alloys


def test_mpea_keeps_room_temperature_hardness_with_its_processing(tmp_path):
    temperature = r"PROPERTY: Test temperature ($^\circ$C)"
    path = write(
        tmp_path / "mpea.csv",
        f"FORMULA,PROPERTY: HV,PROPERTY: Microstructure,PROPERTY: Processing method,{temperature}\n"
        "Al1 Co1 Cr1,500,FCC+BCC,CAST,25\n"
        "Al1 Co1 Cr2,510,Other,ANNEAL,\n"
        "Al1 Co1 Cr3,520,BCC,POWDER,800\n"
        "Al1 Co1 Cr4,,B2+Sec.,WROUGHT,25\n",
    )
    loaded = high_entropy.borg_mpea(path)
    hardness = loaded.frame.filter(pl.col("task") == HARDNESS)
    assert hardness["value"].to_list() == pytest.approx([4.903325, 5.0013915])
    assert hardness["process_route"].to_list() == ["as_cast", "annealed"]
    labels = loaded.frame.filter(pl.col("task") == AMORPHOUS)
    assert labels.select("value", "kind", "family", "process_route").rows() == [
        (0.0, "crystalline_added", "hea", "as_cast"),
        (0.0, "crystalline_added", "hea", "powder"),
        (0.0, "crystalline_added", "hea", "wrought"),
    ]
    assert loaded.dropped == {"hardness not at room temperature": 1, "no crystalline phase named": 1}


@pytest.mark.parametrize("phases", ["FCC", "fcc + bcc", "BCC_A2+Ti3Al", "L12", "FCC + IM", "Im", "C14 Laves", "HCP1+?"])
def test_phases_that_name_a_crystal(phases):
    assert high_entropy.names_crystal(phases)


@pytest.mark.parametrize("phases", ["", "Other", "?", "AM", "FCC+AM", "amorphous", "BCC + glass", "matrix+? phase"])
def test_phases_that_do_not(phases):
    assert not high_entropy.names_crystal(phases)


def test_hardness_lists_and_element_columns(tmp_path):
    bert = write(tmp_path / "bert.csv", ",Composition,HV\n0,Al1 Co1 ,200\n1,Al1 Co2,soft\n")
    loaded = high_entropy.bert_hardness(bert)
    assert values(loaded, HARDNESS) == [("Al50Co50", pytest.approx(1.96133), 1.0)]
    assert loaded.frame["process_route"].to_list() == ["as_cast"]
    assert loaded.dropped == {f"no {HARDNESS}": 1}
    wen = write(tmp_path / "wen.csv", '"No","at%",,,,,,"Hardness, HV"\n,Al,Co,Cr,Cu,Fe,Ni,\n1,20,20,20,0,20,20,400\n')
    assert values(high_entropy.wen_hardness(wen), HARDNESS)[0][0] == "Al20Co20Cr20Fe20Ni20"
    phase = sheet(tmp_path / "p.xlsx", [("Al", "Co", "Phase"), (None, 100, "FCC"), (40, 60, "B2 "), (50, 50, None)])
    loaded = high_entropy.dx261_phases(phase)
    assert [row[0] for row in values(loaded, AMORPHOUS)] == ["Co100", "Al40Co60"]
    ideas = write(tmp_path / "ideas.csv", "alloy_name,phases\nAlCo,BCC + Im\nAlCo2,\n")
    assert high_entropy.ideas_phases(ideas).frame.height == 1
    tanmay = write(
        tmp_path / "t.csv", "Composition,Hardness (HVN),Phases present\n(CoCrFeNi)94Al6,150,FCC\nAlCo,,Other\n"
    )
    loaded = high_entropy.tanmay_hardness(tanmay)
    assert values(loaded, HARDNESS)[0][0] == "Al6Co23.5Cr23.5Fe23.5Ni23.5"
    assert loaded.dropped == {"no crystalline phase named": 1, f"no {HARDNESS}": 1}


# indentation


def test_rows_of_the_wafer_count_like_twenty(tmp_path):
    path = write(tmp_path / "hv.csv", "Fe,Nb,B,Load,HV\n0.5,0.1,0.4,0.01,1500\n0.5,0.1,0.4,4.899999992,1000\n")
    loaded = indentation.bajpai_glass_hardness(path)
    assert loaded.frame["weight"].to_list() == pytest.approx([20 / 259, 1.0])
    assert loaded.frame["load_n"].to_list() == [0.01, 4.9]
    assert loaded.frame["value"].to_list() == pytest.approx([14.709975, 9.80665])


def test_only_all_metal_compounds_are_kept(tmp_path):
    path = write(tmp_path / "b.csv", "\ufeffcomposition,hardness,load\nTiB2,30,0.49\nCu5Zr,4.5,0.98\nTiO2,9,1\n")
    loaded = indentation.brgoch_compounds(path)
    assert values(loaded, HARDNESS) == [("Cu83.3Zr16.7", 4.5, 1.0)]
    assert values(loaded, AMORPHOUS) == [("Cu83.3Zr16.7", 0.0, 0.5)]
    assert loaded.dropped == {"no alloy data for `O`": 1, "not all metal": 1}


# conventional alloys


def test_copper_alloys_are_weight_per_cent(tmp_path):
    path = write(
        tmp_path / "cu.csv",
        "Alloy formula,Alloy class,Cu,Be,Tss (K),Hardness (HV)\n"
        "Cu\x962Be,Cu-Be,98,2,1000,300\nCu-2Be,Cu-Be,98,2,1000,\nCu-x,Cu-Be,90,2,1000,300\n",
        "latin-1",
    )
    loaded = conventional.gorsse_copper(path)
    be = (2 / 9.012182) / (2 / 9.012182 + 98 / 63.546)
    assert loaded.frame["key"].unique().to_list() == [f"Be{round(100 * be, 1)}Cu{round(100 - 100 * be, 1)}"]
    assert values(loaded, HARDNESS) == [(loaded.frame["key"][0], pytest.approx(2.941995), 0.3)]
    assert len(values(loaded, AMORPHOUS)) == 2
    assert loaded.dropped == {f"no {HARDNESS}": 1, "weights in … add up to …, not …": 1}


def test_aluminium_is_the_balance(tmp_path):
    header = ("Alloy", "Si", "Mg", "Al (min.)", "ManufacturingMethod")
    rows = [header, (1, 10, 0, "=100-SUM(B2:C2)", "Rolled"), (2, 0, 5, 95, "Thixoformed")]
    loaded = conventional.aluminium_alloys(sheet(tmp_path / "al.xlsx", rows))
    si = (10 / 28.0855) / (10 / 28.0855 + 90 / 26.9815386)
    fractions = fractions_of(loaded.frame)
    assert fractions[0, element_symbols().index("Si")] == pytest.approx(si, rel=1e-6)
    assert loaded.frame["process_route"].to_list() == ["wrought", "unknown"]
    assert loaded.frame["family"].unique().to_list() == ["aluminium"]


def test_steels_and_compounds(tmp_path):
    steel = write(tmp_path / "s.csv", "formula,c\nFe0.98C0.02,1\n")
    assert values(conventional.steels(steel), AMORPHOUS) == [("C2Fe98", 0.0, 1.0)]
    compounds = write(tmp_path / "e.csv", "formula\nScAg2\nTiB2\n")
    loaded = conventional.enthalpy_compounds(compounds)
    assert values(loaded, AMORPHOUS) == [("Ag66.7Sc33.3", 0.0, 0.5)]
    assert loaded.dropped == {"not all metal": 1}
