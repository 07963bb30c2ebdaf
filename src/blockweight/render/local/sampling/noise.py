"""Noise from seeds as the WebUI draws it: every picture has a generator of its own, so that its noise is the same in
any batch, and all further noise of the picture continues it.

Source: `ImageRNG` of `modules/rng.py` in AUTOMATIC1111/stable-diffusion-webui 1.10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from blockweight.render.local.sampling.philox import PhiloxNormals

Draw = Callable[[Sequence[int]], Tensor]
"""The next normal numbers of a generator in a shape, fp32, on the CPU or the device that draws them."""


@dataclass(frozen=True)
class Seed:
    """What decides the noise of one picture: its seed, and another whose noise is mixed in at `strength`, 0 to 1."""

    seed: int
    variation: int = 0
    strength: float = 0.0


def generator(source: str, seed: int, device: torch.device) -> Draw:
    """A fresh generator of a noise source: `CPU`; `GPU`, the device that renders (for Apple's, the CPU, as in the
    WebUI); or `NV`, an NVIDIA card's numbers on any machine."""
    if source == "NV":
        normals = PhiloxNormals(seed)
        return lambda shape: torch.from_numpy(normals.draw(shape))
    where = torch.device("cpu") if source == "CPU" or device.type == "mps" else device
    numbers = torch.Generator(where).manual_seed(seed)
    return lambda shape: torch.randn(tuple(shape), generator=numbers, device=where)


class Noise:
    """The noise of a batch of pictures, each (C, h, w); `next` gives (N, C, h, w) on the device."""

    def __init__(self, seeds: Sequence[Seed], shape: Sequence[int], source: str, device: torch.device) -> None:
        self.seeds, self.source, self.device = tuple(seeds), source, device
        self._shape = tuple(shape)
        self._draws = [generator(source, one.seed, device) for one in seeds]

    def first(self) -> Tensor:
        """What the pictures begin with: each seed's noise, turned towards that of its variation."""
        found = []
        for one, draw in zip(self.seeds, self._draws, strict=True):
            noise = draw(self._shape)
            if one.strength:
                noise = turned(noise, generator(self.source, one.variation, self.device)(self._shape), one.strength)
            found.append(noise.to(self.device))
        return torch.stack(found)

    def next(self) -> Tensor:
        """The noise that an ancestral sampler adds next, of the seeds alone."""
        return torch.stack([draw(self._shape).to(self.device) for draw in self._draws])


def turned(noise: Tensor, other: Tensor, strength: float) -> Tensor:
    """`noise`, (C, h, w), turned towards `other` by `strength` of the angle between them: spherical interpolation
    (Shoemake 1985), which the WebUI does for every column of every channel by itself."""
    cosines = (noise / noise.norm(dim=1, keepdim=True) * (other / other.norm(dim=1, keepdim=True))).sum(1, keepdim=True)
    if cosines.mean() > 0.9995:
        return noise  # one and the same: the angle is no number
    angles = torch.acos(cosines)
    return (torch.sin((1 - strength) * angles) * noise + torch.sin(strength * angles) * other) / torch.sin(angles)
