"""Outcomes on disk, by the content of all that decides them, so that a stopped study goes on where it was."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.publish import write_whole
from training.study.data import StudyRows
from training.study.learners import Outcome

Array = NDArray[np.floating]
_PARTS = tuple(field.name for field in fields(Outcome) if field.name not in ("extras", "seconds"))
_EXTRA = "extra_"


@dataclass(frozen=True, slots=True)
class OutcomeStore:
    """A folder of outcomes by key; a file is there whole or not at all, and proves its values."""

    folder: Path

    def load(self, key: str) -> Outcome | None:
        """Return the outcome of a key; None where there is none or the file is damaged."""
        try:
            with np.load(io.BytesIO(self._path(key).read_bytes()), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files if name != "proof"}
                proof = str(stored["proof"])
        except Exception:  # damaged archives raise many unrelated classes, and none of them matters
            return None
        if proof != _proof(key, arrays) or not {*_PARTS, "seconds"} <= set(arrays):
            return None
        extras = {name.removeprefix(_EXTRA): a for name, a in arrays.items() if name.startswith(_EXTRA)}
        return Outcome(**{name: arrays[name] for name in _PARTS}, extras=extras, seconds=float(arrays["seconds"]))

    def save(self, key: str, outcome: Outcome) -> None:
        """Store an outcome.

        Raises:
            OutputError: it cannot be written.
        """
        arrays = {name: np.asarray(getattr(outcome, name), np.float64) for name in _PARTS}
        arrays |= {_EXTRA + name: np.asarray(values, np.float64) for name, values in outcome.extras.items()}
        arrays["seconds"] = np.array(outcome.seconds)
        content = io.BytesIO()
        np.savez(content, proof=np.array(_proof(key, arrays)), **arrays)  # type: ignore[arg-type]
        write_whole(self._path(key), content.getvalue())

    def _path(self, key: str) -> Path:
        """Place of a key's file."""
        return self.folder / "study" / key[:2] / f"{key}.npz"


def study_digest(rows: StudyRows) -> str:
    """Name the content of study rows by 16 hexadecimal digits."""
    state = hashlib.sha256(repr((rows.tasks, rows.rows.is_label.tolist(), rows.log.tolist())).encode())
    known = rows.rows.known
    for column in (rows.rows.x, np.where(known, rows.rows.y, 0.0), known, rows.key, rows.system):
        state.update(f"{column.dtype.str} {column.shape}".encode() + np.ascontiguousarray(column).tobytes())
    return state.hexdigest()[:16]


def _proof(key: str, arrays: Mapping[str, Array]) -> str:
    """Digest that ties values to their key."""
    state = hashlib.sha256(key.encode())
    for name in sorted(arrays):
        state.update(f"{name} {arrays[name].shape}".encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return state.hexdigest()
