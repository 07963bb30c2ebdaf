"""The strength of a module is that of its dense ΔW, written out here by each algorithm's own formula."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from lora_files import CONV, TUCKER, Q, change, conv, linear, sample, tucker

from blockweight.lora import strength as strengths
from blockweight.lora.algebra import alpha_of, rank_of
from blockweight.lora.strength import Basis, strength_of


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def roles(tensors):
    """A module's tensors by role, from kohya keys."""
    return {key.split(".")[1]: array for key, array in tensors.items()}


def measured(arrays):
    return strength_of("unet.q", arrays)


def check(strength, dense, *, basis=Basis.EXACT):
    matrix = dense.reshape(len(dense), -1)
    assert strength.basis is basis
    assert strength.norm == pytest.approx(np.linalg.norm(matrix), rel=1e-6)
    assert strength.elements == matrix.size
    assert strength.singular_values is not None
    values = np.linalg.svd(matrix, compute_uv=False)
    count = min(len(values), len(strength.singular_values))
    assert np.allclose(strength.singular_values[:count], values[:count], rtol=1e-5, atol=1e-6 * values[0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ml_dtypes.bfloat16])
@pytest.mark.parametrize("alpha", [1.5, None, -2.0])
def test_a_lora_with_and_without_alpha(rng, dtype, alpha):
    tensors = linear(Q, rng, alpha=alpha, dtype=dtype)
    check(measured(roles(tensors)), change(tensors, Q))


def test_a_convolution_and_a_tucker_convolution(rng):
    for name, tensors in ((CONV, conv(CONV, rng)), (TUCKER, tucker(TUCKER, rng))):
        check(measured(roles(tensors)), change(tensors, name))


def test_alpha_0_and_factors_of_zeros_are_no_change(rng):
    assert measured(roles(linear(Q, rng, alpha=0.0))).norm == 0
    tensors = linear(Q, rng)
    tensors[f"{Q}.lora_up.weight"] *= 0
    assert measured(roles(tensors)).norm == 0


def test_a_bias_counts_with_the_weight(rng):
    tensors = linear(Q, rng, alpha=1.5)
    up_bias, diff_b = sample(rng, 6), sample(rng, 6)
    strength = measured(roles(tensors) | {"lora_up_bias": up_bias, "diff_b": diff_b})
    squares = [
        np.linalg.norm(change(tensors, Q)) ** 2,
        *((0.5 * up_bias.astype(float)) ** 2, diff_b.astype(float) ** 2),
    ]
    assert strength.norm == pytest.approx(sum(np.sum(square) for square in squares) ** 0.5, rel=1e-6)
    assert strength.elements == 6 * 5 + 6 + 6


def hada(rng, **extra):
    shapes = {"hada_w1_a": (6, 2), "hada_w1_b": (2, 5), "hada_w2_a": (6, 3), "hada_w2_b": (3, 5)}
    return {role: sample(rng, *shape, dtype=np.float32, spread=0.5) for role, shape in (shapes | extra).items()}


def test_a_loha_is_the_product_of_two_low_rank_matrices_number_by_number(rng):
    arrays = hada(rng) | {"alpha": np.array(1.0)}
    w = {role: array.astype(float) for role, array in arrays.items()}
    dense = 0.5 * (w["hada_w1_a"] @ w["hada_w1_b"]) * (w["hada_w2_a"] @ w["hada_w2_b"])
    check(measured(arrays), dense)


def test_a_loha_of_large_ranks_has_its_exact_norm_and_no_singular_values(rng, monkeypatch):
    monkeypatch.setattr(strengths, "LARGEST_SIDE", 5)
    arrays = hada(rng) | {"alpha": np.array(-1.0)}
    w = {role: array.astype(float) for role, array in arrays.items()}
    found = measured(arrays)
    dense = 0.5 * (w["hada_w1_a"] @ w["hada_w1_b"]) * (w["hada_w2_a"] @ w["hada_w2_b"])
    assert found.norm == pytest.approx(np.linalg.norm(dense), rel=1e-6)
    assert (found.singular_values, found.effective_rank, found.elements) == (None, None, 30)


