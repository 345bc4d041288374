from __future__ import annotations

import openpyxl
import polars as pl
import pytest

from screener.errors import InputError
from training.curation import curate
from training.declaration import Target, read_declaration
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY
from training.user_table import read_user_table


def csv(tmp_path, header, *rows, fill=35):
    """Write a table: the given rows, then enough good ones to be usable."""
    width = header.count(",")
    good = [f"Al{20 + i}Ti{80 - i}," + ",".join([str(5 + i / 10)] * width) for i in range(fill)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([header, *rows, *good]) + "\n", encoding="utf-8")
    return path


def toml(tmp_path, text):
    path = tmp_path / "targets.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(call, *args, **options):
    with pytest.raises(InputError) as error:
        call(*args, **options)
    return error.value.message, error.value.hint


@pytest.mark.parametrize("name", ["composition", "Formula", " ALLOY "])
def test_the_composition_column_is_found_by_name(tmp_path, name):
    table = read_user_table(csv(tmp_path, f"{name},hardness_gpa"))
    assert [target.name for target in table.targets] == [HARDNESS]
    assert table.rows.frame.height == 35
    assert table.rows.frame["source"].unique().to_list() == ["user:mine"]


def test_standard_columns_units_and_conditions(tmp_path):
    header = "composition,hardness_hv,resistivity_uohm_cm,film_thickness_nm,process_temperature_k,load_n,process_route"
    path = tmp_path / "mine.csv"
    rows = [f"Al{20 + i}Ti{80 - i},500,120,100,773,0.98,As cast" for i in range(30)]
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    frame = read_user_table(path).rows.frame
    assert frame.filter(pl.col("task") == HARDNESS)["value"].to_list() == pytest.approx([4.903325] * 30)
    assert frame.filter(pl.col("task") == RESISTIVITY)["value"].to_list() == [120.0] * 30
    names = ("film_thickness_nm", "process_temperature_k", "load_n", "process_route")
    assert frame.select(names).unique().rows() == [(100.0, 773.0, 0.98, "as_cast")]


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("true", "False"), ("YES", "no"), ("1.0", "0.0")])
def test_labels_in_words_and_numbers(tmp_path, yes, no):
    path = tmp_path / "mine.csv"
    rows = [f"Al{20 + i}Ti{80 - i},{yes if i % 2 else no}" for i in range(30)]
    path.write_text("\n".join(["alloy,is_amorphous", *rows, "AlTi,perhaps"]), encoding="utf-8")
    table = read_user_table(path)
    assert table.rows.frame["value"].to_list() == [float(i % 2) for i in range(30)]
    assert set(table.rows.frame["kind"]) == {"glass", "crystalline_literature"}
    assert table.rows.dropped == {f"{AMORPHOUS} is neither yes nor no": 1}
    assert table.label_tasks == ()


def test_bad_rows_are_counted(tmp_path):
    rows = ("Xx50Al50,5", ",5", "Al50Ti50,", "Al50Ti50,inf", "Al50Ti50,hard", ",,", "Al")
    table = read_user_table(csv(tmp_path, "composition,hardness_gpa", *rows))
    assert table.rows.frame.height == 35
    assert table.rows.dropped == {
        f"no {HARDNESS}": 2,
        f"{HARDNESS} is no number": 1,
        f"{HARDNESS} is not finite": 1,
        "formula is empty": 1,
        "unknown element …": 1,
    }
    assert table.rows.n_records == 35 + 6


