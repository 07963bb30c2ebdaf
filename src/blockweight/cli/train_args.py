"""`blockweight train-args`: block weights as a trainer's arguments, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockweight.cli import scene_options as options
from blockweight.errors import BlockweightError

if TYPE_CHECKING:
    from blockweight.workflow.train_arguments import TrainArguments

_TRAINERS = "sd-scripts, sd-scripts-toml, kohya-gui, musubi, ai-toolkit or lycoris"


def train_args(
    weights: Annotated[str | None, typer.Argument(help='The weights, "NAME:1,0,0.5,…" or the numbers alone.')] = None,
    family: Annotated[str | None, typer.Option("--family", help="The family that is trained, e.g. sd1.")] = None,
    trainer: Annotated[str | None, typer.Option("--for", help=f"The trainer: {_TRAINERS}.")] = None,
    unet_lr: Annotated[
        float | None, typer.Option("--unet-lr", help="Learning rate of UNet or transformer at weight 1; else 1e-4.")
    ] = None,
    text_encoder_lr: Annotated[
        float | None, typer.Option("--text-encoder-lr", help="The text encoders' at BASE 1; else 5e-5. 0: not trained.")
    ] = None,
    network_dim: Annotated[int | None, typer.Option("--network-dim", help="Rank; else the trainer's own.")] = None,
    network_alpha: Annotated[float | None, typer.Option("--network-alpha", help="Else the trainer's own.")] = None,
    conv_dim: Annotated[
        int | None, typer.Option("--conv-dim", help="Rank of convolutions: train a LoCon (LoRA-C3Lier).")
    ] = None,
    conv_alpha: Annotated[float, typer.Option("--conv-alpha", help="Their alpha.")] = 1.0,
    groups: Annotated[
        str | None,
        typer.Option("--groups", help="Instead of weights: groups of blocks, important=IN01,…,unimportant=others."),
    ] = None,
    levels: Annotated[
        str | None, typer.Option("--levels", help="Their weights, a digit for each group: 876 is 0.8, 0.7, 0.6.")
    ] = None,
    fill: options.Fill = None,
    modules: Annotated[
        bool, typer.Option("--modules", help="List the modules that would be trained, skipped or kept at zero.")
    ] = False,
    read: Annotated[
        str | None,
        typer.Option(
            "--read", help="Read block learning rates back: pasted arguments, or a .safetensors, .toml or .json file."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the arguments to this file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help='Print one JSON object; {"error": …} if that fails.')] = False,
) -> None:
    """Print the arguments with which a trainer learns at these block weights, as far as it can, or read them back.

    A learning rate is not a block weight: only 0 and 1 mean the same for both.
    """
    from blockweight.workflow.text_files import write_text  # noqa: PLC0415
    from blockweight.workflow.train_arguments import (  # noqa: PLC0415 - keeps --help fast
        read_arguments,
        train_arguments,
    )

    try:
        if read is not None:
            if weights is not None or groups is not None:
                raise BlockweightError("Give either weights, or arguments to --read; leave out one of them.")
            found = read_arguments(read, family, unet_lr)
            text = json.dumps(found.facts(), ensure_ascii=False) if as_json else "\n".join(found.table())
            _show(text, () if as_json else found.notes)
            return
        if (weights is None and groups is None) or trainer is None:
            raise BlockweightError(f"Give the weights and --for with a trainer ({_TRAINERS}), or arguments to --read.")
        every = [
            train_arguments(
                text,
                family,
                trainer,
                unet_lr=unet_lr,
                text_encoder_lr=text_encoder_lr,
                network_dim=network_dim,
                network_alpha=network_alpha,
                conv_dim=conv_dim,
                conv_alpha=conv_alpha,
                fill=fill,
            )
            for text in _texts(weights, groups, levels, family, out)
        ]
        if out is not None:
            write_text(out, f"{every[0].arguments.text}\n", overwrite=overwrite)
    except BlockweightError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"error": str(error)}, ensure_ascii=False))
        raise typer.Exit(2) from None
    _show_all(every, out, modules=modules, as_json=as_json)


def _texts(
    weights: str | None, groups: str | None, levels: str | None, family: str | None, out: Path | None
) -> tuple[str, ...]:
    """The weights' texts: the one that is given, or one for each level."""
    from blockweight.workflow.train_arguments import levels_of  # noqa: PLC0415

    if groups is None:
        return (weights or "",)
    if weights is not None:
        raise BlockweightError("Give either the weights or --groups with --levels; leave out one of them.")
    found = levels_of(groups, levels or "", family)
    if len(found) > 1 and out is not None:
        raise BlockweightError("A file holds the arguments of one level; give one, or leave out --out.")
    return found


def _show_all(every: list[TrainArguments], out: Path | None, *, modules: bool, as_json: bool) -> None:
    """One by one as it is; several below the weights of each, or as a list, and their notes once."""
    if len(every) > 1 and as_json:
        typer.echo(json.dumps([made.facts(names=modules) for made in every], ensure_ascii=False))
        return
    for made in every:
        if len(every) > 1:
            typer.echo(f"# {made.weights.text()}")
        last = made is every[-1] and not as_json
        _show(_shown(made, out, modules=modules, as_json=as_json), made.notes if last else ())


def _shown(made: TrainArguments, out: Path | None, *, modules: bool, as_json: bool) -> str:
    if as_json:
        return json.dumps(made.facts(names=modules), ensure_ascii=False)
    if modules:
        return "\n".join(made.table())
    return made.arguments.text if out is None else f"written: {out}"


def _show(text: str, notes: tuple[str, ...]) -> None:
    typer.echo(text)
    for note in notes:
        typer.echo(f"Note: {note}", err=True)
