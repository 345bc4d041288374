from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import InputError
from training.imbalance.kernels import smoothing_kernel, smoothing_matrix
from training.imbalance.lds import bin_of, bin_weights, class_weights, label_edges, lds_weights

COUNTS = np.array([100.0, 50.0, 10.0, 2.0, 1.0, 0.0])
labels = st.lists(st.floats(-50, 50, allow_subnormal=False), min_size=3, max_size=80).map(np.array)
options = st.fixed_dictionaries(
    {
        "kernel": st.sampled_from(["official", "analytic", "triangular", "laplace"]),
        "reweight": st.sampled_from(["sqrt_inv", "inverse"]),
        "padding": st.sampled_from(["zero", "reflect"]),
        "size": st.sampled_from([1, 5, 9]),
    }
)


def skewed(n: int = 2000) -> np.ndarray:
    return np.random.default_rng(0).gamma(1.0, 2.0, n)


def test_golden_kernels():
    assert smoothing_kernel() == pytest.approx([0.858285, 0.945828, 1, 0.945828, 0.858285], abs=1e-6)
    wide = [0.000335, 0.011109, 0.135335, 0.606531, 1, 0.606531, 0.135335, 0.011109, 0.000335]
    assert smoothing_kernel("official", 9, 1.0) == pytest.approx(wide, abs=1e-6)
    assert smoothing_kernel("analytic") == pytest.approx([0.606531, 0.882497, 1, 0.882497, 0.606531], abs=1e-6)
    assert smoothing_kernel("triangular", 5) == pytest.approx([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])
    assert smoothing_kernel("laplace", 3, 1.0) == pytest.approx([np.exp(-1), 1, np.exp(-1)])
    assert smoothing_kernel().tolist() != smoothing_kernel("analytic").tolist()


def test_golden_square_root_weights():
    smoothed, weight = bin_weights(COUNTS, smoothing_kernel())
    assert smoothed == pytest.approx([19.402148, 20.734113, 20.629029, 11.420004, 5.051739, 2.159626], abs=1e-6)
    assert weight[:5] == pytest.approx([0.997358, 0.933287, 0.938041, 1.694472, 3.830538], abs=1e-6)
    assert COUNTS @ weight / COUNTS.sum() == pytest.approx(1.0)


def test_golden_inverse_weights():
    smoothed, weight = bin_weights(COUNTS, smoothing_kernel(), "inverse")
    expected = [155.874235, 158.332468, 152.140471, 66.393103, 23.041129, 14.020564]
    assert smoothed == pytest.approx(expected, abs=1e-6)
    assert weight[:5] == pytest.approx([0.953609, 0.938803, 0.977012, 2.238832, 6.451204], abs=1e-6)


@pytest.mark.parametrize("bins", [1, 2, 4, 30])
@pytest.mark.parametrize("size", [1, 5, 9])
@pytest.mark.parametrize("padding", ["zero", "reflect"])
def test_the_matrix_is_a_convolution(bins, size, padding):
    values, kernel = np.random.default_rng(bins).random(bins), smoothing_kernel("laplace", size)
    half = size // 2
    modes = {"zero": {"mode": "constant"}, "reflect": {"mode": "reflect" if bins > 1 else "edge"}}
    expected = np.convolve(np.pad(values, half, **modes[padding]), kernel, mode="valid")
    assert smoothing_matrix(bins, kernel, padding) @ values == pytest.approx(expected)


def test_even_labels_weigh_alike_but_at_the_edges():
    y = np.repeat(np.arange(40.0), 5)
    reflected = lds_weights(y, n_bins=40, padding="reflect")
    assert reflected == pytest.approx(np.ones(200), abs=1e-9)
    padded = lds_weights(y, n_bins=40).reshape(40, 5)[:, 0]
    assert padded[2:-2] == pytest.approx(np.full(36, padded[5]))
    assert padded[0] > padded[1] > padded[2]
    assert padded[-1] > padded[-2] > padded[-3]


