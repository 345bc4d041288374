"""Folders of models: where they are looked up, and that every file is the one on record."""

import hashlib
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from screener import model_set
from screener.card import ModelCard
from screener.device import Device
from screener.errors import ModelError
from screener.model_set import (
    ALLOY_INDEX,
    SUMS,
    check_file,
    find_folder,
    load_models,
    packaged_folders,
    recorded_digests,
    user_folder,
)

CPU = Device("cpu")
AGAIN = "run `training fit` to make the models again"


@pytest.fixture
def folder(tiny_models, tmp_path):
    """A copy of the tiny models to be damaged."""
    return Path(shutil.copytree(tiny_models, tmp_path / "models"))


def refusal(call, *arguments):
    with pytest.raises(ModelError) as refused:
        call(*arguments)
    return refused.value.message, refused.value.hint


def list_again(folder):
    """Record the digests of the files as they are now."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != SUMS)
    lines = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def rewrite_card(path, **changes):
    model = onnx.load_from_string(path.read_bytes())
    card = ModelCard.from_props({p.key: p.value for p in model.metadata_props})
    del model.metadata_props[:]
    for key, value in replace(card, **changes).to_props().items():
        model.metadata_props.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())


# --- loading ----------------------------------------------------------------------------------------------------------


def test_both_tiers_are_loaded_with_targets_in_column_order(custom_models):
    models = load_models(custom_models, CPU)
    order = ["p_amorphous", "resistivity_uohm_cm", "hardness_gpa", "modulus_gpa", "p_brittle"]
    assert list(models.screen) == list(models.characterize) == order
    assert [m.name.split("/")[0] for m in models] == ["screen"] * 5 + ["characterize"] * 5
    assert models.screen["p_amorphous"].card.tier == "screen"
    assert models.folder == custom_models
    assert re.fullmatch("[0-9a-f]{16}", models.digest)


def test_a_tier_alone_has_the_same_digest(tiny_models):
    screen = load_models(tiny_models, CPU, ("screen",))
    assert list(screen.tiers) == ["screen"]
    assert screen.digest == load_models(tiny_models, CPU, ("characterize",)).digest


def test_files_that_nobody_reads_again_are_not_held(tiny_models):
    held, lean = (load_models(tiny_models, CPU, ("characterize",), contents=kept) for kept in (True, False))
    assert all(model.content for model in held)
    assert not any(model.content for model in lean)
    for target, model in lean.characterize.items():
        model.replay()  # it predicts as it did
        assert model.digest == held.characterize[target].digest
        kept_by_the_runtime = [v for v in vars(model.session).values() if isinstance(v, bytes)]
        assert not kept_by_the_runtime


def test_the_digest_names_every_file_but_not_the_order_of_the_list(folder):
    before = load_models(folder, CPU, ("screen",)).digest
    lines = (folder / SUMS).read_text().splitlines(keepends=True)
    (folder / SUMS).write_text("\n".join(line.strip() for line in reversed(lines)) + "\n\n")
    assert load_models(folder, CPU, ("screen",)).digest == before
    (folder / ALLOY_INDEX).write_bytes(b"other")
    list_again(folder)
    assert load_models(folder, CPU, ("screen",)).digest != before


def test_a_changed_file_is_refused(folder):
    name = "screen/hardness.onnx"
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert refusal(load_models, folder, CPU) == (
        f"`{name}` does not match its recorded digest", f"restore `{name}`, or {AGAIN}"
    )  # fmt: skip


def test_a_truncated_file_is_refused(folder):
    name = "characterize/amorphous.onnx"
    (folder / name).write_bytes((folder / name).read_bytes()[:1000])
    assert refusal(load_models, folder, CPU)[0] == f"`{name}` does not match its recorded digest"
    list_again(folder)
    assert refusal(load_models, folder, CPU)[0].startswith(f"`{name}` is not a readable ONNX model (")


def test_a_missing_file_is_refused(folder):
    (folder / "screen/hardness.onnx").unlink()
    assert refusal(load_models, folder, CPU) == (
        f"the model file `screen/hardness.onnx` is missing from `{folder}`",
        f"restore `screen/hardness.onnx`, or {AGAIN}",
    )


@pytest.mark.parametrize("load", [load_models, lambda folder, _: find_folder(folder)])
def test_a_model_that_is_not_on_record_is_refused_and_any_other_file_left_alone(folder, load):
    (folder / "screen/notes.txt").write_bytes(b"not a model")
    load(folder, CPU)
    (folder / "screen/other.onnx").write_bytes(b"not a model")
    message = f"`screen/other.onnx` is not listed in `{folder / SUMS}`"
    assert refusal(load, folder, CPU) == (message, f"take the file away, or {AGAIN}")


def test_any_file_on_record_that_is_missing_is_refused_where_the_folder_is_looked_up(folder):
    (folder / ALLOY_INDEX).unlink()
    message = f"the model file `{ALLOY_INDEX}` is missing from `{folder}`"
    assert refusal(find_folder, folder) == (message, f"restore `{ALLOY_INDEX}`, or {AGAIN}")


def test_a_folder_without_a_tier_is_refused(folder):
    for path in (folder / "characterize").iterdir():
        path.unlink()
    list_again(folder)
    assert len(load_models(folder, CPU, ("screen",)).screen) == 3
    message = f"no models of the characterize tier in `{folder}`"
    assert refusal(load_models, folder, CPU) == (message, "run `training fit` to make them")


def test_two_models_of_one_target_are_refused(folder):
    shutil.copy(folder / "screen/hardness.onnx", folder / "screen/harder.onnx")
    list_again(folder)
    message = "`screen/harder.onnx` and `screen/hardness.onnx` both predict `hardness_gpa`"
    assert refusal(load_models, folder, CPU) == (message, f"take one of them out of {SUMS}")


def test_classifiers_of_different_kinds_stand_side_by_side(trusted_models):
    models = load_models(trusted_models, CPU)
    assert models.screen["p_amorphous"].name == "screen/amorphous_mtl.onnx"
    assert [model.name for model in models.others] == ["screen/amorphous_independent.onnx"]
    names = [model.name for model in models]
    assert names[:3] == ["screen/amorphous_mtl.onnx", "screen/amorphous_independent.onnx", "screen/p_bulk_glass.onnx"]
    assert len(names) == 9
    other = load_models(trusted_models, CPU, ("screen",), "independent")
    assert other.screen["p_amorphous"].name == "screen/amorphous_independent.onnx"
    assert [model.name for model in other.others] == ["screen/amorphous_mtl.onnx"]
    assert other.digest == models.digest


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        (
            {"classifier": "mtl"},
            "`screen/amorphous_independent.onnx` and `screen/amorphous_mtl.onnx` both predict `p_amorphous`",
            f"take one of them out of {SUMS}",
        ),
        (
            {"preferred": True},
            "`screen/amorphous_independent.onnx` and `screen/amorphous_mtl.onnx` are both preferred for `p_amorphous`",
            AGAIN,
        ),
    ],
)
def test_classifiers_that_cannot_be_told_apart_are_refused(trusted_models, tmp_path, changes, message, hint):
    folder = Path(shutil.copytree(trusted_models, tmp_path / "models"))
    rewrite_card(folder / "screen/amorphous_independent.onnx", **changes)
    list_again(folder)
    assert refusal(load_models, folder, CPU) == (message, hint)


def test_of_several_classifiers_one_must_be_preferred_but_one_alone_is(trusted_models, tmp_path):
    folder = Path(shutil.copytree(trusted_models, tmp_path / "models"))
    rewrite_card(folder / "screen/amorphous_mtl.onnx", preferred=False)
    list_again(folder)
    assert refusal(load_models, folder, CPU) == ("no model is preferred for `p_amorphous`", AGAIN)
    (folder / "screen/amorphous_mtl.onnx").unlink()
    list_again(folder)
    assert load_models(folder, CPU).screen["p_amorphous"].name == "screen/amorphous_independent.onnx"
    assert refusal(load_models, folder, CPU, ("screen",), "mtl") == (
        "there is no `mtl` classifier among the models",
        "leave `--classifier` out: the models have `independent`",
    )


def test_a_model_in_the_folder_of_another_tier_is_refused(folder):
    shutil.copy(folder / "characterize/hardness.onnx", folder / "screen/hardness.onnx")
    list_again(folder)
    message = "`screen/hardness.onnx` holds a model of the characterize tier"
    assert refusal(load_models, folder, CPU) == (message, AGAIN)


def test_a_model_of_other_descriptors_is_refused_by_its_name_in_the_folder(folder):
    rewrite_card(folder / "screen/hardness.onnx", features_digest="f" * 16)
    list_again(folder)
    message, hint = refusal(load_models, folder, CPU)
    assert message == "`screen/hardness.onnx` was made for other descriptors or element tables"
    assert hint == f"{AGAIN}, or name another folder with `--models`"


# --- the list of digests ----------------------------------------------------------------------------------------------


def test_digests_are_read_by_name(folder):
    digests = recorded_digests(folder)
    assert ALLOY_INDEX in digests
    for name, digest in digests.items():
        assert check_file(folder, name, digest) == folder / name


@pytest.mark.parametrize(
    "content",
    [
        b"only-one-word\n", b"\xff\xfe\x00 a\n", b"a b\nc\n", b"0" * 63 + b"  a.onnx", b"0" * 64 + b"a.onnx", b"0" * 64,
        b"0" * 64 + b"  a\x1b[2J.onnx", b"0" * 64 + b"  a\rb.onnx", b"0" * 2_000_000, b"\n" * 2_000_000,
    ],
    ids=lambda content: content[-12:],
)  # fmt: skip
def test_a_list_that_does_not_read_is_refused(folder, content):
    (folder / SUMS).write_bytes(content)
    assert refusal(recorded_digests, folder) == (f"cannot read `{folder / SUMS}`", AGAIN)


def test_a_list_of_other_line_ends_capitals_and_marks_is_read_the_same(folder):
    wanted = recorded_digests(folder)
    lines = [f"{digest.upper()} *{name}\r\n" for name, digest in wanted.items()]
    (folder / SUMS).write_bytes("".join(lines).encode())
    assert recorded_digests(folder) == wanted
    assert len(load_models(folder, CPU).screen) == 3


def test_a_name_that_is_listed_twice_is_refused(folder):
    with (folder / SUMS).open("a") as stream:
        stream.write(f"{'0' * 64}  {ALLOY_INDEX}\n")
    assert refusal(recorded_digests, folder) == (f"`{folder / SUMS}` lists `{ALLOY_INDEX}` twice", AGAIN)


def test_a_missing_list_is_refused(tmp_path):
    assert refusal(recorded_digests, tmp_path) == (f"cannot read `{tmp_path / SUMS}`", AGAIN)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.onnx", "screen/../../outside.onnx", "screen/../screen/hardness.onnx", "/etc/passwd", "./a.onnx",
        "screen//hardness.onnx", "screen/link.onnx", "screen/circle.onnx", "elsewhere/outside.onnx", "screen/a\0.onnx",
    ],
)  # fmt: skip
def test_files_outside_the_folder_are_refused(folder, name):
    outside = folder.parent / "outside.onnx"
    shutil.copy(folder / "screen/hardness.onnx", outside)
    (folder / "screen/link.onnx").symlink_to(outside)
    (folder / "screen/circle.onnx").symlink_to(folder / "screen/circle.onnx")
    (folder / "elsewhere").symlink_to(folder.parent)
    digest = hashlib.sha256(outside.read_bytes()).hexdigest()
    message = f"`{name}` in {SUMS} lies outside `{folder}`"
    assert refusal(check_file, folder, name, digest) == (message, f"restore `{name}`, or {AGAIN}")


def test_a_list_that_names_files_outside_is_refused_at_load(folder):
    outside = folder.parent / "outside.onnx"
    shutil.copy(folder / "screen/hardness.onnx", outside)
    digest = hashlib.sha256(outside.read_bytes()).hexdigest()
    with (folder / SUMS).open("a") as stream:
        stream.write(f"{digest}  screen/../../outside.onnx\n")
    for reader in (recorded_digests, find_folder):
        assert "lies outside" in refusal(reader, folder)[0]
    assert "lies outside" in refusal(load_models, folder, CPU)[0]


def test_a_folder_reached_through_a_link_is_fine(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder, target_is_directory=True)
    assert len(load_models(link, CPU).screen) == 3


def test_a_folder_that_cannot_be_entered_is_refused(folder, monkeypatch):
    def closed(path, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", closed)
    assert refusal(find_folder, folder) == (
        f"cannot read `{folder}`: permission denied", "name a folder that you can read with `--models`"
    )  # fmt: skip


# --- looking up -------------------------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The four places, each with a list of digests; the test takes them away one by one."""
    folders = {name: tmp_path / name for name in ("explicit", "variable", "user", "package", "checkout")}
    for folder in folders.values():
        folder.mkdir()
        (folder / SUMS).touch()
    monkeypatch.setenv("SCREENER_MODELS", str(folders["variable"]))
    monkeypatch.setattr(model_set, "user_folder", lambda: folders["user"])
    monkeypatch.setattr(model_set, "packaged_folders", lambda: (folders["package"], folders["checkout"]))
    return folders


