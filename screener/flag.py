"""When a probability counts as a yes: the threshold of a classifier, and how sure the flag is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.card import ModelCard, OperatingPoint
from screener.errors import ModelError

BORDERLINE = 1e-4
"""Relative distance from the threshold's logit within which a flag may differ between machines.

Inputs of about a hundred terms summed in float32 (2⁻²⁴ each) through three layers move a logit by a few 1e-6 of its
size; the limit leaves more than a factor of ten for batch shapes, thread counts and devices.
"""


@dataclass(frozen=True, slots=True)
class Flag:
    """A classifier's decision rule.

    Attributes:
        target: probability column, e.g. `p_amorphous`.
        threshold: the flag is set from this probability on.
        point: out-of-fold operating point nearest to the threshold, if the card has a curve.
    """

    target: str
    threshold: float
    point: OperatingPoint | None = None

    @property
    def column(self) -> str:
        """Name of the flag's column: `is_amorphous` for `p_amorphous`."""
        return flag_column(self.target)

    @property
    def logit(self) -> float:
        """Logit of the threshold."""
        return math.log(self.threshold / (1.0 - self.threshold))

    def holds(self, logit: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Say where p ≥ threshold, from calibrated logits (b,)."""
        return np.asarray(sigmoid(logit) >= self.threshold)

    def borderline(self, logit: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Say where a logit (b,) lies so near the threshold that float32 rounding may decide the flag."""
        return np.asarray(np.abs(logit.astype(np.float64) - self.logit) < BORDERLINE * max(1.0, abs(self.logit)))

    @classmethod
    def choose(cls, card: ModelCard, recall: float | None = None, threshold: float | None = None) -> Flag:
        """Make the rule of a classifier: its card's threshold, a given one, or the one for a given recall.

        Raises:
            ModelError: the card has no threshold, both are given, one is out of range, or no threshold of the card's
                operating curve has that recall.
        """
        if recall is not None and threshold is not None:
            raise ModelError(
                "both `--recall` and `--threshold` are given", "give one of them; the other follows from it"
            )
        if threshold is not None:
            return cls(card.target.name, _within(threshold, "--threshold"), _nearest(card, threshold))
        if recall is not None:
            return _for_recall(card, _within(recall, "--recall"))
        if card.threshold is None:
            raise ModelError(
                f"the {card.tier} model of `{card.target.name}` has no threshold",
                "give one with `--threshold`, or export the model again with `training fit`",
            )
        return cls(card.target.name, card.threshold, _nearest(card, card.threshold))


def flag_column(target: str) -> str:
    """Name the flag of a probability column."""
    return "is_" + target.removeprefix("p_")


def sigmoid(logit: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn logits (b,) into probabilities in float64, without overflow."""
    wide = logit.astype(np.float64)
    small = np.exp(-np.abs(wide))
    return np.where(wide >= 0, 1.0, small) / (1.0 + small)


def _within(value: float, option: str) -> float:
    """Refuse anything but a number between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise ModelError(f"{option} `{value:g}` is not between 0 and 1", f"give a fraction, e.g. `{option} 0.5`")
    return value


def _nearest(card: ModelCard, threshold: float) -> OperatingPoint | None:
    """Find the measured operating point nearest to a threshold."""
    return min(card.curve, key=lambda point: abs(point.threshold - threshold), default=None)


def _for_recall(card: ModelCard, recall: float) -> Flag:
    """Take the highest threshold whose recall is at least the one asked for."""
    reached = [point for point in card.curve if point.recall >= recall]
    if not reached:
        best = max((point.recall for point in card.curve), default=0.0)
        raise ModelError(
            f"no threshold of the {card.tier} model of `{card.target.name}` reaches recall `{recall:g}`",
            f"ask for `--recall {math.floor(best * 1000) / 1000:g}` or less, or give `--threshold`"
            if card.curve
            else "the model was made without an operating curve; give `--threshold`",
        )
    point = max(reached, key=lambda each: each.threshold)
    return Flag(card.target.name, point.threshold, point)
