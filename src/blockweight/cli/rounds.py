"""`blockweight round sub|sub-add|add|add-sub`: one round of variants on one's own LoRA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.renderer_option import with_renderer
from blockweight.workflow.renderers import command_renderer

app = typer.Typer(help="Render a round: every block that is not fixed, moved by the step.", no_args_is_help=True)


def _command(kind: str) -> Callable[..., None]:
    def run(
        lora: options.LoraFile,
        weights: Annotated[str, typer.Option("--weights", help='The current weights, "NAME:1,0,0.5,…".')],
        model: options.Model,
        prompt: options.Prompt,
        fixed: Annotated[str, typer.Option("--fixed", help="Decided blocks, e.g. BASE,IN00-IN03,M00.")] = "",
        step: Annotated[float, typer.Option("--step", help="AddSubValue: by how much a block is moved.")] = 0.5,
        fill: options.Fill = None,
        rest: options.Rest = None,
        seeds: options.Seeds = "1",
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
        preview: options.Preview = False,
        out: options.Out = options.DEFAULT_OUT,
    ) -> None:
        from blockweight.workflow.own_files import round_file  # noqa: PLC0415 - keeps --help fast
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
        rendered, files = round_file(
            lora,
            scenes,
            out,
            command_renderer,
            TerminalProgress(),
            kind=kind,
            weights=weights,
            fixed=fixed,
            step=step,
            fill=fill,
            rest=rest,
            strength=strength,
            preview=preview,
        )
        typer.echo("\n".join(rendered.plan.presets()))
        typer.echo(rendered.plan.prompt_sr())
        for file in files:
            typer.echo(f"written: {file}")

    run.__doc__ = f"Render the {kind} round as a labelled grid, with the texts to paste into a WebUI."
    return with_renderer(options.with_parts(run))


for _name, _kind in (("sub", "Sub"), ("sub-add", "SubAdd"), ("add", "Add"), ("add-sub", "AddSub")):
    app.command(_name)(_command(_kind))
