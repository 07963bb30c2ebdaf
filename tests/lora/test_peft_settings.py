"""Alphas that stand in PEFT's settings instead of tensors, as diffusers saves them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, Term, bake, inspect_lora, merge, open_lora, unbake, write_lora
from blockweight.weights import uniform
from workshop import FULL

NAMES = ("unet.mid_block.attentions.0.proj_in", "unet.up_blocks.1.attentions.0.proj_in")
SETTINGS = {"unet.lora_alpha": 16, "unet.r": 2, "unet.alpha_pattern": {"up_blocks.1.attentions.0.proj_in": 1}}


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(1)
    tensors = {}
    for name in NAMES:
        tensors[f"{name}.lora_A.weight"] = rng.standard_normal((2, 4)).astype(np.float32)
        tensors[f"{name}.lora_B.weight"] = rng.standard_normal((4, 2)).astype(np.float32)
    write_lora(tmp_path / "a.safetensors", tensors, {"lora_adapter_metadata": json.dumps(SETTINGS)})
    return tmp_path / "a.safetensors"


def deltas(path):
    lora = open_lora(path)
    return {module.path: lora.delta(module) for module in lora.modules}


def dense(path):
    lora = open_lora(path)
    scales = {"mid_block_attentions_0_proj_in": 8.0, "up_blocks_1_attentions_0_proj_in": 0.5}
    found = {}
    for module in lora.modules:
        down, up = (lora.read(lora.modules[module][role]) for role in ("lora_down", "lora_up"))
        found[module.path] = scales[module.path] * (up @ down)
    return found


def test_a_change_has_the_alpha_of_the_settings(source):
    wanted = dense(source)
    assert all(np.allclose(delta, wanted[path]) for path, delta in deltas(source).items())


def test_strengths_count_it(source):
    wanted = dense(source)
    for facts in inspect_lora(open_lora(source)).modules:
        assert facts.strength.norm == pytest.approx(float(np.linalg.norm(wanted[facts.module.path])))
        assert facts.alpha in (16.0, 1.0)


def test_a_merge_of_one_file_at_weight_1_keeps_its_change(source, tmp_path):
    out = tmp_path / "b.safetensors"
    merge([Term(open_lora(source))], out)
    wanted = dense(source)
    assert all(np.allclose(delta, wanted[path], rtol=1e-5) for path, delta in deltas(out).items())


def test_a_baked_file_keeps_the_settings_and_scales_their_change(source, tmp_path):
    out = bake(source, uniform("half", FULL, 0.5), tmp_path / "b.safetensors").out
    wanted = dense(source)
    assert all(np.allclose(delta, 0.5 * wanted[path]) for path, delta in deltas(out).items())


def test_two_files_with_other_settings_are_different_loras(source, tmp_path):
    tensors = {info.name: open_lora(source).read(info) for info in open_lora(source).header.tensors}
    write_lora(tmp_path / "b.safetensors", tensors, {})
    assert open_lora(tmp_path / "b.safetensors").digest != open_lora(source).digest


@pytest.mark.parametrize(
    ("stabilised", "scales"), [(True, (16 / 2**0.5, 1 / 2**0.5)), (False, (8.0, 0.5)), (1, (8.0, 0.5))]
)
def test_rank_stabilised_loras_divide_alpha_by_the_roots_of_their_ranks(tmp_path, stabilised, scales):
    """PEFT: `use_rslora` (Kalajdzievski: A rank stabilization scaling factor for fine-tuning with LoRA, 2023)."""
    rng = np.random.default_rng(1)
    tensors = {f"{n}.lora_A.weight": rng.standard_normal((2, 4)).astype(np.float32) for n in NAMES}
    tensors |= {f"{n}.lora_B.weight": rng.standard_normal((4, 2)).astype(np.float32) for n in NAMES}
    told = {"lora_adapter_metadata": json.dumps(SETTINGS | {"unet.use_rslora": stabilised})}
    write_lora(tmp_path / "a.safetensors", tensors, told)
    lora = open_lora(tmp_path / "a.safetensors")
    facts = {each.module.path: each for each in inspect_lora(lora).modules}
    for name, scale in zip(NAMES, scales, strict=True):
        module = Module("unet", name.removeprefix("unet.").replace(".", "_"))
        wanted = scale * tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"]
        assert np.allclose(lora.delta(module), wanted, rtol=1e-5)
        assert facts[module.path].strength.norm == pytest.approx(np.linalg.norm(wanted), rel=1e-5)


def test_unbake_never_overwrites_what_it_reads(source, tmp_path):
    baked = bake(source, uniform("half", FULL, 0.5), tmp_path / "b.safetensors", Recipe()).out
    for target, original, words in ((baked, None, "is the source itself"), (source, source, "is one of the sources")):
        with pytest.raises(BlockweightError, match=words):
            unbake(baked, target, original, overwrite=True)
