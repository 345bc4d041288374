"""Cards that lie, lists of digests that do not fit, and folders that hold other things than models."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from hostile_attacks import FIRST, Attack, Change, on_graph
from onnx import ModelProto

from screener.model_set import SUMS


def cards() -> Iterator[Attack]:
    kind = "cards"

    def put(key: str, text: str) -> Change:
        def change(model: ModelProto) -> None:
            prop = next(p for p in model.metadata_props if p.key == f"screener.{key}")
            prop.value = text

        return change

    for name, text in {
        "no JSON": "{", "a million brackets": "[" * 1_000_000, "a million braces": '{"a":' * 1_000_000,
        "four million characters": json.dumps("x" * 4_000_001), "a number of 10,000 digits": "1" * 10_000,
        "a bare word": "NaN,", "single quotes": "{'a': 1}", "empty": "",
    }.items():  # fmt: skip
        yield on_graph(kind, f"notes: {name}", put("notes", text))
    for key, value in {
        "tier": "fast", "target": [], "features": "../../x", "features_digest": None, "elements": ["Xx"],
        "conditions": [{"name": "a b"}], "threshold": 7, "curve": [1], "metrics": {"a": 1}, "golden": [],
        "method": "\x1b]0;owned\x07", "notes": ["\x1b[2J"], "interval": 3, "sources": [{}], "prior": 0,
        "distance": [{}], "domain_limit": -1, "fold_scores": {"a": "b"}, "created": None, "preferred": "yes",
        "schema": 99, "interval_rule": "none", "classifier": "best", "interval_floor": "low",
    }.items():  # fmt: skip
        yield on_graph(kind, f"another {key}", put(key, json.dumps(value)))
    yield on_graph(kind, "none", lambda m: m.ClearField("metadata_props"))
    for name, formula in {
        "of no alloy": "Xx20", "empty": "", "of a million brackets": "(" * 1_000_000, "of 1e400": "Al1e400",
        "of a hundred thousand elements": "AlTi" * 50_000, "with escapes": "Al\x1b[2J",
    }.items():  # fmt: skip
        golden = [{"formula": formula, "outputs": {"p_amorphous": 0.5, "p_amorphous_logit": 0.0}}]
        yield on_graph(kind, f"golden row {name}", put("golden", json.dumps(golden)))
    row = {"formula": "Cu50Zr50", "outputs": {"p_amorphous": float("nan"), "p_amorphous_logit": 0.0}}
    yield on_graph(kind, "golden row of no number", put("golden", json.dumps([row])))
    yield on_graph(kind, "golden row of other outputs", put("golden", json.dumps([row | {"outputs": {"x": 1.0}}])))


def folders() -> Iterator[Attack]:
    kind = "folders"

    def sums(change: Callable[[str], str]) -> Callable[[Path], object]:
        return lambda folder: (folder / SUMS).write_text(change((folder / SUMS).read_text()), encoding="utf-8")

    def away(name: str) -> Callable[[Path], object]:
        return lambda folder: (folder / name).unlink()

    def linked(target: str) -> Callable[[Path], object]:
        def spoil(folder: Path) -> None:
            (folder / FIRST).unlink()
            (folder / FIRST).symlink_to(target)

        return spoil

    def piped(name: str) -> Callable[[Path], object]:
        def spoil(folder: Path) -> None:
            (folder / name).unlink()
            os.mkfifo(folder / name)

        return spoil

    def copied_out(folder: Path) -> None:
        shutil.move(folder / FIRST, folder.parent / "outside.onnx")
        (folder / FIRST).symlink_to(folder.parent / "outside.onnx")

    none = "0" * 64
    yield Attack(kind, "no list", away(SUMS))
    yield Attack(kind, "an empty list", sums(lambda _: ""))
    yield Attack(kind, "a list without a model", sums(lambda t: "\n".join(x for x in t.splitlines() if FIRST not in x)))
    yield Attack(kind, "a model that is not listed", lambda f: shutil.copy(f / FIRST, f / "screen/more.onnx"))
    yield Attack(kind, "a listed model that is not there", away(FIRST))
    yield Attack(kind, "a listed file that is not there", sums(lambda t: f"{t}{none}  notes.txt\n"))
    yield Attack(kind, "another digest", sums(lambda t: re.sub("^.{8}", "00000000", t)))
    yield Attack(kind, "a digest too short", sums(lambda t: t[1:]))
    yield Attack(kind, "a line twice", sums(lambda t: t + t.splitlines()[0]))
    for name in ("../outside.onnx", "screen/../../x.onnx", "/etc/passwd", "~/x.onnx/..", "screen/\\..\\..\\x.onnx"):
        yield Attack(kind, f"a list that names {name}", sums(lambda t, n=name: f"{t}{none}  {n}\n"))
    yield Attack(kind, "a list of escapes", sums(lambda t: f"{t}{none}  \x1b[2J.onnx\n"))
    yield Attack(kind, "a list of a name of 5,000 letters", sums(lambda t: f"{t}{none}  {'a' * 5_000}\n"))
    yield Attack(kind, "a list of 2 MB", sums(lambda t: t + "\n" * 2_000_000))
    yield Attack(kind, "a list of no text", lambda f: (f / SUMS).write_bytes(b"\xff\xfe\x00"))
    yield Attack(
        kind, "a list in old line ends", lambda f: (f / SUMS).write_bytes((f / SUMS).read_bytes().replace(b"\n", b"\r"))
    )
    yield Attack(
        kind,
        "a list in other line ends",
        lambda f: (f / SUMS).write_bytes((f / SUMS).read_bytes().replace(b"\n", b"\r\n")),
        harmless=True,
    )
    yield Attack(kind, "a link out of the folder", copied_out)
    for target in ("/dev/zero", "/etc/passwd", "nowhere.onnx", Path(FIRST).name, "/proc/self/mem"):
        yield Attack(kind, f"a link to {target}", linked(target))
    yield Attack(kind, "a pipe for a model", piped(FIRST))
    yield Attack(kind, "a pipe for the list", piped(SUMS))
    yield Attack(kind, "a folder for a model", lambda f: ((f / FIRST).unlink(), (f / FIRST).mkdir()))
    yield Attack(kind, "a folder for the list", lambda f: ((f / SUMS).unlink(), (f / SUMS).mkdir()))
    yield Attack(kind, "a file for a tier", lambda f: (shutil.rmtree(f / "screen"), (f / "screen").touch()))
    yield Attack(kind, "no folder", shutil.rmtree)
