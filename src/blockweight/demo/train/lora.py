"""Trains the goblin princess: a LoRA (attention only, 17 blocks) or a LoCon (26 blocks), saved with kohya's names.

peft adds the low-rank layers; the loss is the denoiser's.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from torch import Tensor, nn
from transformers import CLIPTokenizer

from blockweight.demo.characters import Character, goblin_pictures
from blockweight.demo.train.denoiser import TextToNoise, noise_loss, tokenize
from blockweight.demo.train.loop import step_generator, train
from blockweight.lora import write_lora


@dataclass(frozen=True)
class Recipe:
    """How one LoRA is trained. `convolutions` adds the 3×3 and 1×1 convolutions and the resnets' time embeddings."""

    name: str
    rank: int
    alpha: float
    steps: int
    batch: int
    unet_lr: float
    convolutions: bool
    seed: int


RECIPES = (
    Recipe("gobuhime", rank=8, alpha=8, steps=1_000, batch=12, unet_lr=2e-3, convolutions=False, seed=21),
    Recipe("gobuhime-locon", rank=4, alpha=4, steps=1_400, batch=12, unet_lr=2e-3, convolutions=True, seed=22),
)

_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")
_CONVOLUTIONS = ("conv_in", "conv1", "conv2", "conv_shortcut", "time_emb_proj", "conv")
_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def caption(character: Character, words: random.Random) -> str:
    """Her caption with two tags kept and the rest shuffled, as kohya's shuffle_caption and keep_tokens=2 do."""
    head, *rest = character.tags()
    trigger, *others = rest
    words.shuffle(others)
    return ", ".join([head, trigger, *others])


def inject(model: TextToNoise, recipe: Recipe) -> None:
    """Add trainable low-rank layers to both parts of the model, in place; everything else is frozen."""
    torch.manual_seed(recipe.seed)
    model.requires_grad_(False)
    names = _ATTENTION + (_CONVOLUTIONS if recipe.convolutions else ())
    for part, targets in ((model.unet, _unet_targets(model.unet, names)), (model.text_encoder, list(_TEXT))):
        config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=targets, init_lora_weights=True)
        inject_adapter_in_model(config, part)


def _unet_targets(unet: nn.Module, endings: tuple[str, ...]) -> list[str]:
    """The UNet's linear and convolution layers whose name ends so. conv_out and the time embedding belong to no block
    and are left alone."""
    chosen = []
    for name, layer in unet.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and any(name == end or name.endswith(f".{end}") for end in endings):
            chosen.append(name)
    return chosen


def train_lora(
    recipe: Recipe,
    model: TextToNoise,
    tokenizer: CLIPTokenizer,
    latents: Tensor,
    folder: Path,
    report: Callable[[int, float], None],
) -> dict[str, NDArray[np.generic]]:
    """Train on her latents (12, 4, 16, 16); returns the file's tensors in fp16 under kohya's keys."""
    inject(model, recipe)
    pictures = goblin_pictures()

    def loss_of(step: int) -> Tensor:
        generator = step_generator(recipe.name, step)
        words = random.Random(step)
        captions = [caption(character, words) for character in pictures]
        chosen = torch.randint(len(latents), (recipe.batch,), generator=generator)
        tokens = tokenize(tokenizer, [captions[index] for index in chosen.tolist()])
        return noise_loss(model, latents[chosen].float(), tokens, generator)

    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    trained = train(
        f"lora-{recipe.name}", model, loss_of, folder,
        steps=recipe.steps, peak=recipe.unet_lr, warmup=20, weight_decay=1e-2, ema=0.98, report=report,
        parameters=trainable,
    )  # fmt: skip
    assert isinstance(trained, TextToNoise)
    return kohya_tensors(trained, recipe.alpha)


def kohya_tensors(model: TextToNoise, alpha: float) -> dict[str, NDArray[np.generic]]:
    """peft's adapters as kohya's keys: `lora_unet_…` and `lora_te_text_model_…` with lora_down, lora_up and alpha."""
    tensors: dict[str, NDArray[np.generic]] = {}
    for prefix, part in (("lora_unet", model.unet), ("lora_te_text_model", model.text_encoder)):
        state: Mapping[str, Any] = get_peft_model_state_dict(part)
        for key, value in state.items():
            layer, _, side = key.removesuffix(".weight").rpartition(".")
            name = f"{prefix}_{layer.removeprefix('text_model.').replace('.', '_')}"
            role = {"lora_A": "lora_down", "lora_B": "lora_up"}[side]
            tensors[f"{name}.{role}.weight"] = value.detach().half().numpy()
            tensors[f"{name}.alpha"] = np.array(alpha, dtype=np.float16)
    return tensors


def save_lora(recipe: Recipe, tensors: Mapping[str, NDArray[np.generic]], folder: Path) -> Path:
    """Write the LoRA with the `ss_*` metadata that kohya's trainer would write about it."""
    counts = {tag: 0 for character in goblin_pictures() for tag in character.tags()}
    for character in goblin_pictures():
        for tag in character.tags():
            counts[tag] += 1
    module = "lycoris.kohya" if recipe.convolutions else "networks.lora"
    arguments = {"algo": "locon", "conv_dim": str(recipe.rank), "conv_alpha": f"{recipe.alpha:g}"}
    metadata = {
        "ss_output_name": recipe.name,
        "ss_network_module": module,
        "ss_network_dim": str(recipe.rank),
        "ss_network_alpha": f"{recipe.alpha:g}",
        "ss_network_args": json.dumps(arguments if recipe.convolutions else {}),
        "ss_base_model_version": "sd_v1",
        "ss_sd_model_name": "blockweight-embedded",
        "ss_v2": "False",
        "ss_unet_lr": str(recipe.unet_lr),
        "ss_text_encoder_lr": str(recipe.unet_lr),
        "ss_optimizer": "torch.optim.adamw.AdamW",
        "ss_lr_scheduler": "cosine",
        "ss_max_train_steps": str(recipe.steps),
        "ss_num_train_images": str(len(goblin_pictures())),
        "ss_batch_size_per_device": str(recipe.batch),
        "ss_resolution": "(64, 64)",
        "ss_seed": str(recipe.seed),
        "ss_min_snr_gamma": "5.0",
        "ss_shuffle_caption": "True",
        "ss_keep_tokens": "2",
        "ss_mixed_precision": "bf16",
        "ss_tag_frequency": json.dumps({"1_gobuhime": dict(sorted(counts.items()))}),
    }
    path = folder / f"{recipe.name}.safetensors"
    write_lora(path, tensors, metadata, overwrite=True)
    return path
