"""What is between the two passes: latents enlarged, or the decoded picture and encoded again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from blockweight.plan import HiresSize
from blockweight.render.local.sampling.noise import generator

_MODES = {
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}
"""torch's modes, and whether they blur what they shrink. Source: `modules/shared.py` of the WebUI."""


def enlarged_latents(latents: Tensor, upscaler: str, size: HiresSize, factor: int) -> Tensor:
    """Latents (N, C, h, w) in another size, by one of `plan.LATENT_UPSCALERS`."""
    mode, antialias = _MODES[upscaler]
    return interpolate(latents, (size.height // factor, size.width // factor), mode=mode, antialias=antialias)


def enlarged_picture(picture: Image.Image, upscaler: str, width: int, height: int) -> Image.Image:
    """A picture in another size, by one of `plan.PIXEL_UPSCALERS`.

    `None` is one Lanczos filter. The others go to a multiple of eight pixels first, when they enlarge, and Lanczos does
    what is left. Source: `modules/images.py` and `modules/upscaler.py` of the WebUI.
    """
    lanczos = Image.Resampling.LANCZOS
    scale = max(width / picture.width, height / picture.height)
    if upscaler != "None" and scale > 1:
        goal = int(picture.width * scale) // 8 * 8, int(picture.height * scale) // 8 * 8
        kind = lanczos if upscaler == "Lanczos" else Image.Resampling.NEAREST
        picture = picture.resize((int(picture.width * scale), int(picture.height * scale)), kind)
        if picture.size != goal:
            picture = picture.resize(goal, lanczos)
    return picture if picture.size == (width, height) else picture.resize((width, height), lanczos)


def cropped(latents: Tensor, size: HiresSize) -> Tensor:
    """Latents without the columns and rows that are too many, half of them on either side, the odd one at the end."""
    rows, columns = latents.shape[2:]
    top, left = size.crop_y // 2, size.crop_x // 2
    return latents[:, :, top : rows - (size.crop_y - top), left : columns - (size.crop_x - left)]


def encoded(
    vae: Any, pictures: Sequence[Image.Image], seeds: Sequence[int], source: str, device: torch.device
) -> Tensor:
    """Latents of pictures, (N, C, h, w), fp32. Autoencoders that give a distribution are drawn from, each picture with
    the first noise of its seed, as the WebUI does for one picture. One that overflows in half precision calculates in
    full from then on."""
    found = []
    for picture, seed in zip(pictures, seeds, strict=True):
        levels = torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None]
        answer = vae.encode((levels * 2 - 1).to(vae.device, vae.dtype))
        if vae.dtype != torch.float32 and not _mean(answer).isfinite().all():
            answer = vae.float().encode((levels * 2 - 1).to(vae.device))
        if hasattr(answer, "latent_dist"):
            mean, deviation = answer.latent_dist.mean.float(), answer.latent_dist.std.float()
            noise = generator(source, seed, device)(mean.shape[1:])
            latents = mean.to(device) + deviation.to(device) * noise.to(device)
        else:
            latents = answer.latents.float().to(device)
        found.append(latents[0] * vae.config.scaling_factor)
    return torch.stack(found)


def _mean(answer: Any) -> Tensor:
    found: Tensor = answer.latent_dist.mean if hasattr(answer, "latent_dist") else answer.latents
    return found
