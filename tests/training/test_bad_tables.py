"""What is wrong with a user's table is refused, or left out by rule and told; never passed over."""

from __future__ import annotations

import json

import pytest

from screener.errors import InputError
from tests.training.invented_tasks import user_csv
from training.cli import main
from training.curation import curate
from training.fit_command import describe
from training.measured import load_measured
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY
from training.user_table import read_user_table
from training.user_values import Finding, formula_fault, percent_fault, read_class, read_number

VICKERS = "write every value in GPa, or name the column hardness_hv; 1 HV is 0.00981 GPa"


def csv(tmp_path, header, *rows, fill="{},5.{}"):
    """Write a table: the given rows, then 35 good ones."""
    good = [fill.format(f"Al{20 + i}Ti{80 - i}", i) for i in range(35)] if fill else []
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([header, *rows, *good]) + "\n", encoding="utf-8")
    return path


def refusal(path, **options):
    with pytest.raises(InputError) as error:
        read_user_table(path, **options)
    return error.value.message, error.value.hint


def test_every_row_that_is_left_out_is_told_with_its_place(tmp_path):
    rows = ("Xx5Al5,5", "Po50Al50,5", "Al50Os50,5", ",5", "Al50Ti50,", "Al50Ti50,nan", "Al50Ti50,-inf", "Al50Ti50,hard")
    table = read_user_table(csv(tmp_path, "alloy,hardness_gpa", *rows, "", "Al50Ti50,-5", "Al50Ti50,5,5"))
    assert table.findings == (
        Finding(1, "alloy", "Xx5Al5", "unknown element `Xx`", True),
        Finding(2, "alloy", "Po50Al50", "no alloy data for `Po`", True),
        Finding(3, "alloy", "Al50Os50", "the models do not know `Os`", True),
        Finding(4, "alloy", "", "formula is empty", True),
        Finding(5, HARDNESS, "", "no hardness_gpa", True),
        Finding(6, HARDNESS, "nan", "hardness_gpa is not finite", True),
        Finding(7, HARDNESS, "-inf", "hardness_gpa is not finite", True),
        Finding(8, HARDNESS, "hard", "hardness_gpa is no number", True),
        Finding(10, HARDNESS, "-5", "hardness_gpa outside 0.02 to 40 GPa", True),
        Finding(11, "alloy", "Al50Ti50", "more fields than the header", True),
    )
    assert table.rows.dropped == {
        "formula is empty": 1,
        "hardness_gpa is no number": 1,
        "hardness_gpa is not finite": 2,
        "more fields than the header": 1,
        "no alloy data for `Po`": 1,
        "no hardness_gpa": 1,
        "unknown element …": 1,
    }
    report = curate([table.rows]).report
    assert {drop.reason: drop.count for drop in report.dropped if drop.task} == {"outside the physical range": 1}
    assert table.rows.n_records == 35 + len(rows) + 2
    assert table.notes == ()


def test_gaps_of_tables_with_several_targets_are_counted_but_not_listed(tmp_path):
    path = csv(tmp_path, "alloy,hardness_gpa,resistivity_uohm_cm", "Al50Ti50,,", "AlTi9,5,x", fill="{0},5.{1},10{1}")
    table = read_user_table(path)
    assert table.rows.dropped == {
        "no hardness_gpa": 1,
        "no resistivity_uohm_cm": 1,
        "resistivity_uohm_cm is no number": 1,
    }
    assert table.findings == (Finding(2, RESISTIVITY, "x", "resistivity_uohm_cm is no number", True),)


def test_a_decimal_comma_never_becomes_another_number(tmp_path):
    table = read_user_table(csv(tmp_path, "alloy,hardness_gpa", "Al10Ti90,5,5", '"Al11Ti89","6,5"', "Al12Ti88,7,"))
    assert set(table.rows.dropped) == {"more fields than the header", "hardness_gpa is no number"}
    assert table.rows.frame.filter(table.rows.frame["key"] == "Al12Ti88")["value"].to_list() == [7.0]


def test_magnitudes_of_two_units_in_one_composition_are_refused(tmp_path):
    rows = ("Al50Ti50,5.2", "Al10Ti90,4", "Al50Ti50,5.4", "Al50.01Ti49.99,530")
    assert refusal(csv(tmp_path, "alloy,hardness_gpa", *rows)) == (
        "`hardness_gpa` of `Al50Ti50` is `5.2` in row 1 and `530` in row 4",
        VICKERS,
    )
    just = read_user_table(csv(tmp_path, "alloy,hardness_gpa", "Cr50Ti50,1", "Cr50Ti50,20"))
    assert curate([just.rows]).report.scattered == ("Cr50Ti50",)
    assert refusal(csv(tmp_path, "alloy,resistivity_uohm_cm", "Al50Ti50,1.3", "Al50Ti50,130", fill="{},10{}")) == (
        "`resistivity_uohm_cm` of `Al50Ti50` is `1.3` in row 1 and `130` in row 2",
        "write every value in µΩ·cm; 1 Ω·m is 1e8 µΩ·cm",
    )


