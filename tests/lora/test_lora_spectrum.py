"""Norms and singular values from factors are those of the dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.lora import spectrum
from blockweight.lora.spectrum import (
    TOP,
    Spectrum,
    effective_rank,
    gram,
    kronecker_spectrum,
    plain_spectrum,
    product_spectrum,
    square_sum,
)

SIZES = st.integers(1, 12)
SEEDS = st.integers(0, 2**32 - 1)


def agrees(found: Spectrum, dense: np.ndarray) -> None:
    """Norm, size, singular values and effective rank are those of the dense matrix to 1e-6."""
    values = np.linalg.svd(dense, compute_uv=False)
    assert found.elements == dense.size
    assert found.norm == pytest.approx(np.linalg.norm(dense), rel=1e-6)
    assert found.singular_values is not None
    count = min(TOP, len(found.singular_values), len(values))
    assert np.allclose(found.singular_values[:count], values[:count], rtol=1e-6, atol=1e-6 * values[0])
    assert not any(value > 1e-6 * values[0] for value in values[:TOP][count:])
    shares = values[values > 1e-12 * values[0]] / values.sum()
    assert found.effective_rank == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-5)


@given(SIZES, SIZES, SIZES, st.sampled_from([-0.7, 0.5, 1.0, 3.0]), SEEDS)
def test_a_product_has_the_norm_and_singular_values_of_the_dense_matrix(out, inputs, rank, scale, seed):
    rng = np.random.default_rng(seed)
    left, right = rng.standard_normal((out, rank)), rng.standard_normal((rank, inputs))
    agrees(product_spectrum(left, right, scale), scale * left @ right)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_product_of_any_float_format_is_computed_in_float64(dtype):
    rng = np.random.default_rng(1)
    left, right = (rng.standard_normal(shape).astype(dtype) for shape in ((40, 5), (5, 30)))
    agrees(product_spectrum(left, right, 0.5), 0.5 * left.astype(float) @ right.astype(float))


def test_factors_close_to_singular_still_have_their_singular_values():
    rng = np.random.default_rng(2)
    left, right = rng.standard_normal((40, 4)), rng.standard_normal((4, 30))
    # Columns that nearly repeat: the Gram matrix holds the difference only in its last digits.
    left[:, 1] = left[:, 0] + 1e-9 * left[:, 1]
    left[:, 3] = 0
    agrees(product_spectrum(left, right, 1.0), left @ right)
    found = product_spectrum(left[:, :2], np.eye(2), 1.0).singular_values
    assert np.allclose(found, np.linalg.svd(left[:, :2], compute_uv=False), rtol=1e-5, atol=0)


def test_factors_that_cancel_each_other_make_no_change():
    found = product_spectrum(np.array([[1.0, 1.0]]), np.array([[1.0], [-1.0]]), 1.0)
    assert found.norm == pytest.approx(0, abs=1e-12)
    assert product_spectrum(np.zeros((3, 2)), np.ones((2, 3)), 1.0) == Spectrum(0.0, 9, (0.0, 0.0), 0.0)


def test_the_largest_ranks_give_a_norm_without_singular_values(monkeypatch):
    monkeypatch.setattr(spectrum, "LARGEST_RANK", 3)
    monkeypatch.setattr(spectrum, "_PIECE", 20)
    rng = np.random.default_rng(3)
    left, right = rng.standard_normal((7, 4)), rng.standard_normal((4, 9))
    found = product_spectrum(left, right, -2.0)
    assert (found.singular_values, found.effective_rank, found.elements) == (None, None, 63)
    assert found.norm == pytest.approx(np.linalg.norm(2 * left @ right), rel=1e-12)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), SEEDS)
def test_a_kronecker_product_has_the_norm_and_singular_values_of_the_dense_matrix(a, b, c, d, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((a, b)), rng.standard_normal((c, d))
    agrees(kronecker_spectrum(plain_spectrum(first), plain_spectrum(second), -0.5), np.kron(first, second) * 0.5)


def test_a_kronecker_product_with_a_factor_too_large_has_only_a_norm():
    found = kronecker_spectrum(Spectrum(2.0, 4), plain_spectrum(np.eye(3)), 0.5)
    assert found == Spectrum(pytest.approx(3**0.5), 36)


def test_a_weight_as_it_is_has_its_own_spectrum_whatever_its_shape(monkeypatch):
    rng = np.random.default_rng(5)
    for shape in ((4, 7), (7, 4), (5, 2, 3, 3), (6,)):
        values = rng.standard_normal(shape)
        agrees(plain_spectrum(values), values.reshape(len(values), -1))
    monkeypatch.setattr(spectrum, "LARGEST_SIDE", 3)
    large = rng.standard_normal((4, 7))
    assert plain_spectrum(large) == Spectrum(pytest.approx(np.linalg.norm(large)), 28)
    assert plain_spectrum(np.zeros((0, 4))) == Spectrum(0.0, 0)
    assert plain_spectrum(np.array(3.0)).norm == 3.0


def test_numbers_that_are_not_finite_make_the_norm_so():
    left = np.array([[np.nan], [1.0]])
    for found in (product_spectrum(left, np.ones((1, 2)), 1.0), plain_spectrum(left)):
        assert not np.isfinite(found.norm)
        assert found.singular_values is None


def test_sums_are_taken_piece_by_piece(monkeypatch):
    monkeypatch.setattr(spectrum, "_PIECE", 7)
    tall = np.random.default_rng(6).standard_normal((50, 3)).astype(np.float16)
    wide = tall.astype(float)
    assert np.allclose(gram(tall), wide.T @ wide, rtol=1e-12)
    assert square_sum(tall) == pytest.approx((wide**2).sum(), rel=1e-12)


def test_the_effective_rank_is_the_rank_for_equal_values_and_falls_with_their_spread():
    assert effective_rank(np.array([2.0, 2.0, 2.0, 0.0])) == pytest.approx(3)
    assert 1 < effective_rank(np.array([10.0, 0.1])) < 1.1
    assert effective_rank(np.zeros(4)) == 0
