"""One scene probed: the changed variants in batches that fit into the memory, and maps of what they change."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Job
from blockweight.render.local.batches import Batches, BatchSizes
from blockweight.render.local.decoding import levels_of
from blockweight.render.local.engine import Engine, Look
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.memory import ran_out_of_memory
from blockweight.render.probing import ProbeAsk, Probed, ProbedLevel, mixed_maps, rms_maps
from blockweight.render.protocol import Picture

Told = Callable[[int, int], None]
"""Told how many rows were evaluated, and how many will be in all."""


@dataclass(frozen=True)
class Way:
    """How batches are made for one kind of scene: what is too many for a `kind`, the pixels of a picture, and its
    rows."""

    kind: Hashable
    pixels: int
    rows: int


def probe_scene(
    engine: Engine,
    loras: LiveLoras,
    ask: ProbeAsk,
    sizes: BatchSizes,
    way: Way,
    levels: Sequence[float],
    told: Told,
) -> Probed:
    """The answer to an ask, whose scene has these noise levels."""
    source, *changed = ask.jobs
    found: list[ProbedLevel] = []
    calls, planned = 0, ask.calls(way.rows)
    together = engine.together(ask.jobs, loras)

    def went(rows: int) -> None:
        nonlocal calls
        calls += rows
        told(calls, max(calls, planned))

    def visit(step: int, look: Look) -> None:
        looked = _Looks(engine, sizes, way, look, went, decode=ask.decode, together=together)
        changes, pictures = looked.changes(source, changed)
        if not np.isfinite(changes).all():
            raise BlockweightError(
                f"A change in the scene {quoted(ask.scene.label)} came out as something that is not a number: the "
                "weights are too large for this model, or the model is damaged; lower them."
            )
        seen = pictures[0] if pictures else None
        share = step / len(levels)
        made = ProbedLevel(
            step, levels[step], share, rms_maps(changes), mixed_maps(changes, ask.pairs), seen, tuple(pictures[1:])
        )
        found.append(made)

    with torch.inference_mode():
        engine.walk(source, loras, ask.steps, visit, went)
    return Probed(ask, tuple(found), calls)


class _Looks:
    """Looks at one noise level."""

    def __init__(
        self,
        engine: Engine,
        sizes: BatchSizes,
        way: Way,
        look: Look,
        went: Callable[[int], None],
        *,
        decode: bool,
        together: bool,
    ) -> None:
        self._sizes, self._way, self._look, self._went, self._decode = sizes, way, look, went, decode
        self._together = together
        # In half precision a row is rounded otherwise in another batch, which is more than a weak block changes.
        self._lead = self._together and engine.dtype != torch.float32

    def changes(self, source: Job, changed: Sequence[Job]) -> tuple[NDArray[np.float32], list[Picture]]:
        """x0 of each of the changed less that of the source, (changed, C, h, w); with decoding, the source's picture
        and theirs."""
        x0: Tensor | None = None
        parts: list[Tensor] = []
        pictures: list[Picture] = []
        batches = Batches([source, *changed], self._size())
        for batch in batches:
            led = [source, *batch] if self._lead and x0 is not None else list(batch)
            seen = self._attempt(led)
            if seen is None and len(batch) == 1:
                led = list(batch)
                seen = self._attempt(led)
            if seen is None:
                self._sizes.too_many(self._way.kind, len(batch))
                batches.split(batch, self._size())
                continue
            if x0 is None or len(led) > len(batch):
                x0 = seen[0][:1]
            new = len(led) - len(batch)
            parts.append((seen[0][new:] - x0).cpu())
            pictures += seen[1][new:]
        return torch.cat(parts)[1:].numpy(), pictures

    def _size(self) -> int:
        if not self._together:
            return 1
        return max(1, self._sizes.size(self._way.kind, self._way.pixels, self._way.rows) - self._lead)

    def _attempt(self, jobs: Sequence[Job]) -> tuple[Tensor, list[Picture]] | None:
        """None if it does not fit into the memory, and less could."""
        try:
            seen = self._look(jobs, self._decode)
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error) or len(jobs) == 1:
                raise
            return None
        self._went(seen.rows)
        cut = bool(jobs[0].scene.scheduler)
        return seen.x0, [] if seen.pictures is None else levels_of(seen.pictures, cut=cut)
