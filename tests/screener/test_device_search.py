"""The loop of a device, run on the CPU: blocks, ties, missing scores and draws end in the ranking of all candidates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from screener import search
from screener.candidates import Candidates
from screener.cli import main
from screener.device import Device, choose_device, cuda_devices
from screener.device_search import device_screen, offer_best, scan_on_device
from screener.fused import on_device
from screener.fused.on_device import BlockWinners, DeviceScreen, question_graph
from screener.fused.winners import BEST, HOW_MANY, MISSING, PLACES, SCORE, TIED, score_in_graph
from screener.jobs import Question, ScreenJob
from screener.objectives import Objective, Scorer
from screener.pipeline import run_screen
from screener.plan import Plan, make_plan
from screener.ranking import Ranking
from screener.run_models import run_models
from screener.space import CompositionSpace
from screener.summary import PythonWatch

SYMBOLS = ("Al", "Ti", "Cr", "Zr")
SPACE = CompositionSpace.build(SYMBOLS, 5)
THREE = Question(maximize=("p_amorphous", "hardness_gpa"), minimize=("resistivity_uohm_cm",), top=30)


@dataclass(frozen=True)
class Tensor:
    values: np.ndarray

    def numpy(self) -> np.ndarray:
        return self.values

    def update_inplace(self, values: np.ndarray) -> None:
        raise AssertionError("nothing is sent to the stand-in")


@dataclass(frozen=True)
class Scripted:
    """Stands for a device: the score of a candidate is looked up by its amounts."""

    scores: np.ndarray

    def best(self, counts: np.ndarray, k: int) -> BlockWinners:
        score = self.scores[SPACE.rank(counts)].astype(np.float32)
        missing = int(np.isnan(score).sum())
        score = np.where(np.isnan(score), -np.inf, score).astype(np.float32)
        places = np.lexsort((np.arange(len(score)), -score))[:k]
        tied = int((score >= score[places[-1]]).sum()) > len(places)
        # a device may leave out other rows of the last place than the last
        if tied:
            equal = np.flatnonzero(score == score[places[-1]])
            places = np.concatenate([places[score[places] > score[places[-1]]], equal[::-1]])[: len(places)]
        return BlockWinners(score[places], places, missing, tied, Tensor(score))


@given(
    seed=st.integers(0, 999),
    levels=st.sampled_from([1, 3, 40, 10_000]),
    gaps=st.booleans(),
    block=st.sampled_from([1, 37, 256, 5000]),
    capacity=st.integers(1, 60),
)
@settings(deadline=None, max_examples=30)
def test_the_best_of_blocks_are_the_best_of_all(seed: int, levels: int, gaps: bool, block: int, capacity: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, SPACE.size).astype(float)
    if gaps:
        scores[rng.random(SPACE.size) < 0.3] = np.nan
    drawn = np.flatnonzero(rng.random(SPACE.size) < 0.5) if seed % 2 else None
    candidates = Candidates(SPACE, drawn)
    index = np.arange(SPACE.size) if drawn is None else drawn
    found, expected = Ranking(capacity), Ranking(capacity)
    scan_on_device(candidates, Scripted(scores), capacity, partial(offer_best, found), PythonWatch(), block=block)
    expected.update(scores[index], index)
    assert (found.seen, found.nan_count) == (expected.seen, expected.nan_count)
    for ours, theirs in zip(found.finish(), expected.finish(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_rows_without_a_score_come_last_and_are_counted() -> None:
    nodes, tensors = score_in_graph(Scorer(("y",), (Objective("y", "min"),)), {})
    inputs = [("y", TensorProto.FLOAT, ["b", 1]), (HOW_MANY, TensorProto.INT64, [1])]
    kinds = {PLACES: TensorProto.INT64}
    graph = helper.make_graph(
        nodes,
        "score",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [
            helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), None)
            for n in (BEST, PLACES, MISSING, TIED, SCORE)
        ],
        initializer=tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    column = np.array([[3.0], [np.nan], [-2.0], [np.nan], [7.0]], np.float32)
    best, places, missing, tied, score = session.run(None, {"y": column, HOW_MANY: np.array([4])})
    assert (places[:3].tolist(), best.tolist()) == ([2, 0, 4], [2.0, -3.0, -7.0, -np.inf])
    assert (missing.tolist(), tied.tolist()) == ([2.0], [5.0])
    assert score.tolist() == [-3.0, -np.inf, 2.0, -np.inf, -7.0]


def on_the_cpu(candidates: Candidates, plan: Plan) -> DeviceScreen:
    """Prepare a question for the device path as on a GPU, but run it here."""
    tier, symbols = plan.models, candidates.space.elements
    needed = tier.giving(plan.wanted)
    graph = question_graph(needed, symbols, candidates.space.units, plan.scorer, tier.conditions, tier.shifts)
    assert graph is not None
    return DeviceScreen(graph, Device("cpu"))


def test_only_whole_questions_on_a_gpu_take_this_path(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(on_device, "DeviceScreen", lambda graph, device: made.append(device) or "screen")
    gpu = Device("cuda", 1)
    with run_models(THREE, tiny_models, "cpu", "screen", nearest=False) as models:
        for question, kind in (
            (THREE, "screen"),
            (Question(where="hardness_gpa > 5"), None),
            (Question(maximize=("hardness_gpa", "p_amorphous"), pareto=True), None),
            (Question(rank_by="hardness_gpa - resistivity_uohm_cm"), None),
        ):
            plan = make_plan(question, models.search, SYMBOLS)
            assert device_screen(Candidates(SPACE), plan) is None
            for model in models.search.models.values():
                monkeypatch.setitem(model.__dict__, "device", gpu)
            assert device_screen(Candidates(SPACE), plan) == kind
            monkeypatch.undo()
            monkeypatch.setattr(on_device, "DeviceScreen", lambda graph, device: made.append(device) or "screen")
    assert made == [gpu]


@pytest.mark.parametrize("question", [THREE, Question(top=20), Question(maximize=("hardness_gpa=1000:1001",), top=7)])
def test_a_search_by_way_of_a_device_ends_with_the_same_list(
    tiny_models: Path, monkeypatch: pytest.MonkeyPatch, question: Question
) -> None:
    job = ScreenJob(SPACE, question, models=tiny_models, device="cpu", search="exhaustive")
    usual = run_screen(job, PythonWatch())
    heard = []
    monkeypatch.setattr(search, "device_screen", on_the_cpu)
    monkeypatch.setattr(search, "offer_best", lambda *given: heard.append(len(given[1])) or offer_best(*given))
    found = run_screen(job, PythonWatch())
    assert sum(heard) == SPACE.size
    assert found.frame.equals(usual.frame)
    assert found.summary.counts == usual.summary.counts


@pytest.mark.gpu
@pytest.mark.skipif(not cuda_devices(), reason="no CUDA device")
@pytest.mark.parametrize("question", [THREE, Question(top=20), Question(where="hardness_gpa > 5", top=20)])
def test_a_gpu_gives_the_list_of_the_cpu(tiny_models: Path, question: Question) -> None:
    assert choose_device("cuda").provider == "CUDAExecutionProvider"
    jobs = (
        ScreenJob(SPACE, question, models=tiny_models, device=each, search="exhaustive") for each in ("cpu", "cuda")
    )
    cpu, gpu = (run_screen(job, PythonWatch()).frame for job in jobs)
    assert cpu["index"].to_list() == gpu["index"].to_list()
    np.testing.assert_array_equal(cpu["score"], gpu["score"])


@pytest.mark.gpu
@pytest.mark.skipif(not cuda_devices(), reason="no CUDA device")
def test_scores_of_a_gpu_are_those_of_the_cpu_within_rounding(tiny_models: Path) -> None:
    counts = Candidates(SPACE).new_counts(SPACE.size)
    SPACE.fill_counts(0, counts)
    scores = []
    for device in ("cpu", "cuda"):
        with run_models(THREE, tiny_models, device, "screen", nearest=False) as models:
            plan = make_plan(THREE, models.search, SYMBOLS)
            made = device_screen(Candidates(SPACE), plan) or on_the_cpu(Candidates(SPACE), plan)
            scores.append(np.asarray(made.best(counts, 1).everything.numpy()))
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-5 * np.abs(scores[0]).max())


def test_a_run_with_a_journal_goes_by_way_of_a_device_too(
    tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(name: str) -> str:
        options = [
            "--elements",
            ",".join(SYMBOLS),
            "--step",
            "5",
            "--maximize",
            "hardness_gpa",
            "--top",
            "40",
            "--quiet",
        ]
        out = ["--search", "exhaustive", "--models", str(tiny_models), "--device", "cpu", "-o", str(tmp_path / name)]
        assert not main(["enumerate", *options, *out])
        return (tmp_path / name).read_text()

    usual, heard = listed("usual.csv"), []
    monkeypatch.setattr(search, "device_screen", on_the_cpu)
    monkeypatch.setattr(search, "offer_best", lambda *given: heard.append(len(given[1])) or offer_best(*given))
    assert listed("device.csv") == usual
    assert sum(heard) == SPACE.size
