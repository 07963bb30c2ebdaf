"""Random LoRAs for the models of `tiny_flows`, in diffusers' names and in the originals', and what they mean by the
textbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn

from blockweight.blocks import family_by_name, module_of
from blockweight.lora import write_lora
from blockweight.render.local.places import Name, Places
from blockweight.weights import BlockWeights

_TEXT = (
    "q_proj",
    "k_proj",
    "v_proj",
    "out_proj",
    "fc1",
    "fc2",
    "SelfAttention.q",
    "SelfAttention.o",
    "wi_0",
    "wi",
    "wo",
)
_TRAINED = {"sd3", "flux1", "lumina2"}
"""The families whose text encoders have blocks."""


def targets(pipeline: Any, family: str) -> dict[str, nn.Module]:
    """Every layer of the transformer with a matrix, and the layers of the text encoders, by diffusers' names."""
    found: dict[str, nn.Module] = {}
    for path, layer in pipeline.transformer.named_modules():
        if isinstance(layer, nn.Linear):
            found[f"transformer.{path}"] = layer
    for component in ("text_encoder", "text_encoder_2", "text_encoder_3") if family in _TRAINED else ():
        part = getattr(pipeline, component, None)
        clip = part is not None and type(part).__name__.startswith("CLIP")
        for path, layer in () if part is None else part.named_modules():
            if path.endswith(_TEXT):
                found[f"{component}.{'text_model.' if clip else ''}{path.removeprefix('text_model.')}"] = layer
    return found


def _matrices(rng: np.random.Generator, layer: nn.Module, rank: int, out: int) -> dict[str, np.ndarray]:
    inputs = layer.weight.shape[1]
    return {
        "lora_A.weight": (rng.standard_normal((rank, inputs)) * 0.3).astype(np.float32),
        "lora_B.weight": (rng.standard_normal((out, rank)) * 0.3).astype(np.float32),
    }


def write(path: Path, pipeline: Any, family: str) -> Path:
    """A LoRA over all of `targets`, with ranks of 1 to 3 and four different alphas, or none."""
    rng, tensors = np.random.default_rng(5), {}
    for number, (name, layer) in enumerate(targets(pipeline, family).items()):
        for role, matrix in _matrices(rng, layer, 1 + number % 3, len(layer.weight)).items():
            tensors[f"{name}.{role}"] = matrix
        if number % 4:
            tensors[f"{name}.alpha"] = np.array((0.5, 1, 2)[number % 4 - 1], np.float32)
    write_lora(path, tensors, {})
    return path


def write_both(original: Path, split: Path, pipeline: Any, names: tuple[Name, ...], modules: list[str]) -> None:
    """The same LoRA in the original's names and in diffusers': of a fused layer, each slice has its rows of lora_B.
    Where the slices are is proven in `test_flow_places`."""
    rng = np.random.default_rng(6)
    places = Places({"transformer": pipeline.transformer}, names)
    paths = {id(layer): path for path, layer in pipeline.transformer.named_modules()}
    theirs, ours = {}, {}
    for number, name in enumerate(modules):
        module = module_of(f"diffusion_model.{name}")
        assert module is not None
        found = places.find(module)
        matrices = _matrices(rng, found[0].layer, 1 + number % 3, found[0].of_rows)
        for role, matrix in matrices.items():
            theirs[f"diffusion_model.{name}.{role}"] = matrix
        for place in found:
            rows = [row for part in place.rows for row in part] or slice(None)
            path = f"transformer.{paths[id(place.layer)]}"
            ours[f"{path}.lora_A.weight"] = matrices["lora_A.weight"]
            ours[f"{path}.lora_B.weight"] = matrices["lora_B.weight"][rows]
    write_lora(original, theirs, {})
    write_lora(split, ours, {})


def merge(pipeline: Any, path: Path, family: str, weights: BlockWeights, strength: float) -> None:
    """W += strength · w · alpha / rank · B · A, into the model's own weights, for a file of `write`."""
    tensors, blocks = load_file(path), family_by_name(family)
    for name, layer in targets(pipeline, family).items():
        up, down = (torch.from_numpy(tensors[f"{name}.lora_{role}.weight"]) for role in "BA")
        module = module_of(name)
        assert module is not None
        alpha = float(tensors.get(f"{name}.alpha", len(down)))
        layer.weight.data += strength * weights.weight(blocks.block_of(module)) * alpha / len(down) * up @ down
