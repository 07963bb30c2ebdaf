"""Trains LoRAs of small drawings, first of all the goblin princess: a LoRA (attention only, 17 blocks) or a LoCon (26
blocks). What trains them is what `blockweight train` trains with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from blockweight.blocks import family_by_name
from blockweight.demo.characters import goblin_pictures
from blockweight.demo.illustrator import SIZE, draw
from blockweight.demo.train.loop import TOLD_STEPS
from blockweight.lora import write_lora
from blockweight.render import identify_checkpoint
from blockweight.train import Training
from blockweight.train.buckets import Buckets
from blockweight.train.dataset import Dataset, read_dataset
from blockweight.train.file_metadata import Course, file_metadata
from blockweight.train.local import Run, Seen, cached_latents, load_trainee
from blockweight.train.loop_settings import LoopSettings
from blockweight.train.network import Network
from blockweight.weights import BlockWeights, uniform

Pictures = NDArray[np.uint8]
"""Pictures, (N, 64, 64, 3), levels 0…255."""


@dataclass(frozen=True)
class Recipe:
    """How one LoRA is trained. `convolutions` adds all convolutions of the blocks and the resnets' time embeddings.
    `rate` is the learning rate of UNet and text encoder; `rates` are the blocks' as multiples of it. `trained_on` is
    the model's name."""

    name: str
    rank: int
    steps: int
    batch: int
    rate: float
    convolutions: bool
    seed: int
    trained_on: str = "blockweight-embedded"
    rates: BlockWeights | None = None

    def network(self) -> Network:
        """What is trained; each alpha is the rank."""
        conv = self.rank if self.convolutions else None
        weights = self.rates or uniform("all", family_by_name("sd1").layout, 1.0)
        training = Training(weights, self.rate, self.rate, self.rank, self.rank, conv, self.rank)
        return Network(training, conv_in=self.convolutions)

    def settings(self) -> LoopSettings:
        """How it is trained."""
        return LoopSettings(
            self.batch, seed=self.seed, scheduler="cosine", warmup=20, min_snr_gamma=5, shuffle=True, keep_tokens=2
        )


RECIPES = (
    Recipe("gobuhime", rank=8, steps=1_000, batch=12, rate=2e-3, convolutions=False, seed=21),
    Recipe("gobuhime-locon", rank=4, steps=1_400, batch=12, rate=2e-3, convolutions=True, seed=24),
)


def write_dataset(folder: Path, pictures: Pictures, tags: Sequence[Sequence[str]]) -> Dataset:
    """Pictures with their captions as a dataset in `folder`, each seen once in an epoch. Its one folder is named by the
    captions' second tag, which calls what they teach."""
    inner = folder / f"1_{tags[0][1]}"
    inner.mkdir(parents=True, exist_ok=True)
    for number, (picture, said) in enumerate(zip(pictures, tags, strict=True)):
        Image.fromarray(picture).save(inner / f"{number:02}.png")
        (inner / f"{number:02}.txt").write_text(", ".join(said), encoding="utf-8")
    return read_dataset(folder)


def princess(folder: Path) -> Dataset:
    """The goblin princess's pictures as a dataset in `folder`."""
    characters = goblin_pictures()
    drawn = np.stack([np.asarray(draw(character)) for character in characters])
    return write_dataset(folder, drawn, [character.tags() for character in characters])


def train_lora(
    recipe: Recipe, model: Path, dataset: Dataset, work: Path, folder: Path, report: Callable[[int, float], None]
) -> Path:
    """Train on the model in a diffusers folder and write the file to `folder`, with the checkpoint and the latents in
    `work`, from which a later call goes on. `report` gets the step and the mean loss of the last ones."""
    buckets = Buckets(SIZE, SIZE, SIZE, SIZE)
    fits = [buckets.fit(picture.size) for picture in dataset.pictures]
    trainee = load_trainee(model, torch.device("cpu"), "fp32")
    network, settings = recipe.network(), recipe.settings()
    latents = cached_latents(
        trainee,
        identify_checkpoint(model).digest,
        list(zip(dataset.pictures, fits, strict=True)),
        work / "latents",
        lambda: None,
    )
    seen = [Seen(one, picture.caption, picture.repeats) for one, picture in zip(latents, dataset.pictures, strict=True)]
    state = work / f"lora-{recipe.name}.pt"
    run = Run(trainee, trainee.adapters(network), seen, settings, state, steps=recipe.steps)
    run.train(lambda _loss: report(run.step, fmean(run.losses[-TOLD_STEPS:])), lambda _epoch: None)
    metadata = file_metadata(
        recipe.name,
        recipe.trained_on,
        network,
        dataset,
        [fit.bucket for fit in fits],
        buckets,
        settings,
        Course(run.steps, run.epoch_length, run.step),
        v_prediction=trainee.v_prediction,
    )
    path = folder / f"{recipe.name}.safetensors"
    write_lora(path, run.tensors("fp16"), metadata, overwrite=True)
    return path
