"""Changes that are no product of factors: whole differences and norms, whose numbers are what is added, and kinds that
multiply the model's own weight (IA³, DoRA, GLoRA, OFT), which only some commands can treat."""

from __future__ import annotations

import numpy as np
import pytest
from lora_files import Q, linear, load, metadata_of, relative, sample, weights, write

from blockweight.errors import BlockweightError
from blockweight.lora import (
    RankRule,
    Term,
    bake,
    conflicts,
    inspect_lora,
    merge,
    merge_into_checkpoint,
    open_alike,
    open_checkpoint,
    open_lora,
    verify_baked,
)
from blockweight.lora.strength import Basis

OUT, IN = 8, 6
TENSOR = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q"
WHOLE = {
    "full": {"diff": (OUT, IN), "diff_b": (OUT,)},
    "bias": {"diff_b": (OUT,)},
    "norm": {"w_norm": (OUT,), "b_norm": (OUT,)},
}
TARGET = {"diff": "weight", "w_norm": "weight", "diff_b": "bias", "b_norm": "bias"}
MULTIPLIED = {
    "ia3": {"weight": (OUT, 1), "on_input": ()},
    "dora": {"lora_up.weight": (OUT, 2), "lora_down.weight": (2, IN), "dora_scale": (OUT, 1)},
    "loha dora": {
        "hada_w1_a": (OUT, 2),
        "hada_w1_b": (2, IN),
        "hada_w2_a": (OUT, 2),
        "hada_w2_b": (2, IN),
        "dora_scale": (OUT, 1),
    },
    "glora": {"a1.weight": (2, IN), "a2.weight": (IN, 2), "b1.weight": (2, IN), "b2.weight": (OUT, 2)},
    "oft": {"oft_blocks": (2, 4, 4)},
}

whole = pytest.mark.parametrize("kind", WHOLE)
multiplied = pytest.mark.parametrize("kind", MULTIPLIED)


@pytest.fixture
def rng():
    return np.random.default_rng(29)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


def made(shapes, rng, dtype=np.float32):
    return {f"{Q}.{role}": np.asarray(sample(rng, *shape), dtype) for role, shape in shapes.items()}


def checkpoint(path, rng, kind="full"):
    tensors = {
        f"{TENSOR}.weight": sample(rng, *((OUT,) if kind == "norm" else (OUT, IN)), dtype=np.float32),
        f"{TENSOR}.bias": sample(rng, OUT, dtype=np.float32),
        "cond_stage_model.transformer.text_model.final_layer_norm.weight": sample(rng, 4, dtype=np.float32),
    }
    return write(path, tensors), tensors


@whole
def test_a_whole_changes_strength_is_the_norm_of_its_numbers(tmp_path, rng, kind):
    tensors = made(WHOLE[kind], rng)
    (facts,) = inspect_lora(open_lora(write(tmp_path / "a.safetensors", tensors))).modules
    numbers = np.concatenate([array.ravel() for array in tensors.values()]).astype(float)
    assert facts.strength.basis is Basis.EXACT
    assert facts.strength.norm == pytest.approx(np.linalg.norm(numbers), rel=1e-6)
    assert facts.strength.elements == numbers.size


@whole
@pytest.mark.parametrize("rule", [None, RankRule(1)], ids=["merged", "resized"])
def test_whole_changes_are_added_number_by_number_and_have_no_rank_to_cut(tmp_path, out, rng, kind, rule):
    files = [made(WHOLE[kind], rng) for _ in range(2)]
    loras = open_alike([write(tmp_path / f"{n}.safetensors", tensors) for n, tensors in enumerate(files)])
    terms = [Term(loras[0], 0.5, weights(IN04=-1)), Term(loras[1], 2.0)]
    report = merge(terms, out, rules=lambda _: rule)
    found = load(out)
    assert report.count("summed") == 1
    assert "ss_network_dim" not in metadata_of(out)
    for key, array in files[0].items():
        assert np.allclose(found[key], -0.5 * array + 2 * files[1][key], rtol=1e-6, atol=1e-7)


@whole
def test_a_sum_of_whole_changes_is_off_by_what_rounding_does(tmp_path, out, rng, kind):
    files = [made(WHOLE[kind], rng, np.float16) for _ in range(2)]
    loras = open_alike([write(tmp_path / f"{n}.safetensors", tensors) for n, tensors in enumerate(files)])
    (module,) = merge([Term(loras[0], -0.3), Term(loras[1], 0.7)], out).modules
    flat = [np.concatenate([tensors[f"{Q}.{role}"].astype(float).ravel() for role in WHOLE[kind]]) for tensors in files]
    found = np.concatenate([load(out)[f"{Q}.{role}"].astype(float).ravel() for role in WHOLE[kind]])
    size = 0.3 * np.linalg.norm(flat[0]) + 0.7 * np.linalg.norm(flat[1])
    assert module.size == pytest.approx(size)
    assert module.error == pytest.approx(np.linalg.norm(found - 0.7 * flat[1] + 0.3 * flat[0]) / size, rel=1e-6)
    wanted = 0.7 * flat[1] - 0.3 * flat[0]
    assert module.limit == pytest.approx(np.linalg.norm(2**-11 * np.abs(wanted) + 2**-25) / size, rel=1e-6)


