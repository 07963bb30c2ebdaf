"""`blockweight analyze`: the Effective Block Analyzer on one's own LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.progress import TerminalProgress
from blockweight.workflow.renderers import local_renderer


@options.with_parts
def analyze(
    lora: options.LoraFile,
    model: options.Model,
    prompt: options.Prompt,
    seeds: options.Seeds = "1-3",
    negative: options.Negative = "",
    steps: options.Steps = 20,
    cfg: options.Cfg = 7.0,
    sampler: options.SamplerName = options.DEFAULT_SAMPLER,
    size: options.Size = "512x512",
    clip_skip: options.ClipSkip = 1,
    embeddings: options.Embeddings = None,
    scheduler: options.Scheduler = options.DEFAULT_SCHEDULER,
    noise: options.NoiseSource = options.DEFAULT_NOISE,
    variation_seed: options.VariationSeed = 0,
    variation_strength: options.VariationStrength = 0.0,
    eta: options.Eta = None,
    hires_upscaler: options.HiresUpscaler = None,
    hires_scale: options.HiresScale = None,
    hires_size: options.HiresSize = None,
    hires_steps: options.HiresSteps = None,
    hires_denoise: options.HiresDenoise = None,
    distilled_cfg: options.DistilledCfg = None,
    parts: options.Parts = options.NO_PARTS,
    strength: options.Strength = 1.0,
    blocks: Annotated[str, typer.Option(help="Blocks to analyse, e.g. IN01-IN08,M00; all by default.")] = "",
    weight_range: Annotated[str, typer.Option("--range", help="Weight under test, weight of the others.")] = "0.5,1",
    threshold: Annotated[int, typer.Option(min=0, max=255, help="Diff % counts differences above this.")] = 20,
    mask: Annotated[Path | None, typer.Option(help="A picture, white where the LoRA should work.")] = None,
    colour: Annotated[Literal["black", "white"], typer.Option(help="The grid's difference colour.")] = "black",
    change_xy: Annotated[bool, typer.Option("--change-xy/--no-change-xy", help="A column per block.")] = True,
    preview: options.Preview = False,
    out: options.Out = options.DEFAULT_OUT,
) -> None:
    """Measure what each block does: grids, a table, a ranking with the spread over the seeds.

    Pictures are kept in the project folder; the same command goes on after a stop.
    """
    from blockweight.workflow.own_files import analyse_file  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.part_options import PartOptions  # noqa: PLC0415
    from blockweight.workflow.sampling_options import SamplingOptions  # noqa: PLC0415
    from blockweight.workflow.scenes import scenes_of  # noqa: PLC0415

    sampling = SamplingOptions(
        scheduler,
        noise,
        variation_seed,
        variation_strength,
        eta,
        hires_upscaler,
        hires_scale,
        hires_size,
        hires_steps,
        hires_denoise,
        distilled_cfg,
    )
    scenes = scenes_of(
        model,
        prompt,
        negative,
        seeds,
        steps,
        cfg,
        sampler,
        size,
        sampling,
        clip_skip=clip_skip,
        embeddings=embeddings,
        parts=PartOptions(**parts),
    )
    analysis, files = analyse_file(
        lora,
        scenes,
        out,
        local_renderer,
        TerminalProgress(),
        strength=strength,
        blocks=blocks,
        weight_range=weight_range,
        threshold=threshold,
        mask=mask,
        colour=colour,
        change_xy=change_xy,
        preview=preview,
    )
    suggestions = {suggestion.block: suggestion for suggestion in analysis.suggestions}
    if preview:
        typer.echo("These are previews: they tell where to look, not how strong an effect is.")
    typer.echo("block   Diff %            suggestion")
    for effect in sorted(analysis.effects, key=lambda effect: -effect.diff.mean):
        suggestion = suggestions[effect.block]
        typer.echo(f"{effect.block:<7} {effect.diff.text(2):<17} {suggestion.verdict.value}: {suggestion.reasons[-1]}")
    for file in files:
        typer.echo(f"written: {file}")
