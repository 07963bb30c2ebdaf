"""Trains the autoencoder: 64×64 pictures to 16×16 latents of four channels and back.

An AutoencoderTiny has no normalisation layers, which suits flat colours: nothing makes a pixel's hue depend on the
rest of the picture. While it trains, its latents are brought to mean 0 and variance 1 per channel, and the decoder
sees them with up to 20 % noise: a denoiser as small as ours never lands exactly on the right latents, and a decoder
that has learned to ignore small errors draws crisp edges all the same. Afterwards the scaling is folded into the
encoder's last convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock
from numpy.typing import NDArray
from torch import Tensor, nn

from blockweight.demo.train.loop import step_generator, train

STEPS = 6_500
BATCH = 12
LATENT_NOISE = 0.2


def build() -> AutoencoderTiny:
    """The untrained autoencoder, seeded."""
    torch.manual_seed(11)
    vae = AutoencoderTiny(
        encoder_block_out_channels=(24, 24, 24),
        decoder_block_out_channels=(24, 24, 24),
        num_encoder_blocks=(1, 2, 4),
        num_decoder_blocks=(4, 3, 1),
        latent_channels=4,
        scaling_factor=1.0,
    )
    start_as_thumbnail(vae)
    return vae


@torch.no_grad()
def start_as_thumbnail(vae: AutoencoderTiny) -> None:
    """Set the weights so that the first three latents begin as a thumbnail in red, green and blue, and the
    decoder as its enlargement. From there it learns the details in minutes; from random weights it spends most of the
    time on finding the colours."""
    smooth = torch.tensor([0.25, 0.5, 0.25])
    blur, identity = torch.outer(smooth, smooth), torch.zeros(3, 3)
    identity[1, 1] = 1.0

    def carry(conv: nn.Conv2d, kernel: Tensor, gain: float = 1.0, shift: float = 0.0) -> None:
        conv.weight[:3] = 0.0
        for channel in range(3):
            conv.weight[channel, channel] = gain * kernel
        if conv.bias is not None:
            conv.bias[:3] = shift

    for half in (vae.encoder, vae.decoder):
        for layer in half.layers:
            if isinstance(layer, AutoencoderTinyBlock):
                layer.conv[-1].weight.zero_()  # each block begins as the identity
                layer.conv[-1].bias.zero_()
    convs = [layer for layer in vae.encoder.layers if isinstance(layer, nn.Conv2d)]
    for conv in convs:
        carry(conv, blur if conv.stride == (2, 2) else identity)
    first, *middle, last = (layer for layer in vae.decoder.layers if isinstance(layer, nn.Conv2d))
    carry(first, identity, gain=0.3, shift=0.6)  # back from normalised latents to the corpus's mean and spread
    for conv in middle:
        carry(conv, blur)
    carry(last, identity)


def to_model(pictures: NDArray[np.uint8]) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 in -1…1."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def picture_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error of the pixels plus that of their differences to the right and below (edges)."""
    loss = F.l1_loss(made, wanted)
    for axis in (2, 3):
        loss = loss + F.l1_loss(made.diff(dim=axis), wanted.diff(dim=axis))
    return loss


def train_autoencoder(
    pictures: NDArray[np.uint8], folder: Path, report: Callable[[int, float], None]
) -> AutoencoderTiny:
    """Train on the corpus; returns the averaged autoencoder, whose latents have mean 0 and variance 1 per channel."""
    vae = build()

    def loss_of(step: int) -> Tensor:
        generator = step_generator("autoencoder", step)
        chosen = torch.randint(len(pictures), (BATCH,), generator=generator).sort().values.numpy()
        wanted = to_model(pictures[chosen])
        with torch.autocast("cpu", torch.bfloat16):
            raw = vae.encode(wanted).latents.float()
            latents = F.batch_norm(raw, None, None, training=True)
            spread = torch.rand(BATCH, 1, 1, 1, generator=generator) * LATENT_NOISE
            made = vae.decode(latents + spread * torch.randn(raw.shape, generator=generator)).sample.float()
        return picture_loss(made, wanted)

    trained = train(
        "autoencoder", vae, loss_of, folder,
        steps=STEPS, peak=2e-3, warmup=100, weight_decay=1e-4, ema=0.998, report=report,
    )  # fmt: skip
    assert isinstance(trained, AutoencoderTiny)
    fold_scale(trained, encode(trained, pictures[:4096], lambda done: None).float())
    return trained


@torch.no_grad()
def fold_scale(vae: AutoencoderTiny, latents: Tensor) -> None:
    """Change the encoder's last convolution so that these latents (N, 4, h, w) would come out with mean 0 and
    variance 1 per channel."""
    last = vae.encoder.layers[-1]
    mean, spread = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
    last.weight.div_(spread[:, None, None, None])
    last.bias.sub_(mean).div_(spread)


@torch.no_grad()
def encode(vae: AutoencoderTiny, pictures: NDArray[np.uint8], progress: Callable[[float], None]) -> Tensor:
    """The latents, (N, 4, 16, 16) float16."""
    vae.eval()
    parts = []
    for start in range(0, len(pictures), 256):
        parts.append(vae.encode(to_model(pictures[start : start + 256])).latents.half())
        progress(min(1.0, (start + 256) / len(pictures)))
    return torch.cat(parts)
