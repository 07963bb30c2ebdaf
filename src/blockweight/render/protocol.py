"""The one seam of rendering: jobs in, pictures out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blockweight.plan import Job

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8, sRGB."""


@dataclass(frozen=True)
class Rendering:
    """A finished job. `seconds` is its share of the time that its batch took; `batch_left` counts the pictures of the
    same batch that are made and follow at once, so that a caller who stops at 0 loses none."""

    job: Job
    picture: Picture
    seconds: float
    batch_left: int = 0


@dataclass(frozen=True)
class Capabilities:
    """What a renderer can do: the families it knows, how many jobs it renders at once (`batch`, at most), and with what
    it calculates (`arithmetic`, for people: `local, cpu, float32`); pictures of another arithmetic differ in their last
    bits or more."""

    families: tuple[str, ...]
    batch: int
    arithmetic: str


class Renderer(Protocol):
    """Turns jobs into pictures."""

    @property
    def capabilities(self) -> Capabilities:
        """What this renderer can do."""
        ...

    def check(self, jobs: Sequence[Job]) -> None:
        """Raise BlockweightError if one of the jobs cannot be done; called before any work starts."""
        ...

    def render(self, jobs: Sequence[Job], finished: Collection[str] = ()) -> Iterator[Rendering]:
        """Render lazily, in any order; jobs whose key is in `finished` may be left out. A caller that stops iterating
        cancels the rest.

        A renderer that works in batches forms them from all jobs, finished or not, so that a run which was stopped
        and goes on puts the same jobs together and gives the same pictures to the last bit.
        """
        ...
