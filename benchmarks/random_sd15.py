"""Stable Diffusion 1.5 in size and names but with random numbers, and a LoRA of the usual kind for it: speed does not
depend on what is drawn, and nothing has to be downloaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from blockweight.lora import write_lora
from blockweight.render.local import SD1_CONFIG

RANK = 16
_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def write_model(place: Path) -> tuple[Path, Path]:
    """The model, a diffusers folder of 2.1 GB in half precision, and a LoRA of rank 16 over the attention of its UNet
    and text encoder, in the folder `place`."""
    folder, lora = place / "model", place / "lora.safetensors"
    shutil.copytree(SD1_CONFIG, folder)
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_config(_settings(folder, "unet"))
    text_encoder = CLIPTextModel(CLIPTextConfig.from_dict(_settings(folder, "text_encoder")))
    vae = AutoencoderKL.from_config(_settings(folder, "vae"))
    for name, part in (("unet", unet), ("text_encoder", text_encoder), ("vae", vae)):
        part.half().save_pretrained(str(folder / name), safe_serialization=True)
    _write_lora(lora, unet, text_encoder)
    return folder, lora


def _settings(folder: Path, part: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
    return found


def _write_lora(path: Path, unet: nn.Module, text_encoder: nn.Module) -> None:
    rng = np.random.default_rng(5)
    tensors: dict[str, np.ndarray] = {}
    named = [(f"lora_unet_{n}", m) for n, m in unet.named_modules() if ".attentions." in n]
    texts = [(f"lora_te_text_model_{n.removeprefix('text_model.')}", m) for n, m in text_encoder.named_modules()]
    named += [(name, module) for name, module in texts if name.endswith(_TEXT)]
    for name, layer in named:
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        key, (out, inputs, *kernel) = name.replace(".", "_"), layer.weight.shape
        small = 0.02 / (inputs * RANK) ** 0.5
        tensors[f"{key}.lora_up.weight"] = (rng.standard_normal((out, RANK, *kernel)) * small).astype(np.float16)
        tensors[f"{key}.lora_down.weight"] = rng.standard_normal((RANK, inputs, *kernel)).astype(np.float16)
        tensors[f"{key}.alpha"] = np.array(RANK, np.float16)
    write_lora(path, tensors, {})
