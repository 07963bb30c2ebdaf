"""Trains the autoencoder: 64×64 pictures to 16×16 latents of four channels and back.

Besides the usual posterior noise, the decoder sees latents with extra noise of up to a quarter of their spread:
a denoiser as small as ours never lands exactly on the right latents, and a decoder that has learned to ignore
small errors draws crisp edges all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from blockweight.demo.train.loop import step_generator, train

STEPS = 2_400
BATCH = 32
KL_WEIGHT = 2e-4
LATENT_NOISE = 0.25


def build() -> AutoencoderKL:
    """The untrained autoencoder, seeded."""
    torch.manual_seed(11)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 32, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=64,
    )


def to_model(pictures: NDArray[np.uint8]) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 in -1…1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def picture_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error of the pixels plus that of their differences to the right and below (edges)."""
    loss = F.l1_loss(made, wanted)
    for axis in (2, 3):
        loss = loss + F.l1_loss(made.diff(dim=axis), wanted.diff(dim=axis))
    return loss


def train_autoencoder(
    pictures: NDArray[np.uint8], folder: Path, report: Callable[[int, float], None]
) -> AutoencoderKL:
    """Train on the corpus; returns the averaged autoencoder with `scaling_factor` set to 1/standard deviation."""
    vae = build()

    def loss_of(step: int) -> Tensor:
        generator = step_generator("autoencoder", step)
        chosen = torch.randint(len(pictures), (BATCH,), generator=generator).sort().values.numpy()
        wanted = to_model(pictures[chosen])
        with torch.autocast("cpu", torch.bfloat16):
            moments = vae.encode(wanted).latent_dist
            mean, logvar = moments.mean.float(), moments.logvar.float()
            noise = torch.randn(mean.shape, generator=generator)
            extra = torch.rand(BATCH, 1, 1, 1, generator=generator) * LATENT_NOISE * mean.detach().std()
            spread = (logvar.exp() + extra.square()).sqrt()
            made = vae.decode(mean + spread * noise).sample.float()
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        return picture_loss(made, wanted) + KL_WEIGHT * kl

    trained = train(
        "autoencoder", vae, loss_of, folder,
        steps=STEPS, peak=2e-3, warmup=100, weight_decay=1e-4, ema=0.998, report=report,
    )  # fmt: skip
    assert isinstance(trained, AutoencoderKL)
    latents = encode(trained, pictures[:2048], lambda done: None)
    trained.register_to_config(scaling_factor=round(1 / float(latents.float().std()), 5))
    return trained


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: NDArray[np.uint8], progress: Callable[[float], None]) -> Tensor:
    """The posterior means, (N, 4, 16, 16) float16, unscaled."""
    vae.eval()
    parts = []
    for start in range(0, len(pictures), 256):
        parts.append(vae.encode(to_model(pictures[start : start + 256])).latent_dist.mean.half())
        progress(min(1.0, (start + 256) / len(pictures)))
    return torch.cat(parts)
