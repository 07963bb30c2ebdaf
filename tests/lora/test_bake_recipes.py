"""The ways to bake beside the usual one: zeros kept, weights in alpha, 32-bit factors, a strength for text encoders."""

from __future__ import annotations

import numpy as np
import pytest

from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake, estimate_bake, open_lora, verify_baked, write_lora
from blockweight.weights import uniform
from workshop import FULL, module_in, write_lora_file

BLOCKS = ("BASE", "IN04", "OUT03")


@pytest.fixture
def source(tmp_path):
    return write_lora_file(tmp_path / "a.safetensors", BLOCKS)


def weights(**changed):
    return uniform("w", FULL, 1.0).with_weights(changed)


def arrays(path, block):
    lora = open_lora(path)
    return lora.arrays(next(module for module in lora.modules if lora.block_of(module) == block))


def test_kept_zeros_are_zeros_in_the_up_factor_alone(source, tmp_path):
    report = bake(source, weights(IN04=0.0), tmp_path / "b.safetensors", Recipe(zeros="keep"))
    before, after = arrays(source, "IN04"), arrays(report.out, "IN04")
    assert not after["lora_up"].any()
    assert np.array_equal(after["lora_down"], before["lora_down"])
    assert (report.check.count("zeroed"), report.check.count("copied")) == (1, 2)


def test_weights_in_alpha_lose_nothing_and_touch_nothing_else(source, tmp_path):
    report = bake(source, weights(IN04=0.3), tmp_path / "b.safetensors", Recipe(via="alpha"))
    before, after = arrays(source, "IN04"), arrays(report.out, "IN04")
    assert after["alpha"].dtype == np.float32
    assert after["alpha"] == np.float32(0.3 * float(before["alpha"]))
    assert after["lora_up"].tobytes() == before["lora_up"].tobytes()
    assert report.check.max_error < 1e-7


def test_an_alpha_of_0_is_refused_where_zeros_are_kept(source, tmp_path):
    out = tmp_path / "b.safetensors"
    with pytest.raises(BlockweightError, match="an alpha of 0 or below is misread"):
        bake(source, weights(IN04=0.0), out, Recipe(zeros="keep", via="alpha"))
    assert not out.exists()
    bake(source, weights(IN04=0.0, OUT03=0.5), out, Recipe(via="alpha"))
    assert open_lora(out).blocks == ("BASE", "OUT03")


@pytest.mark.parametrize(
    ("made", "weight", "words"),
    [
        ({"alpha": 1.0}, -0.5, "an alpha of 0 or below is misread"),
        ({}, 0.5, "it has no alpha"),
        ({"diff": 1.0}, 0.5, "loaders ignore the alpha of its kind, 'full'"),
    ],
)
def test_alphas_that_a_loader_misreads_are_refused(tmp_path, made, weight, words):
    name, ones = module_in("IN04"), np.ones((4, 2), np.float16)
    tensors = {f"{name}.lora_up.weight": ones, f"{name}.lora_down.weight": ones.T.copy()}
    if "diff" in made:
        tensors = {f"{name}.diff": ones}
    if "alpha" in made:
        tensors[f"{name}.alpha"] = np.array(1.0, np.float16)
    write_lora(tmp_path / "a.safetensors", tensors, {})
    with pytest.raises(BlockweightError, match=words):
        bake(tmp_path / "a.safetensors", weights(IN04=weight), tmp_path / "b.safetensors", Recipe(via="alpha"))


def test_the_alpha_of_a_lokr_counts_only_beside_a_factor_that_is_a_product(tmp_path):
    name, ones = module_in("IN04"), np.ones((2, 2), np.float16)
    second = {"lokr_w2": ones}, {"lokr_w2_a": ones, "lokr_w2_b": ones}
    for number, roles in enumerate(second):
        tensors = {f"{name}.{role}": array for role, array in {"lokr_w1": ones, **roles}.items()}
        write_lora(tmp_path / f"{number}.safetensors", tensors | {f"{name}.alpha": np.array(1.0, np.float16)}, {})
    recipe = Recipe(via="alpha")
    with pytest.raises(BlockweightError, match="loaders ignore the alpha of its kind, 'lokr'"):
        bake(tmp_path / "0.safetensors", weights(IN04=0.5), tmp_path / "b.safetensors", recipe)
    bake(tmp_path / "1.safetensors", weights(IN04=0.5), tmp_path / "b.safetensors", recipe)


def test_a_zero_is_dropped_even_where_weights_go_into_alpha(source, tmp_path):
    report = bake(source, weights(IN04=0.0, OUT03=0.5), tmp_path / "b.safetensors", Recipe(via="alpha"))
    assert report.check.count("dropped") == 1


def test_in_fp32_only_scaled_factors_grow_and_they_are_exact(source, tmp_path):
    report = bake(source, weights(IN04=0.3), tmp_path / "b.safetensors", Recipe(precision="fp32"))
    before, after = arrays(source, "IN04"), arrays(report.out, "IN04")
    assert {role: array.dtype for role, array in after.items()} == {
        "lora_down": np.float16,
        "lora_up": np.float32,
        "alpha": np.float16,
    }
    assert np.array_equal(after["lora_up"], (before["lora_up"].astype(np.float64) * 0.3).astype(np.float32))
    assert arrays(report.out, "OUT03")["lora_up"].dtype == np.float16


def test_text_encoders_may_have_a_strength_of_their_own(source, tmp_path):
    recipe = Recipe(strength=0.5, te=0.25)
    report = bake(source, weights(BASE=2.0), tmp_path / "b.safetensors", recipe)
    assert {check.block: check.weight for check in report.check.modules} == {"BASE": 0.5, "IN04": 0.5, "OUT03": 0.5}
    assert verify_baked(source, weights(BASE=2.0), report.out, recipe).count("scaled") == 3


def test_the_report_is_plain_values_by_block(source, tmp_path):
    facts = bake(source, weights(IN04=0.0, BASE=0.5), tmp_path / "b.safetensors").facts()
    assert facts["verified"] is True
    assert facts["blocks"] == {
        "BASE": {"modules": 1, "weight": 0.5, "action": "scaled"},
        "IN04": {"modules": 1, "weight": 0, "action": "dropped"},
        "OUT03": {"modules": 1, "weight": 1, "action": "copied"},
    }


def test_an_estimate_names_what_would_be_refused(tmp_path):
    names = [module_in(block) for block in BLOCKS]
    tensors = {}
    for name in names:
        tensors[f"{name}.lora_up.weight"] = np.ones((4, 2), np.float16)
        tensors[f"{name}.lora_down.weight"] = np.ones((2, 4), np.float16)
    tensors[f"{names[1]}.dora_scale"] = np.ones((1, 4), np.float16)
    write_lora(tmp_path / "a.safetensors", tensors, {})
    estimate = estimate_bake(tmp_path / "a.safetensors", weights(IN04=0.5, OUT03=0.5, BASE=0.0))
    assert [(block.block, block.action) for block in estimate.blocks] == [
        ("BASE", "dropped"),
        ("IN04", "refused"),
        ("OUT03", "scaled"),
    ]
    assert "it is of the kind 'dora'" in estimate.blocks[1].reason
