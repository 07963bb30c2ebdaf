"""`blockweight compare-lr` and `compare-captions`: trainings that differ in one thing, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.analysis_options import Masks
from blockweight.cli.option_groups import NONE_GATHERED, Gathered, Options, with_options
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Json
from blockweight.cli.shot_options import NO_SHOTS, Shots, with_scenes
from blockweight.cli.train import Dataset
from blockweight.cli.training_options import Learning, Schedule, with_learning
from blockweight.workflow.renderers import local_renderer

if TYPE_CHECKING:
    from blockweight.workflow.training_ask import TrainingAsk
    from blockweight.workflow.trainings.asked import Pair
    from blockweight.workflow.trainings.series import Series
    from blockweight.workflow.trainings.text import Sides

_COMPARED: Options = {
    "train_steps": (
        Annotated[
            int | None, typer.Option("--train-steps", min=1, help="How many steps each is trained; 1600 by default.")
        ],
        None,
    ),
    "lr_scheduler": (
        Annotated[Schedule, typer.Option("--lr-scheduler", help="How the learning rate goes.")],
        "constant",
    ),
    "mask": (Masks, None),
    "reference": (
        Annotated[
            list[Path] | None,
            typer.Option(
                "--reference",
                parser=options.path,
                metavar="FILE",
                help="What it should look like (inside the mask); once for all scenes, or once for each.",
            ),
        ],
        None,
    ),
    "colour": (
        Annotated[str, typer.Option("--colour", help="What may bleed out of the mask: green, red, blue, #rrggbb.")],
        "green",
    ),
    "with_lora": (
        Annotated[
            str, typer.Option("--with-lora", help="Draw every scene with this LoRA too: a name or a <lora:…> tag.")
        ],
        "",
    ),
    "write": (
        Annotated[
            list[str] | None,
            typer.Option("--write", help="The plot as png (the default), webp, pdf, or none. Repeatable."),
        ],
        None,
    ),
    "estimate": (Annotated[bool, typer.Option("--estimate", help="Only say what it would cost.")], False),
    "as_json": (Json, False),
}  # fmt: skip

_with_comparison = with_options("compared", _COMPARED)

Folder = Annotated[
    Path,
    typer.Option("-o", "--out", parser=options.path, metavar="FOLDER", help="The folder for LoRAs, pictures, tables."),
]


@_with_comparison
@with_learning
@with_scenes
def compare_lr(
    dataset: Dataset,
    model: options.Model,
    out: Folder,
    groups: Annotated[
        str, typer.Option("--groups", help="Groups of blocks, important=IN01,…,unknown=…,unimportant=others.")
    ],
    levels: Annotated[
        str, typer.Option("--levels", help="A digit for each group: 876 is 0.8, 0.7, 0.6. Several with commas.")
    ],
    learning: Learning = NONE_GATHERED,
    scenes: Shots = NO_SHOTS,
    compared: Gathered = NONE_GATHERED,
) -> None:
    """Train once plain and once per level of block learning rates, and compare each with the same numbers as weights.

    --steps and --scheduler are the pictures'. Ctrl-C keeps what is done; the same command goes on, also after a kill.
    """

    def read(plain: TrainingAsk) -> tuple[Series, tuple[Pair, ...], Sides, str]:
        from blockweight.workflow.trainings.levels import compare_levels  # noqa: PLC0415 - keeps --help fast
        from blockweight.workflow.trainings.steps import WEIGHTS_AND_RATES  # noqa: PLC0415

        return *compare_levels(out, plain, groups, levels), WEIGHTS_AND_RATES, "Block weights and block learning rates"

    _compare(read, dataset, model, out, learning, scenes, compared)


@_with_comparison
@with_learning
@with_scenes
def compare_captions(
    dataset: Dataset,
    model: options.Model,
    out: Folder,
    trigger: Annotated[str, typer.Option("--trigger", help="The tag that calls the LoRA (k).")],
    tag: Annotated[str, typer.Option("--tag", help="A tag that makes trouble (s).")] = "",
    weights: Annotated[
        str, typer.Option("--weights", help="On all tags (a), on the trigger, on the tag.")
    ] = "0.5,1.5,3",
    norm: Annotated[
        Literal["mean", "none"],
        typer.Option("--norm", help="Restore the mean (sd-scripts up to v0.9.1) or not (since)."),
    ] = "mean",
    learning: Learning = NONE_GATHERED,
    scenes: Shots = NO_SHOTS,
    compared: Gathered = NONE_GATHERED,
) -> None:
    """Train once plain and once per weight on all tags, on the trigger and on a tag, and compare each with the plain.

    --steps and --scheduler are the pictures'. Ctrl-C keeps what is done; the same command goes on, also after a kill.
    """

    def read(plain: TrainingAsk) -> tuple[Series, tuple[Pair, ...], Sides, str]:
        from blockweight.workflow.trainings.captions import compare_captions as compared  # noqa: PLC0415 - as above
        from blockweight.workflow.trainings.steps import PLAIN_AND_WEIGHTED  # noqa: PLC0415

        return *compared(out, plain, weights, trigger, tag, norm), PLAIN_AND_WEIGHTED, "Weights in captions"

    _compare(read, dataset, model, out, learning, scenes, compared)


def _compare(
    read: Callable[[TrainingAsk], tuple[Series, tuple[Pair, ...], Sides, str]],
    dataset: Path,
    model: Path,
    out: Path,
    learning: Mapping[str, Any],
    scenes: Mapping[str, Any],
    compared: Mapping[str, Any],
) -> None:
    from blockweight.workflow.plots.steps import look_of  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.plots.typed import typed_plot  # noqa: PLC0415
    from blockweight.workflow.training_ask import TrainingAsk  # noqa: PLC0415
    from blockweight.workflow.trainings import steps  # noqa: PLC0415
    from blockweight.workflow.trainings.asked import SceneAsk  # noqa: PLC0415

    plain = TrainingAsk(
        dataset=dataset,
        model=model,
        out=out,
        steps=compared["train_steps"],
        scheduler=compared["lr_scheduler"],
        clip_skip=scenes["clip_skip"],
        **learning,
    )
    typed, resolver = typed_plot(model=str(model), **scenes)
    masks, references = (tuple(compared[name] or ()) for name in ("mask", "reference"))
    asked = SceneAsk(typed, resolver, masks, references, compared["colour"], compared["with_lora"])
    series, pairs, sides, title = read(plain)
    look = look_of(compared["write"] or ("png",), None, "en")
    ask = steps.ComparisonAsk(series, pairs, asked, sides, title, look)
    if compared["estimate"]:
        told = steps.estimate(ask, local_renderer, TerminalProgress())
    else:
        told = steps.run(ask, local_renderer, TerminalProgress())
    print_told(told.facts, told.lines, as_json=compared["as_json"])
