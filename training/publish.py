"""Write models with their cards into a folder that the screener serves, complete or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from screener.card import Golden, ModelCard
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.device import Device
from screener.errors import OutputError
from screener.formula import parse_formula
from screener.model import Model
from screener.model_set import SUMS, recorded_digests
from screener.sinks import atomic_file

GOLDEN_FORMULAS = (
    *("Cu50Zr50", "Zr41.2Ti13.8Cu12.5Ni10Be22.5", "Pd40Ni40P20", "Fe80B20", "Al88Ni8Y4", "CoCrFeMnNi"),
    *("Al20Ti30Cr50", "Cu", "Fe70Cr19Ni9Mn2", "NbMoTaW", "Mg65Cu25Y10", "Al10Fe30Co30Ni30"),
)
"""Well-known alloys whose outputs are stored in every card and replayed at every load."""


def sealed(model: ModelProto, card: ModelCard) -> bytes:
    """Store the card, its golden rows filled in, in the model and return the file's bytes."""
    golden = tuple(Golden(f, o) for f, o in zip(GOLDEN_FORMULAS, golden_outputs(model, card), strict=True))
    del model.metadata_props[:]
    for key, value in replace(card, golden=golden).to_props().items():
        model.metadata_props.add(key=key, value=value)
    return bytes(model.SerializeToString(deterministic=True))


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
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # trees are added in an order that depends on the number of threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    values = session.run(names, feed)
    return [{n: float(v[row, 0]) for n, v in zip(names, values, strict=True)} for row in range(len(compositions))]


def publish(folder: Path, files: Mapping[str, bytes]) -> dict[str, Model]:
    """Prove models from what was written, then put them in place; the list of digests comes last.

    Other files that the list already names stay listed.

    Args:
        folder: the folder of models.
        files: content by name relative to the folder, e.g. `screen/amorphous.onnx`.

    Returns:
        The models among the files, loaded, by name.

    Raises:
        ModelError: a model does not load or does not replay its golden rows; nothing in the folder has changed then.
        OutputError: the folder cannot be written.
    """
    models: dict[str, Model] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as staging:
            staged = {name: Path(staging) / name for name in files}
            for name, path in staged.items():
                write_whole(path, files[name])
                if name.endswith(".onnx"):
                    models[name] = Model.load(path, Device("cpu"), name)
            for name, path in staged.items():
                (folder / name).parent.mkdir(exist_ok=True)
                os.replace(path, folder / name)
    except OSError as problem:
        raise _refused(folder, problem) from None
    write_whole(folder / SUMS, _sums(folder, files).encode())
    return models


def _sums(folder: Path, names: Iterable[str]) -> str:
    """List the digests of the files named and of those listed before."""
    listed = set(names)
    if (folder / SUMS).is_file():
        listed |= {name for name in recorded_digests(folder) if (folder / name).is_file()}
    return "".join(f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in sorted(listed))


def check_writable(folder: Path) -> None:
    """Find out whether files can be written into a folder, there already or not, before any work is done for it.

    Raises:
        OutputError: it is no folder, or it or the nearest folder above it refuses new files.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    try:
        # Permission bits do not tell (root, read-only mounts, quotas); making something does.
        tempfile.TemporaryDirectory(dir=place, prefix=".probe-").cleanup()
    except OSError as problem:
        raise _refused(folder, problem) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there complete or not at all; folders above it are made.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise _refused(path, problem) from None
    with atomic_file(path) as stream:
        stream.write(content)


def _refused(path: Path, problem: OSError) -> OutputError:
    """Say where nothing can be written, and why."""
    reason = os.strerror(problem.errno).lower() if problem.errno else type(problem).__name__
    return OutputError(f"cannot write `{path}`: {reason}", "name a place you can write to")
