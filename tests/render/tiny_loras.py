"""Random LoRAs for the tiny models, and their ΔW by the textbook formula, independent of the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from safetensors.numpy import load_file
from torch import nn

from blockweight.blocks import family_by_name, module_of
from blockweight.lora import write_lora
from blockweight.weights import BlockWeights

SD1 = family_by_name("sd1")
FULL, SHORT = SD1.layouts

_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def targets(model: StableDiffusionPipeline, kind: str) -> dict[str, nn.Module]:
    """kohya's name → the layer, for a `standard` LoRA (attention and text encoder) or a `locon` (everything)."""
    found: dict[str, nn.Module] = {}
    for path, layer in model.unet.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and (".attentions." in path or kind == "locon"):
            found[f"lora_unet_{path.replace('.', '_')}"] = layer
    for path, layer in model.text_encoder.named_modules():
        if path.endswith(_TEXT):
            found[f"lora_te_text_model_{path.removeprefix('text_model.').replace('.', '_')}"] = layer
    return found


def write(
    path: Path, model: StableDiffusionPipeline, kind: str, *, seed: int = 5, spread: float = 0.35, dtype=np.float32
) -> Path:
    """A LoRA over all of `targets`, with an alpha of its own (or none) in each module, ranks of 1 to 3, and a Tucker
    core in every other 3×3 convolution."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}

    def sample(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) * spread).astype(dtype)

    for number, (name, layer) in enumerate(targets(model, kind).items()):
        rank = 1 + number % 3
        out, inputs, *kernel = layer.weight.shape
        tucker = kernel == [3, 3] and number % 2 == 0
        ones = [1] * len(kernel)
        tensors[f"{name}.lora_up.weight"] = sample(out, rank, *ones)
        tensors[f"{name}.lora_down.weight"] = sample(rank, inputs, *(ones if tucker else kernel))
        if tucker:
            tensors[f"{name}.lora_mid.weight"] = sample(rank, rank, *kernel)
        if number % 4:
            tensors[f"{name}.alpha"] = np.array((0.5, 1, 2)[number % 4 - 1], dtype)
    write_lora(path, tensors, {})
    return path


def delta(tensors: dict[str, np.ndarray], name: str) -> torch.Tensor:
    """ΔW of one module at strength 1, in float64."""
    up, down = (torch.from_numpy(tensors[f"{name}.lora_{role}.weight"]).double() for role in ("up", "down"))
    alpha = tensors.get(f"{name}.alpha")
    scale = 1.0 if alpha is None else float(alpha) / len(down)
    mid = tensors.get(f"{name}.lora_mid.weight")
    if mid is not None:
        core = torch.from_numpy(mid).double()
        return scale * torch.einsum("or,rqhw,qi->oihw", up[:, :, 0, 0], core, down[:, :, 0, 0])
    return scale * torch.einsum("or,r...->o...", up.flatten(1), down)


def merge(model: StableDiffusionPipeline, path: Path, weights: BlockWeights, strength: float) -> None:
    """W += strength · w · ΔW for every module, into the model's own weights."""
    tensors = load_file(path)
    layers = targets(model, "locon")
    for name in dict.fromkeys(key.split(".")[0] for key in tensors):
        module = module_of(name)
        assert module is not None
        weight = layers[name].weight.data
        change = strength * weights.weight(SD1.block_of(module)) * delta(tensors, name)
        weight += change.reshape(weight.shape).to(weight)


def weights(seed: int | None = None, *, fill: float = 1.0, rest: float = 1.0, layout=FULL, **blocks: float):
    """Block weights: all `fill`, or random from -1 to 1.5 with a few zeros; then `blocks` as named."""
    values = [fill] * len(layout)
    if seed is not None:
        rng = np.random.default_rng(seed)
        values = [float(v) for v in rng.uniform(-1, 1.5, len(layout)).round(3) * (rng.random(len(layout)) > 0.2)]
    return BlockWeights("w", layout, tuple(values), rest).with_weights(blocks)
