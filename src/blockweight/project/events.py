"""The event log: what was rendered, measured and decided, as facts that are only ever appended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError

_TABLE = (
    "CREATE TABLE IF NOT EXISTS events "
    "(number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)"
)
_SELECT = "SELECT number, time, kind, body FROM events"


@dataclass(frozen=True)
class Event:
    """One fact: its number (1, 2, …), when it was appended (ISO 8601, UTC), its kind and its body."""

    number: int
    time: str
    kind: str
    body: Mapping[str, Any]


class EventLog:
    """An append-only log in a SQLite file (WAL), one transaction an event. Several processes may use it at once.

    BlockweightError, from every method, for what SQLite refuses: a file that is no database, a full disk, a lock that
    another program holds for more than half a minute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute(_TABLE)
            except sqlite3.Error:
                self._db.close()  # an open file cannot be moved away on Windows, which the error advises
                raise

    def append(self, kind: str, body: Mapping[str, Any]) -> Event:
        """Append one fact, durably, and return it."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
        with self._explained():
            cursor = self._db.execute("INSERT INTO events (time, kind, body) VALUES (?, ?, ?)", (time, kind, text))
        assert cursor.lastrowid is not None
        return Event(cursor.lastrowid, time, kind, json.loads(text))

    def read(self, kind: str | None = None) -> Iterator[Event]:
        """All events, or those of one kind, in the order in which they were appended."""
        return self._select(f"{_SELECT} WHERE ?1 IS NULL OR kind = ?1 ORDER BY number", kind)

    def latest(self, kind: str) -> Event | None:
        """The event of this kind that was appended last."""
        return next(self._select(f"{_SELECT} WHERE kind = ?1 ORDER BY number DESC LIMIT 1", kind), None)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _select(self, query: str, kind: str | None) -> Iterator[Event]:
        with self._explained():
            for number, time, name, body in self._db.execute(query, (kind,)).fetchall():
                yield Event(number, time, name, json.loads(body))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, json.JSONDecodeError) as error:
            damaged = getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
            if damaged or isinstance(error, json.JSONDecodeError):
                raise BlockweightError(
                    f"The project's log '{self.path}' is damaged ({error}); put a copy of it back, or choose another "
                    "folder with --out (the pictures in this one stay as they are)."
                ) from error
            raise BlockweightError(
                f"The project's log '{self.path}' cannot be used ({error}); make room if the disk is full, check its "
                "permissions, close other programs that use it, or choose another folder with --out."
            ) from error
