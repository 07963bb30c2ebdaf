"""`blockweight project …`: tuning projects as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockweight.cli import project_scene_parts, project_scenes
from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.renderer_option import with_renderer
from blockweight.cli.standard_input import typed

app = typer.Typer(help="Make, list, export and import tuning projects.", no_args_is_help=True)
project_scenes.app.command("parts")(project_scene_parts.parts)
app.add_typer(project_scenes.app, name="scenes")

Folder = Annotated[Path, typer.Argument(parser=options.path, metavar="DIR", help="The project's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Lora = Annotated[
    Path | None, typer.Option("--lora", parser=options.path, metavar="PATH", help="Where the project's LoRA is.")
]
Models = Annotated[
    list[Path] | None,
    typer.Option("--model", parser=options.path, metavar="PATH", help="Where the project's model is. Repeatable."),
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--file", parser=options.path, metavar="PATH", help="Where a VAE, ControlNet or picture is. Repeatable."
    ),
]
Held = Annotated[
    list[Path] | None,
    typer.Option("--embedding", parser=options.path, metavar="PATH", help="Where an embedding is. Repeatable."),
]


@app.command("new")
@with_renderer
@options.with_parts
def new(
    context: typer.Context,
    folder: Folder,
    lora: Annotated[
        Path | None, typer.Option("--lora", parser=options.path, metavar="PATH", help="The LoRA, a .safetensors file.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", parser=options.path, metavar="PATH", help="A diffusers folder or a .safetensors checkpoint."
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None, typer.Option("--prompt", help="A prompt; give the option again for more.")
    ] = None,
    infotext: Annotated[
        Path | None,
        typer.Option(
            "--infotext",
            parser=options.path,
            metavar="PATH",
            help="Fill in what is not given from a WebUI's infotext in a text file, or - for standard input.",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture", parser=options.path, metavar="PATH", help="The same from the picture that carries it."
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What to call it; by default as the folder.")] = "",
    weights: Annotated[str, typer.Option("--weights", help="To start from, in any notation; all 1 by default.")] = "",
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
    as_json: Json = False,
) -> None:
    """Make a tuning project of a LoRA, a model and prompts, or of a WebUI's infotext."""
    from blockweight.workflow import tuning_text  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.new_project import ProjectForm, fields_from, notes_beside  # noqa: PLC0415
    from blockweight.workflow.part_options import PartOptions  # noqa: PLC0415
    from blockweight.workflow.sampling_options import SamplingOptions  # noqa: PLC0415
    from blockweight.workflow.tuning_project import create_project  # noqa: PLC0415

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
    prompts = tuple(prompt or ())
    scene = (lora, model, prompts, negative, seeds, steps, cfg, sampler, size)
    form = ProjectForm(*scene, strength, weights, sampling, clip_skip, embeddings, PartOptions(**parts), rest=rest)
    fields, given = fields_from(infotext, picture, lambda: typed("-")), _given(context)
    if fields is not None:
        form = form.filled(fields, given)
    source, scenes = form.needed_lora(fields), form.scenes(fields)
    with create_project(
        folder, source, scenes, name=name, weights=form.weights, fill=fill, rest=form.rest, strength=form.strength
    ) as tuning:
        state = tuning.state()
    for note in () if fields is None else notes_beside(fields, given):
        typer.echo(f"Note: {note}", err=True)
    print_told(tuning_text.show_facts(state), tuning_text.show_lines(state), as_json=as_json)


def _given(context: typer.Context) -> list[str]:
    """The options that stand on the command line, by their parameters' names."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the projects opened lately, latest first."""
    from blockweight.workflow import project_text  # noqa: PLC0415 - keeps --help fast

    listed = project_text.list_facts()
    print_told(listed, project_text.list_lines(listed), as_json=as_json)


@app.command("demo")
def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", parser=options.path, metavar="DIR", help="Where; by default in the folder for projects."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make, or open again, a project of the embedded LoRA and model."""
    from blockweight.workflow import tuning_text  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.demo_project import open_demo  # noqa: PLC0415
    from blockweight.workflow.project_list import project_folders  # noqa: PLC0415
    from blockweight.workflow.projects_folder import projects_folder  # noqa: PLC0415
    from blockweight.workflow.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    parent, known = (projects_folder(settings), project_folders(settings)) if out is None else (out, ())
    with open_demo(parent, known) as tuning:
        state, folder = tuning.state(), tuning.folder
    print_told(
        {**tuning_text.show_facts(state), "folder": str(folder)},
        [f"Folder:  {folder}", *tuning_text.show_lines(state)],
        as_json=as_json,
    )


@app.command("forget")
def forget(folder: Folder, as_json: Json = False) -> None:
    """Take a project from the list of those opened lately; its folder stays as it is."""
    from blockweight.workflow.recent_projects import forget  # noqa: PLC0415 - keeps --help fast

    forget(folder)
    print_told({"forgotten": str(folder)}, [f"Forgotten: {folder}"], as_json=as_json)


@app.command("show")
def show(folder: Folder, as_json: Json = False) -> None:
    """Show what a project holds."""
    from blockweight.workflow import project_text  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(folder) as tuning:
        held = project_text.project_facts(tuning)
    print_told(held, project_text.project_lines(held), as_json=as_json)


@app.command("export")
def export(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", parser=options.path, metavar="PATH", help="The zip; by default DIR.zip."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the zip if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Write a project to one zip: every event, picture and result, and no path of this machine."""
    from blockweight.workflow import project_text  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.project_files import export_project  # noqa: PLC0415
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(folder) as tuning:
        file, exported = export_project(tuning, out, overwrite=overwrite)
    told = project_text.exported_facts(file, exported)
    print_told(told, project_text.exported_lines(file, exported), as_json=as_json)


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(parser=options.path, metavar="ZIP", help="An exported project.")],
    folder: Annotated[
        Path | None,
        typer.Option("--out", "-o", parser=options.path, metavar="DIR", help="The new folder; by default as the zip."),
    ] = None,
    lora: Lora = None,
    model: Models = None,
    embedding: Held = None,
    file: Files = None,
    search: Annotated[
        list[Path] | None,
        typer.Option("--search", parser=options.path, metavar="DIR", help="Look here for the project's files."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Unpack an exported project to a new folder, checked, and find its LoRA and model again."""
    from blockweight.workflow import project_text  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.project_files import import_project  # noqa: PLC0415

    imported = import_project(
        source,
        folder,
        lora=lora,
        models=model or (),
        embeddings=embedding or (),
        files=file or (),
        search=search or (),
    )
    told = project_text.imported_facts(imported)
    print_told(told, project_text.imported_lines(imported), as_json=as_json)


@app.command("rename")
def rename(
    folder: Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it from now on.")],
    as_json: Json = False,
) -> None:
    """Call a project something else; its folder stays where it is."""
    from blockweight.workflow import project_text, tuning  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(folder) as project:
        tuning.rename(project, name)
        facts = project_text.project_facts(project)
    print_told(facts, project_text.project_lines(facts), as_json=as_json)


@app.command("locate")
@with_renderer
def locate(
    folder: Folder,
    lora: Lora = None,
    model: Models = None,
    embedding: Held = None,
    file: Files = None,
    as_json: Json = False,
) -> None:
    """Say where a project's LoRA, model, embeddings and other files are now."""
    from blockweight.workflow import project_text, tuning_project  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.places import locate  # noqa: PLC0415

    with tuning_project.open_project(folder) as tuning:
        state = locate(tuning.log, lora, model or (), embedding or (), file or ())
    print_told(project_text.places_facts(state), project_text.places_lines(state), as_json=as_json)
