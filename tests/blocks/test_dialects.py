from __future__ import annotations

import pytest

from blockweight.blocks import DIALECTS, dialect_of

KEYS = {
    "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight": "kohya",
    "lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha": "kohya",
    "lora_te_text_model_encoder_layers_0_mlp_fc1.hada_w1_a": "kohya",
    "lora_transformer_single_transformer_blocks_0_attn_to_q.lora_down.weight": "onetrainer",
    "lycoris_transformer_blocks_0_attn_to_q.lokr_w1": "lycoris",
    "base_model.model.transformer_blocks.0.attn.to_q.lora_A.weight": "peft",
    "unet.mid_block.attentions.0.proj_in.lora_A.default.weight": "diffusers",
    "transformer.single_transformer_blocks.0.proj_mlp.lora_B.weight": "diffusers",
    "text_encoder_2.text_model.encoder.layers.0.mlp.fc1.lora_A.weight": "diffusers",
    "unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.up.weight": "diffusers-old",
    "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight": "diffusers-old",
    "double_blocks.0.processor.qkv_lora1.up.weight": "xlabs",
    "diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight": "original",
    "transformer_blocks.0.attn.to_q.lora_A.weight": "original",
    "text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1.lora_up.weight": "original",
}


@pytest.mark.parametrize(("key", "dialect"), KEYS.items())
def test_a_keys_dialect_is_whose_names_it_uses(key, dialect):
    assert dialect_of(key) == dialect


def test_a_key_that_is_not_understood_has_no_dialect():
    assert dialect_of("emb_params") is None
    assert dialect_of("lora_unet_mid_block_attentions_0_proj_in") is None


def test_every_dialect_has_a_key_here():
    assert set(KEYS.values()) == {name for name, *_ in DIALECTS}
