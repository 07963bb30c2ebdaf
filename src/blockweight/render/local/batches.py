"""How many pictures go through a model at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence

import torch

from blockweight.plan import Job
from blockweight.render.local.memory import free_bytes

PIXELS = 1024 * 1024
"""Of a batch where the memory is the machine's own: larger ones gain nothing on a CPU."""

BYTES_PER_PIXEL = 400
"""What a row of the largest of the models takes of a graphics card's memory for each pixel of its picture, in half
precision. Measured with Stable Diffusion 1.5 and a LoRA of rank 16, 512×512, on an H100: 340 (docs/performance.md)."""

SHARE = 0.8
"""Of the free memory that a batch may take: the autoencoder, and other programs, want some."""


class BatchSizes:
    """`fixed` pictures, or as many as the memory of `device` has room for, `largest` at most."""

    def __init__(self, device: torch.device, fixed: int | None, largest: int) -> None:
        self._device = device
        self._fixed = fixed
        self._largest = largest
        self._most: dict[Hashable, int] = {}

    def size(self, kind: Hashable, pixels: int, rows: int) -> int:
        """How many jobs of this kind to begin together, 1 or more. A picture of `pixels` takes `rows` rows of the
        model's batch. Once a number was too many, it is never asked for again."""
        if self._fixed is not None:
            found = self._fixed
        elif (free := free_bytes(self._device)) is not None:
            found = int(SHARE * free / (BYTES_PER_PIXEL * pixels * rows))
        else:
            # Guidance has always taken two rows.
            found = 2 * PIXELS // (pixels * max(2, rows))
        return max(1, min(found, self._largest, self._most.get(kind, self._largest)))

    def too_many(self, kind: Hashable, count: int) -> None:
        """So many were too many at once: half of them are tried from now on."""
        self._most[kind] = max(1, count // 2)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


class Batches:
    """Jobs of one kind, cut into batches that can still become smaller."""

    def __init__(self, jobs: Sequence[Job], size: int) -> None:
        self._waiting: deque[Sequence[Job]] = deque(_cut(jobs, size))

    def __iter__(self) -> Iterator[Sequence[Job]]:
        while self._waiting:
            yield self._waiting.popleft()

    def split(self, batch: Sequence[Job], size: int) -> None:
        """Take up a batch that was too large again, in parts of `size`, and cut those that follow alike."""
        smaller = [part for each in (batch, *self._waiting) for part in _cut(each, size)]
        self._waiting = deque(smaller)


def _cut(jobs: Sequence[Job], size: int) -> list[Sequence[Job]]:
    return [jobs[start : start + size] for start in range(0, len(jobs), size)]
