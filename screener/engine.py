"""The fast path: blocks of fractions to columns, descriptors and networks in float32."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.catalogue import catalogue
from screener.descriptors.featurizer import Featurizer, narrowed
from screener.descriptors.specs import FeatureSpec
from screener.device import Device
from screener.tier_models import Columns, Conditions, TierModels, element_columns, in_domain

if TYPE_CHECKING:
    from screener.fused.nets import FusedNets

BATCH = 2048
"""Rows a network is given at once: its hidden layers then fit in a core's cache; large batches run at half the rate."""
_DERIVED = "derived"
"""Name of the buffer of descriptors that are columns of their own."""


@dataclass(slots=True)
class Block:
    """Buffers of one block, used over and over by one thread at a time.

    Attributes:
        fractions: atomic fractions (b, d).
        features: inputs of the models (b, f) by feature set.
        featurizers: what fills them, by feature set.
        rows: how many rows count; the others are padding.
    """

    fractions: NDArray[np.float32]
    features: dict[str, NDArray[np.float32]]
    featurizers: dict[str, Featurizer]
    rows: int = 0


class BlockEngine:
    """Evaluates blocks of compositions of fixed elements with the models of one tier.

    Only what is wanted is computed: models, flags and descriptors that no filter, score or result reads are left out.
    Blocks are independent: several threads may each work on one.

    Args:
        tier: the models.
        symbols: d element symbols of the fraction columns.
        wanted: names of the columns to give.
        batch: rows a model is given at once.
        fused: put all nets into one session made for these elements and the conditions of the run; worth its tens of
            milliseconds from hundreds of thousands of rows on.

    Raises:
        CompositionError: an element lacks a property that a model or a descriptor needs.
    """

    def __init__(
        self,
        tier: TierModels,
        symbols: Sequence[str],
        wanted: Collection[str],
        batch: int = BATCH,
        *,
        fused: bool = False,
    ) -> None:
        self._tier = tier
        self._symbols = tuple(symbols)
        self._wanted = frozenset(wanted)
        self._batch = batch
        self._models = tier.giving(self._wanted)
        self._descriptors = tuple(name for name in catalogue() if name in self._wanted)
        self._nets = self._fuse() if fused else []
        apart = set(self._models).difference(*(nets.models for nets in self._nets))
        self._apart = {name: model for name, model in self._models.items() if name in apart}
        self._specs = {model.card.features: model.spec for model in self._apart.values()}
        self._specs |= {nets.spec.name: nets.spec for nets in self._nets}
        if self._descriptors:
            self._specs[_DERIVED] = FeatureSpec(_DERIVED, self._descriptors)

    def _fuse(self) -> list[FusedNets]:
        """Join the nets in one session per feature set."""
        from screener.fused.nets import fuse

        outputs = {name: self._tier.read(model.card, self._wanted) for name, model in self._models.items()}
        device = next((model.device for model in self._models.values()), Device("cpu"))
        return fuse(self._models, self._symbols, self._tier.conditions, outputs, device)

    def new_block(self, rows: int) -> Block:
        """Allocate the buffers of a block of up to ``rows`` rows."""
        featurizers = {name: Featurizer(spec, self._symbols, apart=True) for name, spec in self._specs.items()}
        features = {name: featurizer.buffer(rows) for name, featurizer in featurizers.items()}
        return Block(np.zeros((rows, len(self._symbols)), np.float32), features, featurizers)

    def columns(self, block: Block, conditions: Conditions | None = None) -> Columns:
        """Describe and predict a block whose fractions and row count are filled in.

        Rows beyond the count become copies of the first, so that batches keep their shape and numbers stay finite.

        Args:
            block: its buffers.
            conditions: condition values for every row of the buffers (b,); the run's own where absent. Fused nets
                take none.

        Returns:
            The wanted columns by name, shape (rows,); descriptors share memory with the buffers.
        """
        rows = block.rows
        block.fractions[rows:] = block.fractions[0]
        for name, featurizer in block.featurizers.items():
            featurizer(block.fractions, block.features[name])
        given = {k: np.asarray(v, np.float32) for k, v in {**self._tier.conditions, **(conditions or {})}.items()}
        if conditions and self._nets:
            raise ValueError("fused nets have their conditions built in")
        outputs: dict[str, NDArray[np.float32]] = {}
        for nets in self._nets:
            outputs |= self._in_batches(nets.predict, block.features[nets.spec.name], {})
        values: Columns = {}
        for name, model in self._models.items():
            if name in self._apart:
                outputs |= self._in_batches(model.predict, block.features[model.card.features], given)
            counted = {each: outputs[each][:rows] for each in model.output_names if each in outputs}
            values |= self._tier.present(model.card, counted, self._wanted)
        for place, name in enumerate(self._descriptors):
            values[name] = block.features[_DERIVED][:rows, place]
        values |= element_columns(block.fractions[:rows], self._symbols, self._wanted)
        if "in_domain" in self._wanted:
            values["in_domain"] = in_domain(block.fractions[:rows] > 0, self._symbols, self._tier.domain)
        return values

    def _in_batches(
        self,
        predict: Callable[..., dict[str, NDArray[np.float32]]],
        features: NDArray[np.float32],
        given: Mapping[str, NDArray[np.float32]],
    ) -> dict[str, NDArray[np.float32]]:
        """Predict all rows of the buffers (b, f), a batch at a time: hidden layers of a batch stay in the cache."""
        parts = []
        for start in range(0, len(features), self._batch):
            rows = slice(start, start + self._batch)
            cut = {name: value[rows] if value.ndim else value for name, value in given.items()}
            parts.append(predict(features[rows], cut) if cut else predict(features[rows]))
        return parts[0] if len(parts) == 1 else {n: np.concatenate([part[n] for part in parts]) for n in parts[0]}

    def columns_of(
        self,
        fractions: NDArray[np.floating],
        conditions: Conditions | None = None,
        block: int = 4096,
        pad: bool = False,
    ) -> Columns:
        """Predict a table of compositions.

        Args:
            fractions: atomic fractions (n, d).
            conditions: values or columns (n,) by name.
            block: rows evaluated at once.
            pad: fill the last block up, so that every batch has the same shape.

        Returns:
            The wanted columns by name, shape (n,).
        """
        parts: list[Columns] = []
        for start in range(0, max(1, len(fractions)), block):
            piece = fractions[start : start + block]
            buffers = self.new_block(block if pad else max(1, len(piece)))
            # An empty table is predicted as one dummy row of which none counts, so that columns keep their types.
            buffers.fractions[0, 0] = 1.0
            buffers.fractions[: len(piece)], buffers.rows = narrowed(piece), len(piece)
            given = sliced(conditions or {}, start, start + block)
            parts.append(self.columns(buffers, {k: _padded(v, len(buffers.fractions)) for k, v in given.items()}))
        return joined(parts)


def sliced(conditions: Conditions, start: int, stop: int) -> Conditions:
    """Cut condition columns to some rows; single values stay."""
    return {k: v[start:stop] if isinstance(v, np.ndarray) else v for k, v in conditions.items()}


def joined(parts: Sequence[Columns]) -> Columns:
    """Put the columns of consecutive blocks together."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def _padded(value: float | NDArray[np.float64], rows: int) -> float | NDArray[np.float64]:
    """Lengthen a condition column to the rows of a block; padding takes the card's reference."""
    if not isinstance(value, np.ndarray) or len(value) == rows:
        return value
    return np.concatenate([value, np.full(rows - len(value), np.nan)])
