from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from screener.errors import InputError
from training.imbalance.fds import (
    FeatureSmoothing,
    bucket_count,
    bucket_statistics,
    calibrate,
    smoothing_for,
    statistics_pass,
)
from training.imbalance.kernels import smoothing_kernel
from training.nets import single_thread

single_thread()


def features(n: int = 400, d: int = 6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features whose mean and spread drift with a label in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.rand(n, generator=generator)
    return torch.randn(n, d, generator=generator) * (0.5 + 2.0 * y[:, None]) + torch.sin(20.0 * y)[:, None], y


def smoothed(**options: float) -> FeatureSmoothing:
    """A layer after two epochs of statistics: ready to calibrate in epoch 2."""
    layer = FeatureSmoothing(6, 0.0, 1.0, 10, **options)
    for epoch in (0, 1):
        layer.collect(*features(seed=epoch))
        layer.end_epoch(epoch)
    return layer


def test_golden_calibration():
    z, mean, variance = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 1.0]]), torch.tensor([[4.0, 1.0]])
    found = calibrate(z, mean, variance, torch.tensor([[0.0, 3.0]]), torch.tensor([[1.0, 100.0]]))
    assert found[0].tolist() == pytest.approx([0.0, 6.162278], abs=1e-6)


def test_golden_kernel():
    kernel = smoothing_kernel("official", 5, 2.0)
    expected = [0.186251, 0.205248, 0.217003, 0.205248, 0.186251]
    assert kernel / kernel.sum() == pytest.approx(expected, abs=1e-6)


def test_channels_without_variance_stay_as_they_are():
    z, one = torch.tensor([[3.0, 4.0]]), torch.ones(1, 2)
    flat = calibrate(z, one, torch.tensor([[0.0, 1.0]]), 5 * one, one)
    assert flat.tolist() == [[3.0, 8.0]]
    nearly = calibrate(z, one, torch.full((1, 2), 1e-11), 5 * one, one)
    assert nearly.tolist() == z.tolist()


def test_statistics_are_those_of_each_bucket():
    z, y = features(60)
    bucket = FeatureSmoothing(6, 0.0, 1.0, 4).bucket(y)
    count, mean, variance = bucket_statistics(z, bucket, 5)
    for b in range(4):
        assert count[b] == (bucket == b).sum()
        assert torch.allclose(mean[b], z[bucket == b].mean(0), atol=1e-5)
        assert torch.allclose(variance[b], z[bucket == b].var(0), rtol=1e-4)
    assert (count[4], mean[4].sum(), variance[4].sum()) == (0, 0.0, 0.0)
    assert bucket_statistics(z[:1], torch.tensor([2]), 4)[2].sum() == 0.0


def test_labels_outside_are_pooled_into_the_edge_buckets():
    layer = FeatureSmoothing(2, 0.0, 1.0, 4)
    assert layer.bucket(torch.tensor([-3.0, 0.0, 0.3, 1.0, 9.0])).tolist() == [0, 0, 1, 3, 3]


def test_the_first_epochs_calibrate_by_the_identity():
    layer, (z, y) = FeatureSmoothing(6, 0.0, 1.0, 10), features()
    for epoch in (0, 1):
        assert torch.equal(layer(z, y, epoch), z)
        layer.collect(z, y)
        layer.end_epoch(epoch)
    assert not torch.allclose(layer(z, y, 2), z, atol=0.05)


def test_smoothing_uses_statistics_of_one_epoch():
    layer = smoothed()
    z, y = features(seed=0)
    _, mean, variance = bucket_statistics(z, layer.bucket(y), 10)
    # Refreshed at the end of epoch 1, before that epoch's own features were taken in.
    assert torch.allclose(layer.last_mean, mean)
    assert torch.allclose(layer.last_variance, variance)
    assert not torch.allclose(layer.mean, mean)
    newer = bucket_statistics(features(seed=1)[0], layer.bucket(features(seed=1)[1]), 10)[1]
    assert torch.allclose(layer.mean, 0.9 * mean + 0.1 * newer, atol=1e-6)
    kernel = smoothing_kernel()
    padded = np.pad(mean.numpy(), ((2, 2), (0, 0)), mode="reflect")
    expected = sum(w * padded[k : k + 10] for k, w in enumerate(kernel / kernel.sum()))
    assert layer.smooth_mean.numpy() == pytest.approx(expected, abs=1e-5)


def test_later_updates_leave_the_smoothed_copies_alone():
    layer = smoothed()
    held = layer.last_mean.clone()
    layer.mean.add_(5.0)
    assert torch.equal(layer.last_mean, held)


def test_buckets_that_are_alike_calibrate_by_the_identity():
    layer, z = FeatureSmoothing(3, 0.0, 1.0, 5), torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
    for epoch in (0, 1):
        for middle in (0.1, 0.3, 0.5, 0.7, 0.9):
            layer.collect(z, torch.full((20,), middle))
        layer.end_epoch(epoch)
    assert layer.ready.all()
    assert torch.allclose(layer(z, torch.full((20,), 0.5), 2), z, atol=1e-5)


