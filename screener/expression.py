"""Row-by-row expressions over the columns of a screening run, in the SQL dialect of polars.

The text is read in three steps, each with its own list of what is allowed. First it is split into tokens, and every
column and number becomes a numbered name, so that the SQL parser sees keywords, operators and function names only: left
to itself the parser opens the files that a sub-query names, and reads decimals as fixed-point numbers. The parser then
settles precedence. Last, its tree is rebuilt from known operations with their kinds checked.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener._expression_spans import Ends, verdict
from screener._expression_tree import Kind, Node, NotRowWise, TreeBuilder
from screener._expression_values import numbers, truth
from screener.errors import ExpressionError

BOOLEAN_COLUMNS = frozenset({"is_amorphous", "amorphous_borderline", "in_domain"})
MAX_LENGTH = 2000
MAX_NESTING = 32
"""Most brackets and operators before them inside each other: the time of the SQL parser doubles with some of them."""

_KEYWORDS = frozenset(
    ("and", "or", "not", "between", "in", "is", "null", "true", "false", "case", "when", "then", "else", "end")
)
_FUNCTIONS = frozenset(
    (
        "abs",
        "sqrt",
        "ln",
        "log2",
        "log10",
        "exp",
        "pow",
        "power",
        "mod",
        "sign",
        "round",
        "floor",
        "ceil",
        "ceiling",
        "least",
        "greatest",
        "coalesce",
    )
)
_BEFORE_TERMS = frozenset(("not", "-", "+"))
_TWICE = 4
_TOKEN = re.compile(
    r"""\s*(?: (?P<number> (?: [0-9]+\.?[0-9]* | \.[0-9]+ ) (?: [eE][+-]?[0-9]+ )? ) (?![\w.])
             | (?P<word> [^\W\d]\w* )
             | (?P<quoted> "(?:[^"]|"")*" | `[^`]*` )
             | (?P<symbol> <=|>=|<>|!=|==|[-+*/%<>=(),] ) )""",
    re.VERBOSE,
)
_AFTER_SCORING = re.compile(r"rank|score|front|index|nearest_\w*")
_INTERVAL = re.compile(r"(.+)_(?:low|high)")


@dataclass(frozen=True, slots=True)
class Expression:
    """A filter or a score, checked once and evaluated for every block of candidates.

    Attributes:
        text: what the user wrote.
        kind: ``boolean`` or ``number``.
        columns: names it reads, sorted.
        tree: the checked operations.
    """

    text: str
    kind: Kind
    columns: tuple[str, ...]
    tree: Node

    @classmethod
    def parse(
        cls,
        text: str,
        columns: Collection[str],
        kind: Kind,
        option: str,
        boolean_columns: Collection[str] = BOOLEAN_COLUMNS,
    ) -> Expression:
        """Read SQL text and check that it is row by row, over known columns, and of the kind asked for.

        Args:
            text: at most 2000 characters: arithmetic (always float64), comparison, ``and or not``, ``between``,
                ``in`` lists, ``case``, ``is null``, and abs, sqrt, ln, log2, log10, exp, pow, least, greatest, round,
                floor, ceil, sign, coalesce, mod. Names are case-sensitive; ``"quotes"`` take any name.
            columns: names that may be used.
            kind: what it must yield.
            option: how the user gave it, for example ``--where``; named in hints.
            boolean_columns: which columns are conditions; all others are numbers.

        Raises:
            ExpressionError: the text holds anything else.
        """
        if len(text) > MAX_LENGTH:
            raise ExpressionError(f"expression of `{len(text)}` characters", f"keep {option} below {MAX_LENGTH}")
        if not text.strip():
            raise ExpressionError("empty expression", _example(kind, option))
        tokens = _tokens(text, kind, option)
        _check_nesting(tokens, option)
        sql, operands = _Translation(columns, boolean_columns, option).translate(tokens)
        try:
            tree = TreeBuilder(operands, option).build(_parse_sql(sql))
        except NotRowWise:
            raise ExpressionError(
                f"cannot read `{_shown(text)}`", _clash_hint(text, columns) or _example(kind, option)
            ) from None
        if tree.kind != kind:
            raise _wrong_kind(text, kind, option)
        used = tuple(sorted({each.column for each in operands if each.operation == "column"}))
        if not used:
            raise ExpressionError(f"`{_shown(text)}` names no column", f"use at least one column in {option}")
        return cls(text, kind, used, tree)

    @property
    def lone_column(self) -> str | None:
        """Name of the column when the expression is nothing else."""
        return self.tree.column or None

    def evaluate(self, values: Mapping[str, NDArray[np.generic]]) -> NDArray[np.generic]:
        """Evaluate a block of candidates.

        Args:
            values: at least ``columns``, each of shape [b]; numbers in any float type, conditions as bool.

        Returns:
            Shape [b]. A condition gives bool, False where a missing value (NaN) leaves it open; a number gives float64,
            NaN where it cannot be told. A lone column may share memory with its input.
        """
        # 1/0 and ln(-1) are answers (infinity, NaN), not accidents to warn of in every block.
        with np.errstate(all="ignore"):
            result = truth(self.tree, values)[0] if self.kind == "boolean" else numbers(self.tree, values)
        return np.broadcast_to(result, np.shape(values[self.columns[0]]))

    def limits(self, values: Mapping[str, Ends]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Evaluate a condition where columns are known within limits.

        Args:
            values: at least ``columns``, two arrays [b] each: the lower and upper limits of a number, where a condition
                surely and where it possibly holds. One array twice is known as it is.

        Returns:
            Where the condition surely holds and where it possibly does, shape [b].
        """
        with np.errstate(all="ignore"):
            (sure, _), (possible, _) = verdict(self.tree, values)
        shape = np.shape(values[self.columns[0]][0])
        return np.broadcast_to(sure, shape), np.broadcast_to(possible, shape)


