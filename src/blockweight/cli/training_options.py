"""The options that describe how a LoRA learns, shared by the commands that train."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.option_groups import Gathered, Options, with_options

MOST_RANK = 4096

LEARNING: Options = {
    "unet_lr": (Annotated[float, typer.Option("--unet-lr", help="The UNet's learning rate.")], 1e-4),
    "text_encoder_lr": (
        Annotated[float, typer.Option("--text-encoder-lr", help="The text encoder's, times BASE; 0 leaves it out.")],
        5e-5,
    ),
    "network_dim": (Annotated[int, typer.Option("--network-dim", min=1, max=MOST_RANK, help="The rank.")], 4),
    "network_alpha": (
        Annotated[float, typer.Option("--network-alpha", help="The change is scaled by alpha / rank.")],
        1,
    ),
    "conv_dim": (
        Annotated[
            int | None,
            typer.Option("--conv-dim", min=1, max=MOST_RANK, help="Rank of convolutions: a LoCon (LoRA-C3Lier)."),
        ],
        None,
    ),
    "conv_alpha": (Annotated[float, typer.Option("--conv-alpha", help="Their alpha.")], 1),
    "conv_in": (
        Annotated[
            bool, typer.Option("--conv-in", help="The first convolution too, block IN00, as LyCORIS' LoCon can have.")
        ],
        False,
    ),
    "epochs": (Annotated[int | None, typer.Option("--epochs", min=1, help="Or how many epochs.")], None),
    "batch": (Annotated[int, typer.Option("--batch", min=1, help="Pictures at once.")], 1),
    "accumulate": (Annotated[int, typer.Option("--accumulate", min=1, help="Batches a step.")], 1),
    "resolution": (
        Annotated[int, typer.Option("--resolution", min=8, max=4096, help="The side of a square picture.")],
        512,
    ),
    "bucket": (
        Annotated[bool, typer.Option("--bucket/--no-bucket", help="Keep other shapes, or cut out squares.")],
        True,
    ),
    "bucket_step": (Annotated[int, typer.Option("--bucket-step", min=8, help="Sides are multiples of it.")], 64),
    "bucket_min": (
        Annotated[int | None, typer.Option("--bucket-min", min=8, help="The shortest side; 256.")],
        None,
    ),
    "bucket_max": (
        Annotated[int | None, typer.Option("--bucket-max", min=8, help="The longest side; 1024.")],
        None,
    ),
    "bucket_no_upscale": (
        Annotated[bool, typer.Option("--bucket-no-upscale", help="Never enlarge a picture.")],
        False,
    ),
    "shuffle_caption": (
        Annotated[bool, typer.Option("--shuffle-caption", help="Tags in another order each time.")],
        False,
    ),
    "keep_tokens": (Annotated[int, typer.Option("--keep-tokens", min=0, help="Tags that stay in front.")], 0),
    "max_token_length": (
        Annotated[int, typer.Option("--max-token-length", help="Captions are cut after 75, 150 or 225 tokens.")],
        75,
    ),
    "noise_offset": (Annotated[float, typer.Option("--noise-offset", min=0, max=1, callback=options.finite)], 0),
    "min_snr_gamma": (
        Annotated[
            float | None, typer.Option("--min-snr-gamma", min=0.01, callback=options.finite, help="5 is usual.")
        ],
        None,
    ),
    "optimizer": (
        Annotated[
            Literal["adamw", "adamw8bit", "prodigy"],
            typer.Option("--optimizer", help="adamw8bit and prodigy are extras."),
        ],
        "adamw",
    ),
    "warmup": (Annotated[int, typer.Option("--warmup", min=0, help="Steps until it is reached.")], 0),
    "cycles": (Annotated[int, typer.Option("--cycles", min=1, help="Of cosine_with_restarts.")], 1),
    "precision": (
        Annotated[
            Literal["fp32", "bf16", "fp16"] | None,
            typer.Option("--precision", help="fp16 on CUDA, else fp32, if nothing is said."),
        ],
        None,
    ),
    "gradient_checkpointing": (
        Annotated[bool, typer.Option("--gradient-checkpointing", help="Less memory, more time.")],
        False,
    ),
    "seed": (Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Of the training.")], 42),
    "save_precision": (
        Annotated[Literal["fp16", "bf16", "fp32"], typer.Option("--save-precision", help="The file's numbers.")],
        "fp16",
    ),
}  # fmt: skip
"""All but the options that name files, and those that scenes have by the same name."""

Schedule = Literal["constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial"]

Learning = Gathered

_FIELDS = {
    "shuffle_caption": "shuffle",
    "max_token_length": "max_tokens",
    "gradient_checkpointing": "checkpointing",
}


def _fields(values: Gathered) -> Learning:
    return {_FIELDS.get(name, name): value for name, value in values.items()}


with_learning = with_options("learning", LEARNING, _fields)
"""A command with the options above in the place of its parameter `learning`, which is given what
`workflow.training_ask.TrainingAsk` takes by keyword."""
