"""`blockweight tune compare|vote|votes`: any weights in a project's scenes, and blind votes on them."""

from __future__ import annotations

from typing import Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Id, Json, Project
from blockweight.cli.renderer_option import with_renderer
from blockweight.workflow.renderers import command_renderer

Which = Annotated[int | None, typer.Option("--comparison", help="The comparison's number; the latest by default.")]


@with_renderer
def compare(
    variants: Annotated[
        list[str] | None,
        typer.Argument(help='"no LoRA", current, "step 12", "hint NAME", or weights; without, go on with the latest.'),
    ] = None,
    scenes: Annotated[str, typer.Option("--scenes", help="Numbers of scenes, e.g. 1,3-5; all by default.")] = "",
    fill: options.Fill = None,
    book: options.Book = None,
    blind: Annotated[bool, typer.Option("--blind", help="Hide what is what, and shuffle every row.")] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost; begin nothing.")] = False,
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Plan a comparison of any weights and render it; after a stop the same without variants goes on."""
    from blockweight.workflow import comparison_steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.comparison import Typed  # noqa: PLC0415
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    typed = Typed(tuple(variants or ()), comparison_steps.numbers(scenes), fill, book, blind)
    with open_project(project) as tuning:
        if estimate:
            told = comparison_steps.estimate(tuning, typed)
        else:
            told = comparison_steps.run(tuning, typed, command_renderer, TerminalProgress(), event_id=event)
    print_told(told.facts, told.lines, as_json=as_json)


def vote(
    row: Annotated[int, typer.Argument(help="The row, counted from 1.")],
    best: Annotated[int | None, typer.Argument(help="The best picture's place; without, none differs.")] = None,
    worst: Annotated[int | None, typer.Argument(help="The worst picture's place.")] = None,
    which: Which = None,
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Vote on a row of a blind comparison, places as they are shown, from left to right."""
    from blockweight.workflow import comparison, comparison_steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(project) as tuning:
        comparison.vote(tuning, row, best, worst, number=which, event_id=event)
        told = comparison_steps.show(tuning, which)
    print_told(told.facts, told.lines, as_json=as_json)


def votes(
    undo: Annotated[bool, typer.Option("--undo", help="Take the latest vote back.")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show what is what, and close the votes.")] = False,
    which: Which = None,
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Show a comparison and count its votes, once its labels are revealed."""
    from blockweight.workflow import comparison, comparison_steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    if undo and reveal:
        raise typer.BadParameter("give one of --undo and --reveal.")
    with open_project(project) as tuning:
        if undo:
            comparison.undo_vote(tuning, number=which, event_id=event)
        if reveal:
            comparison.reveal(tuning, number=which, event_id=event)
        told = comparison_steps.show(tuning, which)
    print_told(told.facts, told.lines, as_json=as_json)
