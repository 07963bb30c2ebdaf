"""A project's pages in a real browser: a studio that renders stripes, projects in it, and tabs to look at them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio_server import Server

from blockweight.studio.projects import identity_of
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.tuning import fix
from blockweight.workflow.tuning_project import TuningProject, create_project
from browser import PATIENCE
from workshop import write_model


@dataclass
class Opened:
    """A project, and a tab with one of its pages."""

    server: Server
    tuning: TuningProject
    tab: Any

    @property
    def address(self) -> str:
        """The project's own address."""
        return f"{self.server.url}projects/{identity_of(self.tuning.folder)}"

    def show(self, page: str, tab: Any = None) -> None:
        """Open a page, and wait until its scripts run."""
        (tab or self.tab).goto(f"{self.address}/{page}")
        (tab or self.tab).wait_for_selector("html.scripted")

    @contextmanager
    def midway(self, pictures: int = 1) -> Iterator[None]:
        """Wait until so many pictures of the project have been rendered, and let nothing be rendered as long as this
        lasts: whatever is done in here is done in the middle of it."""
        self.until(lambda _: sum(1 for _ in self.tuning.project.log.read("rendered")) >= pictures)
        with self.server.held():
            yield

    def until(self, true: Callable[[Any], bool]) -> None:
        """Wait until something is true of the project's state."""
        end = time.monotonic() + PATIENCE
        while not true(self.tuning.state()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)


def make_project(server: Server, name: str, prompts: tuple[str, ...] = ("1girl",), free: str = "IN01-IN03") -> Any:
    """A project in the studio's folder in which rounds may move the blocks of `free`. The studio's config must be the
    one of this process, so that the studio knows it."""
    model = server.folder / "model"
    if not model.exists():
        write_model(model)
    scenes = scenes_of(model, prompts, "", "1,2", 20, 7.0, "Euler a", "32x24")
    tuning = create_project(server.folder / "projects" / name, server.folder / "loras" / "princess.safetensors", scenes)
    if free:
        fix(tuning, f"NOT {free}")
    return tuning


def config_of(server: Server) -> Path:
    """The studio's config folder."""
    return server.folder / "config"
