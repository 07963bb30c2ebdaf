"""The options that describe a scene, shared by the commands that render."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from blockweight.errors import BlockweightError
from blockweight.plan import Scene
from blockweight.render import identify_checkpoint

Model = Annotated[Path, typer.Option("--model", help="A diffusers folder or a .safetensors checkpoint.")]
Prompt = Annotated[list[str], typer.Option("--prompt", help="A prompt; give the option again for more.")]
Negative = Annotated[str, typer.Option("--negative", help="The negative prompt.")]
Seeds = Annotated[str, typer.Option("--seeds", help="Seeds, e.g. 1,2,3 or 1-3.")]
Steps = Annotated[int, typer.Option("--steps", min=1, max=1000, help="Denoising steps.")]
Cfg = Annotated[float, typer.Option("--cfg", min=1, max=100, help="CFG scale.")]
SamplerName = Annotated[str, typer.Option("--sampler", help="The sampler, by the WebUI's name.")]
Size = Annotated[str, typer.Option("--size", help="Width x height in pixels.")]
Out = Annotated[Path, typer.Option("--out", help="The project folder.")]
Strength = Annotated[float, typer.Option("--strength", help="The LoRA's strength.")]

DEFAULT_OUT = Path("blockweight-project")
DEFAULT_SAMPLER = "DPM++ 2M Karras"
MOST_SEEDS = 1000


def parse_seeds(text: str) -> list[int]:
    """Seeds from `1,2,3` and `1-3`, each 0…2⁶⁴ − 1; BlockweightError otherwise."""
    seeds: list[int] = []
    for item in filter(None, re.split(r"[,\s]+", text.strip())):
        found = re.fullmatch(r"(\d{1,20})(?:-(\d{1,20}))?", item)
        if found is None:
            raise BlockweightError(f"'{item}' is not a seed; write seeds like 1,2,3 or 1-3.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last - first >= MOST_SEEDS or last >= 2**64:
            raise BlockweightError(f"The seeds '{item}' are not a range of at most {MOST_SEEDS} seeds below 2^64.")
        seeds.extend(range(first, last + 1))
    if not seeds:
        raise BlockweightError("No seed was given; write seeds like 1,2,3 or 1-3.")
    return list(dict.fromkeys(seeds))


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from `512x768`; BlockweightError otherwise."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*[x×,]\s*(\d{1,5})\s*", text.lower())
    if found is None:
        raise BlockweightError(f"'{text}' is not a size; write width and height like 512x768.")
    return int(found[1]), int(found[2])


def scenes_of(
    model: Path,
    prompts: Sequence[str],
    negative: str,
    seeds: str,
    steps: int,
    cfg: float,
    sampler: str,
    size: str,
) -> list[Scene]:
    """A scene for every prompt with every seed."""
    width, height = parse_size(size)
    numbers = parse_seeds(seeds)
    checkpoint = identify_checkpoint(model)
    return [
        Scene(prompt, checkpoint, prompt, negative, seed, steps, cfg, sampler, width, height)
        for prompt in prompts
        for seed in numbers
    ]