def test_workbooks_and_weight_per_cent(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(("alloy", "hardness_gpa"))
    for i in range(30):
        book.active.append((f"Al{20 + i}Ti{80 - i}", 5))
    book.save(tmp_path / "mine.xlsx")
    atomic = read_user_table(tmp_path / "mine.xlsx").rows.frame
    weight = read_user_table(tmp_path / "mine.xlsx", units="wt").rows.frame
    assert atomic["key"][0] == "Al20Ti80"
    assert weight["key"][0] == "Al30.7Ti69.3"


def test_declared_targets_become_tasks(tmp_path):
    declaration = toml(
        tmp_path,
        '[targets.yield_mpa]\nunit = "MPa"\nkind = "regression"\nlog = true\ncolumn = "YS (MPa)"\n'
        '[targets.ductile]\nkind = "classification"\n',
    )
    path = tmp_path / "mine.csv"
    rows = [f"Al{20 + i}Ti{80 - i},{300 + i},{'yes' if i % 2 else 'no'}" for i in range(40)]
    path.write_text("\n".join(["alloy,YS (MPa),Ductile", *rows, "AlTi,-5,", "AlTi,0,no"]), encoding="utf-8")
    table = read_user_table(path, declaration)
    assert table.targets == (
        Target("yield_mpa", "MPa", "regression", "YS (MPa)", log=True),
        Target("ductile", "", "classification", "ductile"),
    )
    assert table.label_tasks == ("ductile",)
    assert table.rows.dropped == {"no ductile": 1, "yield_mpa not above zero": 2}
    curated = curate([table.rows], label_tasks=table.label_tasks)
    assert dict(curated.frame.group_by("task").len().rows()) == {"yield_mpa": 40, "ductile": 40}


def test_contradictory_hardness_is_refused(tmp_path):
    path = csv(tmp_path, "composition,hardness_gpa,hardness_hv", "Al50Ti50,4.9,500", "Al40Ti60,5,400", fill=0)
    assert refusal(read_user_table, path) == (
        "row 2: hardness_gpa `5` and hardness_hv `400` (3.92 GPa) differ",
        "keep one of the two columns",
    )


def test_either_hardness_column_fills_the_gaps_of_the_other(tmp_path):
    rows = [f"Al{20 + i}Ti{80 - i},{'' if i % 2 else 4.903325},{500 if i % 2 else ''}" for i in range(30)]
    path = csv(tmp_path, "composition,hardness_gpa,hardness_hv", *rows, fill=0)
    assert read_user_table(path).rows.frame["value"].to_list() == pytest.approx([4.903325] * 30)


def test_tables_without_what_is_needed_are_refused(tmp_path):
    assert refusal(read_user_table, csv(tmp_path, "material,hardness_gpa")) == (
        "`mine.csv` has no composition column",
        "name it composition, formula or alloy",
    )
    assert refusal(read_user_table, csv(tmp_path, "alloy,grain_um")) == (
        "`mine.csv` has no target column",
        "name one of hardness_hv, resistivity_uohm_cm, hardness_gpa, is_amorphous, or declare your own in a TOML file",
    )
    assert refusal(read_user_table, csv(tmp_path, "alloy,hardness_gpa", "AlTi,", fill=29)) == (
        "`hardness_gpa` has 29 usable rows",
        "at least 30 are needed; left out: 1 × no hardness_gpa",
    )
    assert refusal(read_user_table, csv(tmp_path, "alloy,Hardness_GPa,hardness_gpa")) == (
        "`mine.csv` has two columns `hardness_gpa`",
        "rename one of them",
    )
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["alloy,is_amorphous", *(f"Al{i}Ti,1" for i in range(1, 40))]), encoding="utf-8")
    assert refusal(read_user_table, path) == (
        "`is_amorphous` has labels of one class only",
        "a classifier needs rows of both classes",
    )
    for empty in (b"", b"\n", b",,\n"):
        path.write_bytes(empty)
        assert refusal(read_user_table, path) == (
            "`mine.csv` is empty",
            "write the names of the columns in the first line",
        )


def test_unknown_routes_are_refused(tmp_path):
    path = csv(tmp_path, "alloy,hardness_gpa,process_route", "AlTi,5,forged", fill=0)
    message, hint = refusal(read_user_table, path)
    assert message == "row 1 has the unknown process route `forged`"
    assert hint.startswith("known are as_cast, annealed")


def test_a_declared_column_must_exist(tmp_path):
    declaration = toml(tmp_path, '[targets.yield_mpa]\nkind = "regression"\n')
    assert refusal(read_user_table, csv(tmp_path, "alloy,hardness_gpa"), declaration) == (
        "`mine.csv` has no column `yield_mpa`",
        "its columns are alloy, hardness_gpa",
    )


EXAMPLE = 'declare targets as in [targets.yield_mpa] unit = "MPa" kind = "regression"'


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("targets = [", "`targets.toml` does not read as TOML: TOMLDecodeError", EXAMPLE),
        ("a = 1", "`targets.toml` declares no target", EXAMPLE),
        (
            '[targets.x]\nkind = "ranking"',
            "target `x` has the kind `ranking`, which there is not",
            'add kind = "regression" or kind = "classification"',
        ),
        (
            '[targets.x]\nkind = "regression"\nlog = "yes"',
            "`log` of target `x` is not understood",
            "it takes kind, unit, column and log",
        ),
        (
            '[targets.x]\nkind = "regression"\nscale = 2',
            "`scale` of target `x` is not understood",
            "it takes kind, unit, column and log",
        ),
        (
            '[targets.x]\nkind = "classification"\nlog = true',
            "target `x` is a class and has no logarithm",
            "remove log = true",
        ),
        (
            '[targets.hardness_gpa]\nkind = "regression"',
            "`hardness_gpa` cannot name a target of your own",
            "a column `hardness_gpa` is learned as it is: take [targets.hardness_gpa] out, or choose another name",
        ),
        (
            '[targets."YS MPa"]\nkind = "regression"',
            "`YS MPa` cannot name a target of your own",
            "choose lower-case letters, digits and underscores, a letter first",
        ),
        ("[targets]\nx = 1", "target `x` has no kind", 'add kind = "regression" or kind = "classification"'),
    ],
)
def test_declarations_that_do_not_read(tmp_path, text, message, hint):
    assert refusal(read_declaration, toml(tmp_path, text)) == (message, hint)


def test_a_missing_declaration_is_named(tmp_path):
    hint = "name a TOML file that exists and can be read"
    path = tmp_path / "gone.toml"
    assert refusal(read_declaration, path) == (f"cannot read `{path}`: no such file or directory", hint)
    assert refusal(read_declaration, tmp_path) == (f"cannot read `{tmp_path}`: is a directory", hint)
