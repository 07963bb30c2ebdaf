"""Random models of the real classes of the transformers that draw by flow matching, with their real module names, too
small to draw anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiny_tokenizers
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    AutoencoderKLWan,
    ChromaPipeline,
    ChromaTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    Krea2Pipeline,
    Krea2Transformer2DModel,
    Lumina2Pipeline,
    Lumina2Transformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Gemma2Config,
    Gemma2Model,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLModel,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

WIDTH = 16
ROPE = (2, 2, 4)
"""The parts of a head's width that turn with time, height and width."""


def _vae(levels: int = 2) -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=(8,) * levels,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
        shift_factor=0.1,
        scaling_factor=0.4,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def _clip(tokenizer: Any, model: Any) -> Any:
    settings = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return model(settings)


def _t5(tokenizer: Any, width: int = 2 * WIDTH, config: Any = T5Config, model: Any = T5EncoderModel) -> Any:
    return model(
        config(
            vocab_size=len(tokenizer),
            d_model=width,
            d_kv=8,
            d_ff=width,
            num_layers=2,
            num_heads=2,
            decoder_start_token_id=0,
        )
    )


def _qwen3(tokenizer: Any, model: Any, layers: int) -> Any:
    return model(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            num_hidden_layers=layers,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            tie_word_embeddings=True,
        )
    )


def sd3() -> StableDiffusion3Pipeline:
    clip, t5 = tiny_tokenizers.clip(), tiny_tokenizers.t5()
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            num_layers=3,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=2 * WIDTH,
            caption_projection_dim=WIDTH,
            pooled_projection_dim=2 * WIDTH,
            pos_embed_max_size=16,
            dual_attention_layers=(0,),
            qk_norm="rms_norm",
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(),
        text_encoder=_clip(clip, CLIPTextModelWithProjection),
        tokenizer=clip,
        text_encoder_2=_clip(clip, CLIPTextModelWithProjection),
        tokenizer_2=tiny_tokenizers.clip(),
        text_encoder_3=_t5(t5),
        tokenizer_3=t5,
    )


def flux1() -> FluxPipeline:
    clip, t5 = tiny_tokenizers.clip(), tiny_tokenizers.t5()
    return FluxPipeline(
        transformer=FluxTransformer2DModel(
            in_channels=16,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=2 * WIDTH,
            pooled_projection_dim=WIDTH,
            guidance_embeds=True,
            axes_dims_rope=ROPE,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=_vae(),
        text_encoder=_clip(clip, CLIPTextModel),
        tokenizer=clip,
        text_encoder_2=_t5(t5),
        tokenizer_2=t5,
    )


def chroma() -> ChromaPipeline:
    t5 = tiny_tokenizers.t5()
    return ChromaPipeline(
        transformer=ChromaTransformer2DModel(
            in_channels=16,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=2 * WIDTH,
            axes_dims_rope=ROPE,
            approximator_num_channels=16,
            approximator_hidden_dim=16,
            approximator_layers=2,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(),
        text_encoder=_t5(t5),
        tokenizer=t5,
    )


def _flux2(guidance_embeds: bool) -> dict[str, Any]:
    return {
        "transformer": Flux2Transformer2DModel(
            in_channels=16,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=3 * WIDTH,
            timestep_guidance_channels=16,
            axes_dims_rope=(2, 2, 2, 2),
            guidance_embeds=guidance_embeds,
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        "vae": AutoencoderKLFlux2(
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(8, 8),
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=4,
        ),
    }


def flux2() -> Flux2Pipeline:
    """Its text encoder is a small model with as many layers as are asked for, which Mistral's tokenizer needs not."""
    tokenizer = tiny_tokenizers.qwen()
    return Flux2Pipeline(text_encoder=_qwen3(tokenizer, Qwen3ForCausalLM, 31), tokenizer=tokenizer, **_flux2(True))


def klein() -> Flux2KleinPipeline:
    tokenizer = tiny_tokenizers.qwen()
    return Flux2KleinPipeline(
        text_encoder=_qwen3(tokenizer, Qwen3ForCausalLM, 28), tokenizer=tokenizer, **_flux2(False)
    )


def zimage() -> ZImagePipeline:
    tokenizer = tiny_tokenizers.qwen()
    return ZImagePipeline(
        transformer=ZImageTransformer2DModel(
            in_channels=4,
            dim=WIDTH,
            n_layers=3,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=WIDTH,
            axes_dims=list(ROPE),
            axes_lens=[600, 64, 64],
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(),
        text_encoder=_qwen3(tokenizer, Qwen3Model, 2),
        tokenizer=tokenizer,
    )


def _statistics() -> dict[str, list[float]]:
    return {"latents_mean": [0.1, -0.2, 0.3, 0.0], "latents_std": [1.5, 2.0, 1.0, 0.5]}


def qwen_image() -> QwenImagePipeline:
    tokenizer = tiny_tokenizers.qwen()
    encoder = Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                "vocab_size": len(tokenizer),
                "hidden_size": WIDTH,
                "intermediate_size": WIDTH,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
            },
            vision_config={
                "depth": 1,
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_heads": 2,
                "out_hidden_size": 16,
            },
        )
    )
    return QwenImagePipeline(
        transformer=QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=3,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=ROPE,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift_terminal=0.02),
        vae=AutoencoderKLQwenImage(
            base_dim=8, z_dim=4, dim_mult=[1, 1], num_res_blocks=1, temperal_downsample=[False], **_statistics()
        ),
        text_encoder=encoder,
        tokenizer=tokenizer,
    )


