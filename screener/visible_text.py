"""Text from outside made fit for a terminal: what a terminal would obey is spelled out instead."""

from __future__ import annotations

import re

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, escape among them, but no tab or line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing
    "\u2028\u2029\ufeff"  # line ends that are none to us, and the mark that is nothing
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"  # bytes of names that are no text, notes and tags unseen
)


def visible(text: str) -> str:
    """Spell out every character that a terminal would obey by its number; tabs and line feeds stay."""
    return _OBEYED.sub(_spelled, text)


def visible_line(text: str) -> str:
    """Do the same, and spell out tabs and line feeds as well."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def visible_json(text: str) -> str:
    """Spell out the same characters in JSON the way that JSON has for them."""
    return _OBEYED.sub(_as_json, text)


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _as_json(found: re.Match[str]) -> str:
    code = ord(found[0])
    units = [code] if code < 0x10000 else [0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)]
    return "".join(f"\\u{unit:04x}" for unit in units)
