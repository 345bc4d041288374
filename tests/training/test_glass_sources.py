from __future__ import annotations

import bz2
import json
import lzma

import pytest

from screener.errors import InputError
from tests.training.invented import sheet, values, write
from training.sources import (
    glasses,
)
from training.sources.benchmark import read_benchmark
from training.sources.table import (
    AMORPHOUS,
)

# glasses


def test_landolt_reads_phases_not_its_label_column(tmp_path):
    path = write(
        tmp_path / "l.csv",
        "formula,phase,processing,gfa\nAl80Ni20,AM,meltspin,1\nAl80Ni20,CR,meltspin,1\nAl70Ni30,AC,sputtering,0\n"
        "F0Al10Ni90,CR,meltspin,0\nAl5Ni95,XX,meltspin,0\n",
    )
    loaded = glasses.landolt_ternary(path)
    assert loaded.frame.select("value", "weight", "kind", "process_route").rows() == [
        (1.0, 1.0, "glass", "ribbon"),
        (0.0, 1.0, "crystalline_literature", "ribbon"),
        (0.0, 0.5, "partly_crystalline", "film"),
        (0.0, 1.0, "crystalline_literature", "ribbon"),
    ]
    assert loaded.cleaned == 1
    assert loaded.dropped == {"no label": 1}


def benchmark_files(tmp_path, tests=(("mb-2",), ("mb-1",))):
    table = {
        "mbid": {"0": "mb-1", "1": "mb-2"},
        "composition": {"0": "Al(NiB)2", "1": "OTi2"},
        "gfa": {"0": True, "1": False},
    }
    packed = tmp_path / "m.json.bz2"
    packed.write_bytes(bz2.compress(json.dumps(table).encode()))
    folds = write(
        tmp_path / "f.json", json.dumps({f"fold_{i}": {"train": [], "test": list(t)} for i, t in enumerate(tests)})
    )
    return packed, folds


def test_the_benchmark_reads_with_its_brackets_in_the_chemical_meaning(tmp_path):
    loaded = glasses.matbench_glass(benchmark_files(tmp_path)[0])
    assert values(loaded, AMORPHOUS) == [("Al20B40Ni40", 1.0, 1.0)]
    assert loaded.dropped == {"no alloy data for `O`": 1}


def test_the_benchmark_keeps_every_row_and_the_official_folds(tmp_path):
    benchmark = read_benchmark(*benchmark_files(tmp_path))
    assert benchmark.formulas == ("Al(NiB)2", "OTi2")
    assert benchmark.is_glass.tolist() == [True, False]
    assert benchmark.fold.tolist() == [1, 0]


@pytest.mark.parametrize("tests", [(("mb-1",),), (("mb-1", "mb-2"), ("mb-2",)), (("mb-1", "mb-2", "mb-3"),)])
def test_folds_that_do_not_fit_are_refused(tmp_path, tests):
    with pytest.raises(InputError, match=r"`f.json` does not test every row of `m.json.bz2` once"):
        read_benchmark(*benchmark_files(tmp_path, tests))


@pytest.mark.parametrize("content", [b"", b"no archive", bz2.compress(b"{}"), bz2.compress(b"[1]")])
def test_a_damaged_benchmark_is_refused(tmp_path, content):
    _, folds = benchmark_files(tmp_path)
    packed = tmp_path / "m.json.bz2"
    packed.write_bytes(content)
    with pytest.raises(InputError, match="does not read as a table"):
        glasses.matbench_glass(packed)
    with pytest.raises(InputError, match="does not read as the benchmark"):
        read_benchmark(packed, folds)


def test_inferred_labels_are_trusted_less(tmp_path):
    loaded = glasses.sun_binary(write(tmp_path / "b.csv", ",formula,gfa\n0,Ag95Cu5,0\n1,Ag50Cu50,1\n"))
    assert loaded.frame.select("value", "weight", "kind").rows() == [(0.0, 0.3, "inferred"), (1.0, 0.3, "inferred")]


