"""Text files of a person's own: read whole, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from blockweight.errors import BlockweightError, quoted

_MOST_BYTES = 16 << 20
"""More than any book of presets or table of hints has; what is larger is another kind of file."""


def read_text(path: Path) -> str:
    """The file's text, ends of lines and byte order mark as they are. BlockweightError if there is no such file, or it
    is not text in UTF-8, or larger than 16 MiB."""
    try:
        if path.is_dir():
            raise BlockweightError(f"{_shown(path)} is a folder; name a file in it.")
        with path.open("rb") as handle:
            data = handle.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise BlockweightError(f"There is no file {_shown(path)}; check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"{_shown(path)} cannot be read ({reason}); check the path.") from None
    if len(data) > _MOST_BYTES:
        raise BlockweightError(f"{_shown(path)} is larger than 16 MiB, so it is no file of weights; check the path.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BlockweightError(
            f"{_shown(path)} is not UTF-8 text (line {line}); save it as UTF-8 in an editor."
        ) from None


def write_text(path: Path, text: str, *, overwrite: bool) -> None:
    """Write the file whole and read it back before it gets its name. BlockweightError, with nothing changed, for a file
    that exists (unless `overwrite`), and for what the system refuses."""
    # The one writer of whole files that follows links and keeps permissions lives among the LoRA files.
    from blockweight.lora.atomic import write_atomically  # noqa: PLC0415 - brings numpy, which reading does not need

    data = text.encode("utf-8")

    def write(handle: BinaryIO) -> None:
        handle.write(data)

    def check(temporary: Path) -> None:
        if temporary.read_bytes() != data:
            raise BlockweightError(f"{_shown(path)} does not read back as it was written; check the disk.")

    check_free(path, overwrite=overwrite)
    try:
        write_atomically(path, write, check, overwrite=overwrite)
    except (ValueError, RuntimeError) as error:  # a NUL in the name, links in a circle
        raise BlockweightError(f"{_shown(path)} cannot be written ({error}); choose another place.") from None


def check_free(path: Path, *, overwrite: bool) -> None:
    """BlockweightError for a place that cannot take a new file, or has one (unless `overwrite`)."""
    try:
        if path.is_dir():
            raise BlockweightError(f"{_shown(path)} is a folder; name a file in it.")
        if not path.resolve().parent.is_dir():
            raise BlockweightError(f"There is no folder {_shown(path.resolve().parent)}; make it first.")
        if path.exists() and not path.is_file():
            raise BlockweightError(f"{_shown(path)} is not a regular file; choose another name.")
        taken = path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"{_shown(path)} cannot be written ({reason}); choose another place.") from None
    if taken and not overwrite:
        raise BlockweightError(
            f"{_shown(path)} exists already; choose another name, or allow overwriting (--overwrite)."
        )


def _shown(path: Path) -> str:
    """The path on one line: a name may hold an end of line."""
    return quoted(str(path), 300)
