"""The embedded model and LoRAs as files, the scenes of the demo, and masks from the illustrator's geometry."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from blockweight.demo.characters import Character
from blockweight.demo.illustrator import REGIONS, SIZE, regions
from blockweight.measure import Mask
from blockweight.plan import Checkpoint, Scene

TRIGGER_TAGS = "gobuhime, long hair, hairornament, choker"
"""What calls the princess. `greenskin` is left out, as in the tutorial: it makes the bleed worse."""

STEPS = 16
SAMPLER = "DPM++ 2M Karras"
CFG_SCALE = 4.0

_SURE = 0.9
"""A pixel belongs to a region's mask if it does so in this share of the illustrator's random shifts."""

_OFTEN = 0.3
"""The same for the mask of her look. Thin parts such as horns move with her, and no pixel is surely theirs."""


def model_folder() -> Path:
    """The embedded Stable Diffusion, a diffusers folder."""
    return Path(str(resources.files("blockweight.demo") / "model"))


def lora_file(name: str) -> Path:
    """An embedded LoRA: `gobuhime` (17 blocks) or `gobuhime-locon` (26 blocks)."""
    return Path(str(resources.files("blockweight.demo") / "loras" / f"{name}.safetensors"))


@dataclass(frozen=True)
class Outfit:
    """What the princess should wear in a scene, and where."""

    colour: str
    outfit: str
    background: str

    @property
    def label(self) -> str:
        """For people: `red dress, meadow`."""
        return f"{self.colour} {self.outfit}, {self.background}"


SHOWN = (
    Outfit("white", "sailor uniform", "classroom"),
    Outfit("red", "dress", "meadow"),
    Outfit("black", "suit", "sunset"),
    Outfit("yellow", "hoodie", "night"),
    Outfit("pink", "apron", "blue sky"),
    Outfit("blue", "dress", "white background"),
)
"""The scenes of the before/after comparison; the analysis never sees them."""

STUDIED = (
    Outfit("blue", "suit", "white background"),
    Outfit("red", "hoodie", "blue sky"),
    Outfit("black", "dress", "classroom"),
    Outfit("white", "apron", "night"),
)
"""The scenes of the round, and the first of them of the analysis."""


def scene(checkpoint: Checkpoint, outfit: Outfit, seed: int, mouth: str = "smile") -> Scene:
    """The princess in an outfit, 64×64 pixels."""
    return Scene(
        label=outfit.label,
        checkpoint=checkpoint,
        prompt=f"1girl, {TRIGGER_TAGS}, {mouth}, {outfit.colour} {outfit.outfit}, {outfit.background}",
        negative_prompt="",
        seed=seed,
        steps=STEPS,
        cfg_scale=CFG_SCALE,
        sampler=SAMPLER,
        width=SIZE,
        height=SIZE,
    )


@cache
def _region_shares(outfit: str, goblin: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """How often each pixel shows each region over all shifts: (regions, 64, 64), 0…1."""
    drawn = Character(
        "brown", "long hair", "fair", "blue", "smile", outfit, "red", "white background", None, goblin=goblin
    )
    moved = [replace(drawn, shift=(x, y)) for x in range(-3, 4) for y in range(-2, 3)]
    labels = np.stack([regions(character) for character in moved])
    return np.stack([(labels == number).mean(axis=0) for number in range(len(REGIONS))])


def _shares(names: Collection[str], outfit: str, goblin: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    chosen = [REGIONS.index(name) for name in names]
    shared: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = _region_shares(outfit, goblin)[chosen].sum(axis=0)
    return shared


def region_mask(names: Collection[str], outfit: str) -> Mask:
    """Where a long-haired character in this outfit shows one of the regions wherever she stands: (64, 64) bool."""
    mask: Mask = _shares(names, outfit, goblin=False) >= _SURE
    return mask


def look_mask(outfit: str) -> Mask:
    """Where the princess in this outfit often shows what makes her the princess (face, ears, hair, horns, choker), and
    never her clothes: (64, 64) bool."""
    look = _shares(("face", "hair", "ornament"), outfit, goblin=True) >= _OFTEN
    mask: Mask = look & (_shares(("clothes",), outfit, goblin=True) <= 1 - _SURE)
    return mask
