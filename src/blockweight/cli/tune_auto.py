"""`blockweight tune auto`: a search for block weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Id, Json, Project
from blockweight.cli.renderer_option import with_renderer
from blockweight.workflow.renderers import command_renderer


@with_renderer
def auto(
    objective: Annotated[
        list[str] | None,
        typer.Option(
            "--objective",
            help="'raise kept', 'raise gone*2', 'lower green:outside', likeness, or a bound: 'kept>=80%'. Repeatable.",
        ),
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="At most this, 200pictures by default; or 10min.")] = "",
    segments: Annotated[
        str, typer.Option("--segments", help="How many, or which: 'a=IN01,IN02;b=OUT07-OUT09'; made by effect.")
    ] = "",
    also: Annotated[
        str, typer.Option("--also", metavar="NAME", help="A further LoRA of the scenes that is searched too.")
    ] = "",
    also_segments: Annotated[
        str, typer.Option("--also-segments", help="Its segments; made by the conflict table by default.")
    ] = "",
    grid: Annotated[str, typer.Option("--grid", help="Weights to try; 0,0.25,0.5,0.75,1 by default.")] = "",
    between: Annotated[
        tuple[float, float] | None, typer.Option("--between", help="Or any weight between two, e.g. 0 1.")
    ] = None,
    hold_out: Annotated[
        float | None, typer.Option("--hold-out", help="Share of the scenes never searched in; 0.25 by default.")
    ] = None,
    seeds: Annotated[
        str, typer.Option("--hold-out-seeds", help="Or search in all scenes, and hold out these seeds: 111-114.")
    ] = "",
    seeds_mask: Annotated[
        Path | None,
        typer.Option("--hold-out-mask", parser=options.path, metavar="FILE", help="The mask of those seeds."),
    ] = None,
    home_mask: Annotated[
        bool, typer.Option("--home-mask", help="Those seeds take the mask that the project's scenes share.")
    ] = False,
    target: Annotated[
        Path | None,
        typer.Option("--target", parser=options.path, metavar="FILE", help="The picture to come near (likeness)."),
    ] = None,
    picture_model: Annotated[
        Path | None,
        typer.Option(
            "--picture-model", parser=options.path, metavar="FOLDER", help="A CLIP, for prompt and embedding."
        ),
    ] = None,
    example: Annotated[
        list[Path] | None,
        typer.Option(
            "--example", parser=options.path, metavar="FILE", help="To come near by it (embedding). Repeatable."
        ),
    ] = None,
    sampler: Annotated[
        Literal["gp", "tpe", "nsga2"] | None, typer.Option("--sampler", help="What proposes; by budget by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of what is drawn; the same search again.")] = None,
    apply: Annotated[
        int | None, typer.Option("--apply", min=1, help="Set the project's weights to this choice.")
    ] = None,
    search: Annotated[
        int | None, typer.Option("--search", min=1, help="Show, or --apply of, this one: 2 for search-02.")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost; begin nothing.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Give up the search that is not complete.")] = False,
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Search for weights that do well in several scenes; without options, go on after a stop or show what was found."""
    from blockweight.workflow.search import steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.search.asking import SearchAsked  # noqa: PLC0415
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    asked = SearchAsked(
        objectives=tuple(objective or ()),
        budget=budget,
        segments=segments,
        grid=grid,
        between=between,
        hold_out=hold_out,
        seeds=seeds,
        seeds_mask=seeds_mask,
        home_mask=home_mask,
        target=target,
        sampler=sampler or "",
        seed=seed,
        also=also.strip(),
        also_segments=also_segments,
        picture_model=picture_model,
        examples=tuple(example or ()),
    )
    wanted = (asked != SearchAsked(), apply is not None or search is not None, cancel)
    if sum(wanted) > 1 or (estimate and (apply is not None or search is not None or cancel)):
        raise typer.BadParameter("say one thing at a time: what to search for, --apply or --search, or --cancel.")
    with open_project(project) as tuning:
        if apply is not None:
            told = steps.take(tuning, apply, search, event_id=event)
        elif search is not None:
            told = steps.show(tuning, search)
        elif cancel:
            told = steps.cancel(tuning)
        elif estimate:
            told = steps.estimate(tuning, asked)
        else:
            told = steps.run(tuning, asked, command_renderer, TerminalProgress())
    print_told(told.facts, told.lines, as_json=as_json)
