"""Machine code kept on disk: what is not whole, or was made of other sources, is compiled again.

Numba's own cache believes what it reads: one bad byte in a file ends the program or changes a number, a constant of
another module can change unseen, and two programs that begin at once can exchange their files. Here every file carries
its digest, and its name tells all that it was made of.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from types import FunctionType
from typing import Protocol

import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from platformdirs import user_cache_path

_FORMAT = 1
_DIGEST = 32
"""Bytes of the digest in front of the code."""


class _Codegen(Protocol):
    def magic_tuple(self) -> tuple[object, ...]: ...


class _Context(Protocol):
    def refresh(self) -> None: ...

    def codegen(self) -> _Codegen: ...


class _Compiled(Protocol):
    @property
    def codegen(self) -> _Codegen: ...

    def _reduce(self) -> tuple[object, ...]: ...


class KernelCache(NullCache):
    """The compiled forms of one function, one file for each signature.

    Nothing a disk does is an error: what cannot be read is compiled, what cannot be written is compiled every time.

    Args:
        fn: the function as it is written.
    """

    def __init__(self, fn: FunctionType) -> None:
        self._fn = fn

    def load_overload(self, sig: object, target_context: _Context) -> object | None:
        """Return what was compiled for a signature; None where it must be compiled."""
        target_context.refresh()
        name = self._name(sig, target_context.codegen())
        for folder in code_folders(self._source):
            with suppress(OSError):
                raw = self._read(folder / name)
                if hashlib.sha256(raw[_DIGEST:]).digest() == raw[:_DIGEST]:
                    with suppress(Exception):  # whole, but not for this interpreter after all
                        parts = pickle.loads(raw[_DIGEST:])
                        return CompileResult._rebuild(target_context, *parts)  # type: ignore[no-untyped-call,no-any-return]
        return None

    def save_overload(self, sig: object, data: _Compiled) -> None:
        """Keep what was compiled for a signature in the first folder that takes it."""
        code: bytes = dumps(data._reduce())  # type: ignore[no-untyped-call]
        name = self._name(sig, data.codegen)
        for folder in code_folders(self._source):
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                _replace(folder / name, hashlib.sha256(code).digest() + code)
                _remove_old(folder, name)
                return

    def _read(self, path: Path) -> bytes:
        """Read a file of this user, of the owner of the package or of root; what others left would run as this user.

        Raises:
            OSError: there is no such file.
        """
        with path.open("rb") as file:
            owner = os.fstat(file.fileno()).st_uid
            trusted = not hasattr(os, "geteuid") or owner in (os.geteuid(), 0, self._source.stat().st_uid)
            return file.read() if trusted else b""

    @property
    def _source(self) -> Path:
        return Path(self._fn.__code__.co_filename)

    def _name(self, sig: object, codegen: _Codegen) -> str:
        """Name the file of a signature after the function, its sources, and what it was compiled for and by."""
        function = re.sub(r"[^\w.]", "_", f"{self._source.stem}.{self._fn.__qualname__}")
        compiler = (_FORMAT, numba.__version__, sys.implementation.cache_tag, codegen.magic_tuple())
        return f"{function}-{_digest(*_sources(self._fn, set()))}-{_digest(repr(sig), repr(compiler))}.nbc"


def code_folders(source: Path) -> Iterator[Path]:
    """Yield where code compiled from a file may be: $NUMBA_CACHE_DIR, beside the file, the user's cache."""
    folder = source.resolve().parent
    own = f"{folder.name}_{_digest(str(folder))}"
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(named) / own
    yield folder / "__pycache__"
    yield user_cache_path("alloy-screener") / "kernels" / own


def keeps_code() -> bool:
    """Say whether compiled code can be written anywhere, for a later run to find."""
    for folder in code_folders(Path(__file__)):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=folder).close()
            return True
    return False


def _replace(path: Path, raw: bytes) -> None:
    """Put a whole file in the place of another."""
    staged = path.with_name(f".code-{secrets.token_hex(8)}")
    try:
        with staged.open("xb") as file:
            file.write(raw)
        os.replace(staged, path)
    except BaseException:
        with suppress(OSError):
            staged.unlink()
        raise


def _remove_old(folder: Path, name: str) -> None:
    """Remove what was made of earlier sources of a function."""
    function, sources, _ = name.rsplit("-", 2)
    for path in folder.glob(f"{function}-*.nbc"):
        if not path.name.startswith(f"{function}-{sources}-"):
            path.unlink(missing_ok=True)


def _sources(fn: FunctionType, seen: set[FunctionType]) -> Iterator[str]:
    """Yield what the code of a function depends on: its text, its constants, and those of the kernels it calls."""
    seen.add(fn)
    yield f"{fn.__qualname__} {fn.__code__.co_code.hex()} {_file_digest(fn.__code__.co_filename)}"
    for name in sorted(set(fn.__code__.co_names) & fn.__globals__.keys()):
        value = fn.__globals__[name]
        called = getattr(value, "py_func", None)
        if called is not None and called not in seen:
            yield from _sources(called, seen)
        elif isinstance(value, np.ndarray):
            yield f"{name} {value.dtype} {value.shape} {value.tobytes().hex()}"
        elif isinstance(value, bool | int | float | str | tuple | np.generic):
            yield f"{name} {value!r}"


@cache
def _file_digest(path: str) -> str:
    """Digest a source file; nothing where only its byte code is installed."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