def test_a_column_in_another_unit_throughout_is_refused(tmp_path):
    assert refusal(csv(tmp_path, "alloy,hardness_gpa", fill="{},5{:02}")) == (
        "35 of 35 values of `hardness_gpa` lie outside 0.02 to 40 GPa",
        VICKERS,
    )
    message, _ = refusal(csv(tmp_path, "alloy,resistivity_uohm_cm", fill="{},1.{}e-6"))
    assert message == "35 of 35 values of `resistivity_uohm_cm` lie outside 1 to 2000 µΩ·cm"


def test_own_targets_may_span_any_range_and_are_told(tmp_path):
    toml = tmp_path / "mine.toml"
    toml.write_text('[targets.grain_um]\nunit = "µm"\nkind = "regression"\nlog = true\n', encoding="utf-8")
    table = read_user_table(csv(tmp_path, "alloy,grain_um", "Al50Cr50,1", "Al50Cr50,500", "AlCr,0"), toml)
    assert table.findings == (Finding(3, "grain_um", "0", "grain_um not above zero", True),)
    assert curate([table.rows]).report.scattered == ("Al50Cr50",)


def test_numbers_near_zero_are_far_apart_only_beside_the_scatter_of_all(tmp_path):
    toml = tmp_path / "mine.toml"
    toml.write_text('[targets.shift]\nunit = "K"\nkind = "regression"\n', encoding="utf-8")
    rows = ("Cr10Ti90,-0.5", "Cr10Ti90,0.5", "Cr20Ti80,-40", "Cr20Ti80,40")
    good = [f"Al{20 + i}Ti{80 - i},{i - 17}" for i in range(35)]
    table = read_user_table(csv(tmp_path, "alloy,shift", *rows, *good, fill=""), toml)
    assert curate([table.rows]).report.scattered == ("Cr20Ti80",)


@pytest.mark.parametrize("name", ["composition (wt.%)", "alloy_wt", "Formula [wt%]", "alloy wt pct"])
def test_units_in_the_name_of_the_column_must_agree_with_the_command(tmp_path, name):
    path = csv(tmp_path, f"{name},hardness_gpa")
    assert refusal(path) == (f"the column `{name}` says wt.%, the command at.%", "add `--units wt`")
    assert read_user_table(path, units="wt").rows.frame.height == 35
    atomic = csv(tmp_path, f"{name.replace('wt', 'at')},hardness_gpa")
    assert refusal(atomic, units="wt") == (
        f"the column `{name.replace('wt', 'at')}` says at.%, the command wt.%",
        "leave out `--units wt`, or rename the column",
    )


def test_sums_that_contradict_stated_percent_are_left_out(tmp_path):
    rows = ("Al50Ti60,5", "Al0.4Ti0.6,5", "Al49.8Ti50,5", "Al3Ti,5", "AlCoCrFeNi,5", "Ti-6Al-4V,5")
    table = read_user_table(csv(tmp_path, "alloy (at.%),hardness_gpa", *rows))
    assert table.findings == (Finding(1, "alloy (at.%)", "Al50Ti60", "percent do not add up to 100 (110 here)", True),)
    assert table.rows.dropped == {"amounts do not add up to 100": 1}
    weights = read_user_table(csv(tmp_path, "alloy,hardness_gpa", "Al50Ti60,5", "Al3Ti,5"), units="wt")
    assert weights.rows.dropped == {"weights in … add up to …, not …": 2}
    assert weights.findings[0] == Finding(1, "alloy", "Al50Ti60", "weights in `Al50Ti60` add up to 110, not 100", True)


def test_sums_near_a_hundred_are_kept_and_told(tmp_path):
    table = read_user_table(csv(tmp_path, "alloy,hardness_gpa", "Al50Ti49,5", "Al50Ti58,5", "Al2Ti3,5", "Al55Ti60,5"))
    assert table.findings == (
        Finding(1, "alloy", "Al50Ti49", "percent do not add up to 100 (99 here): read as ratios", False),
        Finding(2, "alloy", "Al50Ti58", "percent do not add up to 100 (108 here): read as ratios", False),
    )
    assert table.notes == ("read with care: 2 × alloy percent do not add up to 100",)
    assert table.rows.frame.height == 39


