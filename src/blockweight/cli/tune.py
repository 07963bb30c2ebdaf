"""`blockweight tune …`: tune a project's block weights by eye."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blockweight.cli import analysis_options as analysis
from blockweight.cli import compare, project_bake, tune_auto, tune_prefer
from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Id, Json, Project
from blockweight.cli.renderer_option import with_renderer
from blockweight.cli.standard_input import typed
from blockweight.workflow.renderers import command_renderer

if TYPE_CHECKING:
    from blockweight.project import TuningState
    from blockweight.workflow.tuning_project import TuningProject

app = typer.Typer(help="Tune a project's block weights: rounds, decisions, undo and branches.", no_args_is_help=True)

Blocks = Annotated[str, typer.Argument(help="Blocks, e.g. IN01-IN08,M00.")]
SomeBlocks = Annotated[str, typer.Argument(help="Blocks, e.g. IN01-IN08,M00; all by default.")]


@app.command("show")
def show(project: Project = options.DEFAULT_OUT, as_json: Json = False) -> None:
    """Show the project as it stands: weights, fixed blocks, the open round and its decisions."""
    _act(project, lambda tuning: tuning.state(), as_json=as_json)


# A negative number is a weight, not an option.
@app.command("set", context_settings={"ignore_unknown_options": True})
def set_(
    weights: Annotated[
        str, typer.Argument(help="Weights in any notation, - for standard input; with --block, one number.")
    ],
    block: Annotated[str, typer.Option("--block", help="Set these blocks alone, e.g. IN05, IN01-IN04 or REST.")] = "",
    fill: options.Fill = None,
    rest: options.Rest = None,
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Set the weights, all of them or some blocks."""
    from blockweight.workflow import tuning as acts  # noqa: PLC0415 - keeps --help fast

    def act(tuning: TuningProject) -> TuningState:
        if block:
            return acts.set_blocks(tuning, block, weights, event_id=event)
        return acts.set_weights(tuning, typed(weights), fill=fill, rest=rest, event_id=event)

    _act(project, act, as_json=as_json)


