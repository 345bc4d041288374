from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest

from screener.card import ModelCard, Target
from screener.descriptors.specs import feature_spec
from screener.errors import InputError, ModelError
from screener.model_set import ALLOY_INDEX, SUMS, recorded_digests
from screener.nearest import AlloyIndex
from tests.training.invented_tasks import HARDNESS as HARD
from tests.training.invented_tasks import invented_rows
from training import promotion
from training.alloy_index import build_index, merge_indexes
from training.bodies import dense_body
from training.cli import main
from training.graphs import Head, build_model
from training.promotion import paired_scores
from training.publish import publish, sealed
from training.readme import TITLE

SPEC = feature_spec("screen")
OLD = (0.50, 0.52, 0.48, 0.51, 0.49)
SURELY = tuple(value + 0.05 + 0.001 * k for k, value in enumerate(OLD))
HARDLY = (0.60, 0.43, 0.55, 0.44, 0.52)
HARDNESS = Target("hardness_gpa", "GPa", "regression", 0.0, 1.0)
GLASS = Target("p_amorphous", "1", "classification", 0.0, 1.0)


def no_models():
    raise ModelError("no models are installed")


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
    monkeypatch.setattr(promotion, "find_folder", no_models)


def graph(target=HARDNESS, seed=0):
    rng = np.random.default_rng(seed)
    layers = [(rng.normal(size=(len(SPEC.names), 1)).astype(np.float32) * 0.01, np.ones(1, np.float32))]
    head = Head(target.name, target.kind, half_width=0.5)
    return build_model([dense_body(layers)], [1.0], head, len(SPEC.names))


def card(scores=OLD, target=HARDNESS, folds="f0", score="r2", tier="screen"):
    fold_scores = {} if scores is None else {score: scores}
    threshold = 0.5 if target.kind == "classification" else None
    about = {"threshold": threshold, "folds": folds, "fold_scores": fold_scores}
    return ModelCard(tier, target, "screen", SPEC.digest, ("Al",), **about)