def test_buckets_without_rows_neither_give_nor_take():
    layer, (z, y) = FeatureSmoothing(6, 0.0, 1.0, 10), features()
    half = y < 0.5
    for epoch in (0, 1):
        layer.collect(z[half], y[half])
        layer.end_epoch(epoch)
    assert layer.ready.tolist() == [True] * 5 + [False] * 5
    found = layer(z, y, 2)
    assert torch.equal(found[~half], z[~half])
    assert not torch.equal(found[half], z[half])
    # The mean of the buckets that were seen: those of the empty half, all zero, would pull it down by two fifths.
    kernel = torch.tensor(smoothing_kernel()[:3]).float()
    expected = (kernel[:, None] * layer.last_mean[2:5]).sum(0) / kernel.sum()
    assert torch.allclose(layer.smooth_mean[4], expected, atol=1e-5)


def test_a_bucket_that_is_missed_in_an_epoch_keeps_its_statistics():
    layer, (z, y) = FeatureSmoothing(6, 0.0, 1.0, 10), features()
    layer.collect(z, y)
    layer.end_epoch(0)
    before, low = layer.mean.clone(), y < 0.5
    layer.collect(z[low] + 1.0, y[low])
    layer.end_epoch(1)
    assert layer.seen.all()
    assert torch.equal(layer.mean[5:], before[5:])
    assert torch.allclose(layer.mean[:5], before[:5] + 0.1, atol=1e-5)


def test_rows_without_label_and_evaluation_are_left_alone():
    layer, (z, y) = smoothed(), features()
    missing = torch.where(torch.arange(len(y)) % 2 == 0, float("nan"), y)
    found = layer(z, missing, 5)
    assert torch.equal(found[::2], z[::2])
    assert not torch.equal(found[1::2], z[1::2])
    assert torch.equal(layer.eval()(z, y, 5), z)


def test_the_training_loss_changes():
    layer, (z, y) = smoothed(), features()
    head = nn.Linear(6, 1)
    with torch.no_grad():
        off, on = (((head(values)[:, 0] - y) ** 2).mean().item() for values in (z, layer(z, y, 2)))
    assert abs(on - off) > 1e-3


def test_the_gradient_flows_through_the_features_alone():
    layer = smoothed().double()
    z, y = features(30)
    inputs = z.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: layer(values, y, 2), (inputs,))
    before = inputs.detach().clone()
    layer(inputs, y, 2).sum().backward()
    assert torch.equal(inputs.detach(), before)
    assert not any(buffer.requires_grad for buffer in layer.buffers())


def test_reset_forgets():
    layer, (z, y) = smoothed(), features()
    layer.reset()
    fresh = FeatureSmoothing(6, 0.0, 1.0, 10)
    assert all(torch.equal(a, b) for a, b in zip(layer.buffers(), fresh.buffers(), strict=True))
    assert torch.equal(layer(z, y, 3), z)


def test_the_statistics_pass_moves_no_running_statistics():
    trunk = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5))
    trunk[2].eval()
    layer = FeatureSmoothing(6, -1.0, 1.0, 3)
    x, y = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)), torch.linspace(-1, 1, 50)
    known = torch.where(torch.arange(50) % 3 == 0, float("nan"), y)
    before = trunk[1].running_mean.clone()
    statistics_pass(trunk, trunk, [None, layer], x, torch.stack([y, known], dim=1))
    layer.end_epoch(0)
    assert torch.equal(trunk[1].running_mean, before)
    assert [module.training for module in trunk] == [True, True, False]
    keep = ~known.isnan()
    with torch.no_grad():
        z = trunk.eval()(x)
    expected = bucket_statistics(z[keep], layer.bucket(known[keep]), 3)[1]
    assert torch.allclose(layer.mean, expected, atol=1e-6)


def test_a_layer_fits_its_labels():
    assert [bucket_count(n) for n in (5, 560, 37_818)] == [1, 28, 100]
    layer = smoothing_for(np.array([0.5, np.nan, 2.5, 1.0]), 3, sigma=1.0)
    assert (layer.low, layer.high, layer.buckets) == (0.5, 2.5, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureSmoothing(2, 0.0, 1.0, momentum=1.0), "momentum `1.0` is not in 0 ≤ momentum < 1"),
        (lambda: FeatureSmoothing(2, 0.0, 1.0, 0), "`0` buckets from 0 to 1 hold no labels"),
        (lambda: FeatureSmoothing(2, 0.0, 1.0, kernel="lapace"), "unknown kernel `lapace`"),
        (lambda: smoothing_for(np.array([2.0, 2.0, np.nan]), 2), "labels to smooth along do not vary"),
    ],
)
def test_wrong_options_are_refused(make, message):
    with pytest.raises(InputError) as error:
        make()
    assert error.value.message == message
    assert error.value.hint
