"""Methods by name: look one up in its registry, check its options, build it.

A registry maps names to classes (or functions); the arguments of a class are its configuration. Some arguments are not
for the user to write, because the fit knows them (how many tasks, which are labels, how many labels each has, the
seed): they are *given*, and each method takes those it asks for.
"""

from __future__ import annotations

import difflib
import inspect
import math
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, TypeVar, Union, get_args, get_origin

from screener.errors import InputError

T = TypeVar("T")
_PLAIN: Mapping[object, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a finite number"),
    str: ((str,), "a text"),
}


class OptionError(InputError):
    """An option of a method with a value the method cannot use."""

    def __init__(self, option: str, value: object, hint: str) -> None:
        super().__init__(f"option `{option}` is `{value}`", hint)
        self.option = option
        self.value = value


def require(holds: bool, option: str, value: object, hint: str) -> None:
    """Refuse the value of an option unless a condition holds.

    Raises:
        OptionError: it does not hold.
    """
    if not holds:
        raise OptionError(option, value, hint)


def build(
    family: str,
    registry: Mapping[str, Callable[..., T]],
    name: str,
    options: Mapping[str, object] | None = None,
    given: Mapping[str, object] | None = None,
) -> T:
    """Build one method of a family.

    Args:
        family: what the family is called in messages, such as "loss weighting".
        registry: classes by name.
        name: which method.
        options: the user's options, by argument name.
        given: what the fit knows; each method takes the arguments it has and is spared the rest.

    Raises:
        InputError: no such method, no such option, an option is missing, or a value does not fit.
    """
    options, given = options or {}, given or {}
    check(family, registry, name, options, given)
    taken = {key: value for key, value in given.items() if key in _arguments(registry[name])}
    try:
        return registry[name](**taken, **options)
    except OptionError as error:
        message = f"option `{error.option}` of {family} `{name}` is `{error.value}`"
        raise InputError(message, error.hint) from error


def check(
    family: str,
    registry: Mapping[str, Callable[..., T]],
    name: str,
    options: Mapping[str, object],
    given: Collection[str] = (),
) -> None:
    """Check name, option names and the kinds of values without building anything.

    Raises:
        InputError: as `build`, but for limits that only the method itself knows.
    """
    _require_known(family, name, registry)
    arguments = {key: each for key, each in _arguments(registry[name]).items() if key not in given}
    for key, value in options.items():
        _require_known(f"option of {family} `{name}`", key, arguments)
        kind = arguments[key].annotation
        if not _fits(value, kind):
            raise InputError(f"option `{key}` of {family} `{name}` is `{value}`", f"give {_words(kind)}")
    for key, argument in arguments.items():
        if argument.default is inspect.Parameter.empty and key not in options:
            raise InputError(f"{family} `{name}` lacks its option `{key}`", f"give {_words(argument.annotation)}")


def _require_known(kind: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that is not known, and say which was probably meant."""
    if name in known:
        return
    close = difflib.get_close_matches(name, list(known), n=1)
    listed = ", ".join(f"`{each}`" for each in known)
    there_is = f"there is {listed}" if listed else "there is none"
    raise InputError(f"unknown {kind} `{name}`", f"did you mean `{close[0]}`?" if close else there_is)


def _arguments(make: Callable[..., object]) -> Mapping[str, inspect.Parameter]:
    """The named arguments of a class or function, annotations read; a class without a constructor has none."""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    arguments = inspect.signature(make, eval_str=True).parameters
    return {key: each for key, each in arguments.items() if each.kind not in several}


def _fits(value: object, hint: object) -> bool:
    """Whether a value read from TOML is of an annotated kind; TOML knows `inf` and `nan`, no option does."""
    if hint in _PLAIN:
        kind = isinstance(value, _PLAIN[hint][0]) and (hint is bool or not isinstance(value, bool))
        return kind and (not isinstance(value, float) or math.isfinite(value))
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value in inner
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin in (Sequence, list, tuple):
        sized = isinstance(value, list | tuple) and _length(hint) in (None, len(value))
        return sized and all(_fits(each, inner[0]) for each in value)  # type: ignore[attr-defined]
    return isinstance(value, hint) if isinstance(hint, type) else True


def _length(hint: object) -> int | None:
    """How many values an annotated list has, None for any number."""
    inner = get_args(hint)
    return len(inner) if get_origin(hint) is tuple and Ellipsis not in inner else None


def _words(hint: object) -> str:
    """What an annotated kind is called in a hint."""
    if hint in _PLAIN:
        return _PLAIN[hint][1]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(f"`{each}`" for each in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(each) for each in inner if each is not type(None))
    if origin in (Sequence, list, tuple):
        length = _length(hint)
        return f"a list{'' if length is None else f' of {length}'}, each {_words(inner[0])}"
    return f"a value of the kind `{getattr(hint, '__name__', hint)}`"
