"""A folder of tiny but working models: random weights, both tiers, cards, digests and an index of training alloys.

Small nets on real descriptors, so that every path of the engine runs in tests as it does on the trained models, while
their numbers mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from screener.card import Condition, DistanceBin, ModelCard, OperatingPoint, Source, Target, Tier
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.formula import parse_formula
from screener.model_set import ALLOY_INDEX
from screener.nearest import AlloyIndex
from training.bodies import dense_body
from training.graphs import Head, build_model
from training.publish import publish, sealed

ELEMENTS = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr")
"""Training domain of the tiny models; hardness was made without Cu."""
HARDNESS_ELEMENTS = tuple(symbol for symbol in ELEMENTS if symbol != "Cu")
CONDITIONS = (Condition("load_n", "N", 9.8, 0.1, 50.0), Condition("anneal_k", "K", 300.0, 300.0, 1300.0))
"""Conditions of the hardness models."""
CURVE = (
    OperatingPoint(0.2, 0.55, 0.99, 0.60),
    OperatingPoint(0.35, 0.65, 0.96, 0.75),
    OperatingPoint(0.5, 0.75, 0.90, 0.85),
    OperatingPoint(0.7, 0.85, 0.70, 0.95),
)
"""Operating curve of the tiny classifiers."""
SOURCE = Source("tiny_data", "A. Smith, Tiny alloys (2020)", "CC-BY-4.0", 7)
TRAINING_ALLOYS = ("Cu50Zr50", "Al88Ni8Ti4", "CoCrFeNi", "Al20Ti30Cr50", "Ti", "Al", "Cr70Fe30")
TARGETS = {
    "p_amorphous": Target("p_amorphous", "1", "classification", 0.0, 1.0),
    "resistivity_uohm_cm": Target("resistivity_uohm_cm", "µΩ cm", "regression", 40.0, 220.0),
    "hardness_gpa": Target("hardness_gpa", "GPa", "regression", 2.0, 11.0),
    "p_bulk_glass": Target("p_bulk_glass", "1", "classification", 0.0, 1.0),
    "p_brittle": Target("p_brittle", "1", "classification", 0.0, 1.0),
    "modulus_gpa": Target("modulus_gpa", "GPa", "regression", 60.0, 260.0),
}
INDEXED = ("p_amorphous", "hardness_gpa", "resistivity_uohm_cm")
"""Targets that the index of training alloys names."""
STANDING = ("p_amorphous", "resistivity_uohm_cm", "hardness_gpa")
_FILES = {"p_amorphous": "amorphous", "resistivity_uohm_cm": "resistivity", "hardness_gpa": "hardness"}
_SETS: dict[Tier, str] = {"screen": "screen", "characterize": "alloy"}
_CENTRE = {"resistivity_uohm_cm": (4.5, 0.35), "hardness_gpa": (6.0, 1.5), "modulus_gpa": (150.0, 30.0)}


def publish_tiny_models(
    folder: Path,
    targets: Sequence[str] = STANDING,
    seed: int = 7,
    widths: tuple[int, int] = (16, 8),
    changes: Mapping[str, Mapping[str, object]] | None = None,
    more: Mapping[str, tuple[Tier, str]] | None = None,
) -> Path:
    """Write the folder and return it; the same seed gives the same weights.

    Cards take ``changes`` by file name; ``more`` names further files with their tier and target.
    """
    rng = np.random.default_rng(seed)
    wanted = {f"{tier}/{_FILES.get(name, name)}.onnx": (tier, name) for tier in _SETS for name in targets}
    files = {
        file: _model(tier, name, rng, widths, (changes or {}).get(file, {}))
        for file, (tier, name) in (wanted | dict(more or {})).items()
    }
    files[ALLOY_INDEX] = alloy_index(TRAINING_ALLOYS).to_bytes()
    publish(folder, files)
    return folder


COOLING = Condition("log_cooling_rate", "log10 K/s", 6.0, 0.0, 11.0, {"bulk": 2.0, "ribbon": 6.0, "film": 10.0})
"""Condition of the amorphous classifiers of ``publish_trusted_models``."""
BINS = (DistanceBin(5.0, 300, 0.5, 1.0), DistanceBin(20.0, 80, 0.9, 1.5), DistanceBin(100.0, 9, 2.0, 2.5))
LIMIT = 20.0
"""Domain limit of the models of ``publish_trusted_models``."""
PRIOR = 0.4


def publish_trusted_models(folder: Path) -> Path:
    """Write models whose cards say how far to trust them, with two screening classifiers and one of bulk glass."""
    glass = {"prior": PRIOR, "conditions": (COOLING,), "domain_limit": LIMIT}
    independent = "screen/amorphous_independent.onnx"
    changes = {
        "screen/amorphous_mtl.onnx": {**glass, "classifier": "mtl", "notes": ("wins at precision 0.9",)},
        independent: {**glass, "classifier": "independent", "preferred": False},
        "characterize/amorphous.onnx": {**glass, "prior": 0.5},
        "screen/hardness.onnx": {"distance": BINS, "interval_rule": "absolute", "interval_floor": 0.0},
    }
    for tier in _SETS:
        changes[f"{tier}/p_bulk_glass.onnx"] = {"threshold": None, "curve": ()}
        changes[f"{tier}/resistivity.onnx"] = {"distance": BINS, "domain_limit": LIMIT, "interval_rule": "relative"}
    changes["characterize/hardness.onnx"] = changes["screen/hardness.onnx"]
    files: dict[str, tuple[Tier, str]] = {
        "screen/amorphous_mtl.onnx": ("screen", "p_amorphous"),
        independent: ("screen", "p_amorphous"),
        "characterize/amorphous.onnx": ("characterize", "p_amorphous"),
    }
    others = ("p_bulk_glass", "resistivity_uohm_cm", "hardness_gpa")
    return publish_tiny_models(folder, others, changes=changes, more=files)


def alloy_index(formulas: Sequence[str]) -> AlloyIndex:
    """Index a few formulas; every other one is in a second source too.

    All are behind p_amorphous, those without Cu behind hardness_gpa, every other one behind resistivity_uohm_cm.
    """
    compositions = [parse_formula(formula) for formula in formulas]
    symbols = tuple(sorted({s for c in compositions for s in c.symbols}))
    start, element, permille = [0], [], []
    for composition in compositions:
        entries = sorted((symbols.index(s), f) for s, f in zip(composition.symbols, composition.fractions, strict=True))
        element += [column for column, _ in entries]
        permille += [round(1000 * fraction) for _, fraction in entries]
        start.append(len(element))
    sources = np.array([1 + 2 * (row % 2) for row in range(len(formulas))])
    hard = np.array(["Cu" not in composition.symbols for composition in compositions], np.int64)
    arrays = (np.array(each) for each in (start, element, permille))
    targets = 1 + 2 * hard + 4 * (np.arange(len(formulas)) % 2 == 0)
    return AlloyIndex(symbols, *arrays, sources, ("tiny_data", "other_data"), targets, INDEXED)


def _model(
    tier: Tier, name: str, rng: np.random.Generator, widths: tuple[int, int], changes: Mapping[str, object]
) -> bytes:
    """One model: a net of two hidden layers with its card."""
    target, features = TARGETS[name], _SETS[tier]
    spec = feature_spec(features)
    conditions = changes.get("conditions", CONDITIONS if name == "hardness_gpa" else ())
    classifier = target.kind == "classification"
    centre, spread = _CENTRE.get(name, (0.0, 2.5))
    layers = _layers(features, conditions, (centre, spread), rng, widths)
    head = Head(name, target.kind, "relative" if name == "resistivity_uohm_cm" else "absolute", 0.5, 1.2, -0.3)
    body = dense_body(layers, exponential=name == "resistivity_uohm_cm")
    graph = build_model([body], [1.0], head, len(spec.names), len(conditions))
    card = ModelCard(
        tier=tier,
        target=target,
        features=features,
        features_digest=spec.digest,
        elements=HARDNESS_ELEMENTS if name == "hardness_gpa" else ELEMENTS,
        conditions=conditions,
        threshold=(0.35 if tier == "screen" else 0.5) if classifier else None,
        curve=CURVE if classifier else (),
        metrics={"grouped": {"auroc": 0.8} if classifier else {"r2": 0.5, "mae": 1.0}, "random": {"r2": 0.9}},
        interval="" if classifier else "split conformal on held-out groups",
        method="random weights, for tests",
        notes=("numbers mean nothing",),
        sources=(SOURCE,),
        data_digest="0" * 16,
        code_version="0",
        created="2026-01-01",
    )
    return sealed(graph, replace(card, **changes))


def _layers(
    features: str,
    conditions: Sequence[Condition],
    scale: tuple[float, float],
    rng: np.random.Generator,
    widths: tuple[int, int],
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Random layers on standardised inputs whose output has about the centre and spread asked for."""
    fractions = rng.dirichlet(np.full(len(ELEMENTS), 0.5), 400)
    block = featurize(fractions, ELEMENTS, feature_spec(features)).astype(np.float64)
    for condition in conditions:
        block = np.column_stack([block, rng.uniform(condition.low, condition.high, len(block))])
    mean, deviation = block.mean(axis=0), block.std(axis=0)
    deviation[deviation < 1e-9] = 1.0
    hidden = rng.normal(size=(block.shape[1], widths[0])) / np.sqrt(block.shape[1])
    second = rng.normal(size=widths) * 2.0 / np.sqrt(widths[0])
    first_weight, first_bias = hidden / deviation[:, None], -(mean / deviation) @ hidden
    second_bias = rng.normal(size=widths[1]) * 0.1
    activation = np.maximum(np.maximum(block @ first_weight + first_bias, 0) @ second + second_bias, 0)
    last = rng.normal(size=(widths[1], 1))
    raw = activation @ last
    centre, spread = scale
    last *= spread / raw.std()
    layers = [(first_weight, first_bias), (second, second_bias), (last, centre - (activation @ last).mean(axis=0))]
    return [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in layers]
