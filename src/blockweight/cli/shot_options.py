"""The options of a single picture, for commands that draw many of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.option_groups import NONE_GATHERED, Gathered, Options, with_options

_SHOT: Options = {
    "lora": (
        Annotated[str, typer.Option("--lora", help="The LoRA: a path, or a name in the settings' folders.")],
        "",
    ),
    "weights": (Annotated[str, typer.Option("--weights", help="Its block weights, in any notation.")], ""),
    "model": (
        Annotated[str, typer.Option("--model", help="The model: a path, or a name in the settings' folders.")],
        "",
    ),
    "project": (
        Annotated[
            Path | None,
            typer.Option(
                "--project", parser=options.path, metavar="DIR", help="Plot a tuning project's LoRA in its scenes."
            ),
        ],
        None,
    ),
    "prompt": (
        Annotated[list[str] | None, typer.Option("--prompt", help="A prompt, with <lora:…> tags; repeat it for more.")],
        None,
    ),
    "seeds": (Annotated[str, typer.Option("--seeds", help="Seeds, e.g. 1,2,3 or 1-3; 1 by default.")], ""),
    "negative": (options.Negative, ""),
    "steps": (options.Steps, 20),
    "cfg": (options.Cfg, 7.0),
    "sampler": (options.SamplerName, options.DEFAULT_SAMPLER),
    "size": (options.Size, "512x512"),
    "clip_skip": (options.ClipSkip, 1),
    "embeddings": (options.Embeddings, None),
    "scheduler": (options.Scheduler, options.DEFAULT_SCHEDULER),
    "noise": (options.NoiseSource, options.DEFAULT_NOISE),
    "variation_seed": (options.VariationSeed, 0),
    "variation_strength": (options.VariationStrength, 0.0),
    "eta": (options.Eta, None),
    "hires_upscaler": (options.HiresUpscaler, None),
    "hires_scale": (options.HiresScale, None),
    "hires_size": (options.HiresSize, None),
    "hires_steps": (options.HiresSteps, None),
    "hires_denoise": (options.HiresDenoise, None),
    "distilled_cfg": (options.DistilledCfg, None),
    "strength": (options.Strength, 1.0),
    "fill": (options.Fill, None),
    "book": (options.Book, None),
    "folder": (
        Annotated[
            list[Path] | None,
            typer.Option(
                "--folder", parser=options.path, metavar="DIR", help="Look for LoRAs and models here too. Repeatable."
            ),
        ],
        None,
    ),
}  # fmt: skip

Shots = Gathered
NO_SHOTS: Shots = NONE_GATHERED


def _gathered(values: Gathered) -> Shots:
    shot = {name: values[name] for name in _SHOT if name in values}
    return {**shot, "parts": options.parts_given({name: values[name] for name in options.PARTS})}


_SCENES = tuple(
    name for name in _SHOT if name not in ("lora", "weights", "model", "project", "strength", "fill", "book")
)


def _scenes(values: Gathered) -> Shots:
    return _gathered(
        {"lora": "", "weights": "", "project": None, "strength": 1.0, "fill": None, "book": None, **values}
    )


with_scenes = with_options("scenes", {**{name: _SHOT[name] for name in _SCENES}, **options.PARTS}, _scenes)
"""A command with those of the options that say nothing of a LoRA or a model in the place of its parameter `scenes`,
which is given what `workflow.plots.typed.typed_plot` takes by keyword beside `model`."""

with_shots = with_options("shots", {**_SHOT, **options.PARTS}, _gathered)
"""A command with the options above, and `scene_options.PARTS`, in the place of its parameter `shots`, which is given
what `workflow.plots.typed.typed_plot` takes by keyword."""
