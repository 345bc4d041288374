from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import InputError
from training.imbalance.masked import absent_probability, masked_means, require_labels, row_losses

seeds = st.integers(0, 10_000)
IS_LABEL = torch.tensor([False, False, True])


def drawn(seed: int, rows: int = 12) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Predictions, targets and the mask of three tasks, the last one a label."""
    generator = torch.Generator().manual_seed(seed)
    predicted = torch.randn(rows, 3, generator=generator, dtype=torch.float64)
    y = torch.randn(rows, 3, generator=generator, dtype=torch.float64)
    y[:, 2] = (y[:, 2] > 0).double()
    return predicted, y, torch.rand(rows, 3, generator=generator) < 0.4


def means(predicted, y, known, weight=None):
    return masked_means(row_losses(predicted, y, known, IS_LABEL), known, weight)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_a_loop_over_labels_gives_the_same(seed):
    predicted, y, known = drawn(seed)
    losses, labels = means(predicted, y, known)
    for t in range(3):
        each = []
        for i in range(len(y)):
            if known[i, t]:
                p, v = predicted[i, t], y[i, t]
                each.append(torch.log1p(torch.exp(p)) - v * p if t == 2 else (p - v) ** 2)
        assert labels[t] == len(each)
        assert losses[t].item() == pytest.approx(float(sum(each) / max(1, len(each))))


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from([float("nan"), float("inf"), 7.0]))
def test_what_stands_where_there_is_no_label_changes_nothing(seed, fill):
    predicted, y, known = drawn(seed)
    predicted.requires_grad_()
    for values in (y, torch.where(known, y, fill)):
        predicted.grad = None
        losses, _ = means(predicted, values, known)
        losses.sum().backward()
        if values is y:
            first, gradient = losses.detach(), predicted.grad
    assert torch.equal(losses.detach(), first)
    assert torch.equal(predicted.grad, gradient)
    assert (predicted.grad[~known] == 0.0).all()


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_targets_get_gradients_only_where_there_are_labels(seed):
    predicted, y, known = drawn(seed)
    y.requires_grad_()
    means(predicted, y, known)[0].sum().backward()
    assert (y.grad[~known] == 0.0).all()
    assert (y.grad[:, :2][known[:, :2]] != 0.0).all()


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 11))
def test_parts_weighted_by_their_labels_make_the_whole(seed, cut):
    predicted, y, known = drawn(seed)
    whole, _ = means(predicted, y, known)
    total = torch.zeros(3, dtype=torch.float64)
    for part in (slice(0, cut), slice(cut, None)):
        total += means(predicted[part], y[part], known[part])[0] * known[part].sum(0)
    assert torch.allclose(total / known.sum(0).clamp(min=1), whole)


def test_weights_divide_by_the_number_of_labels():
    loss, known = torch.tensor([[2.0], [4.0], [float("nan")]]), torch.tensor([[True], [True], [False]])
    weight = torch.tensor([[0.5], [1.5], [float("nan")]])
    losses, labels = masked_means(loss, known, weight)
    assert losses.tolist() == [3.5]
    assert labels.tolist() == [2]
    losses, labels = masked_means(loss, torch.zeros(3, 1, dtype=torch.bool))
    assert (losses.tolist(), labels.tolist()) == ([0.0], [0])


@pytest.mark.parametrize(("batch", "expected"), [(32, 0.6204), (256, 0.02195), (1024, 2.32e-7)])
def test_probability_of_a_batch_without_hardness(batch, expected):
    assert absent_probability(560, 37_818, batch) == pytest.approx(expected, rel=2e-3)


def test_a_task_without_usable_labels_is_refused():
    y, known = torch.tensor([[1.0, float("nan")]]), torch.tensor([[True, False]])
    require_labels(y[:, :1], known[:, :1], ["hardness"])
    with pytest.raises(InputError) as error:
        require_labels(y, known, ["hardness", "amorphous"])
    assert error.value.message == "task `amorphous` has no label in these rows"
    assert error.value.hint == "leave it out, or split the rows otherwise"
    with pytest.raises(InputError) as error:
        require_labels(y, torch.ones(1, 2, dtype=torch.bool), ["hardness", "amorphous"])
    assert error.value.message == "task `amorphous` has 1 labels that are not finite"
