"""Trains LoRAs, first of all the goblin princess: a LoRA (attention only, 17 blocks) or a LoCon (26 blocks), saved with
kohya's names.

peft adds the low-rank layers; the loss is the denoiser's.
"""

from __future__ import annotations

import json
import random
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from torch import Tensor, nn
from transformers import CLIPTokenizer

from blockweight.blocks import REST, Module, family_by_name
from blockweight.demo.characters import goblin_pictures
from blockweight.demo.train.denoiser import TextToNoise, noise_loss, tokenize
from blockweight.demo.train.loop import Paced, step_generator, train
from blockweight.lora import write_lora
from blockweight.weights import BlockWeights, lr_weights


@dataclass(frozen=True)
class Recipe:
    """How one LoRA is trained. `convolutions` adds the 3×3 and 1×1 convolutions and the resnets' time embeddings.
    `trained_on` is the model's file name; `rates` are the UNet's blocks' learning rates as multiples of `unet_lr`;
    `bf16` as in `noise_loss`."""

    name: str
    rank: int
    alpha: float
    steps: int
    batch: int
    unet_lr: float
    convolutions: bool
    seed: int
    trained_on: str = "blockweight-embedded"
    rates: BlockWeights | None = None
    bf16: bool = True


RECIPES = (
    Recipe("gobuhime", rank=8, alpha=8, steps=1_000, batch=12, unet_lr=2e-3, convolutions=False, seed=21),
    Recipe("gobuhime-locon", rank=4, alpha=4, steps=1_400, batch=12, unet_lr=2e-3, convolutions=True, seed=22),
)

_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")
_CONVOLUTIONS = ("conv_in", "conv1", "conv2", "conv_shortcut", "time_emb_proj", "conv")
_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def princess_tags() -> list[list[str]]:
    """The tags of her pictures."""
    return [character.tags() for character in goblin_pictures()]


def caption(tags: Sequence[str], words: random.Random) -> str:
    """A caption with two tags kept and the rest shuffled, as kohya's shuffle_caption and keep_tokens=2 do."""
    head, trigger, *others = tags
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
    tags: Sequence[Sequence[str]],
    folder: Path,
    report: Callable[[int, float], None],
) -> dict[str, NDArray[np.generic]]:
    """Train on pictures' latents (n, 4, 16, 16) and tags; returns the file's tensors in fp16 under kohya's keys."""
    inject(model, recipe)

    def loss_of(step: int) -> Tensor:
        generator = step_generator(recipe.name, step)
        words = random.Random(step)
        captions = [caption(said, words) for said in tags]
        chosen = torch.randint(len(latents), (recipe.batch,), generator=generator)
        tokens = tokenize(tokenizer, [captions[index] for index in chosen.tolist()])
        return noise_loss(model, latents[chosen].float(), tokens, generator, bf16=recipe.bf16)

    trained = train(
        f"lora-{recipe.name}", model, loss_of, folder,
        steps=recipe.steps, peak=recipe.unet_lr, warmup=20, weight_decay=1e-2, ema=0.98, report=report,
        parameters=by_block_rate(model, recipe.rates),
    )  # fmt: skip
    assert isinstance(trained, TextToNoise)
    return kohya_tensors(trained, recipe.alpha)


def by_block_rate(model: TextToNoise, rates: BlockWeights | None) -> list[Paced]:
    """The adapters' parameters, those of one learning rate together. Without rates, and in the text encoder, that is
    the recipe's: sd-scripts' `down_lr_weight` and so on are the UNet's alone."""
    family = family_by_name("sd1")
    paced: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        part, _, layer = name.partition(".lora_")[0].partition(".")
        block = family.block_of(Module("unet", layer.replace(".", "_"))) if part == "unet" else REST
        rate = 1.0 if rates is None or block == REST else rates.weight(block)
        paced.setdefault(rate, []).append(parameter)
    return [Paced(tuple(parameters), rate) for rate, parameters in paced.items()]


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


def save_lora(
    recipe: Recipe, tensors: Mapping[str, NDArray[np.generic]], tags: Sequence[Sequence[str]], folder: Path
) -> Path:
    """Write the LoRA with the `ss_*` metadata that kohya's trainer would write about it and its pictures' tags."""
    counts = Counter(tag for said in tags for tag in said)
    subject = tags[0][1]
    rates = None if recipe.rates is None else lr_weights(recipe.rates)
    lists = dict(said.split("=") for said in shlex.split(rates.text())) if rates is not None else {}
    module = "lycoris.kohya" if recipe.convolutions else "networks.lora"
    arguments = {"algo": "locon", "conv_dim": str(recipe.rank), "conv_alpha": f"{recipe.alpha:g}"}
    metadata = {
        "ss_output_name": recipe.name,
        "ss_network_module": module,
        "ss_network_dim": str(recipe.rank),
        "ss_network_alpha": f"{recipe.alpha:g}",
        "ss_network_args": json.dumps((arguments if recipe.convolutions else {}) | lists),
        "ss_base_model_version": "sd_v1",
        "ss_sd_model_name": recipe.trained_on,
        "ss_v2": "False",
        "ss_unet_lr": str(recipe.unet_lr),
        "ss_text_encoder_lr": str(recipe.unet_lr),
        "ss_optimizer": "torch.optim.adamw.AdamW",
        "ss_lr_scheduler": "cosine",
        "ss_max_train_steps": str(recipe.steps),
        "ss_num_train_images": str(len(tags)),
        "ss_batch_size_per_device": str(recipe.batch),
        "ss_resolution": "(64, 64)",
        "ss_seed": str(recipe.seed),
        "ss_min_snr_gamma": "5.0",
        "ss_shuffle_caption": "True",
        "ss_keep_tokens": "2",
        "ss_mixed_precision": "bf16" if recipe.bf16 else "no",
        "ss_tag_frequency": json.dumps({f"1_{subject}": dict(sorted(counts.items()))}),
    }
    path = folder / f"{recipe.name}.safetensors"
    write_lora(path, tensors, metadata, overwrite=True)
    return path
