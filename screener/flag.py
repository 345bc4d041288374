"""When a probability counts as a yes, for which share of positives it holds, and how sure the yes is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
        shift: what `--prior` adds to a logit before it becomes the probability that is reported.
        given: whether the threshold was given, so that it is one on reported probabilities; else it is one on those of
            the card, and the same alloys are flagged whatever the shift.
    """

    target: str
    threshold: float
    point: OperatingPoint | None = None
    shift: float = 0.0
    given: bool = False

    @property
    def column(self) -> str:
        """Name of the flag's column: `is_amorphous` for `p_amorphous`."""
        return flag_column(self.target)

    @property
    def logit(self) -> float:
        """Calibrated logit from which the flag is set, before any shift."""
        return logit_of(self.threshold) - (self.shift if self.given else 0.0)

    @property
    def reported(self) -> float:
        """Reported probability from which the flag is set."""
        return self.threshold if self.given else self.moved(self.threshold)

    def moved(self, probability: float) -> float:
        """Turn a probability of the card into the reported one."""
        return float(shifted(np.array([logit_of(probability)]), self.shift)[0]) if self.shift else probability

    def holds(self, logit: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Say where p ≥ threshold, from calibrated logits (b,)."""
        return np.asarray(shifted(logit, self.shift if self.given else 0.0) >= self.threshold)

    def borderline(self, logit: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Say where a logit (b,) lies so near the threshold that float32 rounding may decide the flag."""
        return np.asarray(np.abs(logit.astype(np.float64) - self.logit) < BORDERLINE * max(1.0, abs(self.logit)))

    @classmethod
    def choose(
        cls, card: ModelCard, recall: float | None = None, threshold: float | None = None, shift: float = 0.0
    ) -> Flag:
        """Make the rule of a classifier: its card's threshold, a given one, or the one for a given recall.

        A given threshold is one on reported probabilities, whose logits are shifted; the others are the card's own.

        Raises:
            ModelError: the card has no threshold, both are given, one is out of range, or no threshold of the card's
                operating curve has that recall.
        """
        if recall is not None and threshold is not None:
            raise ModelError(
                "both `--recall` and `--threshold` are given", "give one of them; the other follows from it"
            )
        if threshold is not None:
            flag = cls(card.target.name, _within(threshold, "--threshold"), None, shift, given=True)
            return replace(flag, point=_nearest(card, float(sigmoid(np.array([flag.logit]))[0])))
        if recall is not None:
            return replace(_for_recall(card, _within(recall, "--recall")), shift=shift)
        if card.threshold is None:
            raise ModelError(
                f"the {card.tier} model of `{card.target.name}` has no threshold",
                "give one with `--threshold`, or export the model again with `training fit`",
            )
        return cls(card.target.name, card.threshold, _nearest(card, card.threshold), shift)


def flag_column(target: str) -> str:
    """Name the flag of a probability column."""
    return "is_" + target.removeprefix("p_")


def prior_shift(card: ModelCard, prior: float) -> float:
    """Say what to add to the logits of a classifier for another share of positives P than its card's π.

    ln(P / (1 - P)) - ln(π / (1 - π)): M. Saerens, P. Latinne and C. Decaestecker, Neural Comput. 14 (2002), 21,
    doi:10.1162/089976602753284446.

    Raises:
        ModelError: P is not between 0 and 1, or the card does not say which share its probabilities assume.
    """
    _within(prior, "--prior")
    if card.prior is None:
        raise ModelError(
            f"the {card.tier} model of `{card.target.name}` does not say which share of positives it assumes",
            "leave `--prior` out, or make the models again with `training fit`",
        )
    return logit_of(prior) - logit_of(card.prior)


def logit_of(probability: float) -> float:
    """Return the logit of a probability between 0 and 1."""
    return math.log(probability / (1.0 - probability))


def shifted(logit: NDArray[np.floating], shift: float) -> NDArray[np.float64]:
    """Turn calibrated logits (b,) into probabilities for another share of positives."""
    return sigmoid(logit.astype(np.float64) + shift if shift else logit)


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