def test_a_tucker_loha_has_a_core_in_each_half(rng):
    core = {"hada_w1_a": (2, 6), "hada_w1_b": (2, 5), "hada_w2_a": (2, 6), "hada_w2_b": (2, 5)}
    arrays = hada(rng, **core, hada_t1=(2, 2, 3, 3), hada_t2=(2, 2, 3, 3))
    w = {role: array.astype(float) for role, array in arrays.items()}

    def half(number):
        t, a, b = (w[f"hada_{role}"] for role in (f"t{number}", f"w{number}_a", f"w{number}_b"))
        return np.einsum("i j k l, j r, i p -> p r k l", t, b, a)

    check(measured(arrays), half(1) * half(2))


def kron(rng, *roles_and_shapes):
    return {role: sample(rng, *shape, dtype=np.float32, spread=0.5) for role, shape in roles_and_shapes}


def test_a_lokr_of_whole_factors_takes_no_notice_of_alpha(rng):
    arrays = kron(rng, ("lokr_w1", (2, 3)), ("lokr_w2", (4, 5))) | {"alpha": np.array(7.0)}
    dense = np.kron(arrays["lokr_w1"].astype(float), arrays["lokr_w2"])
    check(measured(arrays), dense)
    check(measured(arrays | {"lokr_w2_b": sample(rng, 2, 5)}), dense)


def test_a_lokr_of_low_rank_factors_is_scaled_by_alpha_over_rank(rng):
    arrays = kron(rng, ("lokr_w1", (2, 3)), ("lokr_w2_a", (4, 2)), ("lokr_w2_b", (2, 5))) | {"alpha": np.array(1.0)}
    second = arrays["lokr_w2_a"].astype(float) @ arrays["lokr_w2_b"]
    check(measured(arrays), 0.5 * np.kron(arrays["lokr_w1"], second))
    arrays = kron(rng, ("lokr_w1_a", (2, 4)), ("lokr_w1_b", (4, 3)), ("lokr_w2", (4, 5))) | {"alpha": np.array(1.0)}
    first = arrays["lokr_w1_a"].astype(float) @ arrays["lokr_w1_b"]
    check(measured(arrays), 0.25 * np.kron(first, arrays["lokr_w2"]))


def test_a_lokr_of_a_convolution_may_have_a_tucker_core(rng):
    arrays = kron(rng, ("lokr_w1", (2, 3)), ("lokr_t2", (2, 2, 3, 3)), ("lokr_w2_a", (2, 4)), ("lokr_w2_b", (2, 5)))
    w = {role: array.astype(float) for role, array in arrays.items()}
    second = np.einsum("i j k l, j r, i p -> p r k l", w["lokr_t2"], w["lokr_w2_b"], w["lokr_w2_a"])
    check(measured(arrays), np.kron(w["lokr_w1"][:, :, None, None], second))


def test_a_full_difference_and_a_norm_layer_are_what_they_are(rng):
    diff, bias = sample(rng, 4, 3), sample(rng, 4)
    together = np.concatenate([diff.ravel(), bias]).astype(float)
    assert measured({"diff": diff, "diff_b": bias}).norm == pytest.approx(np.linalg.norm(together))
    norm = measured({"w_norm": diff[:, 0], "b_norm": bias})
    assert norm.norm == pytest.approx(np.linalg.norm(np.concatenate([diff[:, 0], bias]).astype(float)))
    assert (norm.elements, norm.singular_values) == (8, None)


def test_a_dora_is_measured_before_its_normalisation_and_says_so(rng):
    tensors = linear(Q, rng)
    arrays = roles(tensors) | {"dora_scale": sample(rng, 6, 1)}
    check(measured(arrays), change(tensors, Q), basis=Basis.DIRECTION)
    assert measured(hada(rng) | {"dora_scale": sample(rng, 6, 1)}).basis is Basis.DIRECTION


