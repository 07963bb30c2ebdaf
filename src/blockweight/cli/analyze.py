"""`blockweight analyze`: what each block of one's own LoRA does, by any method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from blockweight.cli import analysis_options as analysis
from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Json
from blockweight.cli.renderer_option import with_renderer
from blockweight.workflow.renderers import command_renderer


@with_renderer
@options.with_parts
def analyze(
    lora: options.LoraFile,
    model: options.Model,
    prompt: options.Prompt,
    seeds: Annotated[
        str, typer.Option("--seeds", help="Seeds, e.g. 1,2,3 or 1-3; 1-3 by default, with a budget up to 1-32.")
    ] = "",
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
    blocks: analysis.Blocks = "",
    weight_range: analysis.Range = "0.5,1",
    threshold: analysis.Threshold = 20,
    method: analysis.Method = None,
    budget: analysis.Budget = "",
    adaptive: analysis.Adaptive = False,
    mask: analysis.Masks = None,
    region: analysis.Region = "",
    aspects: analysis.Aspects = "",
    objective: analysis.Objective = "",
    pairs: analysis.Pairs = 0,
    levels: analysis.Levels = 1,
    metric_model: Annotated[
        Path | None,
        typer.Option("--metric-model", help="A folder with CLIP, SigLIP or DINOv2, for the aspects that need one."),
    ] = None,
    colour: Annotated[Literal["black", "white"], typer.Option(help="The grid's difference colour.")] = "black",
    change_xy: Annotated[bool, typer.Option("--change-xy/--no-change-xy", help="A column per block.")] = True,
    per_page: Annotated[int | None, typer.Option("--per-page", min=1, help="Blocks on a page of the grid; 13.")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write the table as Parquet too.")] = False,
    preview: options.Preview = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost and tell.")] = False,
    as_json: Json = False,
    out: options.Out = options.DEFAULT_OUT,
) -> None:
    """Measure what each block does: numbers with intervals, figures, grids, a report.

    Pictures are kept in the project folder; the same command goes on after a stop.
    """
    from blockweight.workflow.analysis.own_lora import Typed, analyse_lora, estimate_lora  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.analysis.text import findings_facts, findings_lines  # noqa: PLC0415
    from blockweight.workflow.analysis.written import GridLook  # noqa: PLC0415
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
        seeds or ("1-32" if budget else "1-3"),
        steps,
        cfg,
        sampler,
        size,
        sampling,
        clip_skip=clip_skip,
        embeddings=embeddings,
        parts=PartOptions(**parts),
    )
    typed = Typed(
        blocks=blocks,
        weight_range=weight_range,
        threshold=threshold,
        masks=tuple(mask or ()),
        region=region,
        method=method,
        budget=budget,
        adaptive=adaptive,
        aspects=aspects,
        aims=objective,
        pairs=pairs,
        levels=levels,
        metric_model=metric_model,
        strength=strength,
        preview=preview,
    )
    look = GridLook(colour, change_xy, per_page, parquet)
    if estimate:
        told = estimate_lora(lora, scenes, out, TerminalProgress(), typed)
        print_told(told.facts(), told.lines(), as_json=as_json)
        return
    findings, written = analyse_lora(lora, scenes, out, command_renderer, TerminalProgress(), typed, look)
    if as_json:
        typer.echo(json.dumps(findings_facts(findings, written.files), ensure_ascii=False))
        return
    if preview:
        typer.echo("These are previews: they tell where to look, not how strong an effect is.")
    typer.echo("\n".join(findings_lines(findings)))
    for file in written.files:
        typer.echo(f"written: {file}")
