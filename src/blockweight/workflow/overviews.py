"""What a list of projects shows of each, kept from one look to the next: a long history takes a second to read.

Kept as `overviews.json` in the config folder, each with what tells that its project's log is still as it was read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.project import LOG, Project, TuningLog
from blockweight.report import write_whole
from blockweight.workflow.config_folder import config_folder
from blockweight.workflow.recent_projects import MOST, holds_project, normal

_SETTLED = 2.0
"""Seconds after which a change of a log shows in its time, however coarse the disk keeps times."""


@dataclass(frozen=True)
class Overview:
    """What a list of projects shows of one: its name, how many pictures were finished, the key of the latest that is
    there (None without any), for a thumbnail, the weights as text and one by one, and the LoRA's file name."""

    name: str
    pictures: int
    cover: str | None
    weights: str
    values: tuple[float, ...]
    lora: str


Stamp = list[list[int]]


def overview(folder: Path) -> Overview:
    """What a list shows of the project in this folder. BlockweightError if it is none, or damaged."""
    if not holds_project(folder):
        raise BlockweightError(f"There is no project in '{folder}' any more; check the path.")
    here, stamp = str(normal(folder)), _stamp(folder)
    known = _kept().get(here)
    if known is not None and known["stamp"] == stamp:
        with suppress(KeyError, TypeError, ValueError):
            found = _from(known["overview"])
            if found.cover is None or (folder / "pictures" / f"{found.cover}.png").is_file():
                return found
    with Project(folder) as project:
        before = _stamp(folder)
        found = overview_of(project, TuningLog(project.log))
        after = _stamp(folder)
    if before == after:
        _keep(here, after, found)
    return found


def overview_of(project: Project, log: TuningLog) -> Overview:
    """What a list shows of an open project."""
    state = log.state()
    keys = [str(event.body.get("job", "")) for event in project.log.read("rendered")]
    there = (key for key in reversed(keys) if (project.pictures.folder / f"{key}.png").is_file())
    weights = state.weights
    return Overview(state.name, len(set(keys)), next(there, None), weights.text(), weights.values, state.subject.lora)


def _stamp(folder: Path) -> Stamp:
    """Size and time (ns) of the log's file, and of what SQLite has not taken into it yet."""
    found = []
    for name in (LOG, f"{LOG}-wal"):
        with suppress(OSError):
            told = (folder / name).stat()
            if told.st_size:
                found.append([told.st_size, told.st_mtime_ns])
    return found


def _from(told: Mapping[str, Any]) -> Overview:
    values = tuple(map(float, told["values"]))
    cover = None if told["cover"] is None else str(told["cover"])
    name, weights, lora = (str(told[key]) for key in ("name", "weights", "lora"))
    return Overview(name, int(told["pictures"]), cover, weights, values, lora)


def _kept() -> dict[str, Any]:
    """Folder → its stamp and overview, the latest last."""
    try:
        kept = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # it fills again
    entries = kept.items() if isinstance(kept, dict) else ()
    return {folder: each for folder, each in entries if isinstance(each, dict) and {"stamp", "overview"} <= each.keys()}


def _keep(folder: str, stamp: Stamp, found: Overview) -> None:
    """Keep an overview, unless the log is so young that its next change might not show. Of two programs that keep one
    at the same time one's may be lost, which costs a second look."""
    if any(time.time() - changed / 1e9 < _SETTLED for _, changed in stamp):
        return
    kept = _kept()
    kept.pop(folder, None)
    kept[folder] = {"stamp": stamp, "overview": asdict(found)}
    with suppress(BlockweightError, OSError, ValueError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_file(), f"{json.dumps(dict(list(kept.items())[-MOST:]))}\n".encode())


def _file() -> Path:
    return config_folder() / "overviews.json"
