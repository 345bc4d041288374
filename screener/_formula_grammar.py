"""Read the text of a formula as parts by element: plain formulas, brackets and balance notation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NoReturn

from screener.elements import element_symbols, require_element
from screener.errors import CompositionError, FormulaError

Parts = dict[str, float]
Term = tuple[str | Parts, float]

MAX_LENGTH = 1000
MAX_DEPTH = 8
SHARE_TOLERANCE = 0.005 * (1 + 1e-9)
"""How far subscripts that are shares may be from 100 or 1, as a share of it; a hair more, for the last bits of sums."""
SHOWN_LENGTH = 60
CLOSING = {"(": ")", "[": "]", "{": "}"}

# a zero before another digit is refused: `Al05` is written for both 0.5 and 5
_AMOUNT = r"(?:(?:0|[1-9][0-9]*)(?![0-9])(?:\.[0-9]*)?|\.[0-9]+)"
_SYMBOL = r"[A-Z][a-z]?"
_SPACE = "[ \t\u00a0\u2009\u202f]*"
_DASH = f"{_SPACE}[-\u2010\u2011\u2012\u2013\u2212]{_SPACE}"
_TERM = re.compile(f"({_SYMBOL})(?:{_SPACE}({_AMOUNT}))?")
_PLAIN = re.compile(f"(?:{_SYMBOL}(?:{_AMOUNT})?{_SPACE})+")
_SPACED = re.compile(f"(?:{_SYMBOL}{_SPACE}{_AMOUNT}{_SPACE[:-1]}+)+{_SYMBOL}{_SPACE}{_AMOUNT}")
"""Amounts apart from their symbols: one for each, and apart from the next, lest `Ti 6Al 4V` be read as Ti₆Al₄V."""
_PIECE = re.compile(rf"(?:(?P<open>[(\[{{])|(?P<body>{_SYMBOL}|[)\]}}])(?P<amount>{_AMOUNT})?){_SPACE}")
_BALANCE = re.compile(f"({_SYMBOL})((?:{_DASH}{_AMOUNT}{_SPACE}{_SYMBOL})+)")
_ADDITION = re.compile(f"({_AMOUNT}){_SPACE}({_SYMBOL})")
_MIXED_DIGITS = re.compile(r"[0-9]\.?[₀-₉]|[₀-₉]\.?[0-9]")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_HINT = "write amounts behind symbols as in `Cu50Zr50`, groups as in `(CoCrFeNi)94Al6`, or a balance as in `Ti-6Al-4V`"


def read_formula(text: str) -> tuple[Parts, str]:
    """Read a formula as parts of each element (any scale) and say how it was written.

    Returns:
        Parts by symbol in order of first appearance, zeros included, and ``plain``, ``brackets`` or ``balance``.

    Raises:
        FormulaError: the text reads as no alloy, or as more than one.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"formula has {len(text)} characters", f"a formula has at most {MAX_LENGTH}")
    text = text.strip()
    if not text:
        raise FormulaError("formula is empty", _HINT)
    if not text.isascii() and not _MIXED_DIGITS.search(text):
        text = text.translate(_SUBSCRIPTS)
    if _PLAIN.fullmatch(text) or _SPACED.fullmatch(text):
        return _read_plain(text), "plain"
    balance = _BALANCE.fullmatch(text)
    if balance:
        return _read_balance(text, *balance.groups()), "balance"
    return _read_brackets(text), "brackets"


def shown(text: str) -> str:
    """Quote a piece of input in backticks, shortened and without control characters."""
    short = text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"
    return "`" + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in short) + "`"


def _read_plain(text: str) -> Parts:
    """Read symbols with optional amounts; a missing amount is 1."""
    parts: Parts = {}
    terms = _TERM.findall(text)
    for symbol, amount in terms:
        parts[symbol] = float(amount) if amount else 1.0
    if len(parts) < len(terms):
        _refuse_repeat([symbol for symbol, _ in terms], text)
    if not parts.keys() <= _known():
        _refuse_unknown(parts, text)
    return parts


