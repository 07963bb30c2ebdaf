"""What an analysis rendered with each block, without having all of it in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from blockweight.measure import Picture
from blockweight.plan import Job
from blockweight.project import Project


class BlockPictures(Mapping[str, Picture]):
    """Block → picture, read when it is asked for: those of 61 blocks need not be in memory together."""

    def __init__(self, project: Project, jobs: Mapping[str, Job]) -> None:
        self._project, self._jobs = project, jobs

    def __getitem__(self, block: str) -> Picture:
        return self._project.picture(self._jobs[block])

    def __iter__(self) -> Iterator[str]:
        return iter(self._jobs)

    def __len__(self) -> int:
        return len(self._jobs)
