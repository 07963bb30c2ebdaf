"""The tutorial's steps on a person's own files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import Lora, module_name, open_lora
from blockweight.measure import Mask
from blockweight.plan import Scene, plan_round, preview_of
from blockweight.project import Project
from blockweight.render import Renderer
from blockweight.weights import parse_blocks, parse_weight
from blockweight.workflow.baking import weights_for
from blockweight.workflow.mask_files import read_mask_file
from blockweight.workflow.progress import Progress
from blockweight.workflow.prompt_loras import refuse_twice
from blockweight.workflow.tune import RenderedRound, run_round, write_round
from blockweight.workflow.workbench import Workbench, jobs_of


def parse_range(text: str) -> tuple[float, float]:
    """`0.5,1` → (weight of the block under test, weight of all others); BlockweightError otherwise."""
    parts = text.split(",")
    if len(parts) != 2:
        raise BlockweightError(f"The range {quoted(text)} must be two weights, as in 0.5,1.")
    value, base = (parse_weight(part) for part in parts)
    if value == base:
        raise BlockweightError(f"The range {quoted(text)} compares a weight with itself; give two different weights.")
    return value, base


def load_mask(path: Path, width: int, height: int) -> Mask:
    """A mask from a picture, True where it is lighter than middle grey; (height, width) bool. BlockweightError if it
    cannot be read, has another size, or covers nothing or everything."""
    mask = read_mask_file(path)
    if mask.shape != (height, width):
        raise BlockweightError(
            f"The mask '{path}' has {mask.shape[1]}×{mask.shape[0]} pixels, the pictures have {width}×{height}; "
            "give a mask of the same size."
        )
    return mask


def resized_mask(mask: Mask, width: int, height: int) -> Mask:
    """A mask in the size of other pictures of the same scene: what is mostly inside is."""
    shares = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
    found: Mask = np.asarray(shares) >= 128
    if found.all() or not found.any():
        raise BlockweightError(
            f"In {width}×{height} pixels, nothing of the mask is left inside or outside; render without --preview."
        )
    return found


def say_what_plays_no_part(lora: Lora, progress: Progress, *, tested: bool = False) -> None:
    """Name what of the file no picture shows, and what no block weight reaches, unless that is `tested` (REST)."""
    if lora.unknown_keys:
        progress.say(
            f"{len(lora.unknown_keys)} of the file's tensors are not understood, such as '{lora.unknown_keys[0]}'; "
            "they play no part in these pictures."
        )
    if lora.rest and not tested:
        progress.say(
            f"{len(lora.rest)} modules belong to no block (REST), such as {module_name(lora.rest[0])}; "
            "they work in every picture alike."
        )


def round_file(
    lora_path: Path,
    scenes: Sequence[Scene],
    folder: Path,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    *,
    kind: str,
    weights: str,
    fixed: str,
    step: float,
    fill: float | None,
    rest: float | None,
    strength: float,
    preview: bool = False,
) -> tuple[RenderedRound, list[Path]]:
    """Render a round around `weights` and write its grid and texts to `folder/round-01-sub` (and so on).

    Only blocks that the LoRA has are moved: the others would change nothing. With `preview`, the scenes' previews are
    rendered. The renderer and the project are made as late as in `analyse_file`.
    """
    lora = open_lora(lora_path)
    refuse_twice(lora.digest, scenes)
    current, _ = weights_for(lora, weights, fill, rest)
    decided = set(parse_blocks(fixed, current.layout, empty=()))
    absent = set(current.layout.blocks) - set(lora.blocks)
    if len(decided | absent) == len(current.layout):
        raise BlockweightError("Every block is fixed, so the round would be empty; leave at least one block unfixed.")
    plan = plan_round(kind, current, decided | absent, step)
    if preview:
        scenes = [preview_of(scene) for scene in scenes]
    renderer = make_renderer()
    renderer.check(jobs_of(lora, strength, scenes, [planned.variant for planned in plan.variants]))
    say_what_plays_no_part(lora, progress)
    with Project(folder) as project:
        bench = Workbench(project, renderer, lora, progress, strength)
        rendered = run_round(bench, plan, scenes)
    return rendered, write_round(rendered, folder)
