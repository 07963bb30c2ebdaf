"""The event log: what was rendered, measured and decided, as facts that are only ever appended."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError, UnavailableError

_TABLE = (
    "CREATE TABLE IF NOT EXISTS events "
    "(number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)"
)
_PATIENCE = 30.0  # seconds for which a lock of another program is waited out
_SELECT = "SELECT number, time, kind, body FROM events"


@dataclass(frozen=True)
class Event:
    """One fact: its number (1, 2, …), when it was appended (ISO 8601, UTC), its kind and its body."""

    number: int
    time: str
    kind: str
    body: Mapping[str, Any]


class EventLog:
    """An append-only log in a SQLite file (WAL), one transaction an event. Several processes may use it at once, and
    several threads one object.

    BlockweightError, from every method, for what SQLite refuses: a file that is no database, a full disk, a lock that
    another program holds for more than half a minute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._explained():
            self._db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                self._keep_ahead()
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute(_TABLE)
            except sqlite3.Error:
                self._db.close()  # an open file cannot be moved away on Windows, which the error advises
                raise
        self._file = _identity(path)

    def _keep_ahead(self) -> None:
        """Have SQLite write ahead (WAL), which it refuses at once while another process begins the same file: the
        patience of the connection does not count for a change of the mode."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @property
    def in_place(self) -> bool:
        """Whether the file of this path is still the one that is open, not moved away, deleted or replaced."""
        return self._file is not None and self._file == _identity(self.path)

    def append(self, kind: str, body: Mapping[str, Any]) -> Event:
        """Append one fact, durably, and return it. BlockweightError too for a file that is not in place any more: what
        is written to it nobody would find."""
        if not self.in_place:
            raise BlockweightError(
                f"The project's log '{self.path}' was moved, deleted or replaced while it was open, so nothing was "
                "recorded; open the project again."
            )
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = _as_json(body)
        with self._lock, self._explained():
            cursor = self._db.execute("INSERT INTO events (time, kind, body) VALUES (?, ?, ?)", (now, kind, text))
        assert cursor.lastrowid is not None
        return Event(cursor.lastrowid, now, kind, json.loads(text))

    def read(self, kind: str | None = None, after: int = 0) -> Iterator[Event]:
        """All events, or those of one kind, in the order in which they were appended; those numbered above `after`."""
        return self._select(f"{_SELECT} WHERE (?1 IS NULL OR kind = ?1) AND number > ?2 ORDER BY number", kind, after)

    def latest(self, kind: str) -> Event | None:
        """The event of this kind that was appended last."""
        return next(self._select(f"{_SELECT} WHERE kind = ?1 ORDER BY number DESC LIMIT 1", kind), None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is read and appended inside is one step: no other process or thread appends in between, and an exception
        takes back what was appended."""
        with self._lock:
            with self._explained():
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                with self._explained():
                    self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may have ended it already
                    self._db.execute("ROLLBACK")
                raise

    def restore(self, events: Iterable[Event]) -> None:
        """Fill an empty log with another's events, numbers and times as they were, in one transaction."""
        rows = ((event.number, event.time, event.kind, _as_json(event.body)) for event in events)
        with self.transaction(), self._explained():
            self._db.executemany("INSERT INTO events (number, time, kind, body) VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        with self._lock:  # never under another thread's feet
            self._db.close()

    def _select(self, query: str, *values: str | int | None) -> Iterator[Event]:
        with self._lock, self._explained():
            rows = self._db.execute(query, values).fetchall()
        with self._explained():
            for number, time, name, body in rows:
                told = json.loads(body)
                if not isinstance(told, dict):
                    raise json.JSONDecodeError(f"Event {number} is no object", body, 0)
                yield Event(number, time, name, told)

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
            raise UnavailableError(
                f"The project's log '{self.path}' cannot be used ({error}); make room if the disk is full, check its "
                "permissions, close other programs that use it, or choose another folder with --out."
            ) from error


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another that takes its name."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _as_json(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    try:
        text.encode()
    except UnicodeEncodeError:  # a path may hold bytes that are no text; as escapes SQLite takes them
        return json.dumps(body, sort_keys=True)
    return text
