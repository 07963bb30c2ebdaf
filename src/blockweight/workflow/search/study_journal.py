"""Where a study's journal is written: lines of JSON in one file.

Optuna's own file waits for the disk at every line, a dozen times a trial, and keeps a lock file that outlives a kill.
Neither is needed here: a kill loses nothing that was handed to the system, what a power cut loses is found again by the
same seeds from pictures that are there, and the project's rendering lock keeps others out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend


class LinesFile(BaseJournalBackend):
    """The journal in a file, made when the first line is written. Who writes holds the project's rendering lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts = [0]

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """The lines from this number on. A last one that is not whole yet is none."""
        if not self._path.exists():
            return
        first = min(log_number_from, len(self._starts) - 1)
        with self._path.open("rb") as file:
            file.seek(self._starts[first])
            for number, line in enumerate(file, first):
                if not line.endswith(b"\n"):
                    return
                if number + 1 == len(self._starts):
                    self._starts.append(self._starts[number] + len(line))
                if number >= log_number_from:
                    yield json.loads(line)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write some lines."""
        lines = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs)
        with self._path.open("ab") as file:
            file.write(lines.encode())

    def mend(self) -> None:
        """Cut a last line that was never written to its end."""
        if self._path.exists() and not (whole := self._path.read_bytes()).endswith(b"\n"):
            with self._path.open("r+b") as file:
                file.truncate(whole.rfind(b"\n") + 1)
