"""`blockweight project scenes …`: the scenes of a tuning project."""

# A scene's options are read from the context, all of them alike.
# ruff: noqa: ARG001

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told

if TYPE_CHECKING:
    from blockweight.project import TuningState

app = typer.Typer(help="List, add, change and remove a project's scenes.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(parser=options.path, metavar="DIR", help="The project's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The scene's number in the list.")]
Prompts = Annotated[list[str] | None, typer.Option("--prompt", help="A prompt; give the option again for more.")]
Negative = Annotated[str | None, typer.Option("--negative", help="The negative prompt.")]
Seeds = Annotated[str | None, typer.Option("--seeds", help="Seeds, e.g. 1,2,3 or 1-3.")]
Steps = Annotated[str | None, typer.Option("--steps", help="Denoising steps.")]
Cfg = Annotated[str | None, typer.Option("--cfg", help="CFG scale.")]
Sampler = Annotated[str | None, typer.Option("--sampler", help="The sampler, by the WebUI's name.")]
Size = Annotated[str | None, typer.Option("--size", help="Width x height in pixels.")]
ClipSkip = Annotated[str | None, typer.Option("--clip-skip", help="End the text encoder n - 1 layers early.")]
Noise = Annotated[str | None, typer.Option("--noise", help="Who draws the noise: CPU, GPU or NV.")]
VariationSeed = Annotated[str | None, typer.Option("--variation-seed", help="A seed whose noise is mixed in.")]
VariationStrength = Annotated[str | None, typer.Option("--variation-strength", help="How much of it, 0 to 1.")]
DistilledCfg = Annotated[
    str | None,
    typer.Option("--distilled-cfg", help="What a model distilled from guidance is told (Flux); empty for the usual."),
]
Eta = Annotated[str | None, typer.Option("--eta", help="Scales the noise that a sampler adds; empty for the usual.")]
Upscaler = Annotated[
    str | None, typer.Option("--hires-upscaler", help="Enlarge and draw over, by the WebUI's name; empty for not.")
]
Scale = Annotated[str | None, typer.Option("--hires-scale", help="By how much.")]
HiresSize = Annotated[str | None, typer.Option("--hires-size", help="Or to which width x height.")]
HiresSteps = Annotated[str | None, typer.Option("--hires-steps", help="Its steps; 0 for as many again.")]
Denoise = Annotated[str | None, typer.Option("--hires-denoise", help="Its denoising strength, 0 to 1.")]


@app.command("list")
def list_(folder: Folder, as_json: Json = False) -> None:
    """List the scenes with their numbers."""
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415 - keeps --help fast

    with open_project(folder) as tuning:
        _print(tuning.state(), as_json=as_json)


@app.command("add")
def add(
    context: typer.Context,
    folder: Folder,
    prompt: Prompts = None,
    negative: Negative = None,
    seeds: Seeds = None,
    steps: Steps = None,
    cfg: Cfg = None,
    sampler: Sampler = None,
    size: Size = None,
    clip_skip: ClipSkip = None,
    noise: Noise = None,
    variation_seed: VariationSeed = None,
    variation_strength: VariationStrength = None,
    eta: Eta = None,
    distilled_cfg: DistilledCfg = None,
    hires_upscaler: Upscaler = None,
    hires_scale: Scale = None,
    hires_size: HiresSize = None,
    hires_steps: HiresSteps = None,
    hires_denoise: Denoise = None,
    as_json: Json = False,
) -> None:
    """Add scenes: every prompt with every seed. What is not given is as in the last scene."""
    from blockweight.workflow.scene_edits import add_scenes  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    typed = _typed(context)
    with open_project(folder) as tuning:
        _print(add_scenes(tuning, typed), as_json=as_json)


@app.command("change")
def change(
    context: typer.Context,
    folder: Folder,
    number: Number,
    prompt: Prompts = None,
    negative: Negative = None,
    seeds: Seeds = None,
    steps: Steps = None,
    cfg: Cfg = None,
    sampler: Sampler = None,
    size: Size = None,
    clip_skip: ClipSkip = None,
    noise: Noise = None,
    variation_seed: VariationSeed = None,
    variation_strength: VariationStrength = None,
    eta: Eta = None,
    distilled_cfg: DistilledCfg = None,
    hires_upscaler: Upscaler = None,
    hires_scale: Scale = None,
    hires_size: HiresSize = None,
    hires_steps: HiresSteps = None,
    hires_denoise: Denoise = None,
    as_json: Json = False,
) -> None:
    """Change a scene. More than one prompt or seed makes more scenes of it."""
    from blockweight.workflow.scene_edits import change_scene, numbered_scene  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    typed = _typed(context)
    with open_project(folder) as tuning:
        _print(change_scene(tuning, numbered_scene(tuning.state(), number), typed), as_json=as_json)


@app.command("remove")
def remove(folder: Folder, number: Number, as_json: Json = False) -> None:
    """Take a scene out; its pictures stay."""
    from blockweight.workflow.scene_edits import numbered_scene, remove_scene  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(folder) as tuning:
        _print(remove_scene(tuning, numbered_scene(tuning.state(), number)), as_json=as_json)


def _typed(context: typer.Context) -> dict[str, str]:
    """What was given of a scene, by the names of its form's fields."""
    given = {name: value for name, value in context.params.items() if isinstance(value, str)}
    prompts = context.params["prompt"]
    return {**given, **({"prompts": "\n".join(prompts)} if prompts else {})}


def _print(state: TuningState, *, as_json: bool) -> None:
    from blockweight.workflow.scene_edits import scenes_facts, scenes_lines  # noqa: PLC0415 - keeps --help fast

    print_told(scenes_facts(state), scenes_lines(state), as_json=as_json)
