"""`blockweight plot`: grids of anything against anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.option_groups import NONE_GATHERED, Gathered, Options, with_options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Json
from blockweight.cli.renderer_option import with_renderer
from blockweight.cli.shot_options import NO_SHOTS, Shots, with_shots
from blockweight.workflow.renderers import command_renderer

if TYPE_CHECKING:
    from blockweight.workflow.plots.planning import PlotAsk
    from blockweight.workflow.plots.reading import TypedPlot
    from blockweight.workflow.plots.resolver import Resolver

app = typer.Typer(help="Draw grids: any option on up to three axes, and the tutorial's matrices.")

_AXIS = "KIND=values, e.g. weights=ALL,MIDD or steps=10-30(+10); given again, both move together."
Axis = list[str] | None
X = Annotated[Axis, typer.Option("--x", help=f"Columns: {_AXIS}")]
Y = Annotated[Axis, typer.Option("--y", help="Rows, likewise.")]
Z = Annotated[Axis, typer.Option("--z", help="A grid each, likewise.")]
Baseline = Annotated[
    Literal["none", "column", "row"], typer.Option("--baseline", help="Pictures without the LoRA, too.")
]
_DRAWING: Options = {
    "title": (Annotated[str, typer.Option("--title", help="What stands above the plot.")], ""),
    "write": (
        Annotated[list[str] | None, typer.Option("--write", help="png (the default), webp, pdf, or none. Repeatable.")],
        None,
    ),
    "scale": (
        Annotated[float | None, typer.Option("--scale", min=0.01, help="Enlarge pictures in PNG and WebP pages.")],
        None,
    ),
    "language": (Annotated[Literal["en", "ja"], typer.Option("--language", help="Of the page's words.")], "en"),
    "estimate": (Annotated[bool, typer.Option("--estimate", help="Only say what it would cost.")], False),
    "as_json": (Json, False),
    "out": (options.Out, options.DEFAULT_OUT),
}
"""How a plot is drawn, the same for all of them."""

with_drawing = with_options("drawing", _DRAWING)


@app.callback(invoke_without_command=True)
@with_renderer
@with_drawing
@with_shots
def plot(
    context: typer.Context,
    shots: Shots = NO_SHOTS,
    x: X = None,
    y: Y = None,
    z: Z = None,
    baseline: Baseline = "none",
    drawing: Gathered = NONE_GATHERED,
) -> None:
    """Draw a plot. Pictures are kept in the project folder, for other plots too; the same command goes on after a stop.

    Kinds: prompt, sr, weights, round, blocks with values, lora, tag, strength, te, unet, start, stop, model, vae, seed,
    sampler, scheduler, steps, cfg, clip-skip, size, denoise, hires-upscaler, control-weight, control-picture, …
    """
    if context.invoked_subcommand is not None:
        return
    from blockweight.workflow.plots.reading import read_plot  # noqa: PLC0415 - keeps --help fast

    axes = {name: tuple(texts or ()) for name, texts in (("x", x), ("y", y), ("z", z))}

    def read(typed: TypedPlot, resolver: Resolver) -> PlotAsk:
        return read_plot(replace(typed, x=axes["x"], y=axes["y"], z=axes["z"]), resolver)

    _draw(read, shots, baseline, drawing)


@app.command("matrix")
@with_renderer
@with_drawing
@with_shots
def matrix(
    train_loras: Annotated[str, typer.Option("--train-loras", help="LoRAs of several models, in CSV: columns.")],
    models: Annotated[str, typer.Option("--models", help="The models that they are used on, in CSV: rows.")],
    shots: Shots = NO_SHOTS,
    baseline: Baseline = "none",
    drawing: Gathered = NONE_GATHERED,
) -> None:
    """Training model against generating model: every LoRA on every model."""
    from blockweight.workflow.plots import named  # noqa: PLC0415 - keeps --help fast

    def read(typed: TypedPlot, resolver: Resolver) -> PlotAsk:
        return named.matrix(typed, train_loras, models, resolver)

    _draw(read, shots, baseline, drawing)


@app.command("combos")
@with_renderer
@with_drawing
@with_shots
def combos(
    loras: Annotated[
        list[str], typer.Option("--with", help="A LoRA: NAME, NAME=WEIGHTS, or a whole <lora:…> tag. Repeat it.")
    ],
    shots: Shots = NO_SHOTS,
    drawing: Gathered = NONE_GATHERED,
) -> None:
    """Every LoRA with every other, each with its own block weights."""
    from blockweight.workflow.plots import named  # noqa: PLC0415 - keeps --help fast

    def read(typed: TypedPlot, resolver: Resolver) -> PlotAsk:
        return named.combos(typed, loras, resolver)

    _draw(read, shots, "none", drawing)


@app.command("before-after")
@with_renderer
@with_drawing
@with_shots
def before_after(
    against: Annotated[
        list[str] | None, typer.Option("--against", help="Block weights for a column of their own. Repeatable.")
    ] = None,
    control_pictures: Annotated[
        str, typer.Option("--control-pictures", help="Maps for the ControlNet, in CSV: every scene with each.")
    ] = "",
    shots: Shots = NO_SHOTS,
    drawing: Gathered = NONE_GATHERED,
) -> None:
    """Rows of scenes: without the LoRA, with all of it, and with block weights."""
    from blockweight.workflow.plots import named  # noqa: PLC0415 - keeps --help fast

    def read(typed: TypedPlot, resolver: Resolver) -> PlotAsk:
        return named.before_after(typed, against or (), control_pictures, resolver)

    _draw(read, shots, "none", drawing)


def _draw(
    read: Callable[[TypedPlot, Resolver], PlotAsk], shots: Shots, baseline: str, drawing: Mapping[str, Any]
) -> None:
    from blockweight.workflow.plots import steps  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.plots.typed import typed_plot  # noqa: PLC0415

    typed, resolver = typed_plot(**shots)
    out = shots["project"] or drawing["out"]
    ask = read(replace(typed, baseline=baseline, title=drawing["title"]), resolver)
    look = steps.look_of(drawing["write"] or ("png",), drawing["scale"], drawing["language"])
    if drawing["estimate"]:
        told = steps.estimate(ask, resolver, out, TerminalProgress())
    else:
        told = steps.run(ask, resolver, out, command_renderer, TerminalProgress(), look)
    print_told(told.facts, told.lines, as_json=drawing["as_json"])
