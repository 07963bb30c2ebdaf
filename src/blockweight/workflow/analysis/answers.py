"""What a model answered without a finished picture, kept in the project: an analysis that was stopped goes on."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.report import write_whole

_ARITHMETIC = "arithmetic"

Arrays = Mapping[str, NDArray[Any]]


def answer_key(kind: str, told: Mapping[str, object]) -> str:
    """The key of an answer of this kind, 32 hexadecimal digits, by all that decides it: `told` holds what JSON can."""
    return hashlib.sha256(json.dumps({kind: told}, sort_keys=True).encode()).hexdigest()[:32]


class Answers:
    """`answers/<key>.npz` in a project folder. They may be deleted: what is missing is asked again."""

    def __init__(self, project: Path) -> None:
        self._folder = project / "answers"

    def load(self, key: str, arithmetic: str | None = None) -> Arrays | None:
        """The answer of this key; None if it is not there, cannot be read, or was calculated otherwise than by this
        `arithmetic` (None: whichever)."""
        try:
            with np.load(self._folder / f"{key}.npz", allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        by = str(arrays.pop(_ARITHMETIC, ""))
        return arrays if arithmetic in (None, by) else None

    def save(self, key: str, arrays: Arrays, arithmetic: str) -> None:
        """Keep an answer, whole or not at all; BlockweightError if it cannot be written."""
        data = io.BytesIO()
        np.savez_compressed(data, **{_ARITHMETIC: np.array(arithmetic)}, **arrays)  # type: ignore[arg-type]
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise BlockweightError(
                f"The folder '{self._folder}' cannot be made ({error.strerror}); check the project's permissions."
            ) from error
        write_whole(self._folder / f"{key}.npz", data.getvalue())
