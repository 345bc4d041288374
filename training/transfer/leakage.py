"""What a test alloy must not have taught: neither its composition nor, where folds are grouped, its system."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError

By = Literal["composition", "system"]
Names = NDArray[np.str_]


def groups_by(by: By, keys: Names, systems: Names) -> Names:
    """Name what must not be shared with a test fold: composition keys [n] or chemical systems [n]."""
    return np.asarray(keys if by == "composition" else systems)


def leak_free(groups: Names, held_out: Collection[str] | Names) -> NDArray[np.int64]:
    """Return the rows whose group is not held out."""
    return np.flatnonzero(~np.isin(groups, list(held_out))).astype(np.int64)


def require_leak_free(seen: Iterable[str], held_out: Collection[str] | Names) -> None:
    """Check that nothing held out was learned from.

    Raises:
        InputError: a group of the test rows was in the training or pre-training data.
    """
    shared = sorted(set(map(str, held_out)).intersection(seen))
    if shared:
        raise InputError(
            f"`{shared[0]}` is tested on and was learned from before ({len(shared)} in all)",
            "pre-train once per fold, without the groups that it holds out",
        )
