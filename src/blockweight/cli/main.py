"""`blockweight`: the group of commands, and what happens when one fails."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

import typer
import typer.core

from blockweight import __version__
from blockweight.cli import (
    again,
    analyze,
    blocks,
    compare_trainings,
    demo,
    helper,
    hints,
    info,
    lora,
    mask,
    plot,
    presets,
    project,
    rounds,
    studio,
    suggest,
    train,
    train_args,
    transfer,
    tune,
    weights,
)
from blockweight.errors import BlockweightError


class _Commands(typer.core.TyperGroup):
    """The commands, with a word to the person who stops one by Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo(
                "Stopped. What is finished is kept, and nothing is half-written; run the same command to go on.",
                err=True,
            )
            raise typer.Exit(130) from None


app = typer.Typer(
    name="blockweight",
    cls=_Commands,
    help="Find out what each block of a LoRA does, tune its block weights, and bake them in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("again")(again.again)
app.command("analyze")(analyze.analyze)
app.command("blocks")(blocks.blocks)
app.command("compare-captions")(compare_trainings.compare_captions)
app.command("compare-lr")(compare_trainings.compare_lr)
app.command("helper")(helper.helper)
app.command("info")(info.info)
app.command("studio")(studio.studio)
app.command("train")(train.train)
app.command("train-args")(train_args.train_args)
app.command("transfer")(transfer.transfer)
app.add_typer(plot.app, name="plot")
app.add_typer(rounds.app, name="round")
app.add_typer(project.app, name="project")
app.add_typer(tune.app, name="tune")
app.add_typer(suggest.app, name="suggest")
app.add_typer(weights.app, name="weights")
app.add_typer(presets.app, name="presets")
app.add_typer(hints.app, name="hints")
app.add_typer(lora.app, name="lora")
app.add_typer(mask.app, name="mask")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"blockweight {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Print the version and leave.",
    ),
) -> None:
    pass


_ENDINGS = ("SIGTERM", "SIGHUP")
"""What the system sends when it shuts down or a terminal is closed; Windows has no SIGHUP."""


def _leave_in_order() -> None:
    """End by an exception where the system would end the program on the spot: half-written files are removed on the
    way out. A signal that is ignored (nohup) stays so."""
    if threading.current_thread() is not threading.main_thread():
        return  # only that one may say what signals do
    for name in _ENDINGS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def main() -> None:
    """Run the command line: exit code 0 when all went well, 2 for wrong input, 130 after Ctrl-C, 143 when told to end
    (SIGTERM), 129 when the terminal was closed."""
    _leave_in_order()
    for stream in (sys.stdout, sys.stderr):
        # A Windows console in an old code page cannot print every prompt; a mark in its place beats a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="blockweight")
    except BlockweightError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        # What a program writes to its output may be refused: a full disk, a terminal that is gone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails again when it flushes at exit
        reason = error.strerror or str(error)
        step = "make room" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "check the paths and their permissions"
        typer.echo(f"Error: the system refused ({reason}); files are whole, so {step} and run this again.", err=True)
        sys.exit(2)