def test_the_folder_named_comes_first_then_the_variable_the_users_and_the_packages(places, monkeypatch):
    assert find_folder(places["explicit"]) == places["explicit"]
    assert find_folder() == places["variable"]
    monkeypatch.delenv("SCREENER_MODELS")
    for name in ("user", "package", "checkout"):
        assert find_folder() == places[name]
        (places[name] / SUMS).unlink()
    assert refusal(find_folder) == ("no models are installed", "run `training fit`, or name a folder with `--models`")


def test_an_empty_variable_counts_as_none(places, monkeypatch):
    monkeypatch.setenv("SCREENER_MODELS", "")
    assert find_folder() == places["user"]


def test_a_folder_that_was_named_is_not_passed_over(places, monkeypatch, tmp_path):
    empty = tmp_path / "empty"
    assert refusal(find_folder, empty) == (
        f"no models in `{empty}`", f"--models must name a folder with a {SUMS} file, as `training fit --out` writes"
    )  # fmt: skip
    monkeypatch.setenv("SCREENER_MODELS", str(empty))
    assert refusal(find_folder) == (
        f"no models in `{empty}`",
        f"$SCREENER_MODELS must name a folder with a {SUMS} file, as `training fit --out` writes",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the variable is that of Linux desktops")
def test_the_users_folder_follows_the_desktops_rules(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "alloy-screener" / "models"


def test_the_packaged_folder_is_in_the_package_or_beside_it():
    inside, beside = packaged_folders()
    assert inside == Path(model_set.__file__).parent / "models"
    assert beside == Path(model_set.__file__).parents[1] / "models"