def test_mdf_keeps_what_speaks_of_ribbons_and_films(tmp_path):
    path = write(
        tmp_path / "mdf.csv",
        "Composition,Is_Amorphous?,Casting,Type,Dmax_[mm]\n"
        "Zr50Cu50,AM,Melt Casting,Rod,2\n"
        "Zr50Cu40Al10,,,,5\n"
        "Zr10Cu90,CR,Melt Spinning,Ribbon,\n"
        "Zr20Cu80,CR,Melt Casting,,\n"
        "Zr30Cu70,AC,,Rod,\n"
        "Zr40Cu60,AM,Mechanical,Powder,\n"
        "Zr60Cu40,OT,Melt Spinning,Ribbon,\n"
        "Zr70Cu30,\"['AM' 'CR']\",Melt Spinning,Ribbon,\n"
        "Zr80Cu20,,,,\n"
        "Zr85Cu15,QC,Deposition,Thin Film,\n",
    )
    loaded = glasses.mdf_glasses(path)
    assert loaded.frame.select("key", "value", "weight", "process_route", "dmax_mm").rows() == [
        ("Cu50Zr50", 1.0, 1.0, "bulk", 2.0),
        ("Al10Cu40Zr50", 1.0, 1.0, "unknown", 5.0),
        ("Cu90Zr10", 0.0, 1.0, "ribbon", None),
        ("Cu15Zr85", 0.0, 0.5, "film", None),
    ]
    assert loaded.dropped == {
        "crystalline as a bulk casting only": 2,
        "milled powder, neither ribbon nor film": 1,
        "no label": 1,
        "several or other phases": 2,
    }
    assert loaded.n_records == 10


def test_a_blank_class_is_no_glass_for_one_source_and_unknown_for_the_other(tmp_path):
    ward = tmp_path / "w.csv.xz"
    ward.write_bytes(lzma.compress(b"composition,gfa_type,D_max\nAl10Ni90,,0\nAl20Ni80,Ribbon,0.2\nZr55Cu45,BMG,3\n"))
    loaded = glasses.ward_glasses(ward)
    assert loaded.frame.select("value", "dmax_mm", "process_route").rows() == [
        (0.0, None, "unknown"),
        (1.0, None, "ribbon"),
        (1.0, 3.0, "bulk"),
    ]
    path = write(tmp_path / "c.csv", "composition,Dmax,GFA\nAl10Ni90,,\nAl20Ni80,0.15,Ribbon\nAl30Ni70,0,Crystal\n")
    loaded = glasses.forrest_greer(path)
    assert loaded.frame.select("value", "dmax_mm").rows() == [(1.0, None), (0.0, None)]
    assert loaded.dropped == {"no label": 1}


def test_classes_without_provenance(tmp_path):
    path = sheet(tmp_path / "c.xlsx", [("Alloys", "Class"), ("Ca70Cu30 ", "MG"), ("AlCoCr", "CA"), ("AlCo", "??")])
    loaded = glasses.bajpai_classes(path)
    assert values(loaded, AMORPHOUS) == [("Ca70Cu30", 1.0, 1.0), ("Al33.3Co33.3Cr33.3", 0.0, 1.0)]
    assert loaded.dropped == {"no label": 1}


def test_a_zero_diameter_is_no_crystal(tmp_path):
    path = write(tmp_path / "d.csv", "bmg_alloy,actual_d_max\nZr60Cu40,2\nAl60Cu40,0\nAl50Cu50,\n")
    loaded = glasses.dmax_anshpoonia(path)
    assert loaded.frame.select("value", "dmax_mm").rows() == [(1.0, 2.0)]
    assert loaded.dropped == {"no critical diameter": 2}
    book = sheet(tmp_path / "b.xlsx", [(None, "Alloys (compostion)", "Dmax (mm)"), (None, "La62 (Cu,Ni)24 Al14", 10)])
    loaded = glasses.dmax_bmgs2024(book)
    assert loaded.frame["key"].to_list() == ["Al14Cu12La62Ni12"]
    assert loaded.cleaned == 1
    book = sheet(tmp_path / "u.xlsx", [("ID", "Alloy", "Dmax"), (1, " Fe70B30 ", 1.5), ("References", None, None)])
    loaded = glasses.dmax_usc_fe(book)
    assert (loaded.frame.height, loaded.n_records) == (1, 1)
