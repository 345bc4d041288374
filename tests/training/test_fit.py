from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from screener.device import Device
from screener.elements import element_symbols
from screener.errors import ModelError
from screener.model import Model
from screener.model_set import ALLOY_INDEX, load_models, recorded_digests
from screener.nearest import AlloyIndex
from tests.training.invented_tasks import (
    GLASS,
    SYSTEMS,
    TINY,
    USER_TOML,
    drawn_alloys,
    invented_rows,
    invented_tables,
    user_csv,
)
from training import cards as cards_module
from training import dates
from training import fit as fit_module
from training.catalogue import catalogue
from training.cli import main
from training.contenders import PRECISE
from training.effort import QUICK
from training.ensembles import fit_ensembles
from training.file_names import file_name
from training.fit import fit_models, table_digest
from training.fit_command import files_in_use
from training.publish import GOLDEN_FORMULAS
from training.recipes import sized, standing_recipes, thinned

FILES = ("hardness", "mixing_kj_mol", "p_ductile", "resistivity")
GLASSES = ("characterize/amorphous", "screen/amorphous_mtl", "screen/amorphous_independent")
TARGETS = ("p_amorphous", "hardness_gpa", "mixing_kj_mol", "p_ductile", "resistivity_uohm_cm")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A folder of models fitted on a user's table alone, and what the command printed."""
    folder = tmp_path_factory.mktemp("fit")
    (folder / "mine.csv").write_text(user_csv(), encoding="utf-8")
    (folder / "mine.toml").write_text(USER_TOML, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCREENER_MODELS", "")
        patch.setattr("training.fit_command.find_folder", no_models)
        arguments = ["--data", folder / "mine.csv", "--targets", folder / "mine.toml", "--out", folder / "models"]
        flags = ["--no-catalogue", "--quick", "--workers", "1"]
        assert main(["fit", *map(str, arguments), *flags]) == 0
    return folder / "models"


def no_models():
    raise ModelError("none")


@pytest.fixture(scope="module")
def models(fitted):
    """Loaded models: tier, target → model."""
    tiers = load_models(fitted, Device("cpu")).tiers
    return {(tier, target): model for tier, found in tiers.items() for target, model in found.items()}


def test_both_tiers_of_every_target_are_there(fitted, models):
    expected = {f"{tier}/{name}.onnx" for tier in ("screen", "characterize") for name in FILES}
    expected |= {f"{name}.onnx" for name in GLASSES}
    assert set(recorded_digests(fitted)) == expected | {ALLOY_INDEX}
    assert set(models) == {(tier, target) for tier in ("screen", "characterize") for target in TARGETS}
    assert (fitted / "README.md").read_text(encoding="utf-8").count(".onnx |") == len(expected)


def test_cards_are_complete(models):
    for (tier, target), model in models.items():
        card = model.card
        assert (card.tier, card.target.name) == (tier, target)
        assert card.features == ("screen" if tier == "screen" else "alloy")
        assert set(card.elements) <= {s for system in SYSTEMS for s in system.split("-")}
        assert len(card.elements) >= 9
        assert [row.formula for row in card.golden] == list(GOLDEN_FORMULAS)
        assert [(s.key, s.licence) for s in card.sources] == [("user:mine", "own")]
        assert QUICK.note in card.notes
        assert card.method
        assert card.code_version
        assert len(card.data_digest) == 16
        assert set(card.metrics) == ({"grouped", "random"} if tier == "characterize" else {"grouped"})
        assert all(np.isfinite(list(scores.values())).all() for scores in card.metrics.values())
        if card.target.kind == "classification":
            assert target.startswith("p_")
            assert card.target.unit == "1"
            assert 0.0 < card.threshold < 1.0
            assert [point.threshold for point in card.curve] == pytest.approx([k / 100 for k in range(1, 100)])
            assert {"recall_at_threshold", "specificity_at_threshold"} <= set(card.metrics["grouped"])
        else:
            assert card.target.low < card.target.high
            assert card.interval.startswith("split-conformal, 90%")
            assert 0.7 < card.metrics["grouped"]["coverage_90"] <= 1.0


def test_cards_say_how_models_were_made(models):
    rows, epochs = f"{QUICK.lesson_rows:,} random alloys", f"{QUICK.schedule.epochs} epochs"
    for (tier, target), model in models.items():
        method = model.card.method
        if tier == "characterize":
            assert method.startswith("ensemble of independent learners: ")
            recipe = standing_recipes().get(target)
            fitted_to = recipe and thinned(sized(recipe, model.card.sources[0].rows), QUICK.trees)
            assert not recipe or method.endswith(fit_module._members(fitted_to))
        else:
            assert rows in method
            assert f"{epochs}, relaxation gap weighed {QUICK.schedule.gap:g}" in method
            shared = model.card.classifier == "mtl"
            assert method.startswith("multi-task net" if shared else "net of hidden layers")
            assert ("shared with resistivity_uohm_cm, hardness_gpa, mixing_kj_mol" in method) == shared
        assert bool(model.card.conditions) == (target in ("p_amorphous", "hardness_gpa", "resistivity_uohm_cm"))


def test_two_classifiers_stand_beside_each_other(fitted):
    cards = {}
    for kind in ("mtl", "independent"):
        cards[kind] = Model.load(fitted / "screen" / f"amorphous_{kind}.onnx", Device("cpu")).card
        assert cards[kind].classifier == kind
        assert any("recall at precision 0.9 on held-out systems" in note for note in cards[kind].notes)
    recall = {kind: card.metrics["grouped"]["recall_at_precision_90"] for kind, card in cards.items()}
    best = "mtl" if recall["mtl"] >= recall["independent"] else "independent"
    assert [kind for kind, card in cards.items() if card.preferred] == [best]


def test_cards_say_what_was_settled(models):
    for model in models.values():
        card = model.card
        assert [each.upto for each in card.distance] == sorted(each.upto for each in card.distance)
        assert card.distance[-1].upto == 100.0
        assert 0.0 < card.domain_limit <= 100.0
        assert len(card.folds) == 16
        if card.target.kind == "classification":
            assert 0.0 < card.prior < 1.0
            assert card.interval_rule == ""
        else:
            assert card.prior is None
            assert card.interval_rule in ("relative", "absolute")
            assert (np.diff([each.widening for each in card.distance]) >= 0.0).all()
            assert len(card.fold_scores["r2"]) == 5


def test_predictions_are_finite_and_ordered(models):
    _, fractions = drawn_alloys(3000, 11)
    from screener.descriptors.featurizer import featurize

    for model in models.values():
        found = model.predict(featurize(fractions, element_symbols(), model.spec))
        name = model.card.target.name
        assert all(np.isfinite(values).all() for values in found.values())
        if model.card.target.kind == "classification":
            assert ((found[name] >= 0.0) & (found[name] <= 1.0)).all()
        else:
            assert (found[f"{name}_low"] <= found[name]).all()
            assert (found[name] <= found[f"{name}_high"]).all()
            assert (found[f"{name}_low"] < found[f"{name}_high"]).all()
            assert (found[name].min() < 0.0) == (name == "mixing_kj_mol")


def test_models_have_learned_something(models):
    for (_, target), model in models.items():
        grouped = model.card.metrics["grouped"]
        if model.card.target.kind == "classification":
            assert grouped["roc_auc"] > 0.75, target
        elif target != "mixing_kj_mol":
            assert grouped["r2"] > 0.3, target


def test_the_index_holds_the_table(fitted):
    index = AlloyIndex.read(fitted / ALLOY_INDEX)
    assert index.source_keys == ("user:mine",)
    assert 60 < len(index) <= 84


def test_a_second_table_joins_the_models_in_use(fitted, tmp_path, capsys):
    lines = user_csv(seed=8).splitlines()
    own = [",".join(line.split(",")[k] for k in (0, 4)) for line in lines]
    (tmp_path / "next.csv").write_text("\n".join(own).replace("mixing_kj_mol", "elongation"))
    (tmp_path / "next.toml").write_text('[targets.elongation]\nunit = "%"\nkind = "regression"\n')
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "README.md").write_text("my own notes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.fit_command.find_folder", lambda: fitted)
        arguments = ["--data", tmp_path / "next.csv", "--targets", tmp_path / "next.toml", "--out", folder]
        assert main(["fit", *map(str, arguments), "--no-catalogue", "--quick", "--workers", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["folder"] == str(folder)
    (told,) = (model for model in printed["models"] if model["file"] == "screen/elongation.onnx")
    assert (told["target"], told["tier"]) == ("elongation", "screen")
    assert isinstance(told["grouped"]["mae"], float)
    kept = {name: digest for name, digest in recorded_digests(fitted).items() if name.endswith(".onnx")}
    now = recorded_digests(folder)
    assert kept.items() <= now.items()
    assert set(now) - set(kept) == {"screen/elongation.onnx", "characterize/elongation.onnx", ALLOY_INDEX}
    index = AlloyIndex.read(folder / ALLOY_INDEX)
    assert index.source_keys == ("user:mine", "user:next")
    assert (folder / "README.md").read_text() == "my own notes"


def test_models_in_use_are_looked_up_beside_the_new_ones_first(fitted, tmp_path, monkeypatch):
    monkeypatch.setattr("training.fit_command.find_folder", no_models)
    assert files_in_use(tmp_path, ["hardness_gpa"], pytest.fail) == {}
    assert files_in_use(fitted, TARGETS, pytest.fail) == {}
    kept = files_in_use(fitted, ["p_amorphous", "hardness_gpa"], pytest.fail)
    names = {f"{tier}/{n}.onnx" for tier in ("screen", "characterize") for n in FILES[1:]}
    assert set(kept) == names | {ALLOY_INDEX}
    assert all(path == fitted / name for name, path in kept.items())


def test_models_of_another_release_are_left_out_or_named(fitted, tmp_path, monkeypatch):
    old = tmp_path / "old"
    shutil.copytree(fitted, old)
    monkeypatch.setattr("training.fit_command.find_folder", lambda: old)
    monkeypatch.setattr("training.fit_command.Model.load", refuse)
    said = []
    assert files_in_use(tmp_path / "new", ["hardness_gpa"], said.append) == {}
    assert said == [f"left out the models in {old}: `characterize/amorphous.onnx` was made for other descriptors"]
    with pytest.raises(ModelError) as error:
        files_in_use(old, ["hardness_gpa"], pytest.fail)
    assert error.value.message == "`characterize/amorphous.onnx` was made for other descriptors"
    assert error.value.hint == "remove that file, or name another folder with `--out`"
    for name in recorded_digests(old):
        if name.endswith(".onnx") and "hardness" not in name:
            (old / name).unlink()
    assert files_in_use(old, ["hardness_gpa"], pytest.fail) == {}


def refuse(path, device, name):
    raise ModelError(f"`{name}` was made for other descriptors", "fit again")


@pytest.fixture(scope="module")
def tiny_tables():
    return invented_tables("p_amorphous", "hardness_gpa", "resistivity_uohm_cm")


@pytest.fixture(scope="module")
def tiny_files(tiny_tables):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dates, "today", lambda: "2026-01-02")
        return fit_models(tiny_tables, "0" * 16, workers=1, effort=TINY)


def test_the_same_seed_gives_the_same_bytes_by_one_process_or_two(tiny_tables, tiny_files, monkeypatch):
    monkeypatch.setattr(dates, "today", lambda: "2026-01-02")
    again = fit_models(tiny_tables, "0" * 16, workers=2, effort=TINY)
    assert list(again) == list(tiny_files)
    assert again == tiny_files


def test_another_seed_gives_other_models(tiny_tables, tiny_files, monkeypatch):
    monkeypatch.setattr(dates, "today", lambda: "2026-01-02")
    hard = {"hardness_gpa": tiny_tables["hardness_gpa"]}
    other = fit_models(hard, "0" * 16, workers=1, seed=1, effort=TINY)
    assert all(other[name] != tiny_files[name] for name in other)


def test_exported_models_answer_as_what_was_fitted(tiny_tables, tiny_files, tmp_path):
    thin = {t: replace(rows, recipe=thinned(rows.recipe, TINY.trees)) for t, rows in tiny_tables.items()}
    ensembles = fit_ensembles(thin, 0)
    for target, rows in tiny_tables.items():
        ensemble = ensembles[target]
        path = tmp_path / "model.onnx"
        path.write_bytes(tiny_files[f"characterize/{file_name(target)}"])
        model = Model.load(path, Device("cpu"))
        given = {c.name: rows.conditions[:, k] for k, c in enumerate(model.card.conditions)}
        found = model.predict(rows.features, given)
        expected = ensemble.predict(rows.inputs)
        if target == "p_amorphous":
            slope, intercept = np.polyfit(expected, found[f"{target}_logit"], 1)
            assert found[f"{target}_logit"] == pytest.approx(slope * expected + intercept, abs=1e-4)
            assert slope > 0.0
        else:
            assert found[target] == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_lone_classifier_shares_with_nobody_and_a_gap_of_nothing_is_not_told(tmp_path):
    rows = invented_rows(GLASS)
    free = replace(TINY, schedule=replace(TINY.schedule, gap=0.0))
    files = fit_models({"p_amorphous": rows}, "0" * 16, workers=1, effort=free)
    path = tmp_path / "model.onnx"
    path.write_bytes(files["screen/amorphous.onnx"])
    method = Model.load(path, Device("cpu")).card.method
    assert method.startswith("net of hidden layers 16–8, distilled")
    assert method.endswith(f"{TINY.schedule.epochs} epochs")


def test_catalogued_sources_are_cited():
    keys = list(catalogue())[:2]
    rows = replace(invented_rows(), source=np.array([keys[0]] * 42 + ["+".join(keys)] * 42))
    sources = cards_module._sources(rows)
    assert [(s.key, s.rows) for s in sources] == sorted([(keys[0], 84), (keys[1], 42)])
    for source in sources:
        entry = catalogue()[source.key]
        assert entry.citation in source.citation
        assert source.licence == entry.licence


def test_the_handbook_and_own_tables_are_cited():
    rows = replace(invented_rows(), source=np.array(["handbook_metals"] * 42 + ["mine"] * 42))
    own, other = sorted(cards_module._sources(rows), key=lambda source: source.key == "handbook_metals")
    assert (own.citation, own.licence, own.rows) == ("mine", "own", 42)
    assert other.citation.endswith("as pymatgen tabulates them 10.1016/j.commatsci.2012.10.028")
    assert (other.licence, other.rows) == ("MIT", 42)


def test_desirability_ranges_are_never_empty():
    rows = invented_rows()
    mostly = replace(rows, y=np.where(np.arange(84) < 80, 4.0, 5.0))
    target = cards_module._target(mostly)
    assert (target.low, target.high) == (4.0, 5.0)
    low, high = np.quantile(rows.y, (0.05, 0.95))
    assert (cards_module._target(rows).low, cards_module._target(rows).high) == pytest.approx((low, high))


def test_the_digest_names_the_rows():
    tables = invented_tables("hardness_gpa", "p_amorphous")
    first = table_digest(tables)
    assert table_digest(invented_tables("hardness_gpa", "p_amorphous")) == first
    for field in ("y", "trust", "fractions"):
        changed = np.array(getattr(tables["hardness_gpa"], field))
        changed[0] *= 0.5
        assert table_digest({**tables, "hardness_gpa": replace(tables["hardness_gpa"], **{field: changed})}) != first


def test_progress_tells_every_phase():
    told = []
    fit_models(invented_tables("hardness_gpa"), "0" * 16, 1, told.append, effort=TINY)
    assert told[0] == "grouped split, seed 0: fold 1 of 5"
    assert told[5] == "random split, seed 0: fold 1 of 5"
    assert told[-2:] == ["fitting the characterize tier", "distilling the screen tier of hardness_gpa"]
    assert PRECISE == "precise"
