"""A picture as it is typed, before any file is looked at: what the values of a plot's axes change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blockweight.plan import Scene
from blockweight.weights import BlockWeights
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.sampling_options import SamplingOptions

NO_LORA = "None"
"""What stands for no LoRA at all among LoRAs and weights, as the WebUI writes it (NONE is a preset)."""


_PLAIN, _NO_PARTS = SamplingOptions(), PartOptions()


@dataclass(frozen=True)
class LoraEdit:
    """What is said of the LoRA that is plotted beside its tag, or without one; None and empty for what is not.

    `name` is a file's path or name; `beside` says that the LoRA is given beside the prompt, whose tags are all others
    then; `te` and `unet` are its strengths in text encoders and in the denoiser; it works from step `start` until step
    `stop`. `current` or, in any notation, `base` are its weights where no axis says others; `weights` are those of
    axes, of which the second fills what the first leaves at 0; where `off` is said the LoRA is left out. `blocks` is an
    expression over blocks, all of which get `value`.
    """

    name: str = ""
    beside: bool = False
    te: float | None = None
    unet: float | None = None
    start: int | None = None
    stop: int | None = None
    base: str = ""
    current: BlockWeights | None = None
    weights: tuple[str, ...] = ()
    off: bool = False
    blocks: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Shot:
    """All that a picture takes, by the names of the commands' options. Prompts may hold `<lora:…>` tags; `vae` is a
    path or the name of a file in the folders of the settings, and so are `model` and the LoRAs. `renderer` is the one
    that draws the picture, by its name; empty for the command's. `tags` stand behind the prompt. `scene` is what the
    shot was made of, if it was made of one: all that does not differ from it stays."""

    prompt: str
    negative: str
    seed: int
    model: str
    steps: int
    cfg: float
    sampler: str
    size: str
    sampling: SamplingOptions = _PLAIN
    clip_skip: int = 1
    vae: str = ""
    parts: PartOptions = _NO_PARTS
    embeddings: Path | None = None
    renderer: str = ""
    lora: LoraEdit = LoraEdit()
    tags: tuple[str, ...] = ()
    scene: Scene | None = None

    def with_lora(self, **changes: Any) -> Shot:
        """The same with something else said of the LoRA."""
        return replace(self, lora=replace(self.lora, **changes))

    def with_sampling(self, **changes: Any) -> Shot:
        """The same with other options of the sampler or the hires pass."""
        return replace(self, sampling=replace(self.sampling, **changes))

    def with_parts(self, **changes: Any) -> Shot:
        """The same with other pictures or ControlNets."""
        return replace(self, parts=replace(self.parts, **changes))
