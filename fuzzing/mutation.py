"""Inputs made of others by chance: a search without guidance, for seconds in a test suite."""

from __future__ import annotations

import random
from collections.abc import Iterator

from fuzzing.targets import Target

_CHANGES = 4


def mutated(target: Target, count: int, seed: int) -> Iterator[bytes]:
    """Yield changed seeds of a target, the same ones every time.

    Args:
        target: what is fuzzed.
        count: how many.
        seed: of the choices.
    """
    rng = random.Random(seed)
    seeds = [path.read_bytes() for path in target.seeds]
    tokens = [token.encode() for token in target.tokens]
    for _ in range(count):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, _CHANGES)):
            _change(data, rng, tokens, seeds)
        yield bytes(data[: target.longest])


def _change(data: bytearray, rng: random.Random, tokens: list[bytes], seeds: list[bytes]) -> None:
    """Change an input in one place."""
    place = rng.randint(0, len(data))
    stretch = slice(place, place + rng.randint(1, 8))
    match rng.randrange(6):
        case 0 if place < len(data):
            data[place] = rng.randrange(256)
        case 1:
            del data[stretch]
        case 2:
            data[place:place] = data[stretch]
        case 3:
            other = rng.choice(seeds)
            data[place:] = other[rng.randint(0, len(other)) :]
        case _:
            data[place : place + rng.choice((0, 0, 1, 3))] = rng.choice(tokens)
