"""The projects that the pages may open, and the process that renders for them.

A project's address is made from its folder's path, so that a bookmark survives a restart and no path stands in it. Only
projects that were opened on this machine before, that lie in the folder for projects, or that the studio was started
with, have one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from blockweight.errors import BlockweightError
from blockweight.workflow.project_list import project_folders
from blockweight.workflow.recent_projects import holds_project, normal
from blockweight.workflow.render_process import RenderProcess, Task
from blockweight.workflow.settings import Settings, load_settings
from blockweight.workflow.tuning_project import TuningProject, open_project


@dataclass
class Desk:
    """The projects that pages have open, each once, and what is rendered for them. Threads may share it. Once it is
    `leaving`, event streams end."""

    named: Path | None = None
    renders: RenderProcess = field(default_factory=RenderProcess)
    leaving: bool = False
    _open: dict[str, TuningProject] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def folders(self) -> Iterator[Path]:
        """Where projects may be opened: those opened lately, latest first, the one that the studio was started with,
        and those in the folder for projects."""
        try:
            settings = load_settings()
        except BlockweightError:
            settings = Settings()  # a project that is known needs none
        return project_folders(settings, self.named)

    def find(self, identity: str) -> TuningProject | None:
        """The project of this address, opened if it is not yet; None if there is none."""
        known = self._open.get(identity)
        if known is not None and known.in_place:
            return known  # at once, whatever another thread waits for to be opened
        with self._lock:
            now = self._open.get(identity)
            if now is not None and now.in_place:
                return now
            if now is not None:  # deleted, moved away, or another was put in its place
                del self._open[identity]
                now.close()
            folder = next((each for each in self.folders() if identity_of(each) == identity), None)
            if folder is None or not holds_project(folder):
                return None
            self._open[identity] = open_project(folder)
            return self._open[identity]

    def at_hand(self) -> dict[Path, TuningProject]:
        """The projects that are open and in their places, by folder; at once, whatever another thread opens."""
        return {normal(each.folder): each for each in list(self._open.values()) if each.in_place}

    def close(self) -> None:
        """End the rendering, and close every project."""
        self.renders.close()
        with self._lock:
            for tuning in self._open.values():
                tuning.close()
            self._open.clear()


@dataclass(frozen=True)
class OpenProject:
    """A project as a page has it: its address and itself."""

    identity: str
    tuning: TuningProject
    desk: Desk

    @property
    def task(self) -> Task | None:
        """What is rendered for it, or was last."""
        return self.desk.renders.task(self.tuning.folder)

    def path(self, page: str = "") -> str:
        """The address of one of its pages."""
        return f"/projects/{self.identity}{page and f'/{page}'}"


def identity_of(folder: Path) -> str:
    """A project's part of an address: 12 hex digits."""
    return hashlib.sha256(str(normal(folder)).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def desk_of(request: Request) -> Desk:
    """The desk of the studio that answers."""
    return cast(Desk, request.app.state.desk)


def opened(request: Request, identity: str) -> OpenProject:
    """The project that the address names; 404 if there is none."""
    tuning = desk_of(request).find(identity)
    if tuning is None:
        raise HTTPException(404)
    return OpenProject(identity, tuning, desk_of(request))


FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
"""For files whose name is a hash of all that decides them, so that they never change."""

Opened = Annotated[OpenProject, Depends(opened)]
"""A page's project, by `{identity}` in its address."""
