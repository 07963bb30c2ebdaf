"""Random VAEs and ControlNets for the tiny model, and pictures, in the forms that people have them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import tiny_models
import torch
from diffusers import AutoencoderKL, ControlNetModel
from PIL import Image
from safetensors.torch import save_file

from blockweight.plan import Control, Part, Start
from blockweight.render import identify_picture, identify_weights


def vae_of(model, seed: int) -> AutoencoderKL:
    torch.manual_seed(seed)
    return AutoencoderKL.from_config(model.vae.config).eval()


def vae_file(vae: AutoencoderKL, path: Path) -> Path:
    """In the original's names, as VAEs are handed around."""
    tensors = {}
    for name, value in vae.state_dict().items():
        renamed = tiny_models._vae_name(name)
        square = value[:, :, None, None] if re.search(r"attn_1\.(q|k|v|proj_out)\.weight", renamed) else value
        tensors[renamed] = square.contiguous().clone()
    save_file(tensors, path)
    return path


def control_of(model, seed: int) -> ControlNetModel:
    """One that does something: trained ones begin with zeros where they end."""
    torch.manual_seed(seed)
    made = ControlNetModel.from_unet(model.unet, conditioning_embedding_out_channels=(4, 8))
    for name, weight in made.named_parameters():
        if not weight.any() or name.startswith("controlnet_"):
            torch.nn.init.normal_(weight, std=0.2)
    return made.eval()


def control_file(control: ControlNetModel, path: Path) -> Path:
    """In lllyasviel's names."""
    save_file({_control_name(name): value.contiguous().clone() for name, value in control.state_dict().items()}, path)
    return path


def _control_name(name: str) -> str:
    part, _, rest = name.partition(".")
    if part == "controlnet_down_blocks":
        number, kind = rest.split(".")
        named = f"zero_convs.{number}.0.{kind}"
    elif part == "controlnet_mid_block":
        named = f"middle_block_out.0.{rest}"
    elif part == "controlnet_cond_embedding":
        place, _, kind = rest.rpartition(".")
        places = {"conv_in": 0, "blocks.0": 2, "blocks.1": 4, "conv_out": 6}
        named = f"input_hint_block.{places[place]}.{kind}"
    else:
        named = tiny_models._unet_name(name)
    return f"control_model.{named}"


def picture_file(path: Path, seed: int = 0, width: int = 16, height: int = 16) -> Path:
    levels = np.random.default_rng(seed).integers(0, 255, (height // 4, width // 4, 3), np.uint8)
    Image.fromarray(levels).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def start_at(path: Path, denoising: float = 0.6, **more) -> Start:
    return Start(identify_picture(path), denoising, **more)


def control_with(model: Path, picture: Path, **more) -> Control:
    return Control(identify_weights(model, "ControlNet"), identify_picture(picture), **more)


def vae_part(path: Path) -> Part:
    return identify_weights(path, "VAE")
