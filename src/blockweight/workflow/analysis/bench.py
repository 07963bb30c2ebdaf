"""What every method of analysis works with: a project, a renderer that is made when it is needed, and progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from blockweight.plan import Job
from blockweight.project import Project
from blockweight.render import Picture, Renderer
from blockweight.workflow.progress import Progress
from blockweight.workflow.rendering import render_missing_of


class Paused(Exception):  # noqa: N818 - no error: somebody wanted it
    """The person has stopped the analysis; the same goes on later."""


@dataclass(frozen=True)
class Bench:
    """A project, how to make its renderer, and where progress is shown. `stopped` is asked at every step."""

    project: Project
    make_renderer: Callable[[], Renderer]
    progress: Progress
    stopped: Callable[[], bool] = lambda: False
    rendered: list[str] = field(default_factory=list)
    """The keys of the pictures that were rendered, one by one."""

    @cached_property
    def renderer(self) -> Renderer:
        """Made once, and only if something is missing."""
        return self.make_renderer()

    def render(self, title: str, jobs: Sequence[Job]) -> None:
        """Render those of the jobs that have no picture yet, with progress under `title`. Paused if it is stopped
        before all are there."""
        total = len({job.key for job in jobs})
        missing = len(self.project.missing(jobs))
        if not missing:
            return
        with self.project.alone(), self.progress.track(title, total, total - missing) as bar:  # before a model loads
            for rendering in render_missing_of(self.project, lambda: self.renderer, jobs, self.stopped, bar.step):
                self.rendered.append(rendering.job.key)
                bar.advance()
        if self.project.missing(jobs):
            raise Paused

    def picture(self, job: Job) -> Picture:
        """A rendered picture, read from the disk."""
        return self.project.picture(job)
