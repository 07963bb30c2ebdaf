"""Tiny models as single checkpoint files, with the names that the original code of Stable Diffusion gives the weights:
CompVis' latent-diffusion, Stability's stablediffusion (SD2) and generative-models (SDXL)."""

from __future__ import annotations

import re
from pathlib import Path

import tiny_models
import torch
from safetensors.torch import save_file
from torch import Tensor

from blockweight.lora.layer_names import original_name

_OPENCLIP = {
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
}
_OUTSIDE = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}


def openclip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A text model's weights as OpenCLIP has them: query, key and value in one, and the projection on its side."""
    state = {name.removeprefix("text_model."): value for name, value in state.items()}
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        layer = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if layer is None:
            if name in _OUTSIDE:
                found[_OUTSIDE[name]] = value
        elif layer[2] in _OPENCLIP:
            found[f"transformer.resblocks.{layer[1]}.{_OPENCLIP[layer[2]]}.{layer[3]}"] = value
        elif layer[2] == "self_attn.q_proj":
            parts = [state[name.replace("q_proj", which)] for which in ("q_proj", "k_proj", "v_proj")]
            found[f"transformer.resblocks.{layer[1]}.attn.in_proj_{layer[3]}"] = torch.cat(parts)
    width = len(found["ln_final.weight"])
    projection = state.get("text_projection.weight", torch.eye(width))
    return found | {"text_projection": projection.T, "logit_scale": torch.tensor(4.6)}


def tensors(model, family: str) -> dict[str, Tensor]:
    found = {}
    for name, value in model.unet.state_dict().items():
        layer, kind = name.rsplit(".", 1)
        found[f"model.diffusion_model.{original_name(layer, family)}.{kind}"] = value
    found |= tiny_models.vae_tensors(model.vae)
    if family == "sd2":
        text = openclip(model.text_encoder.state_dict())
        # The last of 24 layers, which is not used.
        text |= {
            name.replace(".22.", ".23."): torch.randn_like(value)
            for name, value in text.items()
            if ".resblocks.22." in name
        }
        found |= {f"cond_stage_model.model.{name}": value for name, value in text.items()}
    if family == "sdxl":
        start = "conditioner.embedders.0.transformer.text_model."
        first = model.text_encoder.state_dict()
        found |= {f"{start}{name.removeprefix('text_model.')}": value for name, value in first.items()}
        second = openclip(model.text_encoder_2.state_dict())
        found |= {f"conditioner.embedders.1.model.{name}": value for name, value in second.items()}
    return {name: value.contiguous().clone() for name, value in found.items()}


def save(model, family: str, path: Path, metadata: dict[str, str] | None = None, **more: Tensor) -> Path:
    save_file(tensors(model, family) | more, path, metadata)
    return path