def write(folder, seed, name="screen/hardness.onnx", target=HARDNESS, **fields):
    """Put a model into a folder and return the digest that names it."""
    content = sealed(graph(target, seed), card(target=target, **fields))
    publish(folder, {name: content})
    return hashlib.sha256(content).hexdigest()[:16]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Promote from `new` to `use`: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, source="new"):
        code = main(["promote", "--from", source, "--to", "use", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def journal(folder):
    return [json.loads(line) for line in (folder / "promotions.jsonl").read_text().splitlines()]


def state(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def sums_hold(folder):
    for name, digest in recorded_digests(folder).items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    return set(recorded_digests(folder))


def test_a_better_model_replaces_the_one_in_use(run, tmp_path):
    old, new = write(tmp_path / "use", 0), write(tmp_path / "new", 1, scores=SURELY)
    before = (tmp_path / "use/screen/hardness.onnx").read_bytes()
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out == (
        f"screen/hardness.onnx  {new}  r2 0.500 → 0.552, difference +0.052 (95 % interval +0.049 to +0.055), "
        "p 0.000: better, promoted\n"
    )
    assert (tmp_path / f"use/previous/{old}.onnx").read_bytes() == before
    assert sums_hold(tmp_path / "use") == {"screen/hardness.onnx"}
    assert (tmp_path / "use/screen/hardness.onnx").read_bytes() == (tmp_path / "new/screen/hardness.onnx").read_bytes()
    (entry,) = journal(tmp_path / "use")
    assert (entry["target"], entry["tier"], entry["file"]) == ("hardness_gpa", "screen", "screen/hardness.onnx")
    assert (entry["old"], entry["new"], entry["forced"]) == (old, new, False)
    assert entry["test"]["score"] == "r2"
    assert entry["test"]["folds"] == "f0"
    assert entry["test"]["difference"] == pytest.approx(0.052)
    error = math.sqrt((1 / 5 + 1 / 4) * np.var([0.05, 0.051, 0.052, 0.053, 0.054], ddof=1))
    assert entry["test"]["t"] == pytest.approx(0.052 / error)
    readme = (tmp_path / "use/README.md").read_text()
    assert readme.startswith(TITLE)
    assert new in readme


def test_the_outcome_can_be_had_as_json(run, tmp_path):
    old, new = write(tmp_path / "use", 0), write(tmp_path / "new", 1, scores=SURELY)
    code, out, err = run("--json")
    (told,) = json.loads(out)
    assert (code, err) == (0, "")
    assert (told["old"], told["new"], told["promoted"]) == (old, new, True)
    assert told["said"].endswith("better, promoted")
    assert {key: told[key] for key in journal(tmp_path / "use")[0]} == journal(tmp_path / "use")[0]


def test_a_model_within_noise_is_not_promoted(run, tmp_path):
    write(tmp_path / "use", 0)
    new = write(tmp_path / "new", 1, scores=HARDLY)
    before = state(tmp_path / "use")
    code, out, _ = run()
    assert code == 0
    assert out.startswith(f"screen/hardness.onnx  {new}  r2 0.500 → 0.508, difference +0.008 (95 % interval -0.1")
    assert out.endswith(": not better beyond noise, kept the old one\n")
    assert state(tmp_path / "use") == before


def test_a_promotion_within_noise_can_be_forced_and_is_recorded_as_such(run, tmp_path):
    old, new = write(tmp_path / "use", 0), write(tmp_path / "new", 1, scores=HARDLY)
    code, out, _ = run("--anyway")
    assert code == 0
    assert out.endswith(": not better beyond noise, promoted as asked\n")
    (entry,) = journal(tmp_path / "use")
    assert (entry["old"], entry["new"], entry["forced"]) == (old, new, True)
    assert entry["test"]["p"] > 0.05


def test_better_is_not_forced_even_when_asked(run, tmp_path):
    write(tmp_path / "use", 0)
    write(tmp_path / "new", 1, scores=SURELY)
    assert run("--anyway")[1].endswith(": better, promoted\n")
    assert journal(tmp_path / "use")[0]["forced"] is False


def test_a_classifier_is_judged_by_the_area_under_precision_and_recall(run, tmp_path):
    name = {"name": "screen/amorphous.onnx", "target": GLASS, "score": "pr_auc"}
    write(tmp_path / "use", 0, **name)
    write(tmp_path / "new", 1, scores=SURELY, **name)
    code, out, _ = run()
    assert (code, "pr_auc 0.500 → 0.552" in out) == (0, True)


def test_the_first_of_its_name_is_promoted(run, tmp_path):
    new = write(tmp_path / "new", 1, scores=None, folds="")
    code, out, _ = run()
    assert (code, out) == (0, f"screen/hardness.onnx  {new}  promoted, the first of its name\n")
    (entry,) = journal(tmp_path / "use")
    assert (entry["old"], entry["test"], entry["forced"]) == (None, None, False)
    assert not (tmp_path / "use/previous").exists()


def test_the_same_file_is_left_alone(run, tmp_path):
    new = write(tmp_path / "use", 0)
    write(tmp_path / "new", 0)
    before = state(tmp_path / "use")
    assert run() == (0, f"screen/hardness.onnx  {new}  in use already\n", "")
    assert state(tmp_path / "use") == before


def test_only_the_models_named_are_promoted(run, tmp_path):
    for folder, seed, scores in (("use", 0, OLD), ("new", 5, SURELY)):
        write(tmp_path / folder, seed, scores=scores)
        write(tmp_path / folder, seed + 1, "screen/density.onnx", Target("rho", "1", "regression", 0, 1), scores=scores)
    kept = (tmp_path / "use/screen/density.onnx").read_bytes()
    code, out, _ = run("hardness_gpa")
    assert (code, out.count("\n")) == (0, 1)
    assert (tmp_path / "use/screen/density.onnx").read_bytes() == kept
    assert run("screen/density.onnx")[1].startswith("screen/density.onnx  ")
    assert [entry["target"] for entry in journal(tmp_path / "use")] == ["hardness_gpa", "rho"]


def test_an_empty_folder_also_gets_the_installed_models(run, tmp_path, monkeypatch):
    installed = tmp_path / "installed"
    old = write(installed, 0)
    write(installed, 2, "screen/density.onnx", Target("rho", "1", "regression", 0, 1))
    publish(installed, {ALLOY_INDEX: build_index({"rho": invented_rows(HARD, n=30)}).to_bytes()})
    write(tmp_path / "new", 1, scores=SURELY)
    fresh = build_index({"hardness_gpa": invented_rows(HARD, n=40, seed=1)})
    publish(tmp_path / "new", {ALLOY_INDEX: fresh.to_bytes()})
    monkeypatch.setattr(promotion, "find_folder", lambda: installed)
    before = state(installed)
    assert run()[0] == 0
    assert sums_hold(tmp_path / "use") == {"screen/hardness.onnx", "screen/density.onnx", ALLOY_INDEX}
    index = AlloyIndex.read(tmp_path / "use" / ALLOY_INDEX)
    assert index_digest(index.of_target("hardness_gpa")) == index_digest(fresh)
    assert len(index.of_target("rho")) > 0
    assert (tmp_path / f"use/previous/{old}.onnx").is_file()
    assert state(installed) == before


def test_targets_keep_the_alloys_of_the_models_that_serve_them(run, tmp_path):
    rows = [invented_rows(HARD, n=30, seed=seed) for seed in range(4)]
    density = Target("rho", "1", "regression", 0, 1)
    for folder, seed, (hard, other) in (("use", 0, rows[:2]), ("new", 5, rows[2:])):
        write(tmp_path / folder, seed, scores=SURELY if seed else OLD)
        write(tmp_path / folder, seed + 1, "characterize/hardness.onnx", scores=HARDLY if seed else OLD)
        write(tmp_path / folder, seed + 2, "screen/density.onnx", density, scores=HARDLY if seed else OLD)
        index = build_index({"hardness_gpa": hard, "rho": other})
        publish(tmp_path / folder, {ALLOY_INDEX: index.to_bytes()})

    def held():
        index = AlloyIndex.read(tmp_path / "use" / ALLOY_INDEX)
        return {name: index_digest(index.of_target(name)) for name in index.target_names}

    def index_of(*parts):
        tables = [build_index({"hardness_gpa": part}) for part in parts]
        one = tables[0] if len(tables) == 1 else merge_indexes(*tables, (), {"hardness_gpa"})
        return index_digest(one)

    assert run("hardness_gpa")[0] == 0  # one of its two models
    assert held() == {"hardness_gpa": index_of(rows[0], rows[2]), "rho": index_of(rows[1])}
    assert run("hardness_gpa", "--anyway")[0] == 0
    assert held() == {"hardness_gpa": index_of(rows[0], rows[2]), "rho": index_of(rows[1])}


def test_a_first_promotion_brings_only_the_alloys_of_what_is_promoted(run, tmp_path):
    rows = [invented_rows(HARD, n=30, seed=seed) for seed in range(2)]
    write(tmp_path / "new", 1)
    write(tmp_path / "new", 2, "screen/density.onnx", Target("rho", "1", "regression", 0, 1))
    publish(tmp_path / "new", {ALLOY_INDEX: build_index({"hardness_gpa": rows[0], "rho": rows[1]}).to_bytes()})
    assert run("hardness_gpa")[0] == 0
    index = AlloyIndex.read(tmp_path / "use" / ALLOY_INDEX)
    assert index.target_names == ("hardness_gpa",)
    assert index_digest(index) == index_digest(build_index({"hardness_gpa": rows[0]}))


def index_digest(index):
    return sorted(index.formula(row) for row in range(len(index)))


ANYWAY = "fit both on the same data, or promote without a comparison with `--anyway`"


@pytest.mark.parametrize(
    ("fields", "fact"),
    [
        ({"folds": "f1"}, "`screen/hardness.onnx` and the model in use were scored on other folds"),
        ({"scores": OLD[:4]}, "`screen/hardness.onnx` and the model in use were scored on other folds"),
        ({"scores": None}, "the card of `screen/hardness.onnx` has no r2 by fold"),
        ({"folds": ""}, "the card of `screen/hardness.onnx` has no r2 by fold"),
    ],
)
def test_what_cannot_be_compared_is_refused_or_forced(run, tmp_path, fields, fact):
    old, new = write(tmp_path / "use", 0), write(tmp_path / "new", 1, **fields)
    before = state(tmp_path / "use")
    assert run() == (2, "", f"error: {fact}\n\nhint: {ANYWAY}\n")
    assert state(tmp_path / "use") == before
    expected = f"screen/hardness.onnx  {new}  promoted without a comparison, as asked\n"
    assert run("--anyway") == (0, expected, "")
    (entry,) = journal(tmp_path / "use")
    assert (entry["old"], entry["new"], entry["forced"], entry["test"]) == (old, new, True, None)


def test_one_refusal_stops_every_promotion(run, tmp_path):
    for folder, seed, scores, folds in (("use", 0, OLD, "f0"), ("new", 5, SURELY, "f1")):
        write(tmp_path / folder, seed, scores=scores)
        write(tmp_path / folder, seed + 1, "screen/rho.onnx", Target("rho", "1", "regression", 0, 1), folds=folds)
    before = state(tmp_path / "use")
    assert run()[0] == 2
    assert state(tmp_path / "use") == before


def test_another_target_or_tier_or_an_unusable_score_is_refused():
    rho = Target("rho", "g/cm³", "regression", 0.0, 1.0)

    def refusal(old, new):
        with pytest.raises(InputError) as error:
            paired_scores(old, new, "screen/a.onnx")
        return error.value.message

    assert refusal(card(), card(target=rho)) == (
        "`screen/a.onnx` predicts `rho` in g/cm³, the model in use `hardness_gpa` in GPa"
    )
    assert refusal(card(), card(tier="characterize")) == (
        "`screen/a.onnx` is of the characterize tier, the model in use of the screen tier"
    )
    assert refusal(card(scores=None), card()) == "the card of the model in use of `screen/a.onnx` has no r2 by fold"
    assert refusal(card((0.1, math.nan)), card((0.1, 0.2))) == (
        "`screen/a.onnx` or the model in use has no usable r2 in some fold"
    )
    assert paired_scores(card(), card(SURELY), "screen/a.onnx") == ("r2", OLD, SURELY)


def test_a_damaged_model_in_use_is_said_and_can_be_replaced(run, tmp_path):
    write(tmp_path / "use", 0)
    write(tmp_path / "new", 1, scores=SURELY)
    (tmp_path / "use/screen/hardness.onnx").write_bytes(b"torn")
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err == (
        "error: the model in use cannot be compared: `screen/hardness.onnx` does not match its recorded digest\n\n"
        "hint: mend the model in use, or promote without a comparison with `--anyway`\n"
    )
    assert run("--anyway")[0] == 0
    assert sums_hold(tmp_path / "use") == {"screen/hardness.onnx"}
    torn = hashlib.sha256(b"torn").hexdigest()[:16]
    assert (tmp_path / f"use/previous/{torn}.onnx").read_bytes() == b"torn"


def test_a_damaged_candidate_changes_nothing(run, tmp_path):
    write(tmp_path / "use", 0)
    write(tmp_path / "new", 1, scores=SURELY)
    (tmp_path / "new/screen/hardness.onnx").write_bytes(b"torn")
    before = state(tmp_path / "use")
    code, _, err = run("--anyway")
    assert (code, err.split("\n")[0]) == (2, "error: `screen/hardness.onnx` does not match its recorded digest")
    assert state(tmp_path / "use") == before


def test_wrong_calls_end_with_one_fact_and_a_hint(run, tmp_path, capsys):
    write(tmp_path / "new", 1)
    hint = "hint: name a folder with `--from`, as `training fit --out` writes\n"
    assert run(source="gone") == (2, "", f"error: no models in `gone`\n\n{hint}")
    assert run("resistivity") == (
        2,
        "",
        "error: `new` holds no model `resistivity`\n\nhint: it has models of hardness_gpa\n",
    )
    assert run(source="use") == (
        2,
        "",
        "error: `use` cannot replace itself\n\nhint: name another folder with `--from` or `--to`\n",
    )
    assert main(["promote"]) == 2
    assert capsys.readouterr().err == f"error: no folder of new models is named\n\n{hint}"
    (tmp_path / "use").write_text("a file")
    assert run() == (2, "", "error: cannot write `use`: not a directory\n\nhint: name a place you can write to\n")


def test_the_journal_grows_line_by_line_even_after_a_torn_one(run, tmp_path):
    write(tmp_path / "use", 0)
    (tmp_path / "use/promotions.jsonl").write_text('{"date": "2026-01-01"}')
    write(tmp_path / "new", 1, scores=SURELY)
    run()
    assert journal(tmp_path / "use")[0] == {"date": "2026-01-01"}
    assert len(journal(tmp_path / "use")) == 2


def test_the_users_own_readme_stays(run, tmp_path):
    write(tmp_path / "new", 1)
    (tmp_path / "use").mkdir()
    (tmp_path / "use/README.md").write_text("my notes")
    assert run()[0] == 0
    assert (tmp_path / "use/README.md").read_text() == "my notes"
    assert SUMS in state(tmp_path / "use")


def test_the_help_shows_an_example(run):
    assert "training promote --from my-models hardness_gpa" in run("--help")[1]
