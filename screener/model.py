"""A model: an ONNX session with its card, proved on its golden rows at every load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from screener.card import ModelCard
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import FeatureSpec, feature_spec
from screener.device import Device
from screener.errors import ModelError, ScreenerError
from screener.formula import parse_formula
from screener.model_file import REFIT, ModelFile, read_model_file

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
        content: the file's bytes, for readers of the graph; empty where they were not kept.
        device: where the session runs.
    """

    name: str
    card: ModelCard
    digest: str
    session: Session = field(repr=False)
    content: bytes = field(repr=False)
    device: Device

    @classmethod
    def load(cls, path: Path, device: Device, name: str = "", digest: str = "") -> Model:
        """Load a model and prove it.

        Args:
            path: the file.
            device: where it runs.
            name: what messages call it; empty takes that of the file.
            digest: sha256 that the file must have; empty where none is on record.

        Raises:
            ModelError: the file is missing, damaged, another than on record, made for other descriptors, off on its
                golden rows, or the device asked for is not the one in use.
        """
        name = name or path.name
        file = read_model_file(path, name, digest)
        try:
            card = ModelCard.from_props(file.props)
        except ModelError as problem:
            raise ModelError(f"`{name}`: {problem.message}", problem.hint) from None
        if card.features_digest != feature_spec(card.features).digest:
            raise ModelError(f"`{name}` was made for other descriptors or element tables", REFIT)
        _check_ports(file, card, name)
        session = open_session(file.content, device, name)
        model = cls(name, card, file.digest[:16], session, file.content, device)
        model.replay()
        return model

    @cached_property
    def spec(self) -> FeatureSpec:
        """Feature set of the input."""
        return feature_spec(self.card.features)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Result columns the graph gives: value and 90 % limits, or probability and calibrated logit."""
        return _output_names(self.card)

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
            ModelError: there are none, they cannot be computed, or a value is off by more than the tolerance.
        """
        if not self.card.golden:
            raise ModelError(f"`{self.name}` carries no golden rows", REFIT)
        predicted = self._golden_predictions()
        for row, golden in enumerate(self.card.golden):
            if set(golden.outputs) != set(self.output_names):
                raise ModelError(f"`{self.name}` carries golden rows of other outputs", REFIT)
            for output, expected in golden.outputs.items():
                found = float(predicted[output][row])
                if not abs(found - expected) <= GOLDEN_TOLERANCE * max(1.0, abs(expected)):
                    problem = f"gives {output} {found:.6g} for {golden.formula} where {expected:.6g} is recorded"
                    raise ModelError(f"`{self.name}` {problem}", REFIT)

    def _golden_predictions(self) -> dict[str, NDArray[np.float32]]:
        """Predict the golden rows at the reference conditions."""
        try:
            compositions = [parse_formula(row.formula) for row in self.card.golden]
            symbols = tuple(dict.fromkeys(s for c in compositions for s in c.symbols))
            fractions = np.zeros((len(compositions), len(symbols)))
            for row, composition in enumerate(compositions):
                fractions[row, [symbols.index(s) for s in composition.symbols]] = composition.fractions
            return self.predict(featurize(fractions, symbols, self.spec))
        except ScreenerError as problem:
            raise ModelError(f"`{self.name}` has a golden row that does not read: {problem.message}", REFIT) from None
        except Exception as problem:  # onnxruntime raises unrelated classes for graphs that do not run
            raise ModelError(f"`{self.name}` does not run ({type(problem).__name__})", REFIT) from None


def _output_names(card: ModelCard) -> tuple[str, ...]:
    name = card.target.name
    if card.target.kind == "classification":
        return (name, f"{name}_logit")
    return (name, f"{name}_low", f"{name}_high")


def _check_ports(file: ModelFile, card: ModelCard, name: str) -> None:
    """Compare the inputs and outputs of the graph with the card, in name, type and width."""
    widths = {"features": len(feature_spec(card.features).names), "conditions": len(card.conditions)}
    wanted = {port: f"{port} ({width})" for port, width in widths.items() if width}
    found = {port.name: f"{port.name} ({port.width or '?'})" for port in file.inputs}
    if found != wanted:
        takes, says = ", ".join(found.values()), ", ".join(wanted.values())
        raise ModelError(f"`{name}` takes {takes or 'nothing'} where its card says {says}", REFIT)
    given = {port.name for port in file.outputs if port.width == 1}
    for output in _output_names(card):
        if output not in given:
            raise ModelError(f"`{name}` has no output `{output}` of one column", REFIT)
    if len(file.outputs) > len(given & set(_output_names(card))):
        raise ModelError(f"`{name}` gives more than the outputs of its card", REFIT)


def open_session(content: bytes, device: Device, name: str) -> Session:
    """Make a session on the device asked for.

    Raises:
        ModelError: the graph does not read, or another provider than the device's is in use.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = device.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        # by default ONNX Runtime prints a failure of the device on standard output and goes on with the CPU
        session = onnxruntime.InferenceSession(content, options, providers=device.providers, enable_fallback=0)
    except Exception as problem:  # onnxruntime raises unrelated classes for damaged files
        raise ModelError(f"`{name}` is not a readable ONNX model ({type(problem).__name__})", REFIT) from None
    if session.get_providers()[0] != device.provider:
        raise ModelError(
            f"`{name}` runs on {session.get_providers()[0]} where {device} was asked for",
            "use `--device cpu`, or install the `gpu` extra that matches the driver",
        )
    session._model_bytes = None  # kept to open the session anew on other providers, which is never done
    return cast(Session, session)