@app.command("fix")
def fix(
    blocks: Blocks,
    off: Annotated[bool, typer.Option("--off", help="Let rounds move them again.")] = False,
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Fix blocks, so that rounds leave them alone."""
    from blockweight.workflow import tuning as acts  # noqa: PLC0415 - keeps --help fast

    change = acts.unfix if off else acts.fix
    _act(project, lambda tuning: change(tuning, blocks, event_id=event), as_json=as_json)


@app.command("analyze")
@with_renderer
def analyze(
    blocks: Annotated[str | None, typer.Option("--blocks", help="Blocks to analyse; all that the LoRA has.")] = None,
    weight_range: Annotated[
        str | None, typer.Option("--range", help="Weight under test, weight of the others; 0.5,1 by default.")
    ] = None,
    threshold: Annotated[
        int | None, typer.Option("--threshold", min=0, max=255, help="Diff % counts differences above this; 20.")
    ] = None,
    mask: analysis.Masks = None,
    region: Annotated[str | None, typer.Option("--region", help="What the mask covers, e.g. 'the face'.")] = None,
    method: analysis.Method = None,
    adaptive: analysis.Adaptive = False,
    aspects: analysis.Aspects = "",
    objective: analysis.Objective = "",
    pairs: analysis.Pairs = 0,
    levels: analysis.Levels = 1,
    budget: analysis.Budget = "",
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost; begin nothing.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Give up the analysis that is not complete.")] = False,
    project: Project = options.DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Measure what each block does in the project's scenes; after a stop the same without options goes on."""
    from blockweight.workflow import analysis_steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    asked = analysis_steps.Asked(
        blocks=blocks,
        weight_range=weight_range,
        threshold=threshold,
        masks=tuple(mask or ()),
        region=region,
        method=method,
        adaptive=adaptive,
        aspects=aspects,
        aims=objective,
        pairs=pairs,
        levels=levels,
        budget=budget,
    )
    with open_project(project) as tuning:
        if cancel:
            told = analysis_steps.cancel(tuning)
        elif estimate:
            told = analysis_steps.estimate(tuning, asked)
        else:
            told = analysis_steps.run(tuning, asked, command_renderer, TerminalProgress())
    print_told(told.facts, told.lines, as_json=as_json)


@app.command("apply")
def apply(
    blocks: SomeBlocks = "", project: Project = options.DEFAULT_OUT, event: Id = "", as_json: Json = False
) -> None:
    """Do what the latest analysis (tune analyze) suggests: keep at 1, drop to 0, both fixed."""
    from blockweight.workflow import tuning as acts  # noqa: PLC0415 - keeps --help fast

    _act(project, lambda tuning: acts.apply_suggestions(tuning, blocks, event_id=event), as_json=as_json)


@app.command("revoke")
def revoke(
    blocks: SomeBlocks = "", project: Project = options.DEFAULT_OUT, event: Id = "", as_json: Json = False
) -> None:
    """Give blocks back what they had before a suggestion was applied."""
    from blockweight.workflow import tuning as acts  # noqa: PLC0415 - keeps --help fast

    _act(project, lambda tuning: acts.revoke_suggestions(tuning, blocks, event_id=event), as_json=as_json)


@app.command("round")
@with_renderer
def round_(
    kind: Annotated[
        Literal["sub", "sub-add", "add", "add-sub"] | None,
        typer.Argument(help="Plan this round and render it; without, go on with the open one."),
    ] = None,
    step: Annotated[
        float, typer.Option("--step", callback=options.finite, help="AddSubValue: by how much a block is moved.")
    ] = 0.5,
    limits: Annotated[
        tuple[float, float] | None, typer.Option("--limits", help="Move no weight beyond these two, e.g. 0 1.")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would cost; begin nothing.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="Finish the open round, decided or not.")] = False,
    project: Project = options.DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Plan a round around the current weights and render it; after a stop the same without a kind goes on."""
    from blockweight.workflow import round_steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(project) as tuning:
        if finish or estimate:
            told = round_steps.finish(tuning, kind) if finish else round_steps.estimate(tuning, kind, step, limits)
        else:
            told = round_steps.run(tuning, kind, step, limits, command_renderer, TerminalProgress())
    print_told(told.facts, told.lines, as_json=as_json)


@app.command("decide")
def decide(
    variant: Annotated[str, typer.Argument(help="A variant of the open round, e.g. SubIN01_0.")],
    choice: Annotated[
        Literal["accept", "reject", "undecided"],
        typer.Argument(help="Fix its block at this value, fix it as it was, or neither."),
    ],
    event: Id = "",
    sequence: Annotated[
        int | None, typer.Option("--sequence", min=0, help="Of two decisions on a variant the higher one stands.")
    ] = None,
    project: Project = options.DEFAULT_OUT,
    as_json: Json = False,
) -> None:
    """Decide on a variant of the open round, complete or not."""
    from blockweight.workflow import tuning as acts  # noqa: PLC0415 - keeps --help fast

    _act(
        project,
        lambda tuning: acts.decide(tuning, variant, choice, sequence=sequence, event_id=event),
        as_json=as_json,
    )


@app.command("undo")
def undo(project: Project = options.DEFAULT_OUT, event: Id = "", as_json: Json = False) -> None:
    """Go one step back."""
    from blockweight.workflow import tuning as acts  # noqa: PLC0415 - keeps --help fast

    _act(project, lambda tuning: acts.undo(tuning, event_id=event), as_json=as_json)


@app.command("redo")
def redo(project: Project = options.DEFAULT_OUT, event: Id = "", as_json: Json = False) -> None:
    """Take the step again that was undone last."""
    from blockweight.workflow import tuning as acts  # noqa: PLC0415 - keeps --help fast

    _act(project, lambda tuning: acts.redo(tuning, event_id=event), as_json=as_json)


@app.command("history")
def history(project: Project = options.DEFAULT_OUT, as_json: Json = False) -> None:
    """List every step, also of other branches."""
    from blockweight.workflow import tuning_text  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(project) as tuning:
        state = tuning.state()
    print_told(tuning_text.history_facts(state), tuning_text.history_lines(state), as_json=as_json)


@app.command("branch")
def branch(
    step: Annotated[int, typer.Argument(help="The number of a step in the history.")],
    project: Project = options.DEFAULT_OUT,
    event: Id = "",
    as_json: Json = False,
) -> None:
    """Go to an earlier step, or to one of another branch, and tune on from there."""
    from blockweight.workflow import tuning as acts  # noqa: PLC0415 - keeps --help fast

    _act(project, lambda tuning: acts.branch_from(tuning, step, event_id=event), as_json=as_json)


app.command("compare", context_settings={"ignore_unknown_options": True})(compare.compare)
app.command("vote")(compare.vote)
app.command("votes")(compare.votes)
app.command("auto")(tune_auto.auto)
app.command("prefer")(tune_prefer.prefer)
app.command("bake")(project_bake.bake)
app.command("bakes")(project_bake.bakes)


def _act(project: Path, act: Callable[[TuningProject], TuningState], *, as_json: bool) -> None:
    """Open the project, act on it, and print the state after it."""
    from blockweight.workflow import tuning_text  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.tuning_project import open_project  # noqa: PLC0415

    with open_project(project) as tuning:
        state = act(tuning)
    print_told(tuning_text.show_facts(state), tuning_text.show_lines(state), as_json=as_json)