@settings(deadline=None, max_examples=60)
@given(labels, options)
def test_weights_are_positive_with_mean_one(y, chosen):
    weight = lds_weights(y, **chosen)
    assert weight.shape == y.shape
    assert (weight > 0.0).all()
    assert weight.mean() == pytest.approx(1.0)


@settings(deadline=None, max_examples=40)
@given(labels, options, st.sampled_from([0.125, 4.0, 1024.0]))
def test_the_unit_of_the_label_does_not_matter(y, chosen, unit):
    assert lds_weights(unit * y, **chosen) == pytest.approx(lds_weights(y, **chosen))


@settings(deadline=None, max_examples=30)
@given(labels, options, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(y, chosen, random):
    order = np.array(random.sample(range(len(y)), len(y)))
    assert lds_weights(y[order], **chosen) == pytest.approx(lds_weights(y, **chosen)[order])


def test_rare_labels_weigh_more_and_inverting_more_than_the_root():
    y = skewed()
    rare = y > np.quantile(y, 0.97)
    root, inverse = lds_weights(y), lds_weights(y, reweight="inverse")
    assert root[rare].mean() > 1.5 * root[~rare].mean()
    assert inverse[rare].mean() > root[rare].mean()
    assert np.abs(root - lds_weights(y, kernel="analytic")).max() > 0.01


def test_the_rarest_weights_are_clipped():
    y = np.concatenate([np.repeat(0.0, 5000), np.linspace(60.0, 100.0, 10)])
    wide, narrow = (lds_weights(y, reweight="inverse", n_bins=100, clip=(0.1, top)) for top in (1e9, 10.0))
    assert wide.max() / wide.min() > 2 * narrow.max() / narrow.min()
    assert narrow.max() == pytest.approx(10.0, rel=0.1)


def test_bins_follow_the_number_of_labels():
    few, many = label_edges(skewed(60)), label_edges(skewed(5000))
    assert 10 <= len(few) - 1 < len(many) - 1 <= 100
    assert len(label_edges(skewed(60), 33)) == 34
    assert bin_of(np.array([-9.0, 0.5, 1.0, 99.0]), np.array([0.0, 1.0, 2.0])).tolist() == [0, 0, 1, 1]


def test_a_constant_label_weighs_one():
    assert (lds_weights(np.full(7, 3.2)) == 1.0).all()
    assert (class_weights(np.ones(4)) == 1.0).all()


def test_classes_count_alike():
    weight = class_weights(np.array([1.0, 0.0, 0.0, 0.0]))
    assert weight.tolist() == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3])
    assert weight.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("chosen", "message", "hint"),
    [
        ({"kernel": "oficial"}, "unknown kernel `oficial`", "did you mean `official`?"),
        ({"reweight": "xxx"}, "unknown reweight `xxx`", "there is `sqrt_inv`, `inverse`"),
        ({"padding": "zeros"}, "unknown padding `zeros`", "did you mean `zero`?"),
        ({"size": 4}, "a kernel of `4` bins has no middle", "give an odd size, such as 5"),
        ({"sigma": 0.0}, "kernel width `0.0` is not positive", "give a width in bins, such as 2"),
        ({"n_bins": 0}, "`0` bins cannot hold labels", "give 1 to 1001, or leave `n_bins` out"),
        ({"clip": (2.0, 3.0)}, "clip `2, 3` does not hold 1", "give a range such as 0.1, 10"),
    ],
)
def test_wrong_options_are_refused(chosen, message, hint):
    with pytest.raises(InputError) as error:
        lds_weights(np.arange(5.0), **chosen)
    assert (error.value.message, error.value.hint) == (message, hint)


def test_labels_that_cannot_be_weighed_are_refused():
    with pytest.raises(InputError, match="1 labels to weigh are not finite"):
        lds_weights(np.array([1.0, np.nan]))
    with pytest.raises(InputError, match="there are no labels to weigh"):
        class_weights(np.array([]))
