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
from dataclasses import replace
from pathlib import Path

import drawings
import kinds
import torch
from torch import Tensor

from blockweight.demo import embedded
from blockweight.demo.characters import goblin_pictures, training_caption
from blockweight.demo.train import autoencoder, export
from blockweight.demo.train.denoiser import TextToNoise, noise_loss, tokenize
from blockweight.demo.train.loop import step_generator, train
from blockweight.demo.train.lora import Pictures, Recipe, train_lora, write_dataset
from blockweight.demo.train.tokenizer import build_tokenizer
from blockweight.train.dataset import Dataset

DUSK_STEPS, LORA_STEPS = 350, 240
LORA = Recipe("", rank=4, steps=LORA_STEPS, batch=6, rate=2e-3, convolutions=True, seed=22)

Report = Callable[[str, int, int], None]
"""Told what is trained, how many of its steps are done, and of how many."""


def make(folder: Path, report: Report) -> None:
    """Train what is missing in `folder/loras` and `folder/models`."""
    checkpoints = folder / "checkpoints"
    for path in (checkpoints, folder / "loras", folder / "models"):
        path.mkdir(parents=True, exist_ok=True)
    princess = drawings.drawn(goblin_pictures())

    def data(name: str, pictures: Pictures, tags: list[list[str]]) -> Dataset:
        return write_dataset(checkpoints / name, pictures, tags)

    def lora(recipe: Recipe, onto: Path, learnt: Dataset) -> None:
        if not (folder / "loras" / f"{recipe.name}.safetensors").exists():
            told = _told(report, recipe.name, recipe.steps)
            train_lora(recipe, onto, learnt, checkpoints, folder / "loras", told)

    model = embedded.model_folder()
    tags = [character.tags() for character in goblin_pictures()]
    plain = data("princess", princess, tags)
    lora(replace(LORA, name="gobuhime-111"), model, plain)
    lora(replace(LORA, name="witch", seed=41), model, data("witches", *drawings.witches()))
    dusk = folder / "models" / "dusk"
    if not dusk.exists():
        vae, parts = export.load_parts(model)
        moved = _dusk(vae, parts, checkpoints, report)
        export.save_model(dusk.with_suffix(".partial"), vae, moved, build_tokenizer())
        os.replace(dusk.with_suffix(".partial"), dusk)
    at_dusk = data("princess-dusk", drawings.at_dusk(princess), tags)
    lora(replace(LORA, name="gobuhime-dusk", trained_on="dusk"), dusk, at_dusk)
    for digits in kinds.DIGITS:
        lora(replace(LORA, name=f"gobuhime-{digits}", rates=kinds.digit_weights(digits)), model, plain)
    lora(replace(LORA, name="dusklight", seed=51), model, data("evenings", *drawings.evenings()))


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
