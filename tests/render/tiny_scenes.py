"""Jobs over the tiny model, and what it means that two renderings are the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from blockweight.lora import open_lora
from blockweight.plan import Checkpoint, Job, LoraUse, Scene, Variant
from blockweight.weights import BlockWeights


@dataclass(frozen=True)
class Tiny:
    """Where the tiny model and its LoRAs are."""

    folder: Path
    checkpoint: Checkpoint
    standard: LoraUse
    locon: LoraUse

    def scene(self, **changes) -> Scene:
        plain = Scene("scene", self.checkpoint, "1girl, red dress", "", 3, 3, 5.0, "DPM++ 2M Karras", 16, 16)
        return replace(plain, **changes)

    def job(self, weights: BlockWeights | None, lora: LoraUse | None = None, label: str = "variant", **changes) -> Job:
        return Job(self.scene(**changes), lora or self.locon, Variant(label, weights))


def use(path: Path, strength: float = 1.0) -> LoraUse:
    return LoraUse(str(path), open_lora(path).digest, strength)


def same(found, wanted, *, latents: float = 2e-4, levels: int = 1) -> None:
    """(pictures, latents) are equal within a relative error of the latents and a number of grey levels, while they
    are pictures of something."""
    assert wanted[0].std() > 5
    error = float((found[1] - wanted[1]).norm() / wanted[1].norm())
    assert error < latents, error
    assert np.abs(found[0].astype(int) - wanted[0].astype(int)).max() <= levels


def different(a, b) -> None:
    assert float((a[1] - b[1]).norm() / b[1].norm()) > 0.01
