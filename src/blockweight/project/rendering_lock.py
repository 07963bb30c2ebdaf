"""One program at a time renders a project, so that no picture is made twice.

The lock is the system's on a file, by way of SQLite, which knows how on every system: it goes with the process that
holds it, however that ends. Who holds it stands beside it, for whoever is refused.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.lora.atomic import write_atomically

LOCK = "rendering.lock"
"""The locked file, a SQLite database that stays empty."""

HOLDER = "rendering.json"
"""Who holds the lock, or held it last."""

Program = Literal["command", "studio"]
"""What renders: a command in a terminal, or a studio's own process."""

_HANDOVER = 1.0
"""Seconds to wait for another program: one that was just stopped or killed is about to let go."""

_REFUSED = {
    "command": "A command renders this project already (process {pid}, since {time}); wait until it is done, or stop "
    "it with Ctrl-C in its terminal.",
    "studio": "A studio renders this project already (process {pid}, since {time}); wait until it is done, or pause "
    "it there.",
}


@contextmanager
def rendering_alone(folder: Path, program: Program) -> Iterator[None]:
    """Hold the project's lock for rendering. UnavailableError, in a sentence that says who renders, if another program
    holds it and keeps it; BlockweightError for what the system refuses."""
    lock = folder / LOCK
    try:
        database = sqlite3.connect(lock, timeout=_HANDOVER, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unusable(lock, error) from error
    with closing(database):
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # An extended code holds the plain one in its lowest byte.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise _unusable(lock, error) from error
            raise UnavailableError(_refusal(folder / HOLDER)) from None
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
        since = f"{datetime.fromisoformat(told['since']).astimezone():%H:%M}"
        return _REFUSED[told["program"]].format(pid=int(told["pid"]), time=since)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "Another program renders this project already; wait until it is done, or stop it."


def _unusable(lock: Path, error: sqlite3.Error) -> BlockweightError:
    return UnavailableError(
        f"'{lock}' cannot be locked ({error}), which keeps two programs from rendering the same pictures; check the "
        "folder's permissions and its disk, or remove that file if it is damaged."
    )
