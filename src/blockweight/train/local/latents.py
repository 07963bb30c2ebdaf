"""Pictures as the VAE's latents, calculated once and kept on the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import write_atomically
from blockweight.train.buckets import Fit
from blockweight.train.dataset import TrainingPicture, load_picture, picture_digest
from blockweight.train.local.trainee import Trainee
from blockweight.train.order import seed_of


def cached_latents(
    trainee: Trainee,
    model: str,
    pictures: Sequence[tuple[TrainingPicture, Fit]],
    folder: Path,
    done: Callable[[], None],
) -> tuple[Tensor, ...]:
    """Each picture's latents, (4, h, w) fp32 on the CPU, scaled as the UNet sees them; from `folder` where they are
    there. A file is named by all that decides it: the `model`'s digest, the picture's content and its sizes. `done` is
    called after each picture. BlockweightError for a picture that cannot be read."""
    found = []
    for picture, fit in pictures:
        digest = picture_digest(picture.path)
        path = folder / f"{seed_of('latents', model, digest, fit):016x}.safetensors"
        latents = _kept(path)
        if latents is None:
            latents = _encoded(trainee, picture, fit, digest)
            _keep(path, latents)
        found.append(latents)
        done()
    return tuple(found)


@torch.no_grad()
def _encoded(trainee: Trainee, picture: TrainingPicture, fit: Fit, digest: str) -> Tensor:
    levels = np.asarray(load_picture(picture.path, fit), np.float32) / 127.5 - 1
    pixels = torch.from_numpy(levels).permute(2, 0, 1)[None].to(trainee.device)
    found = trainee.vae.encode(pixels)
    if hasattr(found, "latent_dist"):
        # Drawn by the CPU from the picture's own seed: the same whatever else was encoded, and on every device.
        mean, spread = found.latent_dist.mean.cpu(), found.latent_dist.std.cpu()
        generator = torch.Generator().manual_seed(seed_of("latents", digest))
        drawn = mean + spread * torch.randn(mean.shape, generator=generator)
    else:
        drawn = found.latents.cpu()
    latents: Tensor = drawn[0] * trainee.vae.config.scaling_factor
    if not latents.isfinite().all():
        raise BlockweightError(f"The model's VAE makes no numbers of '{picture.path}'; give a model with another VAE.")
    return latents


def _kept(path: Path) -> Tensor | None:
    try:
        found: Tensor = load(path.read_bytes())["latents"]
    except (OSError, KeyError, ValueError, SafetensorError):
        return None
    return found


def _keep(path: Path, latents: Tensor) -> None:
    data = save({"latents": latents.contiguous()})

    def write(handle: BinaryIO) -> None:
        handle.write(data)

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, write, lambda _: None, overwrite=True)
