"""One program at a time renders a project, so that no picture is made twice. Who does stands beside the lock, for
whoever is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from blockweight.errors import UnavailableError
from blockweight.lora.atomic import write_atomically
from blockweight.project.file_lock import HeldError, hold

LOCK = "rendering.lock"
"""The locked file."""

HOLDER = "rendering.json"
"""Who holds the lock, or held it last."""

Program = Literal["command", "studio"]
"""What renders: a command in a terminal, or a studio's own process."""

_HANDOVER = 1.0
"""Seconds to wait for another program: one that was just stopped or killed is about to let go."""


@contextmanager
def rendering_alone(folder: Path, program: Program) -> Iterator[None]:
    """Hold the project's lock for rendering. UnavailableError, in a sentence that says who renders, if another program
    holds it and keeps it; BlockweightError for what the system refuses."""
    try:
        lock = hold(folder / LOCK, _HANDOVER)
    except HeldError:
        raise UnavailableError(_refusal(folder / HOLDER)) from None
    with closing(lock):
        _say_who(folder / HOLDER, program)
        yield


def _say_who(file: Path, program: Program) -> None:
    told = {"program": program, "pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}

    def write(handle: BinaryIO) -> None:
        handle.write(json.dumps(told).encode())

    if file.is_symlink():  # which would be followed
        file.unlink()
    write_atomically(file, write, lambda _: None, overwrite=True)


def _refusal(file: Path) -> str:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        program, pid = told["program"], int(told["pid"])
        since = f"{datetime.fromisoformat(told['since']).astimezone():%H:%M}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        program, pid, since = "", 0, ""
    # Each is written out, so that a translation finds it.
    if program == "command":
        return (
            f"A command renders this project already (process {pid}, since {since}); wait until it is done, or stop it "
            "with Ctrl-C in its terminal."
        )
    if program == "studio":
        return (
            f"A studio renders this project already (process {pid}, since {since}); wait until it is done, or pause it "
            "there."
        )
    return "Another program renders this project already; wait until it is done, or stop it."
