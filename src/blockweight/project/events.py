"""The event log: what was rendered, measured and decided, as facts that are only ever appended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError


@dataclass(frozen=True)
class Event:
    """One fact: its number (1, 2, …), when it was appended (ISO 8601, UTC), its kind and its body."""

    number: int
    time: str
    kind: str
    body: Mapping[str, Any]


class EventLog:
    """An append-only log in a SQLite file (WAL), one transaction an event."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS events "
                "(number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)"
            )
        except sqlite3.Error as error:
            raise BlockweightError(
                f"The project's log '{path}' cannot be opened ({error}); move the file away to start a new project."
            ) from error

    def append(self, kind: str, body: Mapping[str, Any]) -> Event:
        """Append one fact, durably, and return it."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
        cursor = self._db.execute("INSERT INTO events (time, kind, body) VALUES (?, ?, ?)", (time, kind, text))
        assert cursor.lastrowid is not None
        return Event(cursor.lastrowid, time, kind, json.loads(text))

    def read(self, kind: str | None = None) -> Iterator[Event]:
        """All events, or those of one kind, in the order in which they were appended."""
        rows = self._db.execute(
            "SELECT number, time, kind, body FROM events WHERE ? IS NULL OR kind = ? ORDER BY number", (kind, kind)
        )
        for number, time, name, body in rows:
            yield Event(number, time, name, json.loads(body))

    def close(self) -> None:
        """Close the file."""
        self._db.close()
