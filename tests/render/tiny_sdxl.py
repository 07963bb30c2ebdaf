"""A random model of SDXL's real classes with SDXL's module names, too small to draw anything, and LoRAs for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from blockweight.demo.train.tokenizer import build_tokenizer
from blockweight.lora import write_lora
from blockweight.lora.layer_names import Layer, kohya_name

WIDTH = 16
_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8, 16),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=1,
        cross_attention_dim=2 * WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
    )


def pipeline(seed: int = 0) -> StableDiffusionXLPipeline:
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 77,
        "projection_dim": WIDTH,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return StableDiffusionXLPipeline(
        vae=AutoencoderKL(block_out_channels=(8,), layers_per_block=1, norm_num_groups=4).eval(),
        text_encoder=CLIPTextModel(CLIPTextConfig(**text)).eval(),
        text_encoder_2=CLIPTextModelWithProjection(CLIPTextConfig(**text)).eval(),
        tokenizer=tokenizer,
        tokenizer_2=build_tokenizer(),
        unet=unet().eval(),
        scheduler=EulerDiscreteScheduler(),
        add_watermarker=False,
    )


def components(model: StableDiffusionXLPipeline) -> dict[str, nn.Module]:
    return {"unet": model.unet, "text_encoder": model.text_encoder, "text_encoder_2": model.text_encoder_2}


def targets(model: StableDiffusionXLPipeline) -> dict[Layer, nn.Module]:
    """Attention and feed-forward layers of the UNet, and those of both text encoders."""
    found: dict[Layer, nn.Module] = {}
    for component, part in components(model).items():
        for path, layer in part.named_modules():
            if component == "unet" and isinstance(layer, nn.Linear) and ".attentions." in path:
                found[Layer(component, path)] = layer
            elif component != "unet" and path.endswith(_TEXT):
                found[Layer(component, f"text_model.{path.removeprefix('text_model.')}")] = layer
    return found


def write_kohya(path: Path, model: StableDiffusionXLPipeline, spread: float = 0.2) -> Path:
    """A LoRA over all of `targets` in kohya's names, with ranks of 1 to 3 and four different alphas, or none."""
    rng = np.random.default_rng(4)
    tensors: dict[str, np.ndarray] = {}
    for number, (layer, module) in enumerate(targets(model).items()):
        name, rank = kohya_name(layer, "sdxl"), 1 + number % 3
        out, inputs = module.weight.shape
        tensors[f"{name}.lora_up.weight"] = (rng.standard_normal((out, rank)) * spread).astype(np.float32)
        tensors[f"{name}.lora_down.weight"] = (rng.standard_normal((rank, inputs)) * spread).astype(np.float32)
        if number % 4:
            tensors[f"{name}.alpha"] = np.array((0.5, 1, 2)[number % 4 - 1], np.float32)
    write_lora(path, tensors, {})
    return path


def write_with_settings(path: Path, model: StableDiffusionXLPipeline, spread: float = 0.2) -> Path:
    """A LoRA as diffusers saves it, with alphas that differ between layers in PEFT's settings."""
    rng = np.random.default_rng(5)
    tensors: dict[str, np.ndarray] = {}
    settings: dict[str, object] = {}
    for component in components(model):
        layers = {layer.name: module for layer, module in targets(model).items() if layer.component == component}
        settings |= {f"{component}.r": 2, f"{component}.lora_alpha": 3}
        settings[f"{component}.target_modules"] = sorted({name.rsplit(".", 1)[-1] for name in layers} - {"0", "2"})
        # Newer transformers leave out the level text_model; PEFT compares the ends of names.
        ends = [name.removeprefix("text_model.") for name in layers]
        settings[f"{component}.alpha_pattern"] = {name: 1 for number, name in enumerate(ends) if number % 3 == 0}
        for name, module in layers.items():
            out, inputs = module.weight.shape
            tensors[f"{component}.{name}.lora_A.weight"] = rng.standard_normal((2, inputs)).astype(np.float32) * spread
            tensors[f"{component}.{name}.lora_B.weight"] = rng.standard_normal((out, 2)).astype(np.float32) * spread
    write_lora(
        path,
        {key: value.astype(np.float32) for key, value in tensors.items()},
        {"format": "pt", "lora_adapter_metadata": json.dumps(settings)},
    )
    return path