def _read_balance(text: str, first: str, additions: str) -> Parts:
    """Read amounts in percent before the symbols; the first element takes the rest."""
    amounts = [(symbol, float(amount)) for amount, symbol in _ADDITION.findall(additions)]
    symbols = [first, *(symbol for symbol, _ in amounts)]
    _refuse_repeat(symbols, text)
    _refuse_unknown(dict.fromkeys(symbols, 0.0), text)
    added = sum(amount for _, amount in amounts)
    if added >= 100.0:
        raise FormulaError(
            f"additions in {shown(text)} add up to {added:g} %",
            f"they must leave a balance for `{first}`: lower them, or write every amount behind its symbol",
        )
    return {first: 100.0 - added, **dict(amounts)}


def _read_brackets(text: str) -> Parts:
    """Read groups from the inside out."""
    levels: list[list[Term]] = [[]]
    awaited: list[str] = []
    for piece in _pieces(text):
        if piece["open"]:
            awaited.append(CLOSING[piece["open"]])
            levels.append([])
            if len(awaited) > MAX_DEPTH:
                raise FormulaError(f"brackets in {shown(text)} are too deep", f"nest at most {MAX_DEPTH} brackets")
            continue
        body: str | Parts = piece["body"]
        if body in CLOSING.values():
            if not awaited or awaited.pop() != body:
                _refuse_rest(text, piece.start())
            body = _resolve(levels.pop(), text)
        levels[-1].append((body, float(piece["amount"] or 1.0)))
    if awaited:
        raise FormulaError(f"a bracket in {shown(text)} is not closed", f"close it with `{awaited[-1]}`")
    return _resolve(levels[0], text)


def _pieces(text: str) -> Iterator[re.Match[str]]:
    """Cut a formula into opening brackets and symbols or closing brackets with their amounts."""
    position = 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            _refuse_rest(text, position)
        yield piece
        position = piece.end()


def _resolve(terms: list[Term], text: str) -> Parts:
    """Add up one level of brackets.

    Where its subscripts add up to 100 or 1, within half a percent of it, they are shares, so a group counts as one
    part however many elements it holds; otherwise a subscript multiplies every amount in the group, as in chemistry.
    """
    _refuse_repeat([body for body, _ in terms if isinstance(body, str)], text)
    subscripts = sum(amount for _, amount in terms)
    shares = any(abs(subscripts - whole) <= whole * SHARE_TOLERANCE for whole in (1.0, 100.0))
    parts: Parts = {}
    for body, amount in terms:
        group = {body: 1.0} if isinstance(body, str) else body
        whole = sum(group.values())
        if not whole and amount:
            raise FormulaError(f"brackets in {shown(text)} hold nothing", "put elements with amounts inside")
        scale = amount / whole if shares and whole else amount
        for symbol, inside in group.items():
            parts[symbol] = parts.get(symbol, 0.0) + scale * inside
    _refuse_unknown(parts, text)
    return parts


@cache
def _known() -> frozenset[str]:
    return frozenset(element_symbols())


def _refuse_unknown(parts: Parts, text: str) -> None:
    """Refuse symbols without alloy data, those that are no elements first: their letters may be in the wrong case."""
    refused: CompositionError | None = None
    for symbol in parts:
        try:
            require_element(symbol)
        except CompositionError as error:
            if error.message.startswith("unknown"):
                raise FormulaError(error.message, _recased(text) or error.hint) from None
            refused = refused or error
    if refused:
        raise FormulaError(refused.message, refused.hint)


def _refuse_repeat(symbols: list[str], text: str) -> None:
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            raise FormulaError(f"`{symbol}` is repeated in {shown(text)}", f"write one amount for `{symbol}`")


def _refuse_rest(text: str, position: int) -> NoReturn:
    """Refuse text from a position on that no formula continues with."""
    rest = text[position:]
    message = f"cannot read {shown(rest)} in {shown(text)}" if position else f"cannot read {shown(text)}"
    raise FormulaError(message, _recased(text) or _HINT)


def _recased(text: str) -> str:
    """Suggest the formula whose symbols start with capitals, if that makes it readable."""
    repaired = re.sub("[A-Za-z]+", lambda run: run[0].capitalize(), text)
    if repaired == text or not _PLAIN.fullmatch(repaired):
        return ""
    symbols = [symbol for symbol, _ in _TERM.findall(repaired)]
    readable = len(set(symbols)) == len(symbols) and _known().issuperset(symbols)
    return f"did you mean {shown(repaired)}?" if readable else ""