@pytest.mark.parametrize(
    ("text", "stated", "fault"),
    [
        ("Al50Ti50", False, ""),
        ("Al 50 Ti 49.6", False, ""),
        ("Al50Ti49", False, "percent do not add up to 100 (99 here)"),
        ("Al50%Ti49%", False, "percent do not add up to 100 (99 here)"),
        ("AlTi99", False, ""),
        ("(AlTi)50Cr49", False, ""),
        ("Al30Ti30", False, ""),
        ("Al30Ti30", True, "percent do not add up to 100 (60 here)"),
        ("Al0.5Ti0.4", True, "percent do not add up to 1 (0.9 here)"),
        ("Al0.5Ti0.5", True, ""),
    ],
)
def test_percent_are_known_by_their_sum_or_by_what_the_column_says(text, stated, fault):
    assert percent_fault(text, stated=stated) == fault


def test_conditions_that_do_not_read_count_as_not_stated_and_are_told(tmp_path):
    header = "alloy,hardness_gpa,load_n,process_temperature_k,film_thickness_nm"
    path = csv(tmp_path, header, "Al50Ti50,5,abc,-20,0", "Al10Ti90,5,9.8,300,", fill="{},5.{},,,")
    table = read_user_table(path)
    first, second = table.rows.frame.select("load_n", "process_temperature_k", "film_thickness_nm").rows()[:2]
    assert (first, second) == ((None, None, None), (9.8, 300.0, None))
    assert table.findings == (
        Finding(1, "film_thickness_nm", "0", "is not above zero: taken as not stated", False),
        Finding(1, "process_temperature_k", "-20", "is not above zero: taken as not stated", False),
        Finding(1, "load_n", "abc", "is no number: taken as not stated", False),
    )
    assert table.notes == (
        "read with care: 1 × film_thickness_nm is not above zero, 1 × load_n is no number, "
        "1 × process_temperature_k is not above zero",
    )


def test_hardness_that_one_column_lacks_comes_from_the_other_and_is_told(tmp_path):
    path = csv(tmp_path, "alloy,hardness_gpa,hardness_hv", "Al50Ti50,?,500", "Al10Ti90,?,", fill="{},5.{},")
    table = read_user_table(path)
    assert table.rows.frame["value"][0] == pytest.approx(4.903325)
    assert table.findings == (
        Finding(1, "hardness_gpa", "?", "is no number: the other column is read", False),
        Finding(2, "hardness_gpa", "?", "hardness_gpa is no number", True),
    )


def test_columns_that_are_not_read_are_named(tmp_path):
    table = read_user_table(csv(tmp_path, "formula,hardness_gpa,Alloy,hardnes_hv", fill="{0},5.{1},name,1"))
    assert table.notes == ("columns not read: Alloy, hardnes_hv",)
    assert table.rows.frame.height == 35


def test_conflicting_labels_and_numbers_are_settled_by_rule_and_told(tmp_path):
    rows = ("Cr10Ti90,1", "Cr10Ti90,0", "Cr20Ti80,1", "Cr20Ti80,1", "Cr20Ti80,0", "Cr30Ti70,1", "Cr30Ti70,1")
    good = [f"Al{20 + i}Ti{80 - i},{i % 2}" for i in range(35)]
    table = read_user_table(csv(tmp_path, "alloy,is_amorphous", *rows, *good, fill=""))
    curated = curate([table.rows])
    assert curated.report.tied == ("Cr10Ti90",)
    assert [(d.task, d.reason, d.count) for d in curated.report.dropped] == [
        (AMORPHOUS, "outvoted", 1),
        (AMORPHOUS, "votes are even", 2),
    ]
    labels = dict(curated.frame.select("key", "value").rows())
    assert (labels["Cr20Ti80"], labels["Cr30Ti70"], labels.get("Cr10Ti90")) == (1.0, 1.0, None)
    numbers = ("Cr10Ti90,4", "Cr10Ti90,9", "Cr10Ti90,5", "Cr20Ti80,4", "Cr20Ti80,5.9")
    curated = curate([read_user_table(csv(tmp_path, "alloy,hardness_gpa", *numbers)).rows])
    assert curated.report.scattered == ("Cr10Ti90",)
    values = dict(curated.frame.select("key", "value").rows())
    assert (values["Cr10Ti90"], values["Cr20Ti80"]) == (5.0, 4.95)


