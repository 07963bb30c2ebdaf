"""`blockweight mask …`: what counts as inside when effects are measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.printed import print_told

if TYPE_CHECKING:
    from blockweight.workflow.mask_files import MadeMask

app = typer.Typer(help="Make masks from colours, detectors and other masks, for --mask.", no_args_is_help=True)

PictureFile = Annotated[
    Path, typer.Argument(parser=options.path, metavar="PICTURE", help="The picture, in any usual format.")
]
Out = Annotated[
    Path,
    typer.Option(
        "--out", "-o", parser=options.path, metavar="PATH", help="The PNG to write, white inside, black outside."
    ),
]
Grow = Annotated[
    float,
    typer.Option("--grow", callback=options.finite, help="Move the border outwards by so many pixels, or inwards."),
]
Invert = Annotated[bool, typer.Option("--invert", help="Take the rest instead, after --grow.")]
Within = Annotated[
    Path | None,
    typer.Option("--within", parser=options.path, metavar="PATH", help="Keep only what lies in this mask, at last."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("colour")
def colour(
    picture: PictureFile,
    out: Out,
    colours: Annotated[
        list[str] | None, typer.Option("--colour", "--color", help="A colour inside, as in #4a8f3c; may be repeated.")
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option("--tolerance", callback=options.finite, help="How far from it, in ΔE: 10 a tone, 20 its shades."),
    ] = 20,
    hues: Annotated[
        list[str] | None,
        typer.Option("--hue", help="Hues inside, in degrees: 80-170 is green; may be repeated."),
    ] = None,
    grow: Grow = 0,
    invert: Invert = False,
    within: Within = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Take what has a colour. Greys and near-blacks have no hue."""
    from blockweight.workflow.mask_files import Finish, mask_from_colours  # noqa: PLC0415 - keeps --help fast

    made = mask_from_colours(
        picture,
        out,
        colours=colours or (),
        tolerance=tolerance,
        hues=hues or (),
        finish=Finish(grow, invert, within),
        overwrite=overwrite,
    )
    _say(made, as_json=as_json)


@app.command("detect")
def detect(
    picture: PictureFile,
    detector: Annotated[
        Path,
        typer.Option(
            "--detector",
            parser=options.path,
            metavar="FOLDER|FILE",
            help="A folder of transformers (object detection, CLIPSeg), or a YOLO in an .onnx file.",
        ),
    ],
    out: Out,
    find: Annotated[str, typer.Option("--find", help="What: a label of the detector's, or CLIPSeg's text.")] = "",
    confidence: Annotated[
        float, typer.Option("--confidence", callback=options.finite, help="How sure it must be, 0 to 1.")
    ] = 0.3,
    grow: Grow = 0,
    invert: Invert = False,
    within: Within = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Take what a detector on your disk finds. Nothing is downloaded."""
    from blockweight.workflow.mask_files import Finish, mask_from_detector  # noqa: PLC0415 - keeps --help fast

    made = mask_from_detector(
        picture,
        out,
        detector,
        find=find,
        confidence=confidence,
        finish=Finish(grow, invert, within),
        overwrite=overwrite,
    )
    _say(made, as_json=as_json)


@app.command("combine")
def combine(
    one: Annotated[Path, typer.Argument(parser=options.path, metavar="A", help="A mask, white inside.")],
    other: Annotated[Path, typer.Argument(parser=options.path, metavar="B", help="Another of the same size.")],
    out: Out,
    how: Annotated[
        Literal["union", "intersect", "difference"],
        typer.Option("--how", help="Inside either, inside both, or inside A but not B."),
    ] = "union",
    grow: Grow = 0,
    invert: Invert = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Make one mask of two."""
    from blockweight.workflow.mask_files import Finish, mask_from_masks  # noqa: PLC0415 - keeps --help fast

    made = mask_from_masks(one, other, out, how, finish=Finish(grow, invert), overwrite=overwrite)
    _say(made, as_json=as_json)


def _say(made: MadeMask, *, as_json: bool) -> None:
    print_told(made.facts(), made.lines(), as_json=as_json)
