"""The models that diffusers' own pipelines draw: one entry a pipeline class, which says how a scene is told to it.

Source of all names, sizes and defaults: `pipelines/` of diffusers 0.42.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from blockweight.plan import Scene
from blockweight.render.local import names, pipeline_prompts
from blockweight.render.local.pipeline_prompts import Encode, Encoded
from blockweight.render.local.places import Name

DISTILLED_GUIDANCE = 3.5
"""What a model that was distilled from guidance is told if the scene does not say: Forge's default for Flux.1."""


@dataclass(frozen=True)
class Kind:
    """How the scenes of one pipeline class are drawn.

    - `encode` reads one prompt of at most `tokens` (what the pipeline takes when it is called); `joined` makes the
      call's arguments of a batch of them.
    - `latents` is the shape of one picture's noise, (C, h, w), and `packed` makes of a batch of it, (N, C, h, w), what
      the pipeline begins with. `side` is what width and height must be multiples of.
    - `guidance` is the call's arguments for a scene; `guides` says whether this model can be guided by a negative
      prompt, `distilled` whether it takes its guidance as a number.
    - A `spaced` pipeline can be told its noise levels; the others take those of their scheduler.
    - Layers that match `alone` do not see a row for each sample.
    - `names` is what LoRAs in the original's names call the layers.
    - `pictures` takes them out of what the call gives, (N, 3, H, W) from 0 to 1; `options` are arguments of every call.
    """

    family: str
    encode: Encode
    latents: Callable[[Any, int, int], tuple[int, int, int]]
    guidance: Callable[[Any, Scene], Mapping[str, Any]]
    side: Callable[[Any], int]
    tokens: int = 512
    packed: Callable[[Any, Tensor], Tensor] = lambda _, noise: noise
    joined: Callable[[Sequence[Encoded]], Mapping[str, Any]] = pipeline_prompts.stacked
    guides: Callable[[Any], bool] = lambda _: True
    distilled: Callable[[Any], bool] = lambda _: False
    spaced: bool = True
    alone: str = ""
    names: tuple[Name, ...] = ()
    pictures: Callable[[Any], Tensor] = lambda output: output.images
    options: tuple[tuple[str, Any], ...] = ()


def scale_of(scene: Scene) -> float:
    """The distilled guidance of a scene."""
    return DISTILLED_GUIDANCE if scene.guidance is None else scene.guidance


def _cfg(_pipeline: Any, scene: Scene) -> dict[str, Any]:
    return {"guidance_scale": scene.cfg_scale}


def _cfg_beyond_one(_pipeline: Any, scene: Scene) -> dict[str, Any]:
    """Z-Image's and Krea's add guidance_scale · (positive − negative) to the positive, so that 0 turns it off."""
    return {"guidance_scale": scene.cfg_scale - 1}


def _true_cfg(pipeline: Any, scene: Scene) -> dict[str, Any]:
    distilled = {"guidance_scale": scale_of(scene)} if pipeline.transformer.config.guidance_embeds else {}
    return {"true_cfg_scale": scene.cfg_scale, **distilled}


def _embedded(_pipeline: Any, scene: Scene) -> dict[str, Any]:
    return {"guidance_scale": scale_of(scene)}


def _has_guidance_embedder(pipeline: Any) -> bool:
    return bool(pipeline.transformer.config.guidance_embeds)


def _plain(pipeline: Any, width: int, height: int) -> tuple[int, int, int]:
    factor = pipeline.vae_scale_factor
    return pipeline.transformer.config.in_channels, height // factor, width // factor


def _quartered(pipeline: Any, width: int, height: int) -> tuple[int, int, int]:
    """The transformer sees 2×2 latents as one of four times the channels."""
    factor = pipeline.vae_scale_factor
    return pipeline.transformer.config.in_channels // 4, height // factor, width // factor


def _patched(pipeline: Any, width: int, height: int) -> tuple[int, int, int]:
    """The noise itself is drawn for 2×2 latents at once."""
    factor = 2 * pipeline.vae_scale_factor
    return pipeline.transformer.config.in_channels, height // factor, width // factor


def _frame(pipeline: Any, width: int, height: int) -> tuple[int, int, int]:
    factor = pipeline.vae_scale_factor_spatial
    return pipeline.transformer.config.in_channels, height // factor, width // factor


