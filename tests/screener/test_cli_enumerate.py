"""`screener enumerate`: what it writes, and the exact words for what it refuses."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import oracles
import polars
import pytest

from screener.model_set import ALLOY_INDEX, SUMS
from screener.space import CompositionSpace

BASE = ("enumerate", "--elements", "Al,Ti,Cr")


def test_the_main_job_fills_every_column(run, tmp_path: Path) -> None:
    ended = run(*BASE, "-o", "out.csv", "--top", "50")
    assert (ended.code, ended.out) == (0, "")
    frame = polars.read_csv(tmp_path / "out.csv")
    assert frame.height == 50
    assert frame.columns[:6] == ["rank", "index", "formula", "Al", "Ti", "Cr"]
    assert sum(frame.null_count().row(0)) == 0
    assert "nan" not in (tmp_path / "out.csv").read_text().lower()
    assert ended.err.startswith("5,151 candidates screened, 50 kept; ")
    meta = json.loads((tmp_path / "out.csv.meta.json").read_text())
    assert json.loads(meta["screener.question"])["elements"] == ["Al", "Ti", "Cr"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "out.csv.meta.json"]


def test_summary_says_models_conditions_and_thresholds(run, tiny_models: Path) -> None:
    lines = run(*BASE, "--step", "10", "--condition", "load_n=5", "--recall", "0.9", "--device", "cpu").err.splitlines()
    assert lines[1].startswith(f"models: screen tier ranks, characterize tier describes, `{tiny_models}` (digest ")
    assert lines[1].endswith("), device cpu")
    assert lines[2] == "conditions: load_n=5 N, anneal_k=300 K (reference)"
    assert lines[3:-1] == [
        f"is_amorphous ({tier}): p ≥ 0.5, out-of-fold precision 0.750, recall 0.900, specificity 0.850"
        for tier in ("screen", "characterize")
    ]


def test_formats_hold_the_same_table(run, tmp_path: Path) -> None:
    for name in ("a.csv", "a.parquet", "a.jsonl"):
        assert run(*BASE, "--top", "7", "-o", name).code == 0
    first = polars.read_csv(tmp_path / "a.csv")
    assert first.equals(polars.read_parquet(tmp_path / "a.parquet"))
    assert first.equals(polars.read_ndjson(tmp_path / "a.jsonl"))
    assert "screener.question" in polars.read_parquet_metadata(tmp_path / "a.parquet")


def test_standard_output_is_csv_in_a_pipe_and_quiet_is_quiet(run) -> None:
    ended = run(*BASE, "--top", "2", "--quiet")
    rows = list(csv.reader(ended.out.splitlines()))
    assert len(rows) == 3
    assert ended.err == ""
    assert run(*BASE, "--top", "2", "--quiet", "-o", "-").out == ended.out


def test_inward_rounding_of_bounds_is_said(run) -> None:
    ended = run(*BASE, "--step", "5", "--bounds", "Al=3:42", "--bounds", "Ti=0:50")
    assert [line for line in ended.err.splitlines() if line.startswith("note: ")]
    assert ended.code == 0


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("--elements", "Al,Ti,Cr", "--step", "5"), len(oracles.simplex(20, 3))),
        (
            (
                *("--elements", "Fe,Co,Ni,Cr,Mn", "--components", "5"),
                *("--bounds", "Fe=5:35,Co=5:35,Ni=5:35,Cr=5:35,Mn=5:35"),
            ),
            oracles.count_space(100, (5,) * 5, (35,) * 5, (5, 5)),
        ),
        (("--elements", "Al,Ti,Cr", "--sample", "17"), 17),
    ],
)
def test_dry_run_counts_first(run, arguments: tuple[str, ...], count: int) -> None:
    ended = run("enumerate", *arguments, "--dry-run")
    lines = ended.out.splitlines()
    assert (ended.code, lines[0]) == (0, f"candidates: {count}")
    exact = "time: about seconds to minutes for most questions, of any size (exact search); --time-limit ends it"
    assert lines[-2] == exact if count > 300_000 else lines[-2].startswith("time: about ")
    assert lines[-1].startswith("memory: about ")


def test_dry_run_tells_which_search_would_run(run) -> None:
    large = ("enumerate", "--elements", "Al,Ti,Cr,Fe,Ni,Zr,Co,Cu", "--dry-run")
    lines = run(*large).out.splitlines()
    assert lines[:2] == [
        "candidates: 26075972546",
        "time: about seconds to minutes for most questions, of any size (exact search); --time-limit ends it",
    ]
    assert lines[2].startswith("memory: about ")
    refused = "note: more than the 1000000000 of --max-candidates, so a search would be refused"
    for asked in (("--search", "exhaustive"), ("--where", "vec > 5 or Al > 3")):
        lines = run(*large, *asked, "--max-candidates", "1000000000").out.splitlines()
        assert lines[1] == refused
        assert lines[2].startswith("time: about ")
    ended = run(*large, "--search", "exact", "--pareto", "--maximize", "hardness_gpa", "--minimize", "vec=4:9")
    assert ended.err.startswith("error: exact search has no bound for `--pareto`\n")


def test_dry_run_of_a_space_beyond_numbering(run) -> None:
    names = "Al,Ti,Cr,Fe,Ni,Co,Cu,Zr,Nb,Mo,W,Ta,Y"
    ended = run("enumerate", "--elements", names, "--step", "0.1", "--dry-run")
    assert ended.out.splitlines() == [
        f"candidates: {CompositionSpace.build(names, '0.1').size}",
        "note: too many to number, so this space can be counted but not searched",
    ]
    assert run("enumerate", "--elements", names, "--step", "0.1", "--max-candidates", str(10**30)).code == 2


def test_dry_run_says_what_a_search_would_refuse(run) -> None:
    lines = run(*BASE, "--max-candidates", "100", "--bounds", "Al=0.5:50", "--dry-run").out.splitlines()
    assert "note: more than the 100 of --max-candidates, so a search would be refused" in lines
    assert any(line.startswith("note: ") and "Al" in line for line in lines)
    refused = run(*BASE, "--dry-run", "--where", "vecc > 3")
    assert (refused.code, refused.out) == (2, "candidates: 5151\n")
    assert refused.err.startswith("error: unknown column `vecc`")


def test_dry_run_needs_no_models(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SCREENER_MODELS")
    monkeypatch.setattr("screener.model_set.user_folder", lambda: tmp_path / "none")
    monkeypatch.setattr("screener.model_set.packaged_folders", lambda: (tmp_path / "none", tmp_path / "none"))
    ended = run(*BASE, "--dry-run")
    assert ended.out.splitlines() == [
        "candidates: 5151",
        "note: time and memory are not estimated, as no models are installed",
    ]
    refused = run(*BASE)
    assert (refused.code, refused.err) == (
        2,
        "error: no models are installed\n\nhint: run `training fit`, or name a folder with `--models`\n",
    )


REFUSED = {
    "unknown element": (("--elements", "Al,Tii"), "unknown element `Tii`", "did you mean `Ti`?"),
    "step": (("--step", "0.3"), "step `0.3` does not divide 100 at.%", "use `--step 0.25` or `--step 0.4`"),
    "bounds": (
        ("--bounds", "Al=0:30,Ti=0:30,Cr=0:30"),
        "upper bounds add up to 90 at.%",
        "raise upper limits in `--bounds` to 100 or more",
    ),
    "too large": (
        ("--max-candidates", "5000"),
        "5151 candidates are more than the 5000 of --max-candidates",
        "coarsen `--step`, narrow `--bounds`, draw some with `--sample 1000000`, or raise `--max-candidates`",
    ),
    "no models": (
        ("--models", "nowhere"),
        "no models in `nowhere`",
        "--models must name a folder with a SHA256SUMS file, as `training fit --out` writes",
    ),
    "aggregate": (("--where", "max(hardness_gpa) > 3"), "function `max` is not available", "use `greatest` in --where"),
    "unknown column": (("--where", "hardnes_gpa > 3"), "unknown column `hardnes_gpa`", "did you mean `hardness_gpa`?"),
    "interval": (
        ("--where", "hardness_gpa_low > 3"),
        "`hardness_gpa_low` exists only after re-scoring",
        "filter the written result by it: --where sees screening values and descriptors",
    ),
    "unwritable": (("-o", "gone/out.csv"), "folder `gone` does not exist", "create it: mkdir -p gone"),
    "format": (("-o", "out.xlsx"), "unknown output format `.xlsx`", "end -o in .csv, .parquet or .jsonl"),
    "both thresholds": (
        ("--recall", "0.9", "--threshold", "0.5"),
        "both `--recall` and `--threshold` are given",
        "give one of them; the other follows from it",
    ),
    "condition": (("--condition", "lod_n=3"), "unknown condition `lod_n`", "did you mean `load_n`?"),
    "condition text": (
        ("--condition", "load_n=hard"),
        "condition `load_n` is `hard`, not a number",
        "write a number, e.g. `--condition load_n=1`",
    ),
    "condition twice": (
        ("--condition", "load_n=1", "--condition", "load_n=2"),
        "condition `load_n` is given twice",
        "give each condition once",
    ),
    "strict": (
        ("--elements", "Al,Nb", "--strict"),
        "outside the training elements: `Nb` of every model",
        "leave such elements out, or drop `--strict` to have them flagged in `in_domain`",
    ),
    "seed": (("--seed", "3"), "--seed `3` without `--sample`", "only a draw is random: add `--sample N`"),
    "sample": (("--sample", "-3"), "sample size `-3` is below 1", "draw at least one candidate"),
    "nothing drawn": (("--sample", "0"), "sample size `0` is below 1", "draw at least one candidate"),
    "top": (("--top", "0"), "--top `0` is below 1", "ask for at least one candidate, e.g. `--top 20`"),
    "draw": (
        ("--elements", "Al,Ti,Cr,Fe,Co,Ni,Cu,Zr,Mo", "--sample", "200000000"),
        "--sample `200000000` is more than the 100000000 that are held in memory",
        "draw at most `--sample 100000000`, or search the whole space",
    ),
    "kept": (
        ("--elements", "Al,Ti,Cr,Fe,Co", "--top", "4000000"),
        "--top `4000000` is more than the 2000000 that are kept in memory",
        "keep at most `--top 2000000`, or narrow the space and search its parts",
    ),
    "empty filter": (
        ("--where", ""),
        "empty expression",
        "write --where like `hardness_gpa / 2 > 3 and in_domain`",
    ),
    "empty ranking": (("--rank-by", ""), "empty expression", None),
    "empty bounds": (("--bounds", ""), "`` does not read as limits in at.%", "write `Al=5:35`"),
    "tier": (("--tier", "fast"), "unknown tier `fast`", "use `auto`, `screen` or `characterize`"),
    "units": (("--units", "vol"), "unknown units `vol`", "use `--units at` or `--units wt`"),
    "device": (("--device", "gpu"), "unknown device `gpu`", "use `--device auto`, `cpu`, `cuda` or `cuda:0`"),
    "missing property": (
        ("--elements", "Al,B", "--minimize", "cost_usd_kg"),
        "no `price_usd_kg` for `B`",
        "leave `B` out, or do without `cost_usd_kg`",
    ),
    "property of the models": (
        ("--elements", "Al,Ti,H", "--minimize", "cost_usd_kg"),
        "no `radius_miracle_pm` for `H`",
        "leave `H` out",
    ),
    "two rankings": (
        ("--rank-by", "vec", "--maximize", "vec"),
        "`--rank-by` together with `--maximize`",
        "keep one of --rank-by and --maximize",
    ),
    "front": (
        ("--pareto", "--maximize", "vec"),
        "pareto front over `1` objectives",
        "give --maximize or --minimize at least twice",
    ),
    "option": (("--stepp", "5"), "no such option `--stepp`", None),
    "number": (("--top", "many"), None, "`screener enumerate --help` lists what there is"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_fact_and_a_hint(run, case: str, tmp_path: Path) -> None:
    arguments, message, hint = REFUSED[case]
    base = ("enumerate",) if "--elements" in arguments else BASE
    output = () if "-o" in arguments else ("-o", "out.csv")
    ended = run(*base, *output, *arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.count("error: ") == 1
    fact, _, rest = ended.err.removeprefix("error: ").partition("\n\nhint: ")
    assert rest.endswith("\n")
    assert "Traceback" not in ended.err
    if message is not None:
        assert fact == message
    if hint is not None:
        assert rest == f"{hint}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def damaged(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the models to spoil."""
    folder = tmp_path_factory.mktemp("damaged") / "models"
    shutil.copytree(tiny_models, folder)
    return folder


