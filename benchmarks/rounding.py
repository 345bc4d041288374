"""Hold float32 to float64 on random alloys: `python -m benchmarks.rounding [--rows N] [--page docs/reliability.md]`.

Every descriptor by the kernel and by the reference, every prediction of the screen tier by ONNX Runtime and by the
float64 reader of the same graph; beside each the bound that the engine relies on. Ends with 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import models_folder
from screener.binding import bind_tier
from screener.descriptors.catalogue import PRESENT_FOR_PAIRS, Descriptor, Kind, catalogue
from screener.descriptors.featurizer import featurize
from screener.descriptors.reference import describe
from screener.descriptors.rounding import Rounding, rounding_of
from screener.descriptors.specs import DOMAIN, FeatureSpec, feature_spec
from screener.device import Device
from screener.doubt import rounding_of_column
from screener.float64_net import Float64Net
from screener.jobs import Question
from screener.judge import condition_columns
from screener.model_set import load_models
from screener.survivors import has_properties
from screener.tier_models import TierModels
from training.readme import replace_block

RESULT = Path(__file__).parent / "results" / "rounding.md"
GROUP = 2000
"""Alloys of the same elements described at once."""
MOST = 15
_EVENNESS = (0.1, 0.4, 1.0, 5.0)
_NEAR = 1e-8
FRACTIONS = "c_<element>"


@dataclass(slots=True)
class Seen:
    """The worst that was seen of one number.

    Attributes:
        unit: of the number.
        bound: what its difference should stay below.
        rows: how many values were compared.
        worst: largest difference.
        share: largest difference as a share of the bound at the value; 0 where both are zero.
    """

    unit: str
    bound: Rounding
    rows: int = 0
    worst: float = 0.0
    share: float = 0.0

    def add(self, narrow: NDArray[np.floating], wide: NDArray[np.float64]) -> None:
        """Compare values (n,)."""
        off, most = np.abs(narrow.astype(np.float64) - wide), self.bound.of(wide)
        self.rows += len(off)
        self.worst = max(self.worst, float(off.max(initial=0.0)))
        with np.errstate(divide="ignore"):
            shares = np.divide(off, most, out=np.where(off > 0, np.inf, 0.0), where=most > 0)
        self.share = max(self.share, float(shares.max(initial=0.0)))

    @property
    def said(self) -> str:
        """The bound in words."""
        absolute, relative = self.bound
        parts = [f"{absolute:.2g}"] if absolute else []
        parts += [f"{relative:.2g} · \\|value\\|"] if relative else []
        return " + ".join(parts) or "exact"


@dataclass(slots=True)
class Flags:
    """How flags of one classifier fared: how often rounding turned one, how many are marked, and turned unmarked."""

    turned: int = 0
    marked: int = 0
    unmarked: int = 0


@dataclass(slots=True)
class Comparison:
    """Everything that was compared.

    Attributes:
        alloys: how many.
        described: descriptors, by name.
        predicted: predictions, by name.
        flags: by classifier.
    """

    alloys: int = 0
    described: dict[str, Seen] = field(default_factory=dict)
    predicted: dict[str, Seen] = field(default_factory=dict)
    flags: dict[str, Flags] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every bound held and every turned flag is marked."""
        seen = (*self.described.values(), *self.predicted.values())
        return all(each.share <= 1.0 for each in seen) and not any(each.unmarked for each in self.flags.values())


def random_alloys(rows: int, seed: int) -> Iterator[tuple[tuple[str, ...], NDArray[np.float64]]]:
    """Yield groups of alloys of 1 to 15 elements: near pure ones, even ones, traces of 1e-6, absent elements."""
    rng = np.random.default_rng(seed)
    for start in range(0, rows, GROUP):
        count = min(GROUP, rows - start)
        symbols = tuple(rng.choice(DOMAIN, rng.integers(1, MOST + 1), replace=False).tolist())
        amounts = rng.dirichlet(np.full(len(symbols), rng.choice(_EVENNESS)), count)
        amounts[amounts < 1e-6] = 1e-6
        amounts[(rng.random(amounts.shape) < 0.2) & (amounts < 0.5)] = 0.0
        amounts[~amounts.any(axis=1), 0] = 1.0
        yield symbols, amounts / amounts.sum(axis=1, keepdims=True)


@cache
def _able(name: str, symbol: str) -> bool:
    return has_properties(name, (symbol,))


def compare(rows: int, seed: int, tier: TierModels) -> Comparison:
    """Compare every descriptor and prediction on so many random alloys."""
    nets = {name: Float64Net.read(model.content) for name, model in tier.models.items()}
    found = Comparison(flags={target: Flags() for target in tier.flags})
    for symbols, fractions in random_alloys(rows, seed):
        found.alloys += len(fractions)
        names = [name for name in catalogue() if all(_able(name, symbol) for symbol in symbols)]
        spec = FeatureSpec("all", (*(f"c_{symbol}" for symbol in symbols), *names))
        _descriptors(found, spec, featurize(fractions, symbols, spec), fractions, symbols)
        _predictions(found, tier, nets, fractions, symbols)
    return found


