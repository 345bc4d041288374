"""The models in the repository: well-known alloys, sanity of what cards say, agreement of the tiers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from screener.card import Tier
from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import KANG_ELEMENTS
from screener.device import Device
from screener.flag import Flag
from screener.formula import parse_formula
from screener.model import Model
from screener.model_set import ALLOY_INDEX, SUMS, ModelSet, check_file, load_models, recorded_digests
from screener.nearest import AlloyIndex

MODELS = Path(__file__).resolve().parents[1] / "models"
TIERS: tuple[Tier, ...] = ("screen", "characterize")
STANDING = ("p_amorphous", "resistivity_uohm_cm", "hardness_gpa")
GLASSES = ("Cu50Zr50", "Zr41.2Ti13.8Cu12.5Ni10Be22.5", "Pd40Ni40P20")
CRYSTALS = ("Cu", "Ni", "Al", "CoCrFeMnNi", "Fe70Cr19Ni9Mn2")
EXTENDED = (
    *("Nb", "V", "Hf", "Y", "La", "B", "P", "C", "Ag", "Au", "Pd", "Zn", "Sn", "Be", "Ca", "Gd", "Ce", "Nd", "Ga"),
    "Ge",
)
MEGABYTE = 1_000_000

pytestmark = pytest.mark.skipif(not (MODELS / SUMS).is_file(), reason="no models in this checkout")


@pytest.fixture(scope="module")
def models() -> ModelSet:
    """Every shipped model; loading replays its golden alloys."""
    return load_models(MODELS, Device("cpu"))


@pytest.fixture(scope="module")
def predict(models: ModelSet) -> Callable[..., dict[str, NDArray[np.float32]]]:
    """Predict formulas with one model."""

    def answer(tier: Tier, target: str, *formulas: str) -> dict[str, NDArray[np.float32]]:
        compositions = [parse_formula(formula) for formula in formulas]
        symbols = tuple(dict.fromkeys(s for c in compositions for s in c.symbols))
        fractions = np.zeros((len(formulas), len(symbols)))
        for row, composition in enumerate(compositions):
            fractions[row, [symbols.index(s) for s in composition.symbols]] = composition.fractions
        model = models.tiers[tier][target]
        return model.predict(featurize(fractions, symbols, model.spec))

    return answer


def random_compositions(model: Model, n: int, seed: int) -> NDArray[np.float64]:
    """Compositions of one to six elements of a model's domain."""
    from training.draws import random_alloys

    return random_alloys(n, len(model.card.elements), np.random.default_rng(seed))


each_model = pytest.mark.parametrize(("tier", "target"), [(tier, target) for tier in TIERS for target in STANDING])
each_tier = pytest.mark.parametrize("tier", TIERS)


@each_tier
@pytest.mark.parametrize("formula", GLASSES)
def test_known_glasses_are_flagged(models, predict, tier, formula):
    flag = Flag.choose(models.tiers[tier]["p_amorphous"].card)
    assert flag.holds(predict(tier, "p_amorphous", formula)["p_amorphous_logit"]).all()


@each_tier
@pytest.mark.parametrize("formula", CRYSTALS)
def test_known_crystals_are_not(models, predict, tier, formula):
    flag = Flag.choose(models.tiers[tier]["p_amorphous"].card)
    assert not flag.holds(predict(tier, "p_amorphous", formula)["p_amorphous_logit"]).any()


@each_tier
def test_known_properties_are_met_within_their_intervals(predict, tier):
    resistivity = predict(tier, "resistivity_uohm_cm", "Cu", "Al20Ti30Cr50")
    assert resistivity["resistivity_uohm_cm"][0] < resistivity["resistivity_uohm_cm"][1]
    assert resistivity["resistivity_uohm_cm_high"][1] > 90.0
    hardness = predict(tier, "hardness_gpa", "CoCrFeMnNi", "Al10Fe30Co30Ni30")
    # as-cast Cantor alloy: 1.2 to 2.2 GPa in the literature
    assert hardness["hardness_gpa_low"][0] < 2.2
    assert hardness["hardness_gpa_high"][0] > 1.2


def test_files_are_what_the_list_says_and_small_enough():
    sizes = {}
    for name, digest in recorded_digests(MODELS).items():
        sizes[name] = check_file(MODELS, name, digest).stat().st_size
    expected = {f"{tier}/{name}.onnx" for tier in TIERS for name in ("bulk_glass", "resistivity", "hardness")}
    expected |= {f"screen/amorphous_{kind}.onnx" for kind in ("mtl", "independent")} | {"characterize/amorphous.onnx"}
    assert set(sizes) == expected | {ALLOY_INDEX}
    assert sum(size for name, size in sizes.items() if name.startswith("screen/")) <= 20 * MEGABYTE
    assert sum(sizes.values()) <= 80 * MEGABYTE