def _pack(pipeline: Any, noise: Tensor) -> Tensor:
    packed: Tensor = pipeline._pack_latents(noise, *noise.shape)
    return packed


def _in_dtype(pipeline: Any, noise: Tensor) -> Tensor:
    return noise.to(pipeline.transformer.dtype)


def _two_latents(pipeline: Any) -> int:
    return 2 * int(pipeline.vae_scale_factor)


def _patches(pipeline: Any) -> int:
    return int(pipeline.vae_scale_factor * pipeline.transformer.config.patch_size)


def _wan_side(pipeline: Any) -> int:
    patch = pipeline.transformer.config.patch_size
    return math.lcm(16, *(pipeline.vae_scale_factor_spatial * side for side in patch[1:]))


def _first_frames(output: Any) -> Tensor:
    frames: Tensor = output.frames[:, 0]
    return frames


def _klein_guides(pipeline: Any) -> bool:
    return not pipeline.config.is_distilled


KINDS: dict[str, Kind] = {
    "StableDiffusion3Pipeline": Kind(
        "sd3",
        encode=pipeline_prompts.sd3,
        tokens=256,
        latents=_plain,
        guidance=_cfg,
        side=_patches,
        names=names.SD3,
    ),
    "FluxPipeline": Kind(
        "flux1",
        encode=pipeline_prompts.flux1,
        latents=_quartered,
        packed=_pack,
        guidance=_true_cfg,
        distilled=_has_guidance_embedder,
        side=_two_latents,
        names=names.FLUX1,
    ),
    "ChromaPipeline": Kind(
        "flux1",
        encode=pipeline_prompts.chroma,
        latents=_quartered,
        packed=_pack,
        guidance=_cfg,
        side=_two_latents,
        names=names.FLUX1,
    ),
    "Flux2Pipeline": Kind(
        "flux2",
        encode=pipeline_prompts.flux2,
        latents=_patched,
        guidance=_embedded,
        guides=lambda _: False,
        distilled=lambda _: True,
        side=_two_latents,
        names=names.FLUX2,
    ),
    "Flux2KleinPipeline": Kind(
        "flux2",
        encode=pipeline_prompts.flux2,
        latents=_patched,
        guidance=_cfg,
        guides=_klein_guides,
        side=_two_latents,
        names=names.FLUX2,
    ),
    "ZImagePipeline": Kind(
        "zimage",
        encode=pipeline_prompts.zimage,
        joined=pipeline_prompts.listed,
        latents=_plain,
        guidance=_cfg_beyond_one,
        side=_two_latents,
        # It embeds the tokens of all samples as one row of them.
        alone=r"all_x_embedder|cap_embedder",
        names=names.ZIMAGE,
    ),
    "QwenImagePipeline": Kind(
        "qwen-image",
        encode=pipeline_prompts.qwen_image,
        tokens=1024,
        latents=_quartered,
        packed=_pack,
        guidance=_true_cfg,
        distilled=_has_guidance_embedder,
        side=_two_latents,
    ),
    "Krea2Pipeline": Kind(
        "krea2",
        encode=pipeline_prompts.krea2,
        latents=_quartered,
        packed=_pack,
        guidance=_cfg_beyond_one,
        side=_two_latents,
        # They see each token of the prompt as a row.
        alone=r"text_fusion\.layerwise_blocks",
        names=names.KREA2,
    ),
    "Lumina2Pipeline": Kind(
        "lumina2",
        encode=pipeline_prompts.lumina2,
        tokens=256,
        latents=_plain,
        packed=_in_dtype,
        guidance=_cfg,
        side=_two_latents,
        names=names.LUMINA2,
    ),
    "WanPipeline": Kind(
        "wan",
        encode=pipeline_prompts.wan,
        latents=_frame,
        packed=lambda _, noise: noise.unsqueeze(2),
        guidance=_cfg,
        side=_wan_side,
        spaced=False,
        names=names.WAN,
        pictures=_first_frames,
        options=(("num_frames", 1),),
    ),
}
"""By `_class_name` of a model's `model_index.json`."""


def levels(steps: int) -> list[float]:
    """The noise levels of the schedule type Simple before the model's scheduler shifts them: from 1 down in equal
    steps."""
    return torch.linspace(1, 1 / steps, steps, dtype=torch.float64).tolist()
