"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from blockweight.errors import BlockweightError


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` beside `path` and then put it in its place, so that nobody ever sees half a file.

    An existing file is replaced. BlockweightError when the file cannot be written.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise BlockweightError(
            f"'{path}' could not be written ({reason}); free the place or choose another."
        ) from error
