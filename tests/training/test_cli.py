from __future__ import annotations

import json

import pytest

from screener.errors import ModelError
from tests.training.invented_tasks import USER_TOML, user_csv
from training import cli, dates, evaluate_command, fit_command
from training.cli import main


def no_models():
    raise ModelError("no models are installed")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder, no models installed: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCREENER_CELLS", str(tmp_path / "cells"))
    monkeypatch.setattr(fit_command, "find_folder", no_models)

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.csv").write_text(user_csv(), encoding="utf-8")
    (tmp_path / "mine.toml").write_text(USER_TOML, encoding="utf-8")
    return "--data", "mine.csv", "--targets", "mine.toml", "--no-catalogue"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["frobnicate"], "error: no such command `frobnicate`\n\nhint: `training --help` lists what there is\n"),
        (["fit", "--worker", "1"], "error: no such option `--worker`\n\nhint: did you mean `--workers`?\n"),
        (
            ["fit", "--no-catalogue"],
            "error: there is nothing to learn from\n\n"
            "hint: name a table with `--data`, or leave out `--no-catalogue`\n",
        ),
        (
            ["fit", "--targets", "mine.toml"],
            "error: `mine.toml` declares targets of no table\n\nhint: name your table with `--data`\n",
        ),
        *(
            (
                [*command, "--units", "wt"],
                "error: `--units wt` is said of no table\n\nhint: name your table with `--data`, or leave it out\n",
            )
            for command in (["fit"], ["study", "main"], ["data", "check"])
        ),
    ],
)
def test_wrong_calls_end_with_one_fact_and_a_hint(run, arguments, expected):
    assert run(*arguments) == (2, "", expected)


@pytest.mark.parametrize(
    "arguments", [["fit", "--workers", "0"], ["evaluate", "--repeats", "21"], ["fit", "--gap", "-1"]]
)
def test_values_out_of_range_name_their_option(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: invalid value for `{arguments[1]}`: ")
    assert err.endswith(f"\n\nhint: `training {arguments[0]} --help` lists what there is\n")


@pytest.mark.parametrize("command", [["fit"], ["evaluate"], ["study", "main"], ["data", "check"]])
def test_unknown_units_are_refused_as_the_screener_does(run, command):
    expected = "error: unknown units `kg`\n\nhint: use `--units at` or `--units wt`\n"
    assert run(*command, "--units", "kg") == (2, "", expected)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["fit", "--data", "gone", "--no-catalogue"], ".csv or .xlsx"),
        (["data", "check", "--data", "gone"], ".csv or .xlsx"),
        (["fit", "--methods", "gone"], "TOML"),
        (["study", "custom", "--config", "gone"], "TOML"),
        (["data", "check", "--data", "mine.csv", "--targets", "gone"], "TOML"),
    ],
)
def test_files_that_do_not_exist_are_told_by_their_path(run, mine, arguments, kind):
    fact = "error: cannot read `gone`: no such file or directory"
    assert run(*arguments) == (2, "", f"{fact}\n\nhint: name a {kind} file that exists and can be read\n")


@pytest.mark.parametrize("command", ["fit", "evaluate"])
def test_commands_show_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"training {command} --" in out


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_a_bare_group_shows_its_help(run, arguments):
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert "Usage: training" in out


def test_a_missing_package_is_named_with_what_installs_it(run, monkeypatch):
    monkeypatch.setattr(cli, "_missing_extra", lambda: "torch")
    expected = "error: `training` needs the package `torch`\n\nhint: pip install 'alloy-screener[training]'\n"
    assert run("fit") == (2, "", expected)


def test_a_place_that_cannot_be_written_is_refused_before_any_work(run, mine, tmp_path, monkeypatch):
    for module in (fit_command, evaluate_command):
        monkeypatch.setattr(module, "load_measured", lambda *_, **__: pytest.fail("loaded"))
    (tmp_path / "file").write_text("mine")
    for out in ("file", "file/models"):
        expected = f"error: cannot write `{out}`: not a directory\n\nhint: name a place you can write to\n"
        assert run("fit", *mine, "--out", out) == (2, "", expected)
    assert (tmp_path / "file").read_text() == "mine"
    code, _, err = run("evaluate", *mine, "--out", "file/scores.json")
    assert (code, err.split("\n")[0]) == (2, "error: cannot write `file`: not a directory")
    code, _, err = run("evaluate", *mine, "--out", ".")
    assert (code, err) == (2, "error: `.` is a folder\n\nhint: name a file\n")