@whole
def test_a_checkpoint_takes_whole_changes_into_weight_and_bias(tmp_path, out, rng, kind):
    base, before = checkpoint(tmp_path / "base.safetensors", rng, kind)
    tensors = made(WHOLE[kind], rng)
    merge_into_checkpoint(
        open_checkpoint(base), [Term(open_lora(write(tmp_path / "a.safetensors", tensors)), -0.5)], out
    )
    wanted = dict(before)
    for role in WHOLE[kind]:
        key = f"{TENSOR}.{TARGET[role]}"
        wanted[key] = before[key] - 0.5 * tensors[f"{Q}.{role}"]
    assert all(np.allclose(array, wanted[key], rtol=1e-6, atol=1e-7) for key, array in load(out).items())


@whole
def test_a_bake_scales_all_numbers_of_a_whole_change(tmp_path, out, rng, kind):
    tensors = made(WHOLE[kind], rng, np.float16)
    source = write(tmp_path / "a.safetensors", tensors)
    check = bake(source, weights(IN04=-0.3), out).check
    assert all(
        relative(array.astype(float), -0.3 * tensors[key].astype(float)) < 1e-3 for key, array in load(out).items()
    )
    assert verify_baked(source, weights(IN04=-0.3), out).max_error == check.max_error <= check.max_limit


@whole
def test_whole_changes_are_not_compared(tmp_path, rng, kind):
    a, b = (write(tmp_path / f"{n}.safetensors", made(WHOLE[kind], rng)) for n in "ab")
    with pytest.raises(BlockweightError, match="is no product of factors; give its block IN04 the weight 0"):
        conflicts(*map(Term, open_alike([a, b])))


def test_a_bias_beside_factors_goes_into_a_checkpoint_with_them(tmp_path, out, rng):
    base, before = checkpoint(tmp_path / "base.safetensors", rng)
    tensors = linear(Q, rng, out=OUT, inputs=IN, rank=2, alpha=1, dtype=np.float32) | made({"diff_b": (OUT,)}, rng)
    path = write(tmp_path / "a.safetensors", tensors)
    merge_into_checkpoint(open_checkpoint(base), [Term(open_lora(path), -3)], out)
    found = load(out)
    change = 0.5 * tensors[f"{Q}.lora_up.weight"] @ tensors[f"{Q}.lora_down.weight"]
    assert np.allclose(found[f"{TENSOR}.weight"], before[f"{TENSOR}.weight"] - 3 * change, rtol=1e-6, atol=1e-6)
    assert np.allclose(found[f"{TENSOR}.bias"], before[f"{TENSOR}.bias"] - 3 * tensors[f"{Q}.diff_b"], rtol=1e-6)


@multiplied
def test_what_multiplies_the_models_weight_is_copied_at_1_and_refused_elsewhere(tmp_path, out, rng, kind):
    tensors = made(MULTIPLIED[kind], rng)
    path = write(tmp_path / "a.safetensors", tensors)
    lora = open_lora(path)
    merge([Term(lora)], out, rules=lambda _: RankRule(1))
    assert {key: array.tobytes() for key, array in load(out).items()} == {k: a.tobytes() for k, a in tensors.items()}
    base, _ = checkpoint(tmp_path / "base.safetensors", rng)
    for act, words in (
        (lambda: merge([Term(lora, 0.5)], out, overwrite=True), "takes only the weights 1 and 0 here, not 0.5"),
        (lambda: conflicts(Term(lora), Term(lora)), "is no product of factors"),
        (lambda: merge_into_checkpoint(open_checkpoint(base), [Term(lora)], out, overwrite=True), "as a plain sum"),
    ):
        with pytest.raises(BlockweightError, match=words):
            act()


def test_an_ia3_is_baked_as_a_share_of_the_models_weight(tmp_path, out, rng):
    """ΔW = W ∘ weight, along the outputs."""
    tensors = made(MULTIPLIED["ia3"], rng)
    bake(write(tmp_path / "a.safetensors", tensors), weights(IN04=-0.3), out)
    base = rng.standard_normal((OUT, IN))
    change = base * load(out)[f"{Q}.weight"]
    assert relative(change, -0.3 * base * tensors[f"{Q}.weight"]) < 1e-6


@pytest.mark.parametrize("kind", ["dora", "loha dora"])
def test_a_dora_is_not_linear_in_its_factors_and_takes_only_0_and_1(tmp_path, out, rng, kind):
    tensors = made(MULTIPLIED[kind], rng) | linear(Q.replace("to_q", "to_k"), rng)
    path = write(tmp_path / "a.safetensors", tensors)
    with pytest.raises(BlockweightError, match="normalises the changed weights"):
        bake(path, weights(IN04=0.5), out)
    assert not out.exists()
