"""Module names of LoRAs as the common trainers write them, one list a kind of file."""

from __future__ import annotations


def each(count: int, *names: str) -> list[str]:
    """The names with N replaced by every number below count."""
    return [name.replace("N", str(number)) for number in range(count) for name in names]


CLIP = each(12, "lora_te1_text_model_encoder_layers_N_mlp_fc1")
T5 = each(24, "lora_te3_encoder_block_N_layer_0_SelfAttention_q")
FLUX_SINGLE = ("lora_unet_single_blocks_N_linear1", "lora_unet_single_blocks_N_linear2")
FLUX_DOUBLE = tuple(
    f"lora_unet_double_blocks_N_{stream}_{layer}"
    for stream in ("img", "txt")
    for layer in ("attn_qkv", "attn_proj", "mlp_0", "mlp_2")
)
JOINT = tuple(
    f"transformer.transformer_blocks.N.attn.{name}"
    for name in ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
)
ALONE = tuple(f"transformer.single_transformer_blocks.N.attn.to_{name}" for name in "qkv")
CROSS = tuple(f"transformer.transformer_blocks.N.attn{n}.to_{name}" for n in (1, 2) for name in "qkv")
COSMOS = ("lora_unet_blocks_N_self_attn_q_proj", "lora_unet_blocks_N_mlp_layer1")
WAN = ("lora_unet_blocks_N_self_attn_q", "lora_unet_blocks_N_cross_attn_k_img", "lora_unet_blocks_N_ffn_0")
LUMINA = ("lora_unet_layers_N_attention_qkv", "lora_unet_layers_N_attention_out", "lora_unet_layers_N_feed_forward_w1")

