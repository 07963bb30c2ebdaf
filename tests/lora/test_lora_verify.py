from __future__ import annotations

import numpy as np
import pytest
from lora_files import CONV, Q, load, locon, metadata_of, sample, weights, write

from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake, verify_baked
from blockweight.lora.bake_plan import SCALED_ROLES

WEIGHTS = weights(IN04=0.5, M00=-0.7, IN03=0)


@pytest.fixture
def baked(tmp_path):
    source = write(tmp_path / "source.safetensors", locon())
    bake(source, WEIGHTS, tmp_path / "baked.safetensors", Recipe(strength=0.9))
    return source, tmp_path / "baked.safetensors"


def test_a_baked_file_passes_again_with_the_same_answer(baked):
    source, path = baked
    check = verify_baked(source, WEIGHTS, path, Recipe(strength=0.9))
    assert check.count("dropped") == 1
    assert 0 < check.max_error < 2**-9


def test_a_file_that_another_program_baked_with_the_same_arithmetic_passes(tmp_path, baked):
    source, path = baked
    write(tmp_path / "other.safetensors", dict(reversed(load(path).items())), {"made": "elsewhere"})
    assert verify_baked(source, WEIGHTS, tmp_path / "other.safetensors", Recipe(strength=0.9)).count("dropped") == 1


def changed(tmp_path, baked, change) -> str:
    source, path = baked
    tensors = {name: array.copy() for name, array in load(path).items()}
    tensors = change(tensors) or tensors
    other = write(tmp_path / "changed.safetensors", tensors, metadata_of(path))
    with pytest.raises(BlockweightError, match="is not the source with these weights") as caught:
        verify_baked(source, WEIGHTS, other, Recipe(strength=0.9))
    return str(caught.value)


def test_other_weights_or_another_strength_are_noticed(baked):
    source, path = baked
    for other, strength in ((weights(IN04=0.51, M00=-0.7, IN03=0), 0.9), (WEIGHTS, 0.901)):
        with pytest.raises(BlockweightError, match=r"the change of .* is off by"):
            verify_baked(source, other, path, Recipe(strength=strength))


def test_one_number_one_step_off_is_noticed(tmp_path, baked):
    def nudge(tensors):
        up = tensors[f"{Q}.lora_up.weight"]
        up[0, 0] = np.nextafter(np.nextafter(up[0, 0], np.float16(9)), np.float16(9))

    assert f"'{Q}.lora_up.weight' is not the source's times 0.45 to its last digit" in changed(tmp_path, baked, nudge)


def test_a_number_that_is_none_is_noticed(tmp_path, baked):
    source, path = baked
    tensors = {name: array.copy() for name, array in load(path).items()}
    tensors[f"{Q}.lora_up.weight"][0, 0] = np.nan
    with pytest.raises(BlockweightError, match="to its last digit"):
        verify_baked(source, WEIGHTS, write(tmp_path / "nan.safetensors", tensors), Recipe(strength=0.9))


def test_one_bit_in_a_tensor_that_should_be_copied_is_noticed(tmp_path, baked):
    def flip(tensors):
        tensors[f"{Q}.lora_down.weight"].view(np.uint8)[0, 0] ^= 1

    assert f"'{Q}.lora_down.weight' should be unchanged" in changed(tmp_path, baked, flip)


def test_the_weight_on_alpha_instead_of_up_is_noticed(tmp_path, baked):
    def alpha(tensors):
        tensors[f"{Q}.alpha"] *= np.float16(0.45)

    assert f"'{Q}.alpha' should be unchanged" in changed(tmp_path, baked, alpha)


def test_missing_surplus_and_reshaped_tensors_are_noticed(tmp_path, baked):
    source = load(baked[0])
    assert "'lora_te_text_model_encoder_layers_0_mlp_fc1.alpha' is missing" in changed(
        tmp_path,
        baked,
        lambda t: {n: a for n, a in t.items() if n != "lora_te_text_model_encoder_layers_0_mlp_fc1.alpha"},
    )
    assert f"'{CONV}.alpha' should not be there" in changed(
        tmp_path, baked, lambda t: t | {f"{CONV}.alpha": source[f"{CONV}.alpha"]}
    )
    assert "has another format or shape" in changed(
        tmp_path, baked, lambda t: t | {f"{Q}.lora_up.weight": t[f"{Q}.lora_up.weight"].astype(np.float32)}
    )


LOKR = {"lokr_w1_a": (3, 2), "lokr_w1_b": (2, 1), "lokr_w2_a": (2, 2), "lokr_w2_b": (2, 5)}
LOHA = {"hada_w1_a": (6, 2), "hada_w1_b": (2, 5), "hada_w2_a": (6, 2), "hada_w2_b": (2, 5)}
FACTORS = [
    *(("lora_up", role, {"lora_up.weight": (6, 2), "lora_down.weight": (2, 5)}) for role in ("lora_down", "alpha")),
    *(("hada_w1_a", role, LOHA) for role in ("hada_w1_b", "hada_w2_a", "hada_w2_b", "alpha")),
    *(("lokr_w1_a", role, LOKR) for role in ("lokr_w1_b", "lokr_w2_a", "lokr_w2_b", "alpha")),
    *(("lokr_w1", role, {"lokr_w1": (3, 1), "lokr_w2": (2, 5)}) for role in ("lokr_w2", "alpha")),
]


@pytest.mark.parametrize(("first", "second", "shapes"), FACTORS)
def test_the_weight_on_two_factors_of_a_product_is_noticed_before_the_file_is_kept(
    tmp_path, monkeypatch, first, second, shapes
):
    rng = np.random.default_rng(2)
    tensors = {f"{Q}.{role}": sample(rng, *shape) for role, shape in shapes.items()}
    source = write(tmp_path / "a.safetensors", tensors | {f"{Q}.alpha": np.array(1, np.float16)})
    monkeypatch.setattr("blockweight.lora.bake_plan.SCALED_ROLES", SCALED_ROLES | {second})
    with pytest.raises(BlockweightError, match=f"was changed in more than {first}"):
        bake(source, weights(fill=0.5), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
