"""`blockweight tune prefer`: a search for block weights by what a person prefers."""

from __future__ import annotations

from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Id, Json, Project
from blockweight.cli.renderer_option import with_renderer
from blockweight.workflow.renderers import command_renderer


@with_renderer
def prefer(
    best: Annotated[str, typer.Option("--best", help="The best picture: A to D, of a plane A1 to E5.")] = "",
    worst: Annotated[str, typer.Option("--worst", help="The worst picture of the round, if you like.")] = "",
    same: Annotated[bool, typer.Option("--same", help="None of the pictures differs.")] = False,
    plane: Annotated[
        bool | None,
        typer.Option("--plane/--few", help="Show a plane of 5 × 5 in the directions that matter most."),
    ] = None,
    segments: Annotated[
        str, typer.Option("--segments", help="How many, or which: 'a=IN01,IN02;b=OUT07-OUT09'; made by effect.")
    ] = "",
    grid: Annotated[str, typer.Option("--grid", help="Weights to show; 0,0.25,0.5,0.75,1 by default.")] = "",
    between: Annotated[
        tuple[float, float] | None, typer.Option("--between", help="Or any weight between two, e.g. 0 1.")
    ] = None,
    scenes: Annotated[str, typer.Option("--scenes", help="Numbers of scenes, e.g. 1,3; two by default.")] = "",
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of what is drawn; the same rounds again.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Set the project's weights to the best so far.")] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what a round costs; begin nothing.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="End it; the pictures are kept.")] = False,
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Choose among pictures, round by round; without options, begin, or go on with the round that is to be judged."""
    from blockweight.workflow.choosing import steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.choosing.asking import ChoosingAsked  # noqa: PLC0415
    from blockweight.workflow.comparison_steps import numbers  # noqa: PLC0415
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    asked = ChoosingAsked(segments=segments, grid=grid, between=between, scenes=numbers(scenes), seed=seed)
    judging = bool(best or worst or same)
    wanted = (judging, asked != ChoosingAsked() or plane is not None, apply, cancel)
    if sum(wanted) > 1 or (estimate and (judging or apply or cancel)):
        raise typer.BadParameter("say one thing at a time: a judgement, how to begin, --apply or --cancel.")
    if same and (best or worst):
        raise typer.BadParameter("give --same, or --best and --worst.")
    with open_project(project) as tuning:
        if apply:
            told = steps.take(tuning, event_id=event)
        elif cancel:
            told = steps.end(tuning)
        elif estimate:
            told = steps.estimate(tuning, asked)
        elif judging:
            if worst and not best:
                raise typer.BadParameter("say the best too: --best B --worst D.")
            told = steps.judged(tuning, best, worst, command_renderer, TerminalProgress(), event_id=event)
        else:
            told = steps.run(tuning, asked, plane, command_renderer, TerminalProgress())
    print_told(told.facts, told.lines, as_json=as_json)
