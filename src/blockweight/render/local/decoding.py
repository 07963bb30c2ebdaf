"""Latents to pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from blockweight.render.local.memory import ran_out_of_memory
from blockweight.render.protocol import Picture

PIXELS_AT_ONCE = 1024 * 1024
"""Of the pictures that an autoencoder makes together: it takes more memory for a picture than the model that drew it
(512 MiB for 512×512 in half precision), and more at once are hardly faster."""


def decoded(vae: Any, latents: Tensor) -> Tensor:
    """The pictures of latents (N, C, h, w), (N, 3, H, W) around −1 to 1, fp32. An autoencoder that overflows in half
    precision, as some do, calculates in full from then on, and one that finds no room on a graphics card by the CPU."""
    area = latents.shape[-2] * latents.shape[-1] * 4 ** (len(vae.config.block_out_channels) - 1)
    return torch.cat([_decoded(vae, part) for part in torch.split(latents, max(1, PIXELS_AT_ONCE // area))])


def _decoded(vae: Any, latents: Tensor) -> Tensor:
    found = _attempt(vae, latents)
    if found is None and len(latents) > 1:
        found = torch.cat([_decoded(vae, latents[number : number + 1]) for number in range(len(latents))])
    elif found is None:
        # Slow, but the same picture; tiles would show their seams.
        nn.Module.to(vae, torch.device("cpu"), torch.float32)
        found = vae.decode(_scaled(vae, latents)).sample
    if vae.dtype != torch.float32 and (_whole(latents).to(found.device) & ~_whole(found)).any():
        vae.float()
        return _decoded(vae, latents)
    return found.to(latents.device).float()


def _attempt(vae: Any, latents: Tensor) -> Tensor | None:
    """None if a graphics card has no memory for it."""
    try:
        found: Tensor = vae.decode(_scaled(vae, latents)).sample
    except RuntimeError as error:
        if vae.device.type == "cpu" or not ran_out_of_memory(error):
            raise
        return None
    return found


def _whole(rows: Tensor) -> Tensor:
    """Which of rows (N, …) are made of numbers, (N,)."""
    return rows.isfinite().flatten(1).all(1)


def _scaled(vae: Any, latents: Tensor) -> Tensor:
    scaled: Tensor = (latents / vae.config.scaling_factor).to(vae.device, vae.dtype)
    return scaled


def levels_of(pictures: Tensor, *, cut: bool) -> list[Picture]:
    """Decoded pictures in 8 bits: to the nearest level, or (`cut`) the one below, as in the WebUI."""
    scaled = (pictures.clamp(-1, 1) + 1) * 127.5
    levels = (scaled.floor() if cut else scaled.round()).byte().permute(0, 2, 3, 1).cpu().numpy()
    return [np.ascontiguousarray(picture) for picture in levels]
