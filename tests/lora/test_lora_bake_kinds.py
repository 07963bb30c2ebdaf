from __future__ import annotations

import numpy as np
import pytest
from lora_files import CONV, MID, Q, linear, load, loha, relative, sample, weights, write

from blockweight.errors import BlockweightError
from blockweight.lora import bake


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


def test_loha_is_scaled_by_one_of_its_four_factors(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", loha(Q, rng) | {f"{Q}.alpha": np.array(1, np.float16)})

    def delta(tensors):
        w = {key.rsplit(".", 1)[1]: value.astype(np.float64) for key, value in tensors.items()}
        return (w["hada_w1_a"] @ w["hada_w1_b"]) * (w["hada_w2_a"] @ w["hada_w2_b"])

    module = bake(source, weights(fill=-0.3), out).check.modules[0]
    error = relative(delta(load(out)), -0.3 * delta(load(source)))
    assert module.error == pytest.approx(error, rel=1e-3)
    assert 0 < error < 2**-10


def test_loha_of_a_convolution_with_cores_is_scaled_too(tmp_path, out, rng):
    shapes = {"hada_w1_a": (2, 6), "hada_w1_b": (2, 5), "hada_w2_a": (2, 6), "hada_w2_b": (2, 5)}
    shapes |= {"hada_t1": (2, 2, 3, 3), "hada_t2": (2, 2, 3, 3)}
    source = write(tmp_path / "a.safetensors", loha(CONV, rng, **shapes))

    def delta(tensors):
        w = {key.rsplit(".", 1)[1]: value.astype(np.float64) for key, value in tensors.items()}
        half = [np.einsum("ijkl,jr,ip->prkl", w[f"hada_t{n}"], w[f"hada_w{n}_b"], w[f"hada_w{n}_a"]) for n in (1, 2)]
        return half[0] * half[1]

    module = bake(source, weights(fill=0.3), out).check.modules[0]
    error = relative(delta(load(out)), 0.3 * delta(load(source)))
    assert module.error == pytest.approx(error, rel=1e-3)
    assert 0 < error < 2**-10


@pytest.mark.parametrize("whole", [True, False])
def test_lokr_is_scaled_by_its_first_half_whether_whole_or_in_factors(tmp_path, out, rng, whole):
    halves = {"lokr_w1": (3, 2)} if whole else {"lokr_w1_a": (3, 2), "lokr_w1_b": (2, 2)}
    shapes = halves | {"lokr_w2_a": (4, 2), "lokr_w2_b": (2, 5)}
    tensors = {f"{Q}.{role}": sample(rng, *shape) for role, shape in shapes.items()} | {
        f"{Q}.alpha": np.array(1, np.float16)
    }
    source = write(tmp_path / "a.safetensors", tensors)

    def delta(loaded):
        w = {key.rsplit(".", 1)[1]: value.astype(np.float64) for key, value in loaded.items()}
        return np.kron(w["lokr_w1"] if whole else w["lokr_w1_a"] @ w["lokr_w1_b"], w["lokr_w2_a"] @ w["lokr_w2_b"])

    module = bake(source, weights(fill=0.3), out).check.modules[0]
    error = relative(delta(load(out)), 0.3 * delta(load(source)))
    assert module.error == pytest.approx(error, rel=1e-3)
    assert 0 < error < 2**-10


def test_glora_is_scaled_in_both_of_its_terms_whatever_the_base_weight(tmp_path, out, rng):
    shapes = {"a1": (2, 5), "a2": (5, 2), "b1": (2, 5), "b2": (6, 2)}
    tensors = {f"{Q}.{role}.weight": sample(rng, *shape, dtype=np.float32) for role, shape in shapes.items()}
    source = write(tmp_path / "a.safetensors", tensors)
    base = rng.standard_normal((6, 5))

    def delta(loaded):
        w = {key.split(".")[1]: value.astype(np.float64) for key, value in loaded.items()}
        return base @ w["a2"] @ w["a1"] + w["b2"] @ w["b1"]

    bake(source, weights(fill=-1.7), out)
    assert relative(delta(load(out)), -1.7 * delta(load(source))) < 1e-6


@pytest.mark.parametrize(
    ("roles", "untouched"),
    [
        (("diff", "diff_b"), ()),
        (("w_norm", "b_norm"), ()),
        (("weight",), ("on_input",)),
        (("lora_up.weight", "diff_b"), ("lora_down.weight", "alpha")),
    ],
)
def test_changes_that_are_stored_whole_and_changes_of_a_bias_are_scaled_themselves(
    tmp_path, out, rng, roles, untouched
):
    square = {f"{Q}.{role}": sample(rng, 4, 4, dtype=np.float32) for role in (*roles, *untouched) if role != "alpha"}
    source = write(tmp_path / "a.safetensors", square | {f"{Q}.alpha": np.array(2, np.float32)})
    bake(source, weights(fill=0.3), out)
    before, after = load(source), load(out)
    for role in roles:
        assert np.allclose(after[f"{Q}.{role}"], 0.3 * before[f"{Q}.{role}"], rtol=1e-6)
    for role in (*untouched, "alpha"):
        assert after[f"{Q}.{role}"].tobytes() == before[f"{Q}.{role}"].tobytes()


def test_peft_files_are_scaled_in_lora_b_and_its_bias_and_get_no_alpha(tmp_path, out, rng):
    name = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    shapes = {"lora_A.weight": (2, 5), "lora_B.weight": (6, 2), "lora_B.bias": (6,)}
    source = write(tmp_path / "a.safetensors", {f"{name}.{role}": sample(rng, *s) for role, s in shapes.items()})
    bake(source, weights(IN04=0.5), out)
    before, after = load(source), load(out)
    assert after.keys() == before.keys()
    assert np.array_equal(after[f"{name}.lora_A.weight"], before[f"{name}.lora_A.weight"])
    for role in ("lora_B.weight", "lora_B.bias"):
        assert np.array_equal(after[f"{name}.{role}"], before[f"{name}.{role}"] * np.float16(0.5))


ODD = {
    "oft": ({"oft_blocks": (2, 3, 3), "alpha": ()}, "rotates the model's weights"),
    "dora": (
        {"lora_up.weight": (4, 2), "lora_down.weight": (2, 3), "dora_scale": (4, 1), "alpha": ()},
        "normalises the changed weights",
    ),
    "incomplete": ({"lora_down.weight": (2, 3), "alpha": ()}, "tensors that belong to it are missing"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_cannot_be_scaled_is_copied_at_1_dropped_at_0_and_else_refused_with_the_reason(tmp_path, out, rng, kind):
    shapes, reason = ODD[kind]
    odd = {f"{Q}.{role}": sample(rng, *shape) + np.float16(0) for role, shape in shapes.items()}
    odd = {name: np.asarray(array, np.float16) for name, array in odd.items()}
    source = write(tmp_path / "a.safetensors", odd | linear(MID, rng))
    with pytest.raises(BlockweightError, match=f"IN04.*weight 0.5: .*'{kind}', and .*{reason}"):
        bake(source, weights(IN04=0.5), out)
    assert not out.exists()
    bake(source, weights(M00=0.5), out)
    assert all(load(out)[name].tobytes() == array.tobytes() for name, array in odd.items())
    bake(source, weights(IN04=0), out, overwrite=True)
    assert not odd.keys() & load(out).keys()
