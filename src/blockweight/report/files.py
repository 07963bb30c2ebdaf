"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from blockweight.errors import BlockweightError


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` beside `path` and then put it in its place, so that nobody ever sees half a file.

    An existing file is replaced. BlockweightError when the file cannot be written.
    """
    with writing_whole(path) as file:
        file.write(data)


@contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place as `path` when all went well and is gone otherwise.

    An existing file is replaced. BlockweightError when the file cannot be written.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BlockweightError(
            f"'{path}' could not be written ({reason}); free the place or choose another."
        ) from error
    finally:
        part.unlink(missing_ok=True)
