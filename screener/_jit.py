"""The one place where numba's options are chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(fn: Callable[P, R], /) -> Callable[P, R]:
    """Compile ``fn`` to machine code once per machine, without the interpreter lock and with IEEE arithmetic."""
    compiled: Callable[P, R] = numba.njit(cache=True, nogil=True, error_model="numpy")(fn)
    return compiled