@pytest.mark.parametrize(
    "names", ["glora_a1 glora_a2 glora_b1 glora_b2", "ia3_weight ia3_on_input", "oft_blocks", "oft_diag"]
)
def test_what_multiplies_the_base_models_weight_has_no_strength_without_it(rng, names):
    strength = measured({name: sample(rng, 2, 2) for name in names.split()})
    assert (strength.basis, strength.norm) == (Basis.BASE_MODEL, None)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"lora_up": (6, 3), "lora_down": (2, 5)}, "do not fit each other"),
        ({"lora_up": (6, 0), "lora_down": (0, 5)}, "do not fit each other"),
        ({"lora_up": (6, 3), "lora_down": (3, 5), "alpha": (2,)}, "not one finite number"),
        ({"lora_up": (6, 3), "lora_mid": (2, 3, 3, 3), "lora_down": (3, 5, 1, 1)}, "do not fit each other"),
        ({"hada_w1_a": (6, 2), "hada_w1_b": (2, 5), "hada_w2_a": (6, 2), "hada_w2_b": (3, 5)}, "do not fit"),
        ({"hada_w1_a": (6, 2), "hada_w1_b": (2, 5), "hada_w2_a": (7, 2), "hada_w2_b": (2, 5)}, "do not fit"),
        ({"hada_w1_a": (6,), "hada_w1_b": (2, 5), "hada_w2_a": (7, 2), "hada_w2_b": (2, 5)}, "do not fit"),
        ({"lokr_w1": (2, 2), "lokr_w2_a": (6, 2), "lokr_w2_b": (3, 5)}, "do not fit"),
        ({"lokr_w1": (2, 2), "lokr_t2": (2,), "lokr_w2_a": (2, 6), "lokr_w2_b": (2, 5)}, "do not fit"),
        ({"lora_up": (6, 3)}, "has only lora_up"),
    ],
)
def test_a_module_whose_tensors_do_not_fit_is_broken_and_says_why(shapes, words):
    strength = measured({role: np.ones(shape, np.float16) for role, shape in shapes.items()})
    assert (strength.basis, strength.norm) == (Basis.BROKEN, None)
    assert words in strength.why


@pytest.mark.parametrize("spoiled", [np.nan, np.inf])
def test_numbers_that_are_not_finite_break_a_module_of_any_kind(rng, spoiled):
    for arrays in (roles(linear(Q, rng)), hada(rng), {"diff": sample(rng, 4, 3)}):
        role = next(role for role in arrays if role != "alpha")
        arrays[role][0, 0] = spoiled
        strength = measured(arrays)
        assert strength.basis is Basis.BROKEN
        assert "not finite" in strength.why


def test_complex_numbers_break_a_module():
    assert "complex" in measured({"diff": np.ones((2, 2), np.complex64)}).why


def test_rank_and_alpha_are_those_that_loaders_divide(rng):
    assert rank_of(roles(linear(Q, rng, rank=3))) == 3
    assert rank_of(hada(rng)) == 2
    assert rank_of(kron(rng, ("lokr_w1", (2, 2)), ("lokr_w2_a", (4, 3)), ("lokr_w2_b", (3, 5)))) == 3
    halves = ("lokr_w1_a", (2, 4)), ("lokr_w1_b", (4, 2)), ("lokr_w2_a", (4, 3)), ("lokr_w2_b", (3, 5))
    assert rank_of(kron(rng, *halves)) == 3
    assert rank_of(kron(rng, *halves[:2], ("lokr_w2", (4, 5)), halves[3])) == 4
    assert rank_of({"diff": np.ones((2, 2))}) is None
    assert alpha_of({"alpha": np.array([2.0], np.float16)}) == 2.0
    assert alpha_of({"alpha": np.ones(2)}) is None
    assert alpha_of({}) is None
    assert alpha_of({"alpha": np.array(np.nan)}) is None


def test_a_change_too_large_to_be_squared_is_broken():
    diff = np.full((2, 2), 1e149)
    assert measured({"diff": diff}).norm == pytest.approx(2e149)
    assert measured({"diff": diff * 1e2}).basis is Basis.BROKEN
    assert measured({"diff": diff * 1e100}).basis is Basis.BROKEN


def test_stray_tensors_of_another_algorithm_play_no_part(rng):
    tensors = linear(Q, rng)
    check(measured(roles(tensors) | {"lokr_w1": sample(rng, 2, 2)}), change(tensors, Q))
