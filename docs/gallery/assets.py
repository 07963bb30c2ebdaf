"""The files that the gallery needs beside the embedded ones, trained once into a folder.

`dusk` is the embedded model, trained a little further on drawings at dusk. `witch` is an outfit, `dusklight` the light
of dusk, both LoCons. The others are the princess, LoCons too: `gobuhime-dusk` trained on dusk's model, `gobuhime-111`
on the embedded one, and `gobuhime-876` and so on likewise, but with learning rates of blocks: 0.8 for important blocks,
0.7 for unknown and 0.6 for unimportant ones. All of the princess have the same steps and seeds. Every training goes on
from its checkpoint.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import drawings
import kinds
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blockweight.demo import embedded
from blockweight.demo.characters import goblin_pictures, training_caption
from blockweight.demo.train import autoencoder, export
from blockweight.demo.train.denoiser import TextToNoise, noise_loss, tokenize
from blockweight.demo.train.loop import step_generator, train
from blockweight.demo.train.lora import Recipe, princess_tags, save_lora, train_lora
from blockweight.demo.train.tokenizer import build_tokenizer

DUSK_STEPS, LORA_STEPS = 350, 240
LORA = Recipe("", rank=4, alpha=4, steps=LORA_STEPS, batch=6, unet_lr=2e-3, convolutions=True, seed=22, bf16=False)

Report = Callable[[str, int, int], None]
"""Told what is trained, how many of its steps are done, and of how many."""

Pictures = NDArray[np.uint8]
Data = tuple[Tensor, list[list[str]]]


def make(folder: Path, report: Report) -> None:
    """Train what is missing in `folder/loras` and `folder/models`."""
    checkpoints = folder / "checkpoints"
    for path in (checkpoints, folder / "loras", folder / "models"):
        path.mkdir(parents=True, exist_ok=True)
    vae, model = export.load_parts(embedded.model_folder())
    princess = drawings.drawn(goblin_pictures())

    def data(pictures: Pictures, tags: list[list[str]]) -> Data:
        return autoencoder.encode(vae, pictures, lambda _done: None), tags

    def lora(recipe: Recipe, onto: TextToNoise, learnt: Data) -> None:
        path = folder / "loras" / f"{recipe.name}.safetensors"
        if not path.exists():
            told = _told(report, recipe.name, recipe.steps)
            tensors = train_lora(recipe, deepcopy(onto), build_tokenizer(), *learnt, checkpoints, told)
            save_lora(recipe, tensors, learnt[1], folder / "loras")

    plain = data(princess, princess_tags())
    lora(replace(LORA, name="gobuhime-111"), model, plain)
    lora(replace(LORA, name="witch", seed=41), model, data(*drawings.witches()))
    dusk = folder / "models" / "dusk"
    if not dusk.exists():
        moved = _dusk(vae, deepcopy(model), checkpoints, report)
        export.save_model(dusk.with_suffix(".partial"), deepcopy(vae), moved, build_tokenizer())
        os.replace(dusk.with_suffix(".partial"), dusk)
    _, dusk_model = export.load_parts(dusk)
    lora(
        replace(LORA, name="gobuhime-dusk", trained_on="dusk"),
        dusk_model,
        data(drawings.at_dusk(princess), princess_tags()),
    )
    for digits in kinds.DIGITS:
        lora(replace(LORA, name=f"gobuhime-{digits}", rates=kinds.digit_weights(digits)), model, plain)
    lora(replace(LORA, name="dusklight", seed=51), model, data(*drawings.evenings()))


def _told(report: Report, name: str, steps: int) -> Callable[[int, float], None]:
    return lambda step, _loss: report(name, step, steps)


def _dusk(vae: torch.nn.Module, model: TextToNoise, checkpoints: Path, report: Report) -> TextToNoise:
    """The model after some more steps, on drawings at dusk."""
    characters = drawings.corpus(1536)
    latents = autoencoder.encode(vae, drawings.at_dusk(drawings.drawn(characters)), lambda _done: None)
    tokenizer = build_tokenizer()
    model.requires_grad_()

    def loss_of(step: int) -> Tensor:
        generator = step_generator("dusk", step)
        words = random.Random(step)
        chosen = torch.randint(len(latents), (12,), generator=generator).tolist()
        captions = ["" if words.random() < 0.1 else training_caption(characters[n], words) for n in chosen]
        return noise_loss(model, latents[chosen].float(), tokenize(tokenizer, captions), generator, bf16=False)

    trained = train(
        "dusk", model, loss_of, checkpoints,
        steps=DUSK_STEPS, peak=5e-4, warmup=20, weight_decay=1e-2, ema=0.98, report=_told(report, "dusk", DUSK_STEPS),
    )  # fmt: skip
    assert isinstance(trained, TextToNoise)
    return trained
