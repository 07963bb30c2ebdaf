"""The LoRAs that a job wants, and what any renderer refuses of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import Lora
from blockweight.plan import Job, LoraUse
from blockweight.render.scales import check_scales
from blockweight.weights import BlockWeights


@dataclass(frozen=True)
class Wanted:
    """A LoRA that a job wants on the model, with its block weights; `label` says whose they are: the variant's, or
    another LoRA's file name."""

    use: LoraUse
    weights: BlockWeights
    label: str


def wanted_of(job: Job) -> list[Wanted]:
    """The LoRA that is tuned, unless the job is without it, and those of its scene."""
    weights = job.variant.weights
    tuned = [] if weights is None else [Wanted(job.lora, weights, job.variant.label)]
    return [*tuned, *(Wanted(each.use, each.weights, Path(each.use.path).name) for each in job.scene.loras)]


def check_uses(job: Job) -> None:
    """Refuse, without a model, strengths that are no numbers, and ranges of steps in which nothing lies."""
    for use in (job.lora, *(other.use for other in job.scene.loras)):
        name = Path(use.path).name
        for strength in (use.strength, use.in_texts):
            if not math.isfinite(strength):
                raise BlockweightError(f"The strength of '{name}' must be a finite number, not {strength}.")
        for step in (use.start, use.stop):
            if step is not None and step < 1:
                raise BlockweightError(
                    f"Steps are counted from 1, so the range of '{name}' cannot begin or end in step {step}; give 1 or "
                    "more."
                )
        # From the first step to the first is a LoRA for text encoders alone.
        if use.stop is not None and use.start >= max(2, use.stop):
            raise BlockweightError(
                f"'{name}' would start in step {use.start} and stop in step {use.stop}, before it has worked; let it "
                "stop in a later step, or set its strength to 0."
            )


def check_use(lora: Lora, wanted: Wanted) -> None:
    """Refuse a file that is not the one that was planned with, weights that do not name all of its blocks, and a
    strength that makes a weight too large."""
    use, weights = wanted.use, wanted.weights
    if lora.digest != use.digest:
        raise BlockweightError(f"'{lora.path}' has changed since this was planned; start the same command again.")
    lacking = [block for block in lora.blocks if block not in weights.layout.blocks]
    if lacking:
        raise BlockweightError(
            f"'{lora.path}' changes the blocks {', '.join(lacking)}, which the {len(weights.layout)} weights of "
            f"'{wanted.label}' do not name; expand them to {lora.family.layout.name} with a fill for those."
        )
    strength = max(use.strength, use.in_texts, key=abs)
    check_scales(wanted.label, weights, lora.blocks, strength)
