"""Random models with SD1's module names, too small to draw anything, in both of the forms that people have: a diffusers
folder, and a single checkpoint file with the original names."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from blockweight.demo.train.tokenizer import build_tokenizer

PARTS = ("unet", "text_encoder", "vae")
WIDTH = 16
SIDE = 16
"""Pixels: two autoencoder levels make 8×8 latents of it, which the UNet's four levels halve to 1×1."""


def pipeline(seed: int = 0) -> StableDiffusionPipeline:
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
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
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=2,
        cross_attention_dim=WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    return StableDiffusionPipeline(
        vae=vae(),
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def vae(**settings) -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        **settings,
    ).eval()


def save_folder(model: StableDiffusionPipeline, folder: Path) -> Path:
    model.save_pretrained(folder, safe_serialization=True)
    return folder


def save_config(model: StableDiffusionPipeline, folder: Path) -> Path:
    """The folder without its weights: what stands beside a single checkpoint file."""
    save_folder(model, folder)
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()
    return folder


def save_checkpoint(model: StableDiffusionPipeline, path: Path) -> Path:
    """One file with the names that SD1's own code gives the weights (CompVis/latent-diffusion)."""
    tensors = {f"model.diffusion_model.{_unet_name(k)}": v for k, v in model.unet.state_dict().items()}
    tensors |= vae_tensors(model.vae)
    for name, value in model.text_encoder.state_dict().items():
        tensors[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = value
    tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    tensors["alphas_cumprod"] = model.scheduler.alphas_cumprod
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, path)
    return path


def vae_tensors(model: AutoencoderKL) -> dict[str, torch.Tensor]:
    """The autoencoder's weights by their original names."""
    tensors = {}
    for name, value in model.state_dict().items():
        renamed = _vae_name(name)
        square = value[:, :, None, None] if re.search(r"attn_1\.(q|k|v|proj_out)\.weight", renamed) else value
        tensors[f"first_stage_model.{renamed}"] = square
    return tensors


_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_PLACES = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_MIDDLE = {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _unet_name(name: str) -> str:
    for ours, theirs in _PLACES.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs, 1)
    if name.startswith("mid_block."):
        part, index, rest = name.removeprefix("mid_block.").split(".", 2)
        return f"middle_block.{_MIDDLE[f'{part}.{index}']}.{_inside(part, rest)}"
    side, level, part, index, rest = name.split(".", 4)
    i, j = int(level), int(index)
    if part == "downsamplers":
        return f"input_blocks.{3 + 3 * i}.0.op.{rest.removeprefix('conv.')}"
    if part == "upsamplers":
        # The first level has no attention before its upsampler.
        return f"output_blocks.{2 + 3 * i}.{1 if i == 0 else 2}.{rest}"
    block = f"input_blocks.{1 + 3 * i + j}" if side == "down_blocks" else f"output_blocks.{3 * i + j}"
    return f"{block}.{0 if part == 'resnets' else 1}.{_inside(part, rest)}"


def _inside(part: str, rest: str) -> str:
    if part != "resnets":
        return rest
    layer, _, kind = rest.rpartition(".")
    return f"{_RESNET[layer]}.{kind}"


def _vae_name(name: str) -> str:
    name = re.sub(r"down_blocks\.(\d)\.resnets\.", r"down.\1.block.", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0\.", r"down.\1.downsample.", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.", lambda m: f"up.{1 - int(m[1])}.block.", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0\.", lambda m: f"up.{1 - int(m[1])}.upsample.", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{1 + int(m[1])}", name)
    if "mid_block.attentions.0." in name:
        for ours, theirs in _VAE_ATTENTION.items():
            name = name.replace(f".{ours}.", f".{theirs}.")
        name = name.replace("mid_block.attentions.0", "mid.attn_1")
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
