"""Options of the commands that bake."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from blockweight.cli import scene_options as options

Strength = Annotated[float, typer.Option("--strength", callback=options.finite, help="Multiplies every block weight.")]
TextEncoder = Annotated[
    float | None,
    typer.Option("--te", callback=options.finite, help="The text encoder's strength, if it is another one."),
]
Elemental = Annotated[
    str,
    typer.Option("--elemental", help="Weights for kinds of modules, which replace their block's: IN05-OUT05:attn:0,…"),
]
Zeros = Annotated[
    Literal["drop", "keep"], typer.Option("--zeros", help="Drop modules of weight 0, or keep them as zeros.")
]
Via = Annotated[
    Literal["factor", "alpha"],
    typer.Option("--via", help="Scale one factor, as every loader reads it, or alpha, which loses nothing."),
]
Precision = Annotated[
    Literal["keep", "fp32"], typer.Option("--precision", help="Store scaled numbers as the file does, or in fp32.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the new file if it exists.")]
EstimateOnly = Annotated[
    bool, typer.Option("--estimate", help="Only say how large, exact and slow it would be; write nothing.")
]