@each_tier
def test_the_domain_holds_the_elements_that_are_measured(models, tier):
    glass = models.tiers[tier]["p_amorphous"].card.elements
    assert set(EXTENDED) | set(KANG_ELEMENTS) - {"Re"} <= set(glass)
    for target in STANDING:
        assert models.tiers[tier][target].card.elements == models.characterize[target].card.elements
    assert {"Al", "Ti", "Cr"} <= set.intersection(*(set(m.card.elements) for m in models.tiers[tier].values()))


@each_model
def test_cards_are_complete(models, tier, target):
    card = models.tiers[tier][target].card
    assert (card.tier, card.target.name) == (tier, target)
    assert card.method
    assert len(card.golden) >= 8
    assert {"Cu50Zr50", "CoCrFeMnNi"} <= {row.formula for row in card.golden}
    assert len(card.data_digest) == 16
    assert len(card.sources) >= 2
    assert all(source.citation and source.licence and source.rows > 0 for source in card.sources)
    assert "grouped" in card.metrics
    assert not any("quick" in note for note in card.notes)
    assert all(np.isfinite(list(scores.values())).all() for scores in card.metrics.values())


@each_model
def test_honest_scores_beat_guessing(models, tier, target):
    grouped = models.tiers[tier][target].card.metrics["grouped"]
    if target == "p_amorphous":
        assert grouped["pr_auc"] > 0.9
        assert grouped["recall_at_threshold"] >= 0.9
        assert grouped["specificity_at_threshold"] >= 0.8
    else:
        assert grouped["r2"] > 0.5
        assert grouped["coverage_90"] == pytest.approx(0.9, abs=0.06)


@each_tier
def test_operating_curves_are_curves(models, tier):
    card = models.tiers[tier]["p_amorphous"].card
    thresholds = [point.threshold for point in card.curve]
    recalls = [point.recall for point in card.curve]
    specificities = [point.specificity for point in card.curve]
    assert thresholds == sorted(thresholds)
    assert recalls == sorted(recalls, reverse=True)
    assert specificities == sorted(specificities)
    assert card.threshold in thresholds
    chosen = card.curve[thresholds.index(card.threshold)]
    assert chosen.recall >= 0.95
    assert chosen.specificity >= 0.8
    assert all(0.0 <= value <= 1.0 for point in card.curve for value in (point.precision, point.recall))


@each_model
def test_random_compositions_of_the_domain_get_sane_answers(models, tier, target):
    model = models.tiers[tier][target]
    fractions = random_compositions(model, 10_000, 1)
    found = model.predict(featurize(fractions, model.card.elements, model.spec))
    assert all(np.isfinite(values).all() for values in found.values())
    value = found[target]
    if target == "p_amorphous":
        assert ((value >= 0.0) & (value <= 1.0)).all()
        assert 0.02 < (value >= model.card.threshold).mean() < 0.98
        return
    low, high = found[f"{target}_low"], found[f"{target}_high"]
    assert ((low < value) & (value < high)).all()
    # students extrapolate, but no alloy leaves the range of metals by orders of magnitude
    assert value.min() > 0.05 * model.card.target.low
    assert value.max() < 20.0 * model.card.target.high


def r2(taught: NDArray[np.floating], answered: NDArray[np.floating]) -> float:
    return float(1.0 - ((taught - answered) ** 2).sum() / ((taught - taught.mean()) ** 2).sum())


@pytest.mark.parametrize("target", STANDING)
def test_the_screen_tier_agrees_with_the_characterize_tier(models, target, record_property):
    from training.distillation import LOGIT_LIMIT

    answers = {}
    for tier in TIERS:
        model = models.tiers[tier][target]
        fractions = random_compositions(model, 10_000, 2)
        column = f"{target}_logit" if target == "p_amorphous" else target
        answers[tier] = model.predict(featurize(fractions, model.card.elements, model.spec))[column]
        # students learn logits within these limits: beyond them a probability is settled
        scale = np.log if target != "p_amorphous" else lambda logit: np.clip(logit, -LOGIT_LIMIT, LOGIT_LIMIT)
        answers[tier] = scale(answers[tier])
    agreement = r2(answers["characterize"], answers["screen"])
    record_property(f"agreement_{target}", agreement)
    assert agreement >= {"p_amorphous": 0.97, "resistivity_uohm_cm": 0.98, "hardness_gpa": 0.98}[target]
    ranks = np.argsort(np.argsort(np.stack(list(answers.values()))))
    assert np.corrcoef(ranks)[0, 1] >= 0.985