def _descriptors(
    found: Comparison,
    spec: FeatureSpec,
    narrow: NDArray[np.float32],
    fractions: NDArray[np.float64],
    symbols: tuple[str, ...],
) -> None:
    """Compare descriptors of a group; pair extremes of alloys at the limit of presence are left out."""
    wide = describe(fractions, symbols, spec.descriptors)
    sure = np.abs(fractions - PRESENT_FOR_PAIRS).min(axis=1) > _NEAR
    for place, each in enumerate(spec.descriptors):
        name = FRACTIONS if each.kind is Kind.FRACTION else each.name
        rows = sure if each.kind in (Kind.PAIR_MIN, Kind.PAIR_MAX) else slice(None)
        seen = found.described.setdefault(name, Seen(each.unit, rounding_of(each)))
        seen.add(narrow[rows, place], wide[rows, place])


def _predictions(
    found: Comparison,
    tier: TierModels,
    nets: Mapping[str, Float64Net],
    fractions: NDArray[np.float64],
    symbols: tuple[str, ...],
) -> None:
    """Compare predictions of a group, and what becomes of flags."""
    described: dict[str, tuple[NDArray[np.float32], NDArray[np.float64]]] = {}
    for target, model in tier.models.items():
        if model.card.features not in described:
            spec = feature_spec(model.card.features)
            described[spec.name] = featurize(fractions, symbols, spec), describe(fractions, symbols, spec.descriptors)
        narrow, wide = described[model.card.features]
        inputs = {"features": wide}
        if model.card.conditions:
            inputs["conditions"] = condition_columns(model, len(wide), {})
        outputs, exact = model.predict(narrow), nets[target].run(inputs)
        name = f"{target}_logit" if model.card.target.kind == "classification" else target
        unit = "1" if name != target else model.card.target.unit
        seen = found.predicted.setdefault(name, Seen(unit, rounding_of_column(name, tier)))
        logit, true = outputs[name], exact[name][:, 0]
        seen.add(logit, true)
        if target in tier.flags:
            flag, tally = tier.flags[target], found.flags[target]
            turned, marked = flag.holds(logit) != flag.holds(true), flag.borderline(logit)
            tally.turned += int(turned.sum())
            tally.marked += int(marked.sum())
            tally.unmarked += int((turned & ~marked).sum())


def table(seen: Mapping[str, Seen]) -> str:
    """Write numbers with their bounds and the worst that was seen."""
    lines = [
        f"| `{name}` | {each.unit} | {each.said} | {each.worst:.2g} | {each.share:.2f} |" for name, each in seen.items()
    ]
    head = ["| number | unit | bound | largest difference | share of the bound |", "|---|---|---|---:|---:|"]
    return "\n".join([*head, *lines])


def summary(found: Comparison) -> str:
    """Write what stands in the page: bounds of descriptors by kind, every prediction, flags."""
    kinds: dict[Kind, list[Seen]] = {}
    for name, each in found.described.items():
        kinds.setdefault(_descriptor(name).kind, []).append(each)
    lines = [
        f"On {found.alloys:,} random alloys of 1 to {MOST} of the {len(DOMAIN)} elements, numbers of float32 against "
        "float64:",
        "",
        "| descriptors | how many | largest difference as a share of the bound |",
        "|---|---:|---:|",
    ]
    lines += [
        f"| {kind.name.lower().replace('_', ' ')} | {len(all_of)} | {max(each.share for each in all_of):.2f} |"
        for kind, all_of in sorted(kinds.items())
    ]
    lines += ["", table(found.predicted), ""]
    lines += [
        f"Flags of `{target}`: {each.turned} turned by rounding, {each.marked:,} within the tolerance and so marked "
        f"or settled, {each.unmarked} turned without being so."
        for target, each in found.flags.items()
    ]
    return "\n".join(lines)


def _descriptor(name: str) -> Descriptor:
    return feature_spec("screen").descriptors[0] if name == FRACTIONS else catalogue()[name]


def main() -> int:
    """Compare, print, write where asked; say whether all bounds held."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rounding", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="random alloys (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the alloys (default: %(default)s)")
    parser.add_argument("--page", type=Path, help="replace the summary between the rounding marks of this file")
    parser.add_argument("--out", type=Path, help=f"write the table of every descriptor here, e.g. {RESULT.name}")
    asked = parser.parse_args()
    models = load_models(models_folder(), Device("cpu", 0, 1), ("screen",)).screen
    found = compare(asked.rows, asked.seed, bind_tier("screen", models, Question()))
    text = f"# Rounding\n\nWritten by `python -m benchmarks.rounding`. {summary(found)}\n\n{table(found.described)}\n"
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    if asked.page:
        replace_block(asked.page, "rounding", summary(found))
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
