"""What a scene is made with beside its checkpoint: a VAE, a picture to start from, ControlNets with their maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RESIZE_MODES = ("Just resize", "Crop and resize", "Resize and fill")
"""How a picture of another size is fitted, by the WebUI's names: its sides stretched, what is too much cut off, or what
is missing filled up."""

CONTROL_MODES = ("Balanced", "My prompt is more important", "ControlNet is more important")
"""By the names of the WebUI's ControlNet extension: a ControlNet works alike everywhere, more softly the farther from
the middle of the UNet, or so and on the prompts alone, not the negative one."""

Kind = Literal["model", "embedding", "VAE", "picture", "ControlNet", "other LoRA"]


@dataclass(frozen=True)
class Part:
    """A file or folder: where it is, and a hash of its content."""

    path: str
    digest: str


@dataclass(frozen=True)
class Held:
    """A file or folder that a scene needs, and what it is."""

    kind: Kind
    path: str
    digest: str


@dataclass(frozen=True)
class Start:
    """The picture that a scene is drawn over (img2img), how far, 0 to 1, and one of RESIZE_MODES."""

    picture: Part
    denoising: float = 0.75
    resize: str = RESIZE_MODES[0]


@dataclass(frozen=True)
class Control:
    """A ControlNet and its map, as a preprocessor makes it. `weight` multiplies what it adds, 0 to 2; it works from the
    share `start` of the steps to `end`, 0 to 1; `mode` is one of CONTROL_MODES, `resize` of RESIZE_MODES."""

    model: Part
    picture: Part
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0
    mode: str = CONTROL_MODES[0]
    resize: str = RESIZE_MODES[1]
