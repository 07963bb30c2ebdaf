"""What the local renderer refuses before it starts."""

from __future__ import annotations

import math
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.lora import Lora
from blockweight.plan import Job, Scene, check_sides
from blockweight.render.local.sampling_checks import check_sampling

MOST_SCALE = 65504
"""The largest number of half precision: no layer can be told more."""


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
    weights = job.variant.weights
    if weights is not None and weights.layout.family not in families:
        raise BlockweightError(
            f"The weights of '{job.variant.label}' are of the family {weights.layout.family}, but this renderer draws "
            f"only {', '.join(families)}; bake the LoRA and render it with another program."
        )


def check_fits(job: Job, families: tuple[str, ...]) -> None:
    """Refuse weights of a family that the job's model is not of."""
    weights = job.variant.weights
    if weights is not None and weights.layout.family not in families:
        raise BlockweightError(
            f"The weights of '{job.variant.label}' are of the family {weights.layout.family}, but "
            f"'{job.scene.checkpoint.path}' is a model of {families[0]}; give a model of the LoRA's family."
        )


def check_size(scene: Scene, pipeline: Any) -> None:
    """Refuse a size that is not whole latents of the model's autoencoder."""
    check_sides(scene.width, scene.height, pipeline.vae_scale_factor)


def check_lora(lora: Lora, job: Job) -> None:
    """Refuse a file that is not the one that was planned with, weights that do not name all of its blocks, a strength
    that is no number, and one that makes a weight larger than MOST_SCALE."""
    weights = job.variant.weights
    if lora.digest != job.lora.digest:
        raise BlockweightError(f"'{lora.path}' has changed since this was planned; start the same command again.")
    if not math.isfinite(job.lora.strength):
        raise BlockweightError(f"The strength must be a finite number, not {job.lora.strength}.")
    if weights is None:
        return
    lacking = [block for block in lora.blocks if block not in weights.layout.blocks]
    if lacking:
        raise BlockweightError(
            f"'{lora.path}' changes the blocks {', '.join(lacking)}, which the {len(weights.layout)} weights of "
            f"'{job.variant.label}' do not name; expand them to {lora.family.layout.name} with a fill for those."
        )
    scales = ((abs(job.lora.strength * weights.weight(block)), block) for block in lora.blocks)
    scale, block = max(scales, default=(0.0, ""))
    if scale > MOST_SCALE:
        raise BlockweightError(
            f"The weight of {block} times the strength is {scale:.3g} in '{job.variant.label}', and no layer can be "
            f"told more than {MOST_SCALE}; lower one of them."
        )
