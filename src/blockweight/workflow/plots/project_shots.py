"""A project's scenes and its LoRA as the base of a plot: what no axis changes stays as the project has it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from blockweight.plan import Hires, Scene
from blockweight.project import TuningState
from blockweight.weights import BlockWeights
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.plots.shots import LoraEdit, Shot
from blockweight.workflow.sampling_options import SamplingOptions


def project_shots(state: TuningState, chosen: Collection[int] = ()) -> tuple[tuple[str, Shot], ...]:
    """The project's scenes, each with what it is called beside the others, and its LoRA with its strength and current
    weights; `chosen` are the numbers of the scenes from 1, none for all."""
    scenes = [scene for number, scene in enumerate(state.scenes, 1) if not chosen or number in chosen]
    lora = lora_of(state, state.weights)
    labels = {scene.label for scene in scenes}
    seeds = {scene.seed for scene in scenes}
    return tuple(
        (
            "\n".join([scene.label] * (len(labels) > 1) + [f"seed {scene.seed}"] * (len(seeds) > 1)),
            shot_of(scene, lora),
        )
        for scene in scenes
    )


def lora_of(state: TuningState, weights: BlockWeights) -> LoraEdit:
    """The project's LoRA with these weights."""
    return LoraEdit(
        name=state.lora.path, beside=True, te=state.lora.strength, unet=state.lora.strength, current=weights
    )


def shot_of(scene: Scene, lora: LoraEdit) -> Shot:
    """The scene as it would be typed, which remembers what it was: a scene of before there were schedule types is drawn
    as it was then, unless an axis changes how it is sampled."""
    folder = Path(scene.embeddings[0].path).parent if scene.embeddings else None
    return Shot(
        prompt=scene.prompt,
        negative=scene.negative_prompt,
        seed=scene.seed,
        model=scene.checkpoint.path,
        steps=scene.steps,
        cfg=scene.cfg_scale,
        sampler=scene.sampler,
        size=f"{scene.width}x{scene.height}",
        sampling=_sampling(scene),
        clip_skip=scene.clip_skip,
        vae="" if scene.vae is None else scene.vae.path,
        parts=_parts(scene),
        embeddings=folder,
        renderer=scene.renderer,
        lora=lora,
        scene=scene,
    )


def _sampling(scene: Scene) -> SamplingOptions:
    return SamplingOptions(
        scheduler=scene.scheduler or "Automatic",
        noise=scene.noise_source,
        variation_seed=scene.variation_seed,
        variation_strength=scene.variation_strength,
        eta=scene.eta,
        distilled_cfg=scene.guidance,
        **({} if scene.hires is None else _hires(scene.hires)),
    )


def _hires(hires: Hires) -> dict[str, Any]:
    sized = bool(hires.width or hires.height)
    return {
        "hires_upscaler": hires.upscaler,
        "hires_scale": None if sized else hires.scale,
        "hires_size": f"{hires.width}x{hires.height}" if sized else None,
        "hires_steps": hires.steps,
        "hires_denoise": hires.denoising,
    }


def _parts(scene: Scene) -> PartOptions:
    start, controls = scene.start, scene.controls
    return PartOptions(
        init_image=None if start is None else Path(start.picture.path),
        denoise=None if start is None else start.denoising,
        resize_mode=None if start is None else start.resize,
        control=tuple(Path(each.model.path) for each in controls),
        control_picture=tuple(Path(each.picture.path) for each in controls),
        control_weight=tuple(each.weight for each in controls),
        control_start=tuple(each.start for each in controls),
        control_end=tuple(each.end for each in controls),
        control_mode=tuple(each.mode for each in controls),
        control_resize=tuple(each.resize for each in controls),
    )
