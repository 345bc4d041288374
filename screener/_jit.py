"""The one place where numba's options are chosen."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import ParamSpec, TypeVar

import numba

from screener._kernel_cache import KernelCache

P = ParamSpec("P")
R = TypeVar("R")


def kernel(fn: Callable[P, R], /) -> Callable[P, R]:
    """Compile ``fn`` to machine code once per machine, without the interpreter lock and with IEEE arithmetic."""
    compiled: Callable[P, R] = numba.njit(nogil=True, error_model="numpy")(fn)
    if compiled is not fn and isinstance(fn, FunctionType):  # NUMBA_DISABLE_JIT leaves it as it is
        compiled._cache = KernelCache(fn)  # type: ignore[attr-defined]
    return compiled
