"""The options that describe an analysis, shared by `analyze` and `tune analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from blockweight.cli import scene_options as options

Blocks = Annotated[
    str, typer.Option("--blocks", help="Blocks to analyse, e.g. IN01-IN08,M00 or REST; all that the LoRA has.")
]
Range = Annotated[str, typer.Option("--range", help="Weight under test, weight of the others; 0.5,1 by default.")]
Threshold = Annotated[
    int, typer.Option("--threshold", min=0, max=255, help="Diff % counts differences above this; 20.")
]
Method = Annotated[
    Literal["eba", "screen", "bisect", "probe", "sketch", "gradient"] | None,
    typer.Option("--method", help="How: eba is one block at a time, and the usual one; docs/analysis.md."),
]
Budget = Annotated[
    str,
    typer.Option("--budget", help="At most this, e.g. 5min or 64pictures; chooses scenes and method."),
]
Adaptive = Annotated[
    bool, typer.Option("--adaptive", help="Begin with two scenes; take more for blocks that are not settled.")
]
Masks = Annotated[
    list[Path] | None,
    typer.Option(
        "--mask",
        parser=options.path,
        metavar="FILE",
        help="A picture, white where the LoRA should work; once for all scenes, or once for each.",
    ),
]
Region = Annotated[str, typer.Option("--region", help="What the mask covers, e.g. 'the face'.")]
Aspects = Annotated[
    str, typer.Option("--aspects", help="Measure also: colour, structure, edges, layout, embedding, features.")
]
Objective = Annotated[
    str, typer.Option("--objective", help="Measure with a sign: green:outside, saturation, distance:inside, #cc3344.")
]
Levels = Annotated[int, typer.Option("--levels", min=1, max=5, help="Noise levels that a probe looks at.")]
Pairs = Annotated[
    int, typer.Option("--pairs", min=0, max=16, help="Of so many strongest blocks, which two don't add up.")
]
