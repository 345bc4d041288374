"""Files of models, which may come from anywhere: read whole, and looked through before anything runs them."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from screener._graph_fields import Unfit
from screener.errors import ModelError
from screener.graph_check import check_graph
from screener.graph_file import GraphPort, read_graph

MAX_MODEL_BYTES = 200_000_000
"""Larger files are not models of this package."""
REFIT = "run `training fit` to make the models again, or name another folder with `--models`"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that was looked through.

    Attributes:
        content: its bytes.
        digest: their sha256, hexadecimal.
        inputs: what the graph takes, in order.
        outputs: what it gives, in order.
        props: its metadata.
    """

    content: bytes
    digest: str
    inputs: tuple[GraphPort, ...]
    outputs: tuple[GraphPort, ...]
    props: Mapping[str, str]


def read_model_file(path: Path, name: str, digest: str = "") -> ModelFile:
    """Read a model file of sane size that holds nothing but a self-contained net or tree ensemble.

    Args:
        path: the file.
        name: what messages call it.
        digest: sha256 that it must have; empty where none is on record.

    Raises:
        ModelError: it is missing, too large, another than on record, not ONNX, or holds anything but what models of
            this package consist of.
    """
    content = _read(path, name)
    found = hashlib.sha256(content).hexdigest()
    if digest and found != digest:
        raise ModelError(
            f"`{name}` does not match its recorded digest",
            f"restore `{name}`, or run `training fit` to make the models again",
        )
    try:
        graph = read_graph(content)
        check_graph(graph)
    except Unfit as problem:
        raise ModelError(f"`{name}` {problem}", REFIT) from None
    return ModelFile(content, found, graph.inputs, graph.outputs, graph.props)


def _read(path: Path, name: str) -> bytes:
    """Read a plain file, and never more of it than a model can have, also where it grows meanwhile."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise OSError
        with path.open("rb") as stream:
            content = stream.read(MAX_MODEL_BYTES + 1)
    except (OSError, ValueError):
        raise ModelError(f"cannot read the model `{name}`", REFIT) from None
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(f"`{name}` is larger than {MAX_MODEL_BYTES // 1_000_000} MB", REFIT)
    return content
