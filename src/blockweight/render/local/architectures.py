"""The kinds of Stable Diffusion that one engine draws: what they are made of, and which block weights fit them.

The sizes in the folders of configurations are the published ones: `v1-inference.yaml` of CompVis/stable-diffusion,
`v2-inference.yaml` of Stability-AI/stablediffusion, `sd_xl_base.yaml` of Stability-AI/generative-models, and
`ViT-H-14.json` and `ViT-bigG-14.json` of mlfoundations/open_clip. One vocabulary, SD1's, serves all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent

SD1_CONFIG = _HERE / "sd1-config"
"""A diffusers folder of Stable Diffusion 1.5 without its weights: sizes, noise schedule and CLIP's vocabulary."""


@dataclass(frozen=True)
class Architecture:
    """One kind: its family and name, diffusers' pipeline class, its text encoders, and `config`, a diffusers folder of
    the released size without its weights."""

    family: str
    title: str
    pipeline: str
    text_encoders: tuple[str, ...]
    config: Path

    @property
    def components(self) -> tuple[str, ...]:
        """The components that a LoRA can change."""
        return ("unet", *self.text_encoders)

    @property
    def parts(self) -> tuple[str, ...]:
        """The components with weights."""
        return (*self.components, "vae")

    @property
    def tokenizers(self) -> tuple[str, ...]:
        """The tokenizers of the text encoders, in their order."""
        return tuple(name.replace("text_encoder", "tokenizer") for name in self.text_encoders)

    @property
    def families(self) -> tuple[str, ...]:
        """The families of block weights that fit. The keys of an SD2 LoRA without a text encoder are those of an SD1
        one, with the same blocks; the sizes of its layers tell them apart when it is attached."""
        return ("sd2", "sd1") if self.family == "sd2" else (self.family,)


SD1 = Architecture("sd1", "Stable Diffusion 1.x", "StableDiffusionPipeline", ("text_encoder",), SD1_CONFIG)
SD2 = Architecture("sd2", "Stable Diffusion 2.x", "StableDiffusionPipeline", ("text_encoder",), _HERE / "sd2-config")
SDXL = Architecture(
    "sdxl",
    "Stable Diffusion XL",
    "StableDiffusionXLPipeline",
    ("text_encoder", "text_encoder_2"),
    _HERE / "sdxl-config",
)

PIPELINES = (SD1.pipeline, SDXL.pipeline)
"""The pipeline classes of the folders that are read."""


def architecture_of(pipeline: Any) -> Architecture:
    """The kind of a loaded pipeline. SD2 is told from SD1 by its UNet, whose attention blocks begin and end with linear
    layers instead of convolutions."""
    if type(pipeline).__name__ == SDXL.pipeline:
        return SDXL
    return SD2 if pipeline.unet.config.use_linear_projection else SD1