def test_a_readme_without_marks_is_refused_before_any_work(run, mine, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    code, out, err = run("evaluate", *mine, "--readme", "README.md")
    assert (code, out) == (2, "")
    assert err == (
        "error: `README.md` has no marks <!-- evaluation --> and <!-- /evaluation -->\n\n"
        "hint: add both where the table is to stand\n"
    )
    assert (tmp_path / "README.md").read_text() == "mine"


def test_tables_of_few_systems_are_refused(run, tmp_path):
    lines = ["alloy,hardness_gpa", *(f"Al{20 + i}Ti{80 - i},{3 + i / 10}" for i in range(40))]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    for command in ("fit", "evaluate"):
        code, out, err = run(command, "--data", "mine.csv", "--no-catalogue", "--workers", "1")
        assert (code, out) == (2, "")
        assert err.endswith(
            "error: 1 chemical systems cannot be split into 5 folds\n\nhint: add alloys of other element sets\n"
        )


def test_a_table_is_evaluated_into_json_and_readme(run, tmp_path):
    from training.evaluation import LABELS

    lines = user_csv().splitlines()
    (tmp_path / "mine.csv").write_text("\n".join(",".join(line.split(",")[:2]) for line in lines))
    (tmp_path / "README.md").write_text("a <!-- evaluation --> b <!-- /evaluation --> c")
    arguments = ("--data", "mine.csv", "--no-catalogue", "--quick", "--workers", "1")
    code, out, err = run("evaluate", *arguments, "--out", "scores.json", "--readme", "README.md")
    assert code == 0
    assert "random split, seed 0: fold 5 of 5" in err
    document = json.loads((tmp_path / "scores.json").read_text())
    models = {score["model"] for score in document["scores"]}
    assert models == {"constant", "nearest", "ridge", "extra_trees", "lightgbm", "net_128_64"}
    assert all(f"| {LABELS[model]} |" in out for model in models)
    assert f"data {document['data_digest']}" in out
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("a <!-- evaluation -->\n| model | hardness_gpa R² grouped | random | MAE grouped, GPa |\n")
    assert readme.endswith("\n<!-- /evaluation --> c")
    grouped = next(line for line in out.splitlines() if line.startswith("| constant |")).split(" | ")
    assert f"| constant | {grouped[1]} | {grouped[4]} | {grouped[2]} |" in readme
    assert out.splitlines()[-1] in readme


def test_a_report_is_written_and_answers_are_kept_unless_told_otherwise(run, tmp_path, monkeypatch):
    monkeypatch.setattr(dates, "today", lambda: "2026-01-02")
    lines = user_csv().splitlines()
    (tmp_path / "mine.csv").write_text("\n".join(",".join(line.split(",")[:2]) for line in lines))
    arguments = ("evaluate", "--data", "mine.csv", "--no-catalogue", "--quick", "--workers", "1")
    code, out, _ = run(*arguments, "--no-cache")
    assert code == 0
    assert not (tmp_path / "cells").exists()
    code, again, _ = run(*arguments, "--cache", "kept", "--report", "report.md")
    assert (code, again) == (0, out)
    assert len(list((tmp_path / "kept").rglob("*.npz"))) == 2 * 5 * 6
    report = (tmp_path / "report.md").read_text()
    assert report.startswith("# Evaluation\n\nFive folds, 1 regrouping (seed 0), out of fold, ")
    assert out.splitlines()[0] in report
    assert run(*arguments, "--cache", "kept")[1] == out


def test_the_whole_report_is_asked_for_with_five_regroupings(run, mine, tmp_path, monkeypatch):
    from training import full_evaluation
    from training.full_evaluation import FullEvaluation
    from training.report_tables import Section

    asked = []

    def evaluate_all(tables, repeats, digest, workers, store, progress):
        asked.append((repeats, workers, store))
        return FullEvaluation((), (Section("cost", "What it costs", "CPU.", (("s", "s"),), ({"s": 1.5},)),), ())

    monkeypatch.setattr(full_evaluation, "evaluate_all", evaluate_all)
    code, out, _ = run("evaluate", *mine, "--all", "--no-cache", "--out", "scores.json")
    assert code == 0
    assert asked == [(5, 2, None)]
    assert "## What it costs\n\nCPU.\n\n| s |\n|---:|\n| 1.500 |\n" in out
    assert "5 regroupings (seeds 0 to 4)" in out
    assert out.endswith("Written by `training evaluate --all`.\n")
    document = json.loads((tmp_path / "scores.json").read_text())
    assert document["sections"]["cost"]["rows"] == [{"s": 1.5}]
    assert document["seeds"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("options", [("--all", "--quick"), ("--cache", "kept", "--no-cache")])
def test_options_that_exclude_each_other_are_refused(run, mine, options):
    first, second = [option for option in options if option.startswith("--")]
    expected = f"error: `{first}` and `{second}` exclude each other\n\nhint: leave one of them out\n"
    assert run("evaluate", *mine, *options) == (2, "", expected)


def test_a_cache_that_cannot_be_written_is_refused_before_any_work(run, mine, tmp_path):
    (tmp_path / "file").write_text("mine")
    expected = "error: cannot write `file`: not a directory\n\nhint: name a place you can write to\n"
    assert run("evaluate", *mine, "--cache", "file") == (2, "", expected)


def test_an_interrupt_ends_with_130(run, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.fit_command.run_fit", interrupted)
    code, out, err = run("fit", "--no-catalogue", "--data", "mine.csv")
    assert (code, out, err) == (130, "", "")