def require_column(name: str, columns: Collection[str], option: str) -> str:
    """Return the name of a column that may be used in an option.

    Raises:
        ExpressionError: nobody knows the name, or the column exists only after re-scoring.
    """
    interval = _INTERVAL.fullmatch(name)
    if _AFTER_SCORING.fullmatch(name) or (interval and interval[1] in columns):
        raise ExpressionError(
            f"`{_shown(name)}` exists only after re-scoring",
            f"filter the written result by it: {option} sees screening values and descriptors",
        )
    if name in columns:
        return name
    folded = {column.casefold(): column for column in sorted(columns)}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"did you mean `{folded[close[0]]}`?" if close else f"{option} knows {_some(columns)}"
    raise ExpressionError(f"unknown column `{_shown(name)}`", hint)


@dataclass(frozen=True, slots=True)
class _Translation:
    """Turns tokens into SQL without names: operands are numbered ``c0, c1, …``."""

    columns: Collection[str]
    boolean_columns: Collection[str]
    option: str

    def translate(self, tokens: Sequence[tuple[str, str]]) -> tuple[str, list[Node]]:
        """Return the SQL and its operands in order of appearance."""
        words: list[str] = []
        operands: list[Node] = []
        for (group, token), (_, following) in zip(tokens, [*tokens[1:], ("", "")], strict=True):
            # The parser takes the decimals of round() as a literal or not at all.
            decimals = (
                group == "number" and words[-1:] == [","] and following == ")" and re.fullmatch("[0-9]{1,2}", token)
            )
            if group == "symbol" or decimals:
                words.append(token)
            elif group == "word" and self._reserved(token, following):
                words.append(token.lower())
            else:
                words.append(f"c{len(operands)}")
                operands.append(self._operand(group, token, following))
        return " ".join(words), operands

    def _reserved(self, word: str, following: str) -> bool:
        """Whether a bare word is a keyword or function; an element spelled like one wins unless all in one case."""
        if following == "(" and word.lower() in _FUNCTIONS:
            return True
        return word.lower() in _KEYWORDS and (word in (word.lower(), word.upper()) or word not in self.columns)

    def _operand(self, group: str, token: str, following: str) -> Node:
        """Make the leaf of a number or column."""
        if group == "number":
            if math.isinf(float(token)):
                raise ExpressionError(f"number `{_shown(token)}` out of range", f"use a finite number in {self.option}")
            return Node("number", "number", number=float(token))
        if group == "word" and following == "(" and token not in self.columns:
            raise _unknown_function(token, self.option)
        name = token.replace('""', '"') if group == "word" else token[1:-1].replace('""', '"')
        require_column(name, self.columns, self.option)
        return Node("column", "boolean" if name in self.boolean_columns else "number", column=name)


