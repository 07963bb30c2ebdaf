"""The way of a picture that diffusers' own pipelines draw, and looks at it from beside: the pipelines do as always, and
what their schedulers are told is heard."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any

from torch import Tensor

from blockweight.plan import Job
from blockweight.render.local.engine import Reached, Seen, Visit
from blockweight.render.local.library import quiet

Arguments = Callable[[Sequence[Job]], dict[str, Any]]
"""What the pipeline is called with for jobs."""

Before = Callable[[int], None]
"""Called before the model is asked again, with how often it was on the way; a call of the pipeline begins at 0."""

_ALL_NOISE = 0.9999
"""The noise level from which on there is nothing of a picture: some schedulers begin a little below 1."""


def flow_levels(pipeline: Any, arguments: Mapping[str, Any]) -> list[float]:
    """The ratio of noise to picture of every step of a call: s / (1 − s) for a noise level s of flow matching. The call
    ends where the scheduler has set them, before the transformer is asked."""
    scheduler = pipeline.scheduler

    def after() -> None:
        raise Reached

    with _heard(scheduler, after=after), suppress(Reached):
        pipeline(**arguments)
    levels = [float(level) for level in scheduler.sigmas[: len(scheduler.timesteps)]]
    return [level / (1 - level) if level < _ALL_NOISE else math.inf for level in levels]


class FlowWalk:
    """Ways of one pipeline. `shape` is that of a picture's latents before they are packed, (C, h, w); a sample takes
    `rows` rows of the transformer; `pictures` are taken out of what a call gives, 0 to 1."""

    def __init__(
        self,
        pipeline: Any,
        arguments: Arguments,
        before: Before,
        shape: tuple[int, int, int],
        rows: int,
        pictures: Callable[[Any], Tensor],
    ) -> None:
        self._pipeline, self._arguments, self._before = pipeline, arguments, before
        self._shape, self._rows, self._pictures = shape, rows, pictures

    def go(self, job: Job, steps: Sequence[int], visit: Visit, went: Callable[[int], None]) -> None:
        """As `Engine.walk`. The way is gone first, and its latents kept."""
        latents = self._latents(job, steps, went)
        for step in steps:

            def look(jobs: Sequence[Job], decode: bool, step: int = step) -> Seen:
                return self._seen(jobs, latents[step], step, decode=decode)

            visit(step, look)

    def _latents(self, job: Job, steps: Sequence[int], went: Callable[[int], None]) -> dict[int, Tensor]:
        """Before each of the steps, (1, …), as the pipeline begins with them."""
        arguments = self._arguments([job])
        first: Tensor = arguments["latents"]
        kept, done, last = {0: first}, 0, steps[-1]

        def step(own: Any, output: Tensor, timestep: Any, sample: Tensor, **settings: Any) -> Any:
            nonlocal done
            following = own(output, timestep, sample, **settings)
            done += 1
            went(self._rows)
            self._before(done)
            if done in steps:
                kept[done] = self._as_begun(following[0], first)
            if done == last:
                raise Reached
            return following

        if last:
            with quiet(), _heard(self._pipeline.scheduler, step=step), suppress(Reached):
                self._pipeline(**arguments)
        return kept

    def _seen(self, jobs: Sequence[Job], latents: Tensor, place: int, *, decode: bool) -> Seen:
        """x0 = x − s · v, of a call with one step. It begins with the latents, and ends with x0, if that is to be
        decoded."""
        scheduler, found = self._pipeline.scheduler, list[Tensor]()

        def one_step() -> None:
            scheduler.timesteps = scheduler.timesteps[place : place + 1]

        def step(_own: Any, output: Tensor, _timestep: Any, sample: Tensor, **_settings: Any) -> Any:
            level = float(scheduler.sigmas[place])
            found.append(sample.float() - level * output.float())
            if not decode:
                raise Reached
            return (found[0].to(sample.dtype),)

        shown = latents.expand(len(jobs), *latents.shape[1:])
        arguments = {**self._arguments(jobs), "latents": shown, "output_type": "pt"}
        self._before(place)
        pictures = None
        with quiet(), _heard(scheduler, step=step, after=one_step), suppress(Reached):
            pictures = self._pictures(self._pipeline(**arguments)).float() * 2 - 1
        return Seen(self._cells(found[0]), pictures, self._rows * len(jobs))

    def _as_begun(self, latents: Tensor, first: Tensor) -> Tensor:
        """Flux.2's pipeline takes latents by their places, (N, C, h, w), and goes on with a row for each place."""
        if latents.ndim == 3 and first.ndim == 4:
            return self._cells(latents)
        return latents

    def _cells(self, latents: Tensor) -> Tensor:
        """By their places, (N, C, h, w): of a pipeline that packs 2×2 of them into one row, four times the channels."""
        if latents.ndim == 5:
            return latents[:, :, 0]
        if latents.ndim == 4:
            return latents
        _, height, width = self._shape
        side = math.isqrt(height * width // latents.shape[1])
        return latents.transpose(1, 2).reshape(len(latents), -1, height // side, width // side)


@contextmanager
def _heard(
    scheduler: Any, step: Callable[..., Any] | None = None, after: Callable[[], None] | None = None
) -> Iterator[None]:
    """`step(own, …)` instead of the scheduler's own; `after` when it has set its steps. Each keeps its signature, by
    which the pipelines ask what a scheduler can do."""
    own_step, own_timesteps = scheduler.step, scheduler.set_timesteps

    @wraps(own_step)
    def stepped(*told: Any, **settings: Any) -> Any:
        assert step is not None
        return step(own_step, *told, **settings)

    @wraps(own_timesteps)
    def set_timesteps(*told: Any, **settings: Any) -> None:
        own_timesteps(*told, **settings)
        if after is not None:
            after()

    if step is not None:
        scheduler.step = stepped
    scheduler.set_timesteps = set_timesteps
    try:
        yield
    finally:
        for name in ("step", "set_timesteps"):
            vars(scheduler).pop(name, None)
