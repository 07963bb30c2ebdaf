"""Findings: each names what it is about and says what follows; a sound file has none."""

from __future__ import annotations

import numpy as np
import pytest
from lora_files import MID, TEXT, TUCKER, Q, V, linear, loha, sample, tucker, write

from blockweight.lora import findings_of, inspect_lora, open_lora

PEFT = "unet.mid_block.attentions.0.proj_in"
FLUX = "lora_unet_double_blocks_0_img_attn_qkv"


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def found(tmp_path):
    def find(tensors, metadata=None):
        facts = inspect_lora(open_lora(write(tmp_path / "a.safetensors", tensors, metadata)))
        return {finding.code: finding for finding in findings_of(facts)}

    return find


def test_a_sound_file_has_no_findings(found, rng):
    assert found(linear(Q, rng) | linear(MID, rng) | linear(TEXT, rng)) == {}


def test_nan_and_inf_are_found_in_the_tensor_that_holds_them(found, rng):
    tensors = linear(Q, rng) | linear(MID, rng)
    tensors[f"{MID}.lora_down.weight"][1, 1] = np.nan
    findings = found(tensors)
    assert list(findings) == ["not-finite"]
    assert findings["not-finite"].names == (f"{MID}.lora_down.weight",)
    assert findings["not-finite"].fault


def test_an_alpha_alone_and_other_incomplete_modules_are_told_apart(found, rng):
    tensors = linear(Q, rng) | {f"{MID}.alpha": np.array(1.0, np.float16), f"{V}.lora_up.weight": sample(rng, 2, 2)}
    findings = found(tensors)
    assert findings["orphan-alpha"].names == ("unet.mid_block_attentions_0_proj_in",)
    assert findings["incomplete"].names == (f"unet.{V.removeprefix('lora_unet_')}",)


def test_ranks_that_differ_are_a_misfit(found, rng):
    tensors = linear(Q, rng) | linear(MID, rng)
    tensors[f"{MID}.lora_up.weight"] = sample(rng, 6, 2)
    assert found(tensors)["misfit"].names == ("unet.mid_block_attentions_0_proj_in",)


def test_damage_stands_before_what_loaders_do(found, rng):
    tensors = linear(Q, rng) | {f"{Q}.dora_scale": sample(rng, 6, 1), f"{MID}.alpha": np.array(1.0, np.float16)}
    assert list(found(tensors)) == ["orphan-alpha", "dora"]


def test_a_tensor_of_fp16_subnormals_is_found_and_the_same_in_fp32_is_not(found, rng):
    for dtype, codes in ((np.float16, ["subnormal"]), (np.float32, [])):
        tensors = linear(Q, rng, dtype=dtype)
        tensors[f"{Q}.lora_up.weight"] = sample(rng, 6, 3, dtype=dtype, spread=1e-5)
        findings = found(tensors)
        assert list(findings) == codes
        assert all(finding.names == (f"{Q}.lora_up.weight",) for finding in findings.values())


def test_a_module_whose_factor_is_zero_changes_nothing(found, rng):
    tensors = linear(Q, rng) | linear(MID, rng)
    tensors[f"{Q}.lora_up.weight"] *= 0
    assert list(found(tensors)) == ["no-change"]


def test_alphas_that_loaders_read_differently_are_found(found, rng):
    assert {"alpha-zero", "no-change", "mixed-alpha"} == set(found(linear(Q, rng, alpha=0.0) | linear(MID, rng)))
    assert {"alpha-negative"} == set(found(linear(Q, rng, alpha=-1.0)))
    findings = found(linear(Q, rng, alpha=None) | linear(MID, rng))
    assert list(findings) == ["partial-alpha"]
    assert findings["partial-alpha"].names == (f"unet.{Q.removeprefix('lora_unet_')}",)


def test_alphas_that_differ_matter_within_the_unet_or_the_text_encoder_of_kohyas_sd_files_only(found, rng):
    other = Q.replace("to_q", "to_k")
    assert "mixed-alpha" in found(linear(Q, rng, alpha=1.0) | linear(other, rng, alpha=2.0))
    assert "mixed-alpha" not in found(linear(Q, rng, alpha=1.0) | linear(TEXT, rng, alpha=2.0))
    flux = linear(FLUX, rng, alpha=1.0) | linear(FLUX.replace("_0_", "_1_"), rng, alpha=2.0)
    assert "mixed-alpha" not in found(flux)
    second = TEXT.replace("layers_0", "layers_1")
    assert "1, 2" in found(linear(TEXT, rng, alpha=1.0) | linear(second, rng, alpha=2.0))["mixed-alpha"].title


def test_an_alpha_beside_pefts_names_is_found(found, rng):
    tensors = {f"{PEFT}.lora_A.weight": sample(rng, 2, 5), f"{PEFT}.lora_B.weight": sample(rng, 6, 2)}
    assert found(tensors) == {}
    assert list(found(tensors | {f"{PEFT}.alpha": np.array(1.0, np.float16)})) == ["peft-alpha"]


def test_kinds_that_some_loader_drops_are_found(found, rng):
    assert list(found(linear(Q, rng) | {f"{Q}.dora_scale": sample(rng, 6, 1)})) == ["dora"]
    assert list(found(loha(Q, rng))) == ["lycoris"]
    assert list(found(linear(Q, rng) | {f"{MID}.w_norm": sample(rng, 3)})) == ["lycoris"]
    assert list(found(tucker(TUCKER, rng))) == ["tucker"]


def test_names_of_no_dialect_and_stale_stamps_are_found(found, rng):
    findings = found(linear(Q, rng) | {"emb_params": sample(rng, 2)}, {"sshs_model_hash": "0" * 64})
    assert findings["unknown-keys"].names == ("emb_params",)
    assert findings["stale-hash"].names == ("sshs_model_hash",)
