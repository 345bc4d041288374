from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from screener.device import Device
from screener.errors import InputError
from screener.model import Model
from tests.training.invented_tasks import TINY, invented_rows, invented_tables
from training.cli import main
from training.distillation import screen_inputs, takes_log
from training.fit import fit_models
from training.method_nets import SCREEN, check_nets, fit_nets, out_of_fold, pooled, stopping_fold, told
from training.multitask.config import config_of
from training.multitask.loop import build_net, fit

TABLES = invented_tables("p_amorphous", "hardness_gpa", "resistivity_uohm_cm")
SHORT = {"epochs": 3, "batch": 32}
NARROW = {"widths": [12, 8], "head_hidden": 4}


def methods(architecture="hard", **rest):
    own = {} if architecture == "independent" else NARROW
    return config_of({"architecture": {"name": architecture, **own}, "training": SHORT, **rest})


def test_the_pool_holds_every_measured_row_once_with_all_conditions():
    pool = pooled(TABLES)
    counts = {rows.recipe.task: int(rows.main.sum()) for rows in TABLES.values()}
    assert dict(zip(pool.rows.tasks, pool.rows.known.sum(axis=0).tolist(), strict=True)) == counts
    assert (pool.rows.known.sum(axis=1) == 1).all()
    assert [c.name for c in pool.conditions] == ["film_thickness_nm"]
    films = pool.rows.known[:, pool.rows.tasks.index("resistivity_uohm_cm")]
    np.testing.assert_array_equal(pool.rows.x[films, -1], TABLES["resistivity_uohm_cm"].conditions[:, 0])
    assert set(pool.rows.x[~films, -1]) == {pool.conditions[0].reference}


def test_training_stops_by_other_chemical_systems():
    pool = pooled(TABLES)
    fold = stopping_fold(pool, 0)
    assert len(fold.train) + len(fold.valid) == len(pool.rows)
    systems = {tuple(row): name for row, name in zip(pool.rows.x.tolist(), pool.system, strict=True)}
    seen, held = ({systems[tuple(row)] for row in rows.x.tolist()} for rows in (fold.train, fold.valid))
    assert not seen & held


@pytest.mark.parametrize("architecture", ["hard", "soft", "structured", "independent"])
def test_what_is_exported_answers_as_what_was_learned(architecture):
    config = methods(architecture)
    nets = fit_nets(TABLES, config, 0)
    assert list(nets) == list(TABLES)
    for target, rows in TABLES.items():
        assert nets[target].log is takes_log(rows)
        assert nets[target].layers[0][0].shape[0] == screen_inputs(rows).shape[1]
    if architecture == "independent":
        return
    pool = pooled(TABLES)
    fold = stopping_fold(pool, 0)
    result = fit(build_net(config, pool.rows.x.shape[1], 3, 0), fold, config, 0)
    for task, (target, rows) in enumerate(TABLES.items()):
        mine = pool.rows.known[:, task]
        expected = result.predict(pool.rows.x[mine])[:, task]
        found = nets[target].answer(rows.take(np.flatnonzero(rows.main)))
        np.testing.assert_allclose(np.log(found) if nets[target].log else found, expected, rtol=1e-3, atol=1e-3)


def test_every_row_is_predicted_by_nets_that_do_not_know_its_system():
    grouped = out_of_fold(TABLES, methods(), 0, workers=1)
    for target in TABLES:
        assert np.isfinite(grouped.predicted[target, SCREEN]).all()
    fold = grouped.fold["hardness_gpa"]
    changed = replace(TABLES["hardness_gpa"], y=np.where(fold == 0, 30.0, TABLES["hardness_gpa"].y))
    again = out_of_fold({**TABLES, "hardness_gpa": changed}, methods(), 0, workers=1)
    same = grouped.predicted["hardness_gpa", SCREEN] == again.predicted["hardness_gpa", SCREEN]
    assert same[fold == 0].all()
    assert not same[fold == 1].any()


def test_models_by_methods_are_served_and_say_how_they_were_made(tmp_path):
    config = methods("structured", weighting="uncertainty", aggregator="pcgrad")
    files = fit_models(TABLES, "0" * 16, workers=1, effort=TINY, methods=config)
    assert sorted(n for n in files if n.startswith("screen/")) == [
        f"screen/{name}.onnx" for name in ("amorphous", "hardness", "resistivity")
    ]
    path = tmp_path / "model.onnx"
    path.write_bytes(files["screen/hardness.onnx"])
    model = Model.load(path, Device("cpu"))
    assert model.card.method == (
        "net of p_amorphous, hardness_gpa, resistivity_uohm_cm, learned from measured rows: structured; weighting "
        "uncertainty; aggregator pcgrad"
    )
    assert "r2" in model.card.metrics["grouped"]


def test_methods_are_told_in_one_line():
    config = config_of(
        {"sampler": "per_task", "balance": {"*": {"lds": True}, "is_amorphous": {"class_weights": True}}}
    )
    assert told(config) == "hard; batches per_task; lds for every regression; class weights for is_amorphous"


def test_methods_that_cannot_serve_are_refused_before_any_training(tmp_path, capsys):
    with pytest.raises(InputError, match="layers of `LayerNorm` cannot be exported"):
        check_nets(TABLES, config_of({"architecture": {"name": "hard", "norm": "ln"}}), 0)
    with pytest.raises(InputError, match="architecture `hard` has a single task to share"):
        check_nets({"hardness_gpa": invented_rows()}, methods(), 0)
    check_nets({"hardness_gpa": invented_rows()}, methods("independent"), 0)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('aggregator = "pcgrda"\n')
    assert main(["fit", "--methods", str(wrong), "--out", str(tmp_path / "models")]) == 2
    assert capsys.readouterr().err == "error: unknown aggregator `pcgrda`\n\nhint: did you mean `pcgrad`?\n"


def test_a_net_that_diverged_is_not_exported():
    config = config_of({"architecture": {"name": "hard", **NARROW}, "training": {**SHORT, "lr": 1e35}})
    with pytest.raises(InputError) as caught:
        fit_nets(TABLES, config, 0)
    assert caught.value.message.endswith("diverged: no epoch ended with a finite loss")
    assert "lower `lr`" in caught.value.hint
