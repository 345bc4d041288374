"""Bytes of a list, from a file or standard input, decompressed as they are read."""

from __future__ import annotations

import gzip
import io
import os
import re
import select
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard

from screener.errors import InputError

if TYPE_CHECKING:
    from screener.jobs import EncodingChoice

STDIN = Path("-")
"""Stands for standard input."""
BOM = b"\xef\xbb\xbf"
"""Byte order mark of UTF-8."""
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_OTHERS = {"bzip2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), "xz": re.compile(rb"\xfd7zXZ\0")}
_MAGIC_BYTES = 10
_BUFFER = 1 << 18
_LOOK_UP = 0.2
"""Seconds after which waiting for input lets signals through."""
_ZSTD_PIECE = 1 << 11
"""Compressed bytes taken at once: few, as they may be a thousand times as many afterwards."""
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)


class ByteSource:
    """Bytes that are read once, from the first to the last.

    Args:
        stream: where they come from.
        what: how messages name it.
        as_stored: whether they are those of a file on disk, which can be opened again and read from its end.
    """

    def __init__(self, stream: io.BufferedReader, what: str, as_stored: bool = False) -> None:
        self._stream = stream
        self.what = what
        self.as_stored = as_stored
        self._first = b""

    def peek(self, count: int) -> bytes:
        """Return up to ``count`` of the first bytes without taking them, once and before anything else.

        Raises:
            InputError: the system refuses, or compressed data are damaged.
        """
        self._first = self._read(count)
        return self._first

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield the bytes in pieces of ``size``, less for the last.

        Raises:
            InputError: the system refuses, or compressed data are damaged.
        """
        piece, self._first = self._first + self._read(max(0, size - len(self._first))), b""
        while piece:
            yield piece
            piece = self._read(size)

    def _read(self, count: int) -> bytes:
        """Read so many bytes, fewer only at the end."""
        try:
            return self._stream.read(count)
        except _DAMAGED as problem:
            text = "compressed data end too early" if isinstance(problem, EOFError) else "compressed data are damaged"
            raise InputError(f"cannot read {self.what}: {text}", "compress or copy the list again") from None
        except OSError as problem:
            raise unreadable(self.what, problem) from None


@contextmanager
def open_bytes(path: Path) -> Iterator[ByteSource]:
    """Open a file, or standard input for ``-``; gzip and Zstandard are known by their first bytes.

    Raises:
        InputError: the system refuses, or the bytes are compressed in another way.
    """
    what = "standard input" if path == STDIN else f"`{path}`"
    with ExitStack() as stack:
        try:
            raw: BinaryIO = _standard_input() if path == STDIN else stack.enter_context(path.open("rb"))
            stream = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
            magic = stream.peek(_MAGIC_BYTES)[:_MAGIC_BYTES]
        except OSError as problem:
            raise unreadable(what, problem) from None
        for name, known in _OTHERS.items():
            if known.match(magic):
                raise InputError(
                    f"{what} is compressed with {name}", "compress it with gzip or Zstandard, or not at all"
                )
        whole = _decompressed(stream, magic)
        yield ByteSource(whole, what, whole is stream and path != STDIN and path.is_file())


def as_utf8(piece: bytes, encoding: EncodingChoice) -> bytes:
    """Turn text into UTF-8; bytes that mean nothing stay, and are no UTF-8 then."""
    if encoding == "utf-8" or piece.isascii():
        return piece
    return piece.decode(encoding, "surrogateescape").encode("utf-8", "surrogateescape")


def unreadable(what: str, problem: OSError) -> InputError:
    """Say that the system refuses to give a list."""
    reason = (problem.strerror or str(problem)).lower()
    return InputError(f"cannot read {what}: {reason}", "name a CSV file with a column of formulas")


def _decompressed(stream: io.BufferedReader, magic: bytes) -> io.BufferedReader:
    """Put a decompressor in front of a stream that needs one."""
    if magic.startswith(_GZIP):
        return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=stream)), _BUFFER)
    if magic.startswith(_ZSTD):
        return io.BufferedReader(_Zstandard(stream), _BUFFER)
    return stream


def _standard_input() -> BinaryIO:
    """Return standard input so that waiting for it can be interrupted."""
    try:
        number = sys.stdin.fileno()
    except (OSError, ValueError):
        return sys.stdin.buffer
    return cast(BinaryIO, io.BufferedReader(_Waiting(number), _BUFFER)) if os.name == "posix" else sys.stdin.buffer


class _Waiting(io.RawIOBase):
    """Reads a descriptor, but looks up now and then while it waits.

    Polars has interrupted system calls resumed, so that one that waits for a pipe would never hear of Ctrl-C.
    """

    def __init__(self, number: int) -> None:
        self._number = number

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while not select.select([self._number], [], [], _LOOK_UP)[0]:
            pass
        return os.readv(self._number, [buffer])


class _Zstandard(io.RawIOBase):
    """Frames of Zstandard one after the other, decompressed; a frame that ends too early is an error.

    The package's own reader takes such a frame for the end of the data.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._given = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while not self._ready and self._advance():
            pass
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def _advance(self) -> bool:
        """Decompress a little more; say whether there was more."""
        given = self._given or self._stream.read(_ZSTD_PIECE)
        self._given = b""
        if not given:
            if self._frame is not None:
                raise EOFError
            return False
        self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
        self._ready = memoryview(self._frame.decompress(given))
        if self._frame.eof:
            self._given, self._frame = self._frame.unused_data, None
        return True
