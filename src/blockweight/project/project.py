"""A tuning project: a folder with an event log and the pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.plan import Job
from blockweight.project.events import Event, EventLog
from blockweight.project.pictures import PictureStore
from blockweight.project.rendering_lock import Program, rendering_alone
from blockweight.render import Capabilities, Picture, Renderer, Rendering, Step, Watch, unwatched

LOG = "project.sqlite"
"""The event log's name in a project folder."""


class _Stopped(Exception):  # noqa: N818 - no error: somebody wanted it
    """The person has stopped the rendering."""


class Project:
    """A project folder, made if it is missing. Use it as a context manager.

    `project.sqlite` is the log, `pictures/` holds the finished pictures. `program` is what another program is told of
    whoever renders here. BlockweightError if the folder cannot be written.
    """

    def __init__(self, folder: Path, program: Program = "command") -> None:
        self.folder = folder
        self._program = program
        self._alone = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.pictures = PictureStore(folder / "pictures")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BlockweightError(
                f"'{folder}' cannot be made or used as a project folder ({reason}); choose another with --out."
            ) from error
        self.log = EventLog(folder / LOG)

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.log.close()

    def record(self, kind: str, body: Mapping[str, Any]) -> Event:
        """Append a fact unless the log's latest of this kind already says the same, so that a rerun adds nothing."""
        latest = self.log.latest(kind)
        if latest is not None and latest.body == json.loads(json.dumps(body)):
            return latest
        return self.log.append(kind, body)

    def missing(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs without a readable picture, each key once, in order."""
        distinct = {job.key: job for job in jobs}
        return [job for job in distinct.values() if not self.pictures.readable(job)]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While this is open, no other program renders the project; it may be opened inside itself. UnavailableError,
        which says who, if another one does now."""
        if self._alone:
            yield
            return
        with rendering_alone(self.folder, self._program):
            self._alone = True
            try:
                yield
            finally:
                self._alone = False

    def render(
        self,
        renderer: Renderer,
        jobs: Sequence[Job],
        stopped: Callable[[], bool] = lambda: False,
        watch: Watch = unwatched,
    ) -> Iterator[Rendering]:
        """Render what is missing; every picture is on disk and in the log before it is yielded. `watch` is told of
        every step. Once `stopped` says so, no further step is begun: the pictures of a finished batch are kept, one
        that is at work is lost. No other program renders the project meanwhile (`alone`).

        All jobs are of one `Scene.renderer`, which this one is. BlockweightError if it calculates otherwise than it did
        when the project's pictures were made: their differences would be measured as effects of blocks. RenderingError
        at the end if pictures could not be made.
        """
        with self.alone():
            yield from self._render(renderer, jobs, stopped, watch)

    def _render(
        self, renderer: Renderer, jobs: Sequence[Job], stopped: Callable[[], bool], watch: Watch
    ) -> Iterator[Rendering]:
        assert len({job.scene.renderer for job in jobs}) <= 1
        missing = self.missing(jobs)
        renderer.check(missing)
        if missing:
            self._check_arithmetic(jobs[0].scene.renderer, renderer.capabilities)
        wanted = {job.key for job in missing}
        distinct = {job.key: job for job in jobs}
        finished = distinct.keys() - wanted
        self._log_unlogged(finished)
        if stopped():
            return

        def step(made: Step) -> None:
            if stopped():
                raise _Stopped
            watch(made)

        with suppress(_Stopped):
            for rendering in renderer.render(list(distinct.values()), finished, step):
                if rendering.job.key in wanted:
                    self._keep(rendering, renderer.capabilities.decides)
                    yield rendering
                if not rendering.batch_left and stopped():
                    return

    def _keep(self, rendering: Rendering, decides: Mapping[str, str]) -> None:
        try:
            self.pictures.save(rendering, decides)
        except OSError as error:
            raise BlockweightError(
                f"A finished picture could not be written to '{self.pictures.folder}' ({error.strerror}); make "
                "room there, check its permissions, and run the same command again to go on."
            ) from error
        self._log_rendered(rendering.job.key, round(rendering.seconds, 4), rendering.job.scene.renderer)

    def decides(self, renderer: str) -> Mapping[str, str]:
        """What the renderer of this name (`Scene.renderer`) decided by itself in the project's pictures, by the scene's
        fields (`Capabilities`); nothing before there are any."""
        body = next((each for each in self._renderers() if each.get("name", "") == renderer), {})
        found = body.get("decides", {})
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}

    def _renderers(self) -> list[Mapping[str, Any]]:
        return [event.body for event in self.log.read("renderer")]

    def _check_arithmetic(self, name: str, capabilities: Capabilities) -> None:
        arithmetic, told = capabilities.arithmetic, self._renderers()
        body = next((each for each in told if each.get("name", "") == name), None)
        if body is None:
            if not told and any(self.pictures.folder.glob("*.png")):
                raise BlockweightError(
                    f"The log of '{self.folder}' does not say with what its pictures were made, so no others may be "
                    "mixed with them; choose another folder with --out."
                )
            decides = {"decides": dict(capabilities.decides)} if capabilities.decides else {}
            self.log.append("renderer", {"arithmetic": arithmetic, **decides, **({"name": name} if name else {})})
        elif (made := body["arithmetic"]) != arithmetic:
            raise BlockweightError(
                f"The pictures in '{self.folder}' were made with {made}, this run would use "
                f"{arithmetic}, and the two differ by more than a block may do; render with what made them, or choose "
                "another folder with --out."
            )

    def _log_unlogged(self, finished: Iterable[str]) -> None:
        """Log the finished pictures that the log lacks: a process was killed between the two."""
        logged = {event.body.get("job") for event in self.log.read("rendered")}
        for key in sorted(set(finished) - logged):
            self._log_rendered(key, None)

    def _log_rendered(self, key: str, seconds: float | None, renderer: str = "") -> None:
        self.log.append("rendered", {"job": key, "seconds": seconds, **({"renderer": renderer} if renderer else {})})

    def picture(self, job: Job) -> Picture:
        """A finished job's picture; BlockweightError if it has vanished."""
        picture = self.pictures.load(job)
        if picture is None:
            raise BlockweightError(
                f"The picture '{self.pictures.path(job)}' has vanished; run the same command again to render it anew."
            )
        return picture
