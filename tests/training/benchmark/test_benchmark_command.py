"""`training benchmark`: the table, the document, and wrong calls."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.training.benchmark.invented_benchmark import FOREIGN
from tests.training.invented_tasks import GLASS
from training import benchmark_command, dates
from training.benchmark import run_benchmark, summary
from training.benchmark_command import BenchmarkRequest, leaderboard, markdown, to_json
from training.benchmark_rows import MARGIN, benchmark_task
from training.cli import main


@pytest.fixture(scope="module")
def results(task):
    return run_benchmark(task, workers=1)


def test_measured_and_quoted_numbers_never_share_a_column(task, results):
    means = summary(results)
    head, _, ours, tuned, *quoted = markdown([(task, results)]).splitlines()
    kinds = [name.rsplit(", ", 1)[-1].strip() for name in head.strip("| ").split("|")[1:]]
    assert kinds == ["measured"] * 6 + ["quoted"] * 2
    cells = [cell.strip() for cell in ours.strip("| ").split("|")[1:]]
    names = ("balanced_accuracy", "f1", "accuracy", "roc_auc", "pr_auc", "recall_at_precision_90")
    assert cells == [f"{means[name][0]:.3f} ± {means[name][1]:.3f}" for name in names] + ["–", "–"]
    cells = [cell.strip() for cell in tuned.strip("| ").split("|")[1:]]
    expected = [f"{means[f'{name}_tuned'][0]:.3f} ± {means[f'{name}_tuned'][1]:.3f}" for name in names[:3]]
    assert cells == [*expected, *["–"] * 5]
    assert len(quoted) == len(leaderboard().rows) == 7
    for line in quoted:
        assert [cell.strip() for cell in line.strip("| ").split("|")[1:7]] == ["–"] * 6
    assert "| AMMExpress v2020 | – | – | – | – | – | – | 0.861 | 0.904 |" in quoted


def test_the_document_holds_what_was_computed(task, results):
    document = json.loads(to_json([(task, results)], BenchmarkRequest(workers=1), "2026-01-02"))
    assert (document["date"], document["seeds"], document["rows"]) == ("2026-01-02", [0], len(task.label))
    assert document["unknown_rows"] == len(FOREIGN)
    (variant,) = document["variants"]
    assert (variant["other_sources"], variant["margin"]) == (True, MARGIN)
    assert document["settings"]["recipe"]["target"] == "p_amorphous"
    for name, (mean, spread) in summary(results).items():
        assert variant["measured"][name] == {"mean": mean, "sd": spread}
        each = [fold["scores"][name] for fold in variant["folds"]]
        assert np.mean(each) == pytest.approx(mean)
    assert len(variant["data_digest"]) == 16
    assert document["quoted"]["read"] == leaderboard().read


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main(["benchmark", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_command_prints_the_table_and_writes_the_document(run, task, table, tmp_path, monkeypatch):
    alone = benchmark_task(table, GLASS, None)
    monkeypatch.setattr(dates, "today", lambda: "2026-01-02")
    monkeypatch.setattr(
        benchmark_command, "load_task", lambda *, only_benchmark, quick: alone if only_benchmark else task
    )
    code, out, err = run("matbench_glass", "--workers", "1", "--out", "scores.json", "--report", "scores.md")
    assert code == 0
    assert "official fold 5 of 5" in err
    document = json.loads((tmp_path / "scores.json").read_text())
    for variant, what in zip(document["variants"], ("official training rows", "and all other sources"), strict=True):
        mean, spread = variant["measured"]["balanced_accuracy"].values()
        assert f"| **characterize tier's recipe**, {what}, p ≥ 0.5 | {mean:.3f} ± {spread:.3f} |" in out
    assert (tmp_path / "scores.md").read_text(encoding="utf-8") == f"# The public benchmark\n\n{out}"
    code, printed, _ = run("matbench_glass", "--workers", "1", "--json")
    assert (code, json.loads(printed)) == (0, document)
    caption = out.splitlines()[-1]
    assert caption.startswith(f"{len(table.formulas)} rows in 5 official folds, mean ± standard deviation")
    assert "No row of another source within 1 at.% (max |Δc|) of a tested one is used." in caption
    assert "0 tested rows hold elements that no row learned from does, 4 such that cannot be described" in caption
    assert ", ".join(variant["data_digest"] for variant in document["variants"]) in caption
    assert caption.endswith("Written by `training benchmark matbench_glass`.")


def test_wrong_calls_end_before_any_work(run, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark_command, "load_task", lambda **_: pytest.fail("loaded"))
    expected = "error: unknown benchmark `matbench`\n\nhint: write `training benchmark matbench_glass`\n"
    assert run("matbench") == (2, "", expected)
    expected = f"error: `{tmp_path}` is a folder\n\nhint: name a file\n"
    assert run("matbench_glass", "--out", str(tmp_path)) == (2, "", expected)
    (tmp_path / "file").write_text("a")
    code, _, err = run("matbench_glass", "--out", "file/scores.json")
    assert (code, err.split("\n")[0]) == (2, "error: cannot write `file`: not a directory")


def test_the_help_shows_an_example(run):
    assert "training benchmark matbench_glass --out" in run("--help")[1]


def test_a_missing_benchmark_is_named(run, tmp_path, monkeypatch):
    from training import catalogue

    monkeypatch.setenv("SCREENER_DATA", str(tmp_path))
    monkeypatch.setattr(catalogue, "cache_folder", lambda: tmp_path / "cache")
    code, out, err = run("matbench_glass")
    assert (code, out) == (2, "")
    assert err.startswith("error: data file `matbench_glass/matbench_glass.json.bz2` is nowhere to be found\n\nhint: ")
