"""Typed access to the JSON of a model card: what a file from outside says is believed only where its type fits."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import NoReturn, TypeVar

from screener.errors import ModelError

REMEDY = "export the model again with `training fit`"
MAX_CARD_CHARACTERS = 4_000_000
"""Longer cards are not read: the longest of this package have some ten thousand characters."""

LARGEST = 1e300
"""Numbers beyond are no property of an alloy."""

T = TypeVar("T", bound=str)


class Fields:
    """The fields of one JSON object.

    Every method raises ``ModelError`` for a field that is missing or not what it must be.

    Args:
        values: the object as parsed.
        path: where it stands in the card, for messages.
    """

    def __init__(self, values: object, path: str = "") -> None:
        self._path = path
        if not isinstance(values, dict) or not all(map(_printable, values)):
            self.refuse()
        self._values: Mapping[str, object] = values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __getitem__(self, name: str) -> object:
        return self._values[name] if name in self._values else self.refuse(name)

    def refuse(self, name: str = "") -> NoReturn:
        """Say that a field, or the whole object, is not what it must be."""
        raise ModelError(f"the model card has no valid `{self._at(name)}`", REMEDY)

    def text(self, name: str, pattern: str = ".*") -> str:
        """Return text without control characters that matches a pattern."""
        value = self[name]
        if not isinstance(value, str) or not _printable(value) or not re.fullmatch(pattern, value):
            self.refuse(name)
        return value

    def choice(self, name: str, allowed: tuple[T, ...]) -> T:
        """Return one of the words allowed."""
        value = self.text(name)
        found = [word for word in allowed if word == value]
        return found[0] if found else self.refuse(name)

    def truth(self, name: str) -> bool:
        """Return true or false."""
        value = self[name]
        return value if isinstance(value, bool) else self.refuse(name)

    def number(self, name: str, low: float = -LARGEST, high: float = LARGEST, *, unknown: bool = False) -> float:
        """Return a finite number within limits; with ``unknown`` it may be NaN."""
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(name)
        if not low <= value <= high and not (unknown and value != value):
            self.refuse(name)
        return float(value)

    def share(self, name: str) -> float:
        """Return a number strictly between 0 and 1, which alone have a logit."""
        value = self.number(name, 0.0, 1.0)
        return value if 0.0 < value < 1.0 else self.refuse(name)

    def count(self, name: str) -> int:
        """Return a whole number, 0 or more."""
        value = self.number(name, 0.0)
        return int(value) if value.is_integer() else self.refuse(name)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a list of numbers, of which some may be NaN."""
        items = self[name]
        if not isinstance(items, list):
            self.refuse(name)
        fields = Fields({str(k): item for k, item in enumerate(items)}, self._at(name))
        return tuple(fields.number(place, unknown=True) for place in fields)

    def nested(self, name: str) -> Fields:
        """Return an object within this one."""
        return Fields(self[name], self._at(name))

    def listed(self, name: str) -> tuple[Fields, ...]:
        """Return a list of objects."""
        items = self[name]
        if not isinstance(items, list):
            self.refuse(name)
        return tuple(Fields(item, self._at(f"{name}.{k}")) for k, item in enumerate(items))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        items = self[name]
        if not isinstance(items, list):
            self.refuse(name)
        fields = Fields({str(k): item for k, item in enumerate(items)}, self._at(name))
        return tuple(fields.text(place) for place in fields)

    def _at(self, name: str) -> str:
        return ".".join(part for part in (self._path, name) if part)


def parse_fields(props: Mapping[str, str], prefix: str) -> Fields:
    """Parse every value whose key starts with ``prefix``.

    Raises:
        ModelError: the text is too long or not JSON.
    """
    texts = {key.removeprefix(prefix): text for key, text in props.items() if key.startswith(prefix)}
    if sum(map(len, texts.values())) > MAX_CARD_CHARACTERS:
        raise ModelError(f"the model card is longer than {MAX_CARD_CHARACTERS:,} characters", REMEDY)
    try:
        return Fields({name: json.loads(text) for name, text in texts.items()})
    except (ValueError, RecursionError):
        raise ModelError("the model card is not readable", REMEDY) from None


def _printable(text: str) -> bool:
    """Say whether text holds no control characters and no surrogates, which terminals and files choke on."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