def test_tables_without_rows_or_of_another_form_are_refused(tmp_path):
    assert refusal(csv(tmp_path, "alloy,hardness_gpa", fill="")) == (
        "`mine.csv` has no rows",
        "write one alloy a line below the names of the columns",
    )
    assert refusal(csv(tmp_path, "alloy,hardness_gpa", ",", " , ", fill=""))[0] == "`mine.csv` has no rows"
    assert refusal(csv(tmp_path, "alloy;hardness_gpa", "Al50Ti50;5", fill="")) == (
        "`mine.csv` is separated by semicolons",
        "save it with commas, decimals with points",
    )
    for header, separators in (
        ("alloy\thardness_gpa", "tabs"),
        ("alloy\thardness (GPa; 1 N)", "tabs"),
        ("Alloy (at.%);hardness, GPa", "semicolons"),
        ('"alloy";"hardness, GPa"', "semicolons"),
        ("material;hardness_gpa", "semicolons"),
    ):
        assert refusal(csv(tmp_path, header)) == (
            f"`mine.csv` is separated by {separators}",
            "save it with commas, decimals with points",
        )
    assert refusal(csv(tmp_path, '"grade; lot",hardness_gpa'))[0] == "`mine.csv` has no composition column"
    assert refusal(csv(tmp_path, "alloy,hardness_gpa,Hardness_GPa")) == (
        "`mine.csv` has two columns `Hardness_GPa`",
        "rename one of them",
    )
    assert refusal(csv(tmp_path, "alloy,hardness_gpa", "Al50Ti50,x", "Xx,5", fill="")) == (
        "`hardness_gpa` has 0 usable rows",
        "at least 30 are needed; left out: 1 × hardness_gpa is no number, 1 × unknown element …",
    )


def test_tables_that_cannot_be_read_are_told_from_those_of_another_form(tmp_path):
    hint = "name a .csv or .xlsx file that exists and can be read"
    gone = tmp_path / "gone.csv"
    assert refusal(gone) == (f"cannot read `{gone}`: no such file or directory", hint)
    assert refusal(tmp_path) == (f"cannot read `{tmp_path}`: is a directory", hint)


def test_words_for_numbers_and_classes():
    assert read_number("5e-1") == (0.5, "")
    assert [read_number(text)[1] for text in ("", "x", "nan", "inf", "5,5")] == [
        *("no", "is no number", "is not finite", "is not finite", "is no number"),
    ]
    assert [read_class(text) for text in ("Yes", "0.0", "", "2")] == [
        *((1.0, ""), (0.0, ""), (None, "no"), (None, "is neither yes nor no")),
    ]
    assert formula_fault("Xx5", "at") == "unknown element `Xx`"


BAD = "Xx5Al5,5,100,0,1,no\nAl50Os50,5,100,0,1,no\nCr50Ti50,2,100,0,1,maybe\nCr50Ti50,9,100,1,1,no\n"


