"""Write models with their cards into a folder that the screener serves, complete or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from screener.card import Golden, ModelCard
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.device import Device
from screener.formula import parse_formula
from screener.model import Model
from screener.model_set import SUMS

GOLDEN_FORMULAS = (
    *("Cu50Zr50", "Zr41.2Ti13.8Cu12.5Ni10Be22.5", "Pd40Ni40P20", "Fe80B20", "Al88Ni8Y4", "CoCrFeMnNi"),
    *("Al20Ti30Cr50", "Cu", "Fe70Cr19Ni9Mn2", "NbMoTaW", "Mg65Cu25Y10", "Al10Fe30Co30Ni30"),
)
"""Well-known alloys whose outputs are stored in every card and replayed at every load."""


def sealed(model: ModelProto, card: ModelCard) -> bytes:
    """Store the card, its golden rows filled in, in the model and return the file's bytes.

    Raises:
        ModelError: the finished file does not load or does not replay its own golden rows.
    """
    golden = tuple(Golden(f, o) for f, o in zip(GOLDEN_FORMULAS, golden_outputs(model, card), strict=True))
    del model.metadata_props[:]
    for key, value in replace(card, golden=golden).to_props().items():
        model.metadata_props.add(key=key, value=value)
    return bytes(model.SerializeToString())


def golden_outputs(model: ModelProto, card: ModelCard) -> list[dict[str, float]]:
    """Evaluate the golden alloys at the reference conditions: output name → value, one mapping per alloy."""
    import onnxruntime

    compositions = [parse_formula(formula) for formula in GOLDEN_FORMULAS]
    symbols = tuple(dict.fromkeys(s for c in compositions for s in c.symbols))
    fractions = np.zeros((len(compositions), len(symbols)))
    for row, composition in enumerate(compositions):
        fractions[row, [symbols.index(s) for s in composition.symbols]] = composition.fractions
    feed: dict[str, NDArray[np.float32]] = {"features": featurize(fractions, symbols, feature_spec(card.features))}
    if card.conditions:
        reference = np.array([c.reference for c in card.conditions], np.float32)
        feed["conditions"] = np.tile(reference, (len(compositions), 1))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    values = session.run(names, feed)
    return [{n: float(v[row, 0]) for n, v in zip(names, values, strict=True)} for row in range(len(compositions))]


def publish(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files and the list of their digests; each file appears whole, the list last.

    Files already in the folder stay, and stay listed, unless they are written again.

    Args:
        folder: the folder of models.
        files: content by name relative to the folder, e.g. `screen/amorphous.onnx`.

    Raises:
        ModelError: a model does not load back from what was written.
    """
    for name, content in files.items():
        write_whole(folder / name, content)
        if name.endswith(".onnx"):
            Model.load(folder / name, Device("cpu"), name)
    listed = sorted(
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and p.name not in (SUMS, "README.md") and not p.name.startswith(".")
    )
    sums = "".join(f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in listed)
    write_whole(folder / SUMS, sums.encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