FILES: dict[str, tuple[str, list[str]]] = {
    "sd1 standard": (
        "sd1-17",
        each(12, "lora_te_text_model_encoder_layers_N_mlp_fc1")
        + [
            f"lora_unet_{side}_blocks_{level}_attentions_{layer}_transformer_blocks_0_attn1_to_q"
            for side, levels, layers in (("down", (0, 1, 2), 2), ("up", (1, 2, 3), 3))
            for level in levels
            for layer in range(layers)
        ]
        + ["lora_unet_mid_block_attentions_0_proj_in"],
    ),
    "sd1 locon": ("sd1-26", ["lora_unet_conv_in", "lora_unet_down_blocks_3_resnets_0_conv1"]),
    "sd2": (
        "sd2-17",
        [
            *each(23, "lora_te_text_model_encoder_layers_N_mlp_fc1"),
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q",
        ],
    ),
    "sdxl kohya": (
        "sdxl-12",
        [
            *CLIP,
            *each(32, "lora_te2_text_model_encoder_layers_N_mlp_fc1"),
            *each(2, "lora_unet_input_blocks_4_1_transformer_blocks_N_attn1_to_q"),
            *each(10, "lora_unet_middle_block_1_transformer_blocks_N_attn1_to_q"),
            *each(6, "lora_unet_output_blocks_N_1_proj_in"),
        ],
    ),
    "sdxl diffusers": (
        "sdxl-12",
        [
            *each(2, "unet.down_blocks.1.attentions.0.transformer_blocks.N.attn1.to_q"),
            "unet.up_blocks.0.attentions.2.proj_in",
        ],
    ),
    "sdxl locon": (
        "sdxl-20",
        [
            "lora_unet_input_blocks_3_0_op",
            "lora_unet_output_blocks_2_2_conv",
            "lora_unet_output_blocks_8_0_in_layers_2",
        ],
    ),
    "sd3.5 large kohya": (
        "sd3-42",
        each(38, "lora_unet_joint_blocks_N_x_block_attn_qkv", "lora_unet_joint_blocks_N_context_block_mlp_fc1") + CLIP,
    ),
    "sd3 medium diffusers": ("sd3-28", each(24, *JOINT)),
    "flux1 kohya": ("flux1-61", each(19, *FLUX_DOUBLE) + each(38, *FLUX_SINGLE) + CLIP + T5),
    "flux1 diffusers": ("flux1-61", each(19, *JOINT) + each(38, *ALONE)),
    "flux1 onetrainer": (
        "flux1-61",
        each(19, "lora_transformer_transformer_blocks_N_attn_to_q")
        + each(38, "lora_transformer_single_transformer_blocks_N_proj_mlp"),
    ),
    "flux1 lycoris": (
        "flux1-61",
        each(19, "lycoris_transformer_blocks_N_attn_to_q") + each(38, "lycoris_single_transformer_blocks_N_proj_out"),
    ),
    "flux1, two single blocks": ("flux1-61", [f"transformer.single_transformer_blocks.{n}.proj_out" for n in (7, 20)]),
    "flux1, few double blocks with modulation": (
        "flux1-61",
        each(8, "diffusion_model.double_blocks.N.img_mod.lin", "diffusion_model.double_blocks.N.img_attn.qkv"),
    ),
    "flux1 xlabs": (
        "flux1-61",
        each(19, "double_blocks.N.processor.qkv_lora1", "double_blocks.N.processor.proj_lora2"),
    ),
    "chroma": (
        "flux1-61",
        [*each(19, *FLUX_DOUBLE), *each(38, *FLUX_SINGLE), "lora_unet_distilled_guidance_layer_layers_0_in_layer"],
    ),
    "flux2 dev": ("flux2-58", each(8, *FLUX_DOUBLE) + each(48, *FLUX_SINGLE)),
    "flux2 klein 4B": ("flux2-27", each(5, *FLUX_DOUBLE) + each(20, *FLUX_SINGLE)),
    "flux2 klein 9B diffusers": (
        "flux2-34",
        each(8, *JOINT) + each(24, "transformer.single_transformer_blocks.N.attn.to_qkv_mlp_proj"),
    ),
    "lumina2 kohya": ("lumina2-33", each(26, *LUMINA) + each(2, "lora_unet_noise_refiner_N_attention_qkv")),
    "lumina2 diffusers": ("lumina2-33", each(26, "transformer.layers.N.attn.to_q")),
    "zimage diffusers": ("zimage-36", each(30, "diffusion_model.layers.N.attention.to_q")),
    "zimage comfyui": ("zimage-36", each(30, "diffusion_model.layers.N.attention.qkv")),
    "hunyuan-video kohya": (
        "hunyuan-video-62",
        each(20, "lora_unet_double_blocks_N_img_attn_qkv", "lora_unet_double_blocks_N_img_mlp_fc1")
        + each(40, *FLUX_SINGLE),
    ),
    "hunyuan-video in flux's names": (
        "hunyuan-video-62",
        each(20, "diffusion_model.double_blocks.N.img_mod.lin", "diffusion_model.double_blocks.N.img_attn.qkv")
        + each(40, "diffusion_model.single_blocks.N.linear1"),
    ),
    "framepack": (
        "hunyuan-video-62",
        each(20, "lora_unet_transformer_blocks_N_attn_to_q")
        + each(40, "lora_unet_single_transformer_blocks_N_proj_mlp"),
    ),
    "hunyuan-video 1.5": ("hunyuan-video-56", each(54, "lora_unet_double_blocks_N_img_attn_q")),
    "hunyuan-video 1.5 diffusers": ("hunyuan-video-56", each(54, *JOINT)),
    "hunyuan-image diffusers": (
        "hunyuan-image-62",
        [*each(20, *JOINT), *each(40, *ALONE), "transformer.time_guidance_embed.timestep_embedder.linear_1"],
    ),
    "wan 1.3B": ("wan-32", each(30, *WAN)),
    "wan 14B": ("wan-42", each(40, "diffusion_model.blocks.N.self_attn.q", "diffusion_model.blocks.N.ffn.0")),
    "wan 2.2 both experts": (
        "wan-42",
        each(40, "transformer.blocks.N.attn1.to_q", "transformer_2.blocks.N.attn1.to_q"),
    ),
    "wan vace 14B": ("wan-50", each(40, *WAN) + each(8, "lora_unet_vace_blocks_N_self_attn_q")),
    "wan vace 1.3B": ("wan-47", each(30, *WAN) + each(15, "lora_unet_vace_blocks_N_self_attn_q")),
    "wan fun": ("wan-42", each(40, "lora_unet__blocks_N_cross_attn_q")),
    "qwen-image": (
        "qwen-image-62",
        each(60, "lora_unet_transformer_blocks_N_attn_to_q", "lora_unet_transformer_blocks_N_img_mlp_net_2"),
    ),
    "qwen-image, attention only": ("qwen-image-62", each(60, *JOINT)),
    "qwen-image bare": ("qwen-image-62", each(60, "transformer_blocks.N.attn.to_q")),
    "anima": ("anima-37", each(28, *COSMOS) + each(28, "lora_te_layers_N_self_attn_q_proj")),
    "anima with adapter": ("anima-37", each(28, *COSMOS) + each(6, "lora_unet_llm_adapter_blocks_N_self_attn_q_proj")),
    "anima diffusers": (
        "anima-37",
        each(28, "transformer.transformer_blocks.N.attn1.to_q", "transformer.transformer_blocks.N.norm1.linear_1")
        + each(6, "text_conditioner.blocks.N.self_attn.q_proj"),
    ),
    "cosmos-predict2 14B": ("cosmos-predict2-38", each(36, *COSMOS)),
    "krea2": ("krea2-34", each(28, "base_model.model.blocks.N.attn.wq", "base_model.model.blocks.N.mlp.gate")),
    "krea2 with text fusion": (
        "krea2-34",
        each(28, "lora_unet_blocks_N_attn_wq")
        + each(2, "lora_unet_txtfusion_layerwise_blocks_N_attn_wq", "lora_unet_txtfusion_refiner_blocks_N_mlp_up"),
    ),
    "krea2 diffusers": ("krea2-34", each(28, "transformer.transformer_blocks.N.attn.to_q")),
    "hidream": (
        "hidream-50",
        each(16, "diffusion_model.double_stream_blocks.N.block.attn1.to_q_t")
        + each(32, "diffusion_model.single_stream_blocks.N.block.ff_i.shared_experts.w1"),
    ),
    "kandinsky5 lite": (
        "kandinsky5-36",
        each(2, "lora_unet_text_transformer_blocks_N_self_attention_to_query")
        + each(32, "lora_unet_visual_transformer_blocks_N_cross_attention_to_key"),
    ),
    "kandinsky5 pro": (
        "kandinsky5-66",
        each(4, "transformer.text_transformer_blocks.N.feed_forward.in_layer")
        + each(60, "transformer.visual_transformer_blocks.N.feed_forward.in_layer"),
    ),
    "ltx-video 2B": ("ltx-30", each(28, *CROSS)),
    "ltx-video 13B": ("ltx-50", each(48, *(name.replace("transformer.", "diffusion_model.", 1) for name in CROSS))),
    "ltx-2": ("ltx-50", each(48, "diffusion_model.transformer_blocks.N.audio_attn1.to_q")),
}
"""Kind of file → the layout that fits it, and its modules; the layout's name begins with the family's."""
