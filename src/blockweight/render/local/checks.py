"""What the local renderer refuses before it starts."""

from __future__ import annotations

import math
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.plan import Job, Scene, check_sides
from blockweight.render.local.sampling_checks import check_sampling
from blockweight.render.wanted import wanted_of


def check_scene(scene: Scene) -> None:
    """Refuse, without a model: an unknown sampler, and numbers that mean nothing."""
    check_sampling(scene)
    if not 1 <= scene.steps <= 1000:
        raise BlockweightError(f"A picture takes 1 to 1000 steps, not {scene.steps}; 20 is usual.")
    if not math.isfinite(scene.cfg_scale):
        raise BlockweightError(f"The guidance (CFG scale) must be a finite number, not {scene.cfg_scale}; 7 is usual.")
    if not 0 <= scene.seed < 2**63:
        raise BlockweightError(f"The seed must be a whole number from 0 to {2**63 - 1}, not {scene.seed}.")


def check_family(job: Job, families: tuple[str, ...]) -> None:
    """Refuse weights of a family that the renderer does not draw."""
    for each in wanted_of(job):
        layout = each.weights.layout
        if layout.family not in families:
            raise BlockweightError(
                f"The weights of '{each.label}' are of the family {layout.family}, but this renderer draws "
                f"only {', '.join(families)}; bake the LoRA and render it with another program."
            )


def check_fits(job: Job, families: tuple[str, ...]) -> None:
    """Refuse weights of a family that the job's model is not of."""
    for each in wanted_of(job):
        layout = each.weights.layout
        if layout.family not in families:
            raise BlockweightError(
                f"The weights of '{each.label}' are of the family {layout.family}, but "
                f"'{job.scene.checkpoint.path}' is a model of {families[0]}; give a model of the LoRA's family."
            )


def check_size(scene: Scene, pipeline: Any) -> None:
    """Refuse a size that is not whole latents of the model's autoencoder."""
    check_sides(scene.width, scene.height, pipeline.vae_scale_factor)
