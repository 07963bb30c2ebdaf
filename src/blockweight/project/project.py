"""A tuning project: a folder with an event log and the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.plan import Job
from blockweight.project.events import Event, EventLog
from blockweight.project.pictures import PictureStore
from blockweight.render import Picture, Renderer, Rendering


class Project:
    """A project folder, made if it is missing. Use it as a context manager.

    `project.sqlite` is the log, `pictures/` holds the finished pictures. BlockweightError if the folder cannot be
    written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.pictures = PictureStore(folder / "pictures")
        except OSError as error:
            raise BlockweightError(
                f"The project folder '{folder}' cannot be made ({error.strerror}); choose another with --out."
            ) from error
        self.log = EventLog(folder / "project.sqlite")

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.log.close()

    def record(self, kind: str, body: Mapping[str, Any]) -> Event:
        """Append a fact unless the log's latest of this kind already says the same, so that a rerun adds nothing."""
        latest = None
        for event in self.log.read(kind):
            latest = event
        if latest is not None and latest.body == body:
            return latest
        return self.log.append(kind, body)

    def missing(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs without a readable picture, each key once, in order."""
        distinct = {job.key: job for job in jobs}
        return [job for job in distinct.values() if self.pictures.load(job) is None]

    def render(self, renderer: Renderer, jobs: Sequence[Job]) -> Iterator[Rendering]:
        """Render what is missing; every picture is on disk and in the log before it is yielded."""
        missing = self.missing(jobs)
        renderer.check(missing)
        wanted = {job.key for job in missing}
        distinct = list({job.key: job for job in jobs}.values())
        for rendering in renderer.render(distinct, {job.key for job in distinct} - wanted):
            if rendering.job.key not in wanted:
                continue
            try:
                self.pictures.save(rendering)
            except OSError as error:
                raise BlockweightError(
                    f"A finished picture could not be written to '{self.pictures.folder}' ({error.strerror}); make "
                    "room there and run the same command again to go on."
                ) from error
            self.log.append("rendered", {"job": rendering.job.key, "seconds": round(rendering.seconds, 4)})
            yield rendering

    def picture(self, job: Job) -> Picture:
        """A finished job's picture; BlockweightError if it has vanished."""
        picture = self.pictures.load(job)
        if picture is None:
            raise BlockweightError(
                f"The picture '{self.pictures.path(job)}' has vanished; run the same command again to render it anew."
            )
        return picture