def krea2() -> Krea2Pipeline:
    tokenizer = tiny_tokenizers.qwen()
    encoder = Qwen3VLModel(
        Qwen3VLConfig(
            text_config={
                "vocab_size": len(tokenizer),
                "hidden_size": WIDTH,
                "intermediate_size": WIDTH,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "head_dim": 8,
                "rope_scaling": {"rope_type": "default", "mrope_section": [1, 1, 2]},
            },
            vision_config={
                "depth": 1,
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_heads": 2,
                "out_hidden_size": 16,
                "deepstack_visual_indexes": [0],
            },
        )
    )
    return Krea2Pipeline(
        transformer=Krea2Transformer2DModel(
            in_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=32,
            timestep_embed_dim=16,
            text_hidden_dim=WIDTH,
            num_text_layers=3,
            text_num_attention_heads=2,
            text_num_key_value_heads=2,
            text_intermediate_size=16,
            axes_dims_rope=ROPE,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=AutoencoderKLQwenImage(
            base_dim=8, z_dim=4, dim_mult=[1, 1], num_res_blocks=1, temperal_downsample=[False], **_statistics()
        ),
        text_encoder=encoder,
        tokenizer=tokenizer,
        text_encoder_select_layers=(0, 1, 2),
    )


def lumina2() -> Lumina2Pipeline:
    tokenizer = tiny_tokenizers.gemma()
    return Lumina2Pipeline(
        transformer=Lumina2Transformer2DModel(
            sample_size=4,
            in_channels=4,
            hidden_size=24,
            num_layers=3,
            num_refiner_layers=2,
            num_attention_heads=3,
            num_kv_heads=1,
            multiple_of=8,
            axes_dim_rope=ROPE,
            axes_lens=(600, 64, 64),
            cap_feat_dim=WIDTH,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=6.0),
        vae=_vae(4),
        text_encoder=Gemma2Model(
            Gemma2Config(
                vocab_size=len(tokenizer),
                hidden_size=WIDTH,
                intermediate_size=WIDTH,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                head_dim=8,
            )
        ),
        tokenizer=tokenizer,
    )


def wan() -> WanPipeline:
    tokenizer = tiny_tokenizers.t5()
    return WanPipeline(
        transformer=WanTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=4,
            out_channels=4,
            text_dim=WIDTH,
            freq_dim=16,
            ffn_dim=32,
            num_layers=3,
            cross_attn_norm=True,
            rope_max_seq_len=32,
        ),
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0, num_train_timesteps=1000
        ),
        vae=AutoencoderKLWan(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            **_statistics(),
        ),
        text_encoder=_t5(tokenizer, WIDTH, UMT5Config, UMT5EncoderModel),
        tokenizer=tokenizer,
    )


@dataclass(frozen=True)
class Flow:
    """A model to make, the side of its pictures in pixels, its sampler, what its prompts are guided by, and how many
    tokens of them are enough (0 for as many as always)."""

    make: Callable[[], Any]
    family: str
    side: int = 16
    sampler: tuple[str, str] = ("Euler", "Simple")
    cfg_scale: float = 3.0
    tokens: int = 64


FLOWS = {
    "sd3": Flow(sd3, "sd3"),
    "flux1": Flow(flux1, "flux1"),
    "chroma": Flow(chroma, "flux1"),
    "flux2": Flow(flux2, "flux2", cfg_scale=1.0),
    "klein": Flow(klein, "flux2"),
    "zimage": Flow(zimage, "zimage"),
    "qwen-image": Flow(qwen_image, "qwen-image", tokens=0),
    "krea2": Flow(krea2, "krea2", tokens=0),
    "lumina2": Flow(lumina2, "lumina2", side=32, tokens=0),
    "wan": Flow(wan, "wan", side=32, sampler=("UniPC", "Automatic")),
}


def pipeline(name: str, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    made = FLOWS[name].make()
    for part in made.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    return made


def save(name: str, folder: Path) -> Path:
    pipeline(name).save_pretrained(folder, safe_serialization=True)
    return folder
