"""What cannot be told to diffusers' own pipelines."""

from __future__ import annotations

import math
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import AUTOMATIC, Scene
from blockweight.plan.prompts import WEBUI_ALONE
from blockweight.render.local.pipeline_kinds import Kind


def samplers_of(pipeline: Any, kind: Kind) -> tuple[str, str] | None:
    """The WebUI's names for what the model's own scheduler does: sampler and schedule type. None if there are none."""
    scheduler = type(pipeline.scheduler).__name__
    if scheduler == "FlowMatchEulerDiscreteScheduler":
        return "Euler", "Simple" if kind.spaced else "Uniform"
    return ("UniPC", AUTOMATIC) if scheduler == "UniPCMultistepScheduler" and not kind.spaced else None


def check_pipeline_scene(scene: Scene, pipeline: Any, kind: Kind) -> None:
    """Refuse a sampler that is not the model's own, guidance that it does not have, sizes that it cannot draw, and all
    that only Stable Diffusion's UNets know."""
    _check_sampler(scene, pipeline, kind)
    _check_guidance(scene, pipeline, kind)
    _check_size(scene, pipeline, kind)
    for what, there in (
        ("a hires pass", scene.hires is not None),
        ("a clip skip", scene.clip_skip != 1),
        ("textual inversion embeddings", bool(scene.embeddings)),
        ("another VAE", scene.vae is not None),
        ("a picture to draw over", scene.start is not None),
        ("ControlNets", bool(scene.controls)),
    ):
        if there:
            raise BlockweightError(
                f"The scene {quoted(scene.label)} asks for {what}, which models of the family {kind.family} do not "
                "have here; leave it out."
            )
    for prompt in (scene.prompt, scene.negative_prompt):
        if found := WEBUI_ALONE.search(prompt):
            raise BlockweightError(
                f"Models of the family {kind.family} read a prompt as it is written, so {quoted(found[0])} would not "
                "mean what it means in the WebUI; say it in words."
            )


def _check_sampler(scene: Scene, pipeline: Any, kind: Kind) -> None:
    own = samplers_of(pipeline, kind)
    assert own is not None  # checked when it was loaded
    if (scene.sampler, scene.scheduler) != own:
        name = own[0] if own[1] == AUTOMATIC else f"{own[0]} {own[1]}"
        raise BlockweightError(
            f"This model of the family {kind.family} is drawn by its own scheduler only, which is the sampler {name}, "
            f"not {quoted(scene.sampler_name)}; choose that."
        )


def _check_guidance(scene: Scene, pipeline: Any, kind: Kind) -> None:
    if scene.cfg_scale != 1 and not kind.guides(pipeline):
        raise BlockweightError(
            f"This model of the family {kind.family} was distilled and takes no CFG scale but 1, not "
            f"{scene.cfg_scale:g}; set it to 1."
        )
    if scene.cfg_scale < 1:
        raise BlockweightError(
            f"The CFG scale must be 1 (off) or more for models of the family {kind.family}, not {scene.cfg_scale:g}."
        )
    if scene.guidance is None:
        return
    if not kind.distilled(pipeline):
        raise BlockweightError(
            f"This model of the family {kind.family} takes no distilled CFG scale; leave it out and use the CFG scale."
        )
    if not (math.isfinite(scene.guidance) and scene.guidance >= 0):
        raise BlockweightError(f"The distilled CFG scale must be 0 or more, not {scene.guidance}; 3.5 is usual.")


def _check_size(scene: Scene, pipeline: Any, kind: Kind) -> None:
    side = kind.side(pipeline)
    if scene.width % side or scene.height % side or min(scene.width, scene.height) < side:
        raise BlockweightError(
            f"A picture of {scene.width}×{scene.height} pixels cannot be drawn by this model; "
            f"width and height must be multiples of {side}."
        )
    if largest := getattr(pipeline.transformer.config, "pos_embed_max_size", None):
        most = largest * kind.side(pipeline)
        if max(scene.width, scene.height) > most:
            raise BlockweightError(
                f"A picture of {scene.width}×{scene.height} pixels is too large for this model, which knows places up "
                f"to {most} pixels; choose smaller sides."
            )
