"""The one seam of rendering: jobs in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.plan import Job

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8, sRGB."""


@dataclass(frozen=True)
class Rendering:
    """A finished job. `seconds` is its share of the time that its batch took; `batch_left` counts the pictures of the
    same batch that are made and follow at once, so that a caller who stops at 0 loses none. `batch` are the keys of all
    jobs that were drawn together, in their order, if they were several: they decide the picture's last bits."""

    job: Job
    picture: Picture
    seconds: float
    batch_left: int = 0
    batch: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """How far the batch at work is: `done` of `of` times it has asked the model, for `pictures` that were missing."""

    pictures: int
    done: int
    of: int


Watch = Callable[[Step], None]
"""Told of every step. What it raises ends the rendering at once; the batch at work is lost."""


def unwatched(_step: Step) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Failure:
    """A job that could not be done, and why, in one sentence."""

    job: Job
    reason: str


class RenderingError(BlockweightError):
    """Some of the jobs could not be done; the others have been."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        reason = failures[0].reason
        many = len(failures) > 1
        super().__init__(f"{len(failures)} pictures could not be made; of the first: {reason}" if many else reason)
        self.failures = tuple(failures)


@dataclass(frozen=True)
class Capabilities:
    """What a renderer can do: the families it knows, how many jobs it renders at once (`batch`, at most), and with what
    it calculates (`arithmetic`, for people: `cpu, float32`), which may depend on the model of the jobs that were
    checked last; pictures of another arithmetic differ in their last bits or more.

    `decides` is what it decides by itself, whatever a scene says, by the scene's fields (`steps`, `sampler`, `model`,
    …), in its own words, empty where it does not tell; in a `prompt`, `%prompt%` stands for the scene's. It is equal
    wherever the arithmetic is."""

    families: tuple[str, ...]
    batch: int
    arithmetic: str
    decides: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Holding(Protocol):
    """A renderer that prepares something which may serve several calls of `Renderer.render`."""

    def held(self) -> AbstractContextManager[None]:
        """In here it keeps what it prepared; afterwards it has let go of it."""
        ...


class Renderer(Protocol):
    """Turns jobs into pictures."""

    @property
    def capabilities(self) -> Capabilities:
        """What this renderer can do."""
        ...

    def check(self, jobs: Sequence[Job]) -> None:
        """Raise BlockweightError if one of the jobs cannot be done; called before any work starts."""
        ...

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        """Render lazily, in any order; jobs whose key is in `finished` may be left out. A caller that stops iterating
        cancels the rest; in the middle of a batch, `watch` can.

        RenderingError, after all that can be done has been, if some of the jobs failed; another run takes up those.

        A renderer that works in batches forms them from all jobs, finished or not, so that a run which was stopped
        and goes on puts the same jobs together and gives the same pictures to the last bit.
        """
        ...