def _tokens(text: str, kind: Kind, option: str) -> list[tuple[str, str]]:
    """Split a text into (group, token); what no token matches is refused."""
    tokens: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position, end)
        if match is None or match.lastgroup is None:
            rest = text[position:].split(maxsplit=1)[0]
            hint = _example(kind, option)
            if "'" in rest:
                hint = f"{option} compares numbers and conditions, not text; column names take double quotes or none"
            raise ExpressionError(f"cannot read `{_shown(rest)}` in an expression", hint)
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


def _check_nesting(tokens: Sequence[tuple[str, str]], option: str) -> None:
    """Refuse what nests deeper than any expression for people.

    A bracket counts once, and each operator in a row before it once more. A `case`, and a bracket behind a `not`, count
    as four: the parser reads each of them twice over, with all that is inside.
    """
    levels: list[int] = []
    row, negated = 0, False
    for group, token in tokens:
        word = token.lower() if group in ("word", "symbol") else ""
        if word in ("(", "case"):
            levels.append(row + (_TWICE if negated or word == "case" else 1))
            row, negated = 0, False
        elif word in (")", "end"):
            del levels[-1:]
            row, negated = 0, False
        else:
            row = row + 1 if word in _BEFORE_TERMS else 0
            negated = word == "not" or (negated and word not in ("and", "or", ","))
        if sum(levels) + row > MAX_NESTING:
            raise ExpressionError(
                f"brackets nested over `{MAX_NESTING}` levels", f"shorten {option}, or write fewer brackets in it"
            )


def _parse_sql(sql: str) -> object:
    """Let the SQL parser settle precedence and return its tree as plain dictionaries and lists."""
    import polars

    try:
        return json.loads(polars.sql_expr(sql).meta.serialize(format="json"))
    except RecursionError:
        raise NotRowWise from None
    # A panic of the parser is no Exception; text it cannot read must not end the program either way.
    except (Exception, polars.exceptions.PanicException):
        raise NotRowWise from None


def _wrong_kind(text: str, kind: Kind, option: str) -> ExpressionError:
    """Say that a filter is no condition or that a score is no number."""
    if kind == "boolean":
        return ExpressionError(
            f"`{_shown(text)}` is a number, not a condition", f"compare it in {option}, for example `hardness_gpa > 5`"
        )
    return ExpressionError(
        f"`{_shown(text)}` is a condition, not a number",
        f"filter by it with --where, or give {option} `case when is_amorphous then 1 else 0 end`",
    )


def _unknown_function(name: str, option: str) -> ExpressionError:
    """Refuse a function, with the row-by-row one for the aggregates people reach for."""
    instead = {"min": "least", "max": "greatest", "log": "ln"}.get(name.lower())
    hint = f"use `{instead}` in {option}" if instead else f"{option} knows {', '.join(sorted(_FUNCTIONS))}"
    return ExpressionError(f"function `{_shown(name)}` is not available", hint)


def _clash_hint(text: str, columns: Collection[str]) -> str:
    """Say how to write a column that is spelled like a keyword of the text; empty where there is none."""
    words = {word.lower() for word in re.findall(r"\w+", text)} & _KEYWORDS
    clashes = [column for column in sorted(columns) if column.lower() in words]
    if not clashes:
        return ""
    return f'write the column as "{clashes[0]}", in double quotes, and the operator as `{clashes[0].lower()}`'


def _example(kind: Kind, option: str) -> str:
    like = "hardness_gpa / 2 > 3 and in_domain" if kind == "boolean" else "hardness_gpa / density_g_cm3"
    return f"write {option} like `{like}`"


def _some(columns: Collection[str]) -> str:
    """List the first columns and count the others."""
    first = ", ".join(f"`{column}`" for column in sorted(columns)[:8])
    return f"{first} and {len(columns) - 8} more" if len(columns) > 8 else first


def _shown(text: str) -> str:
    """Shorten a text for a message and take out what a terminal would obey."""
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:61])
    return clean if len(clean) <= 60 else f"{clean[:57]}…"