def reseal(folder: Path) -> None:
    """Record the digests of whatever lies in the folder now."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != SUMS)
    sums = "".join(f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names)
    (folder / SUMS).write_text(sums)


@pytest.mark.parametrize("name", ["screen/amorphous.onnx", "characterize/hardness.onnx", ALLOY_INDEX])
def test_damaged_and_missing_files_are_refused(run, damaged: Path, name: str, tmp_path: Path) -> None:
    whole = (damaged / name).read_bytes()
    (damaged / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    ended = run(*BASE, "--models", str(damaged), "-o", "out.csv")
    assert ended.code == 2
    assert ended.err.startswith(f"error: `{name}` does not match its recorded digest\n\nhint: restore `{name}`")
    (damaged / name).unlink()
    ended = run(*BASE, "--models", str(damaged), "-o", "out.csv")
    assert ended.code == 2
    assert ended.err.startswith(f"error: the model file `{name}` is missing from `{damaged}`\n\nhint: ")
    assert list(tmp_path.iterdir()) == []


def test_rubbish_that_was_recorded_is_refused_too(run, damaged: Path) -> None:
    (damaged / "screen/hardness.onnx").write_bytes(b"not a model")
    reseal(damaged)
    ended = run(*BASE, "--models", str(damaged))
    assert ended.code == 2
    assert ended.err.startswith("error: `screen/hardness.onnx` is not a readable ONNX model")


def test_models_without_an_index_of_alloys_are_refused(run, damaged: Path) -> None:
    (damaged / ALLOY_INDEX).unlink()
    reseal(damaged)
    ended = run(*BASE, "--models", str(damaged))
    assert (ended.code, ended.err) == (
        2,
        f"error: no index of training alloys in `{damaged}`\n\n"
        "hint: run `training fit` to write `training_alloys.npz` with the models\n",
    )


def test_warnings_stay_when_quiet(run) -> None:
    ended = run("enumerate", "--elements", "Al,Nb", "--step", "10", "--quiet", "--condition", "load_n=900")
    assert ended.err.splitlines() == [
        "warning: condition load_n=900 lies outside the 0.1 to 50 N the models were trained on",
        "warning: outside the training elements: `Nb` of every model: in_domain is false for alloys with them",
    ]
    assert ended.code == 0