def test_fitting_tells_what_was_left_out_and_why(tmp_path):
    path = tmp_path / "mine.csv"
    text = user_csv() + BAD
    path.write_text("\n".join(f"{line},remark" for line in text.splitlines()), encoding="utf-8")
    told = describe(load_measured(path, with_catalogue=False))
    assert "left out of your table: 1 × unknown element …, 2 × votes are even (is_amorphous)" in told
    assert "; columns not read: mixing_kj_mol, ductile, remark" in told
    assert "; 1 compositions with as many labels for as against, left out" in told
    assert "; 1 repeated compositions with numbers far apart, median kept" in told


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main(["data", "check", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_check_names_every_finding(run, tmp_path):
    (tmp_path / "mine.csv").write_text(user_csv() + BAD, encoding="utf-8")
    (tmp_path / "mine.toml").write_text('[targets.ductile]\nkind = "classification"\n', encoding="utf-8")
    code, out, err = run("--data", "mine.csv", "--targets", "mine.toml")
    assert (code, err) == (0, "")
    table = out[out.index("your table, row by row: 3 findings") :].splitlines()
    assert [line.split() for line in table[1:5]] == [
        ["row", "column", "text", "reason"],
        ["left", "out", "85", "composition", "Xx5Al5", "unknown", "element", "`Xx`"],
        ["left", "out", "86", "composition", "Al50Os50", "the", "models", "do", "not", "know", "`Os`"],
        ["left", "out", "87", "ductile", "maybe", "ductile", "is", "neither", "yes", "nor", "no"],
    ]
    assert table[5:] == [
        "as many labels for as against, left out: Cr50Ti50",
        "numbers far apart, the median is kept: Cr50Ti50",
        "columns not read: mixing_kj_mol",
    ]
    for target in (HARDNESS, RESISTIVITY, AMORPHOUS, "ductile"):
        assert f"\n{target} " in out


def test_check_lists_everything_as_json(run, tmp_path):
    bad = "".join(f"Xx{i},5\n" for i in range(1, 61))
    good = "".join(f"Al{20 + i}Ti{80 - i},5.{i}\n" for i in range(35))
    (tmp_path / "mine.csv").write_text("alloy,hardness_gpa\n" + bad + good, encoding="utf-8")
    code, out, _ = run("--data", "mine.csv", "--json")
    document = json.loads(out)
    assert code == 0
    assert len(document["findings"]) == 60
    assert document["findings"][59] == {
        "row": 60,
        "column": "alloy",
        "text": "Xx60",
        "reason": "unknown element `Xx`",
        "left_out": True,
    }
    assert document["dropped"] == [{"source": "user:mine", "task": "", "reason": "unknown element …", "count": 60}]
    assert (document["notes"], document["scattered"]) == ([], [])
    assert "… and 20 more; `--json` lists them all" in run("--data", "mine.csv")[1]


def test_check_refuses_what_fit_refuses(run, tmp_path):
    (tmp_path / "mine.csv").write_text("alloy,hardness_gpa\n", encoding="utf-8")
    expected = "error: `mine.csv` has no rows\n\nhint: write one alloy a line below the names of the columns\n"
    assert run("--data", "mine.csv") == (2, "", expected)
    expected = "error: `mine.toml` declares targets of no table\n\nhint: name your table with `--data`\n"
    assert run("--targets", "mine.toml") == (2, "", expected)


def test_check_says_where_a_table_alone_teaches_too_little(run, tmp_path):
    csv(tmp_path, "alloy,hardness_gpa")
    code, out, _ = run("--data", "mine.csv")
    lacking = "1 chemical systems cannot be split into 5 folds"
    assert (code, out.splitlines()[-1]) == (0, f"too little for `training fit` to learn from it alone: {lacking}")
    assert json.loads(run("--data", "mine.csv", "--json")[1])["too_little_alone"] == lacking
    (tmp_path / "mine.csv").write_text(user_csv(), encoding="utf-8")
    assert json.loads(run("--data", "mine.csv", "--json")[1])["too_little_alone"] == ""


def test_gpa_in_a_column_of_vickers_numbers_are_doubted(tmp_path):
    doubt = "every hardness is below 31 HV: are these GPa in a column of HV?"
    assert read_user_table(csv(tmp_path, "alloy,hardness_hv")).notes == (doubt,)
    assert read_user_table(csv(tmp_path, "alloy,hardness_hv", "Al90Ti10,250")).notes == ()
    assert read_user_table(csv(tmp_path, "alloy,hardness_gpa", fill="{},0.1{}")).notes == ()
    assert (
        read_user_table(csv(tmp_path, "alloy,note,hardness_hv", fill="{},x,5.{}")).notes[0] == "columns not read: note"
    )


def test_texts_that_would_read_as_other_alloys_are_left_out(tmp_path):
    rows = ("Al20.5Ti79.5,5", '"Al20,5Ti79,5",5', '"Al2,5Ti",5', "Ti-6Al-4V,5", "Ti64,5", "Ti100,5", "Ti,5")
    table = read_user_table(csv(tmp_path, "composition,hardness_gpa", *rows))
    comma = "a decimal comma: write a point"
    assert [(f.row, f.text, f.reason, f.left_out) for f in table.findings] == [
        (2, "Al20,5Ti79,5", comma, True),
        (3, "Al2,5Ti", comma, True),
        (4, "Ti-6Al-4V", "`Ti-6Al-4V` does not say wt.% or at.%", True),
        (5, "Ti64", "the name of a grade? Ti alone is written without an amount", True),
    ]
    assert table.rows.frame.height == 35 + 3
    for units in ("at", "wt"):
        told = read_user_table(csv(tmp_path, "composition,hardness_gpa", "Ti-6Al-4V,5"), units=units)
        assert (told.rows.frame.height, told.findings) == (36, ())
    stated = read_user_table(csv(tmp_path, "composition_at_pct,hardness_gpa", "Ti-6Al-4V,5"))
    assert stated.findings == ()


def test_values_beyond_single_precision_are_left_out(tmp_path):
    declaration = tmp_path / "t.toml"
    declaration.write_text('[targets.ys]\nunit = "MPa"\nkind = "regression"\n')
    lines = "".join(f"Al{k}Ti{100 - k},{k}\n" for k in range(1, 41))
    path = tmp_path / "ys.csv"
    path.write_text(f"alloy,ys\n{lines}Al50Ti50,1e300\n")
    table = read_user_table(path, declaration)
    assert [(f.row, f.reason, f.left_out) for f in table.findings] == [(41, "ys is too large", True)]
