"""A model: an ONNX session with its card, proved on its golden rows at every load."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from screener.card import ModelCard
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import FeatureSpec, feature_spec
from screener.device import Device
from screener.errors import ModelError
from screener.formula import parse_formula

MAX_MODEL_BYTES = 200_000_000
"""Larger files are not models of this package."""
GOLDEN_TOLERANCE = 1e-4
"""Relative difference allowed between a golden output and its replay on another machine."""


class Session(Protocol):
    """The part of an ONNX Runtime session that is used."""

    def run(self, names: Sequence[str], feed: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Evaluate outputs by name."""
        ...

    def get_providers(self) -> list[str]:
        """List the providers in use, first choice first."""
        ...


@dataclass(frozen=True)
class Model:
    """One loaded model.

    Attributes:
        name: file name relative to its folder, e.g. `screen/amorphous.onnx`.
        card: its card.
        digest: sha256 of the file, 16 hex digits.
        session: ONNX Runtime session.
        content: the file's bytes, for readers of the graph.
    """

    name: str
    card: ModelCard
    digest: str
    session: Session
    content: bytes

    @classmethod
    def load(cls, path: Path, device: Device, name: str = "") -> Model:
        """Load a model and prove it.

        Raises:
            ModelError: the file is missing, damaged, made for other descriptors, off on its golden rows, or the device
                asked for is not the one in use.
        """
        name = name or path.name
        content = _read(path, name)
        session, props = _open(content, device, name)
        card = ModelCard.from_props(props)
        model = cls(name, card, hashlib.sha256(content).hexdigest()[:16], session, content)
        if card.features_digest != model.spec.digest:
            raise ModelError(f"`{name}` was made for other descriptors or element tables", _REFIT)
        model.replay()
        return model

    @cached_property
    def spec(self) -> FeatureSpec:
        """Feature set of the input."""
        return feature_spec(self.card.features)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Result columns the graph gives: value and 90 % limits, or probability and calibrated logit."""
        name = self.card.target.name
        if self.card.target.kind == "classification":
            return (name, f"{name}_logit")
        return (name, f"{name}_low", f"{name}_high")

    def predict(
        self, features: NDArray[np.float32], conditions: Mapping[str, float | NDArray[np.float32]] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Predict every output.

        Args:
            features: rows of the model's feature set, shape (b, f).
            conditions: value or column (b,) by condition name; the card's reference where absent.

        Returns:
            Output name → values, shape (b,).
        """
        feed = {"features": features}
        if self.card.conditions:
            feed["conditions"] = self.condition_block(len(features), conditions or {})
        values = self.session.run(self.output_names, feed)
        return {name: value.reshape(len(features)) for name, value in zip(self.output_names, values, strict=True)}

    def condition_block(self, rows: int, given: Mapping[str, float | NDArray[np.float32]]) -> NDArray[np.float32]:
        """Lay out condition values in input order, shape (rows, number of conditions)."""
        block = np.empty((rows, len(self.card.conditions)), np.float32)
        for k, condition in enumerate(self.card.conditions):
            value = np.asarray(given.get(condition.name, condition.reference), np.float32)
            block[:, k] = np.where(np.isfinite(value), value, np.float32(condition.reference))
        return block

    def replay(self) -> None:
        """Recompute the golden rows from their formulas.

        Raises:
            ModelError: a value is off by more than the tolerance.
        """
        if not self.card.golden:
            raise ModelError(f"`{self.name}` carries no golden rows", _REFIT)
        compositions = [parse_formula(row.formula) for row in self.card.golden]
        symbols = tuple(dict.fromkeys(s for c in compositions for s in c.symbols))
        fractions = np.zeros((len(compositions), len(symbols)))
        for row, composition in enumerate(compositions):
            fractions[row, [symbols.index(s) for s in composition.symbols]] = composition.fractions
        predicted = self.predict(featurize(fractions, symbols, self.spec))
        for row, golden in enumerate(self.card.golden):
            for output, expected in golden.outputs.items():
                found = float(predicted[output][row])
                if not abs(found - expected) <= GOLDEN_TOLERANCE * max(1.0, abs(expected)):
                    raise ModelError(
                        f"`{self.name}` gives {output} {found:.6g} for {golden.formula} where {expected:.6g} is recorded",
                        _REFIT,
                    )


_REFIT = "run `training fit` to make the models again, or name another folder with `--models`"


def _read(path: Path, name: str) -> bytes:
    """Read a model file of sane size."""
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelError(f"`{name}` is larger than {MAX_MODEL_BYTES // 1_000_000} MB", _REFIT)
        return path.read_bytes()
    except OSError:
        raise ModelError(f"cannot read the model `{name}`", _REFIT) from None


def _open(content: bytes, device: Device, name: str) -> tuple[Session, dict[str, str]]:
    """Make a session on the device asked for and return it with the file's metadata."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = device.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=device.providers)
    except Exception as problem:  # onnxruntime raises unrelated classes for damaged files
        raise ModelError(f"`{name}` is not a readable ONNX model ({type(problem).__name__})", _REFIT) from None
    if session.get_providers()[0] != device.provider:
        raise ModelError(
            f"`{name}` runs on {session.get_providers()[0]} where {device} was asked for",
            "use `--device cpu`, or install the `gpu` extra that matches the driver",
        )
    return cast(Session, session), dict(session.get_modelmeta().custom_metadata_map)
