"""How the files of models are called."""

from __future__ import annotations

from collections.abc import Mapping

from screener.card import CLASSIFIERS, Classifier

NAMES: Mapping[str, str] = {
    "p_amorphous": "amorphous",
    "resistivity_uohm_cm": "resistivity",
    "hardness_gpa": "hardness",
    "p_bulk_glass": "bulk_glass",
}
"""File names of the standing targets; a user's target is its own file name."""
_MODEL = ".onnx"


def file_name(target: str, classifier: Classifier = "") -> str:
    """Name the file of a target's model within the folder of its tier."""
    return f"{NAMES.get(target, target)}{'_' if classifier else ''}{classifier}{_MODEL}"


def standing_names() -> frozenset[str]:
    """Names of all files that a standing target may have, without their ending."""
    return frozenset(file_name(target, kind).removesuffix(_MODEL) for target in NAMES for kind in CLASSIFIERS)
