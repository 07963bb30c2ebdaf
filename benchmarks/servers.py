"""How far pictures of a WebUI or a ComfyUI are from those of this machine: the same scenes, LoRA and block weights.

python benchmarks/servers.py webui+http://127.0.0.1:7860 --model anime.safetensors --lora girl.safetensors
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Hires, Job, LoraUse, Scene, Variant, read_sampler
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.weights import BlockWeights, uniform
from blockweight.workflow.renderers import renderer_named

EMPHASIS = "1girl, (red dress:1.3), horns"
HIRES = {"upscaler": "Lanczos", "scale": 1.5, "width": 0, "height": 0, "steps": 6, "denoising": 0.5}


def cases(model: Path, lora: Path) -> Iterator[tuple[str, Job]]:
    """Named jobs of 64×64 pixels and 12 steps."""
    sampler, scheduler = read_sampler("DPM++ 2M Karras")
    scene = Scene("", identify_checkpoint(model), "1girl, horns", "", 7, 12, 7.0, sampler, 64, 64, scheduler=scheduler)
    opened = open_lora(lora)
    use, layout = LoraUse(str(lora), opened.digest, 0.7), opened.family.layout
    mixed = BlockWeights("mixed", layout, tuple(number * 7 % 11 / 10 for number in range(len(layout))), 1.0)
    everything = uniform("ALL", layout, 1.0)
    negative = everything.with_weights({layout.blocks[-1]: -0.5, layout.blocks[len(layout) // 2]: 1.3})

    def job(weights: BlockWeights | None, **changes: object) -> Job:
        return Job(replace(scene, **changes), use, Variant("", weights))

    def sampled(name: str) -> Job:
        sampler, scheduler = read_sampler(name)
        return job(mixed, sampler=sampler, scheduler=scheduler)

    yield "without the LoRA", job(None)
    yield "all weights 1", job(everything)
    yield "mixed weights", job(mixed)
    yield "below 0 and above 1", job(negative)
    for name in ("Euler", "Euler a", "Heun", "DPM++ SDE Karras", "DPM++ 2M Exponential"):
        yield name, sampled(name)
    yield "clip skip 2", job(mixed, clip_skip=2)
    yield "CFG scale 1", job(mixed, cfg_scale=1.0)
    yield "BREAK", job(mixed, prompt="1girl BREAK horns")
    yield "hires, Lanczos", job(mixed, hires=Hires(**HIRES))
    yield "emphasis", job(everything, prompt=EMPHASIS)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("server")
    asked.add_argument("--model", type=Path, required=True)
    asked.add_argument("--lora", type=Path, required=True)
    asked.add_argument("--config", type=Path, help="settings of a model of no released size, in diffusers' form")
    said = asked.parse_args()
    given = {} if said.config is None else {"config": said.config}
    here, there = LocalRenderer(torch.device("cpu"), 1, **given), renderer_named(said.server)
    print(f"| {said.server} | mean of 255 | most |\n|---|---|---|")
    for name, job in cases(said.model, said.lora):
        try:
            there.check([job])
            (made,) = there.render([job])
        except BlockweightError as error:
            print(f"| {name} | refused: {error} | |", flush=True)
            continue
        (own,) = here.render([job])
        apart = np.abs(made.picture.astype(int) - own.picture)
        print(f"| {name} | {apart.mean():.2f} | {apart.max()} |", flush=True)


if __name__ == "__main__":
    main()
