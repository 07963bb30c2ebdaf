"""A random model of SDXL's real classes with SDXL's module names, too small to draw anything, and LoRAs for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tiny_models
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from safetensors.numpy import load_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from blockweight.blocks import family_by_name, module_of
from blockweight.demo.train.tokenizer import build_tokenizer
from blockweight.lora import write_lora
from blockweight.lora.layer_names import Layer, kohya_name, layer_of, peft_name
from blockweight.weights import BlockWeights

SDXL = family_by_name("sdxl")
WIDTH, WIDE = 16, 24
"""Of the two text encoders."""
_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8, 16),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2),
        cross_attention_dim=WIDTH + WIDE,
        attention_head_dim=2,
        norm_num_groups=4,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDE,
    )


def pipeline(seed: int = 0) -> StableDiffusionXLPipeline:
    torch.manual_seed(seed)
    tokenizer, tokenizer_2 = build_tokenizer(), build_tokenizer()
    tokenizer_2.pad_token = "!"  # OpenCLIP's, token 0
    return StableDiffusionXLPipeline(
        vae=tiny_models.vae(scaling_factor=0.13025),
        text_encoder=CLIPTextModel(text_config(tokenizer, WIDTH)).eval(),
        text_encoder_2=CLIPTextModelWithProjection(text_config(tokenizer, WIDE, hidden_act="gelu")).eval(),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer_2,
        unet=unet().eval(),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace"
        ),
        add_watermarker=False,
    )


def text_config(tokenizer, width: int, **settings) -> CLIPTextConfig:
    plain = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "max_position_embeddings": 77,
        "projection_dim": width,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return CLIPTextConfig(**plain | settings)


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


NAMINGS = {"original": lambda layer: kohya_name(layer, "sdxl"), "diffusers": None, "peft": peft_name}
"""kohya's names by the original UNet and by diffusers' UNet, and those that diffusers writes."""


def write_locon(path: Path, model: StableDiffusionXLPipeline, naming: str = "original", spread: float = 0.3) -> Path:
    """A LoRA over all linear layers and convolutions of the UNet and those of the text encoders' layers, with the
    projection, the same numbers in every naming."""
    rng = np.random.default_rng(7)
    tensors: dict[str, np.ndarray] = {}
    for layer, module in everything(model).items():
        number = "12"[layer.component == "text_encoder_2"]
        kohya = f"lora_unet_{layer.flat}" if layer.component == "unet" else f"lora_te{number}_{layer.flat}"
        name = (NAMINGS[naming] or (lambda _, kohya=kohya: kohya))(layer)
        down, up = ("lora_A", "lora_B") if naming == "peft" else ("lora_down", "lora_up")
        out, inputs, *kernel = module.weight.shape
        ups, downs = rng.standard_normal((out, 2, *[1] * len(kernel))), rng.standard_normal((2, inputs, *kernel))
        tensors[f"{name}.{up}.weight"] = (ups * spread).astype(np.float32)
        tensors[f"{name}.{down}.weight"] = (downs * spread).astype(np.float32)
    write_lora(path, tensors, {})
    return path


def everything(model: StableDiffusionXLPipeline) -> dict[Layer, nn.Module]:
    found = {layer: module for layer, module in targets(model).items() if layer.component != "unet"}
    found[Layer("text_encoder_2", "text_projection")] = model.text_encoder_2.text_projection
    for path, module in model.unet.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            found[Layer("unet", path)] = module
    return found


def merge(model: StableDiffusionXLPipeline, path: Path, weights: BlockWeights, strength: float) -> None:
    """W += strength · w · ΔW for every module of a file of `write_locon`, into the model's own weights."""
    tensors, layers = load_file(path), everything(model)
    for name in dict.fromkeys(key.rsplit(".", 2)[0] for key in tensors):
        module = module_of(name)
        up, down = (torch.from_numpy(tensors[f"{name}.lora_{role}.weight"]).double() for role in ("up", "down"))
        change = torch.einsum("or,r...->o...", up.flatten(1), down)
        weight = layers[layer_of(module)].weight.data
        weight += (strength * weights.weight(SDXL.block_of(module)) * change).reshape(weight.shape).to(weight)
