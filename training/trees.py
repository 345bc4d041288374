"""Tree ensembles and their way into ONNX.

Trees see features as float32, in training as in serving: split points of float64 trees fall on the composition grid and
flip when rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from training.bodies import ML_OPSET, OPSET, Body, imported_body

Array = NDArray[np.floating]
_BOOSTED_OPSET = 15
"""Newest operator set the LightGBM converter writes; its nodes mean the same in the later set used here."""


class Regressor(Protocol):
    """What fits and predicts one column."""

    def fit(self, x: Array, y: Array, sample_weight: Array | None = None) -> object:
        """Learn y (b,) from x (b, f)."""
        ...

    def predict(self, x: Array) -> Array:
        """Predict, shape (b,)."""
        ...


def extra_trees(options: Mapping[str, float | int | str], seed: int) -> Regressor:
    """Make an ExtraTrees regressor (Geurts 2006, doi:10.1007/s10994-006-6226-1)."""
    from sklearn.ensemble import ExtraTreesRegressor

    model: Regressor = ExtraTreesRegressor(**options, random_state=seed, n_jobs=1)
    return model


class BoostedLogit:
    """LightGBM on labels, answering with the raw logit (Ke 2017, NeurIPS).

    Args:
        options: LightGBM parameters; `rounds` is the number of trees.
        seed: seed of row and column sampling.
        objective: LightGBM objective; `regression` answers with values.
    """

    def __init__(self, options: Mapping[str, float | int | str], seed: int, objective: str = "binary") -> None:
        self._rounds = int(options.get("rounds", 400))
        self._options = {k: v for k, v in options.items() if k != "rounds"}
        self._options |= {
            "objective": objective,
            "seed": seed,
            "num_threads": 1,
            "verbosity": -1,
            "deterministic": True,
            "force_col_wise": True,  # left alone, it times both layouts and takes the faster
        }
        self.text = ""

    def fit(self, x: Array, y: Array, sample_weight: Array | None = None) -> BoostedLogit:
        """Learn labels y (b,) in {0, 1} from x (b, f)."""
        import lightgbm

        data = lightgbm.Dataset(np.asarray(x, np.float64), y, weight=sample_weight, free_raw_data=True)
        text = lightgbm.train(self._options, data, num_boost_round=self._rounds).model_to_string()
        self.text = _with_float32_thresholds(text)
        return self

    def predict(self, x: Array) -> Array:
        """Predict logits (or values, for a regression objective), shape (b,)."""
        import lightgbm

        booster = lightgbm.Booster(model_str=self.text)
        return np.asarray(booster.predict(np.asarray(x, np.float64), raw_score=True, num_threads=1))


def _with_float32_thresholds(text: str) -> str:
    """Round the thresholds of a model's text down to float32, which splits float32 features exactly as before.

    They lie halfway between training values, often on another point of the composition grid; rounded to the nearest
    float32, as the converter does, half of them would send that point the other way.
    """

    def rounded(line: re.Match[str]) -> str:
        exact = np.array(line[1].split(), np.float64)
        with np.errstate(over="ignore"):
            near = exact.astype(np.float32)
        down = np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near)
        return "threshold=" + " ".join(format(float(value), ".17g") for value in down)

    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)  # bytes of each tree, true no longer
    return re.sub(r"^threshold=(.+)$", rounded, text, flags=re.MULTILINE)


class BoostedValue(BoostedLogit):
    """LightGBM on values, squared error."""

    def __init__(self, options: Mapping[str, float | int | str], seed: int) -> None:
        super().__init__(options, seed, objective="regression")


def tree_body(model: Regressor, n_inputs: int, name: str, exponential: bool = False) -> Body:
    """Convert a fitted tree ensemble.

    Args:
        model: ExtraTrees or boosted trees.
        n_inputs: number of input columns, conditions included.
        name: prefix of the names in the graph.
        exponential: whether the result is a logarithm.
    """
    converted = _boosted(model, n_inputs) if isinstance(model, BoostedLogit) else _forest(model, n_inputs)
    return imported_body(converted, name, exponential)


def _forest(model: Regressor, n_inputs: int) -> ModelProto:
    """Convert a scikit-learn forest."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    inputs = [("input", FloatTensorType([None, n_inputs]))]
    converted: ModelProto = convert_sklearn(
        model, initial_types=inputs, target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET}
    )
    return converted


def _boosted(model: BoostedLogit, n_inputs: int) -> ModelProto:
    """Convert boosted trees as a plain sum of leaves, so that the graph gives the logit itself."""
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    text = model.text.replace("objective=binary sigmoid:1", "objective=regression")
    inputs = [("input", FloatTensorType([None, n_inputs]))]
    booster = lightgbm.Booster(model_str=text)
    converted: ModelProto = convert_lightgbm(booster, initial_types=inputs, target_opset=_BOOSTED_OPSET)
    sums = [node for node in converted.graph.node if node.op_type == "TreeEnsembleRegressor"]
    del converted.graph.node[:]
    converted.graph.node.extend(sums)
    converted.graph.output[0].name = sums[0].output[0]
    return converted
