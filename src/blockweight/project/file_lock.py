"""A lock on a file that goes with the process that holds it, however that ends.

It is the system's own, by way of SQLite, which knows how on every system.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from blockweight.errors import BlockweightError, UnavailableError


class HeldError(UnavailableError):
    """Another holder keeps the file."""


def hold(file: Path, patience: float) -> sqlite3.Connection:
    """Hold a file, made if it is missing and left empty, until what is returned is closed. HeldError if another process
    or thread holds it for longer than `patience`, in seconds; BlockweightError for what the system refuses."""
    try:
        held = sqlite3.connect(file, timeout=patience, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unusable(file, error) from error
    try:
        held.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        held.close()
        # An extended code has the plain one in its lowest byte.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
            raise _unusable(file, error) from error
        raise HeldError(f"Another program holds '{file}'; wait until it is done, and try again.") from None
    return held


def _unusable(file: Path, error: sqlite3.Error) -> BlockweightError:
    return UnavailableError(
        f"'{file}' cannot be locked ({error}), which keeps two programs from doing the same thing at once; check the "
        "folder's permissions and its disk, or remove that file if it is damaged."
    )
