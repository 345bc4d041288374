from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.union_nets import UnionRows, fit_union_net, masked_losses

IS_LABEL = np.array([False, True, False])


def batch(b, seed):
    """Random outputs, targets (NaN where unknown) and marks of a batch."""
    generator = torch.Generator().manual_seed(seed)
    out = torch.randn(b, 3, generator=generator, dtype=torch.float64)
    y = torch.randn(b, 3, generator=generator, dtype=torch.float64)
    y[:, 1] = (y[:, 1] > 0).double()
    known = torch.rand(b, 3, generator=generator) < 0.6
    return out, y, known


batches = st.builds(batch, st.integers(1, 40), st.integers(0, 999))


@settings(deadline=None, max_examples=60)
@given(batches)
def test_losses_are_means_over_the_rows_that_have_the_label(drawn):
    out, y, known = drawn
    losses = masked_losses(out, y, known, IS_LABEL)
    for task in range(3):
        mine = known[:, task]
        if not mine.any():
            assert losses[task] == 0.0
        elif IS_LABEL[task]:
            expected = torch.nn.functional.binary_cross_entropy_with_logits(out[mine, task], y[mine, task])
            assert losses[task] == pytest.approx(float(expected))
        else:
            assert losses[task] == pytest.approx(float((out[mine, task] - y[mine, task]).square().mean()))


@settings(deadline=None, max_examples=60)
@given(batches, st.sampled_from([0.0, 1e30, float("nan"), float("inf")]))
def test_unknown_values_change_neither_loss_nor_gradient(drawn, fill):
    out, y, known = drawn
    results = []
    for values in (y, torch.where(known, y, fill)):
        leaf = out.clone().requires_grad_()
        losses = masked_losses(leaf, values, known, IS_LABEL)
        torch.autograd.backward(losses.sum())
        results.append((losses.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert (results[0][1][~known] == 0.0).all()


@settings(deadline=None, max_examples=60)
@given(batches, st.integers(0, 40))
def test_a_split_batch_adds_up_by_counts(drawn, at):
    out, y, known = drawn
    cut = min(at, len(out))
    parts = [slice(0, cut), slice(cut, None)]
    total = sum(masked_losses(out[p], y[p], known[p], IS_LABEL) * known[p].sum(dim=0) for p in parts)
    whole = masked_losses(out, y, known, IS_LABEL) * known.sum(dim=0)
    assert total.numpy() == pytest.approx(whole.numpy())


@pytest.fixture(scope="module")
def union():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(600, 3)), np.zeros(600)])
    y = np.column_stack([50 + 10 * x[:, 0], (x[:, 1] > 0).astype(float), 1e-3 * x[:, 2]])
    y[rng.random(y.shape) < 0.3] = np.nan
    return UnionRows(x, y, IS_LABEL)


@pytest.mark.parametrize("shared", [True, False])
def test_nets_learn_every_task_in_its_units(union, shared):
    predicted = fit_union_net(union, shared=shared, seed=0, epochs=25, batch=64).predict(union.x)
    for task in (0, 2):
        known = np.isfinite(union.y[:, task])
        assert np.corrcoef(predicted[known, task], union.y[known, task])[0, 1] > 0.9
    known = np.isfinite(union.y[:, 1])
    assert ((predicted[known, 1] > 0) == (union.y[known, 1] > 0.5)).mean() > 0.9
    assert predicted[:, 0].mean() == pytest.approx(50, abs=3)


def test_an_element_new_to_the_net_does_not_blow_up(union):
    net = fit_union_net(union, shared=True, seed=0, epochs=2, batch=64)
    new = union.x[:5].copy()
    new[:, 3] = 0.4
    assert np.abs(net.predict(new) - net.predict(union.x[:5]))[:, 0].max() < 20


def test_the_seed_settles_the_net(union):
    nets = [fit_union_net(union, shared=True, seed=s, epochs=1, batch=64).predict(union.x) for s in (0, 0, 1)]
    assert (nets[0] == nets[1]).all()
    assert (nets[0] != nets[2]).any()


def test_small_tables_fill_one_batch():
    rows = UnionRows(np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)[:, None], np.array([False]))
    assert np.isfinite(fit_union_net(rows, shared=False, seed=0, epochs=2).predict(rows.x)).all()