def test_both_classifiers_are_shipped_and_the_better_one_is_the_default():
    cards = {
        kind: Model.load(MODELS / "screen" / f"amorphous_{kind}.onnx", Device("cpu")).card
        for kind in ("mtl", "independent")
    }
    recall = {kind: card.metrics["grouped"]["recall_at_precision_90"] for kind, card in cards.items()}
    best = "mtl" if recall["mtl"] >= recall["independent"] else "independent"
    assert [kind for kind, card in cards.items() if card.preferred] == [best]


@each_tier
def test_a_slower_route_makes_fewer_glasses(models, tier):
    model = models.tiers[tier]["p_amorphous"]
    (condition,) = model.card.conditions
    fractions = random_compositions(model, 5_000, 4)
    features = featurize(fractions, model.card.elements, model.spec)
    share = {
        route: (model.predict(features, {condition.name: rate})["p_amorphous"] >= model.card.threshold).mean()
        for route, rate in condition.levels.items()
    }
    assert share["bulk"] < 0.7 * share["ribbon"]
    assert share["ribbon"] <= share["film"]


@each_tier
def test_bulk_glasses_are_told_from_ribbons(models, tier):
    model = models.tiers[tier]["p_bulk_glass"]
    assert model.card.threshold is None
    assert model.card.metrics["grouped"]["roc_auc"] > 0.95
    bulk, ribbon = (
        model.predict(featurize(np.array([shares]), symbols, model.spec))["p_bulk_glass"][0]
        for symbols, shares in (
            (("Zr", "Ti", "Cu", "Ni", "Be"), (0.412, 0.138, 0.125, 0.10, 0.225)),
            (("Fe", "B"), (0.80, 0.20)),
        )
    )
    assert bulk > 0.7 > 0.3 > ribbon


def mean_error(bins):
    errors, rows = zip(*bins, strict=True)
    return np.average(errors, weights=rows)


def test_errors_grow_with_distance_and_so_do_intervals(models):
    for target in ("resistivity_uohm_cm", "hardness_gpa"):
        card = models.characterize[target].card
        assert 5.0 <= card.domain_limit <= 100.0
        widening = [each.widening for each in card.distance]
        assert widening == sorted(widening)
        assert widening[0] < 1.0
        told = [(each.error, each.rows) for each in card.distance if each.rows >= 100]
        near, far = told[: len(told) // 2], told[len(told) // 2 :]
        assert mean_error(near) < mean_error(far)


@each_model
def test_order_and_number_of_rows_change_nothing(models, tier, target):
    model = models.tiers[tier][target]
    features = featurize(random_compositions(model, 500, 3), model.card.elements, model.spec)
    order = np.random.default_rng(0).permutation(500)
    whole, shuffled = model.predict(features)[target], model.predict(np.ascontiguousarray(features[order]))[target]
    single = np.concatenate([model.predict(features[k : k + 1])[target] for k in range(20)])
    assert shuffled == pytest.approx(whole[order], rel=1e-5)
    assert single == pytest.approx(whole[:20], rel=1e-5)


def test_conditions_move_predictions_the_way_they_are_known_to(models):
    model = models.characterize["resistivity_uohm_cm"]
    fractions = np.array([[0.2, 0.3, 0.5]])
    features = featurize(fractions, ("Al", "Ti", "Cr"), model.spec)
    answers = {}
    for name in (c.name for c in model.card.conditions):
        condition = next(c for c in model.card.conditions if c.name == name)
        assert condition.low <= condition.reference <= condition.high
        for value in (condition.low, condition.high):
            answers[name, value] = float(model.predict(features, {name: value})["resistivity_uohm_cm"][0])
    assert len(set(answers.values())) > 1


def test_the_index_knows_the_alloys_behind_the_models():
    index = AlloyIndex.read(MODELS / ALLOY_INDEX)
    assert len(index) > 10_000
    rows, distances = index.nearest(np.array([[0.5, 0.5]]), ("Cu", "Zr"), 1)
    assert distances[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert index.formula(int(rows[0, 0])) in ("Cu50Zr50", "Zr50Cu50")
    assert index.source_names(int(rows[0, 0]))
    assert not any(key.startswith("user:") for key in index.source_keys)
