"""A tensor key → its component, module and role, in every dialect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lora_names import FILES

from blockweight.blocks import Module, TensorKey, module_of, parse_key, parse_name
from blockweight.blocks.keys import ROLES

UNDERSCORED = {"unet.": "lora_unet_", "transformer.": "lora_transformer_", "text_encoder.": "lora_te1_"}
UNDERSCORED |= {"text_encoder_2.": "lora_te2_", "text_encoder_3.": "lora_te3_", "diffusion_model.": "lycoris_"}
LAYERS = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,9}|[0-9]{1,3}", fullmatch=True), min_size=1, max_size=6)
PREFIXES = ["lora_unet_", "lora_te_", "unet.", "lycoris_", "base_model.model.", "text_encoders.", "blocks.0.", ""]


@pytest.mark.parametrize(
    ("key", "component", "path", "role"),
    [
        ("lora_unet_conv_in.lora_down.weight", "unet", "conv_in", "lora_down"),
        (
            "lora_te_text_model_encoder_layers_3_mlp_fc1.alpha",
            "text_encoder",
            "text_model_encoder_layers_3_mlp_fc1",
            "alpha",
        ),
        ("lora_te1_text_model_x.lora_up.weight", "text_encoder", "text_model_x", "lora_up"),
        ("lora_te2_text_model_x.lora_mid.weight", "text_encoder_2", "text_model_x", "lora_mid"),
        ("lycoris_down_blocks_0_x.hada_w1_a", "unet", "down_blocks_0_x", "hada_w1_a"),
        ("unet.down_blocks.0.x.lora_A.weight", "unet", "down_blocks_0_x", "lora_down"),
        ("unet.down_blocks.0.x.lora_B.default.weight", "unet", "down_blocks_0_x", "lora_up"),
        ("unet.mid_block.x.lora.up.weight", "unet", "mid_block_x", "lora_up"),
        ("text_encoder.text_model.x.lora_linear_layer.down.weight", "text_encoder", "text_model_x", "lora_down"),
        ("text_encoder_2.text_model.x.lora_A.weight", "text_encoder_2", "text_model_x", "lora_down"),
        ("lora_unet_conv_in.oft_blocks", "unet", "conv_in", "oft_blocks"),
        ("lora_unet_conv_in.diff_b", "unet", "conv_in", "diff_b"),
        ("lora_te3_encoder_block_0_x.alpha", "text_encoder_3", "encoder_block_0_x", "alpha"),
        ("lora_transformer_transformer_blocks_0_x.alpha", "transformer", "transformer_blocks_0_x", "alpha"),
        ("lora_unet__blocks_0_x.alpha", "unet", "blocks_0_x", "alpha"),
        ("lycoris_transformer_blocks_0_x.lokr_w1", "transformer", "transformer_blocks_0_x", "lokr_w1"),
        ("transformer.transformer_blocks.0.x.lora_A.weight", "transformer", "transformer_blocks_0_x", "lora_down"),
        ("transformer_2.blocks.0.x.lora_A.weight", "transformer_2", "blocks_0_x", "lora_down"),
        ("diffusion_model.double_blocks.0.x.lora_B.weight", "transformer", "double_blocks_0_x", "lora_up"),
        ("diffusion_model.input_blocks.1.0.x.lora_B.weight", "unet", "input_blocks_1_0_x", "lora_up"),
        ("model.diffusion_model.double_blocks.0.x.alpha", "transformer", "double_blocks_0_x", "alpha"),
        ("base_model.model.blocks.0.x.lora_A.weight", "transformer", "blocks_0_x", "lora_down"),
        ("base_model.model.text_model.x.lora_A.weight", "text_encoder", "text_model_x", "lora_down"),
        ("base_model.model.unet.conv_in.lora_A.weight", "unet", "conv_in", "lora_down"),
        ("unet.base_model.model.conv_in.lora_A.weight", "unet", "conv_in", "lora_down"),
        ("text_encoder_3.encoder.block.0.x.lora_A.weight", "text_encoder_3", "encoder_block_0_x", "lora_down"),
        ("text_encoders.clip_l.transformer.text_model.x.alpha", "text_encoder", "text_model_x", "alpha"),
        ("text_encoders.clip_g.transformer.text_model.x.alpha", "text_encoder_2", "text_model_x", "alpha"),
        ("t5xxl.transformer.encoder.block.0.x.alpha", "text_encoder_3", "encoder_block_0_x", "alpha"),
        ("text_encoders.qwen3_06b.transformer.model.layers.0.x.alpha", "text_encoder", "model_layers_0_x", "alpha"),
        ("text_conditioner.blocks.0.x.lora_A.weight", "text_conditioner", "blocks_0_x", "lora_down"),
        ("transformer_blocks.0.x.lora_A.weight", "transformer", "transformer_blocks_0_x", "lora_down"),
        (
            "double_blocks.0.processor.qkv_lora1.up.weight",
            "transformer",
            "double_blocks_0_processor_qkv_lora1",
            "lora_up",
        ),
        ("unet.x.attn1.processor.to_q_lora.up.weight", "unet", "x_attn1_to_q", "lora_up"),
        ("text_encoder.x.self_attn.to_k_lora.down.weight", "text_encoder", "x_self_attn_k_proj", "lora_down"),
        ("unet.conv_in.lora_magnitude_vector.default.weight", "unet", "conv_in", "dora_scale"),
        ("unet.conv_in.lora_magnitude_vector", "unet", "conv_in", "dora_scale"),
        ("unet.conv_in.lora_B.my-style.bias", "unet", "conv_in", "lora_up_bias"),
        ("unet.conv_in.hada_w1_a.default", "unet", "conv_in", "hada_w1_a"),
        ("unet.conv_in.oft_R.default.weight", "unet", "conv_in", "oft_R"),
        ("base_model.model.conv_in.oft_r.default", "unet", "conv_in", "oft_R"),
        ("base_model.model.conv_in.oft_s", "unet", "conv_in", "oft_s"),
    ],
)
def test_a_key_says_its_component_module_and_role(key, component, path, role):
    assert parse_key(key) == TensorKey(Module(component, path), role)


@pytest.mark.parametrize("layer", ["to_q", "to_k", "to_v"])
def test_an_old_diffusers_processor_is_the_attentions_own_layer(layer):
    old = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor"
    assert module_of(f"{old}.{layer}_lora") == module_of(
        f"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_{layer}"
    )


def test_an_old_diffusers_output_layer_gets_the_index_that_it_has_in_the_model():
    module = module_of("unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora")
    assert module == Module("unet", "mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0")


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".alpha",
        "lora_unet_.alpha",
        "lora_unet_conv_in",
        "lora_unet_conv_in.bias",
        "conv_in.alpha",
        "sigma.weight.note",
        "text_encoder_9.x.alpha",
        "base_model.model..alpha",
    ],
)
def test_a_key_in_no_known_form_is_not_understood(key):
    assert parse_key(key) is None


@given(
    st.text(max_size=40),
    st.sampled_from(["lora_unet_", "unet.", "lycoris_", ""]),
    st.sampled_from([".alpha", ".weight", ""]),
)
def test_no_key_breaks_the_parser(middle, prefix, suffix):
    understood = parse_key(prefix + middle + suffix)
    assert understood is None or isinstance(understood, TensorKey)


@given(st.sampled_from(sorted(UNDERSCORED)), LAYERS)
def test_the_dotted_and_the_underscored_name_are_one_module(prefix, layers):
    assert module_of(prefix + ".".join(layers)) == module_of(UNDERSCORED[prefix] + "_".join(layers))


@given(st.lists(st.sampled_from(PREFIXES), max_size=4), st.text(max_size=40), st.sampled_from(sorted(ROLES)))
def test_no_string_breaks_the_reading_of_a_name(prefixes, middle, suffix):
    for name in ("".join(prefixes) + middle, "".join(prefixes) + middle + "." + suffix):
        understood = parse_name(name)
        assert understood is None or (isinstance(understood[0], Module) and understood[0].path)


@pytest.mark.parametrize("name", ["base_model.model." * 20_000, "layers" * 20_000, "blocks_" * 20_000 + "0.x"])
def test_a_very_long_name_is_read_all_the_same(name):
    assert parse_name(name) is None or isinstance(parse_name(name)[0], Module)


@pytest.mark.parametrize("suffix", sorted(ROLES))
def test_every_suffix_is_read_in_both_kinds_of_names(suffix):
    assert parse_key(f"lora_unet_conv_in.{suffix}") == TensorKey(Module("unet", "conv_in"), ROLES[suffix])
    assert parse_key(f"unet.conv_in.{suffix}") == TensorKey(Module("unet", "conv_in"), ROLES[suffix])


@pytest.mark.parametrize("kind", FILES)
def test_a_modules_bare_name_has_no_role_but_the_same_module(kind):
    for name in FILES[kind][1]:
        assert parse_name(name) == (parse_key(f"{name}.lora_up.weight").module, None)


def test_an_underscored_name_with_an_unknown_suffix_is_not_a_module():
    assert parse_name("lora_unet_conv_in.bias") is None
