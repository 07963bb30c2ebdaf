"""In what order pictures are seen: a function of the seed and the step alone, so that a training that was stopped goes
on with the same pictures."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Hashable, Sequence

Batch = tuple[int, ...]
"""The numbers of pictures that are seen at once, all of one bucket."""


def seed_of(*parts: object) -> int:
    """A number below 2⁶³ that depends on these parts' texts alone."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def epoch_steps(
    buckets: Sequence[Hashable], repeats: Sequence[int], batch: int, accumulate: int, seed: int, epoch: int
) -> tuple[tuple[Batch, ...], ...]:
    """One epoch's steps, each of up to `accumulate` batches of up to `batch` pictures, in an order of its own.

    `buckets` and `repeats` say of each picture with which others it can be seen at once, and how often it is seen in an
    epoch, which is exactly so often. Epochs are counted from 0.
    """
    words = random.Random(seed_of("order", seed, epoch))
    by_bucket: dict[Hashable, list[int]] = {}
    for picture, (bucket, times) in enumerate(zip(buckets, repeats, strict=True)):
        by_bucket.setdefault(bucket, []).extend([picture] * times)
    batches: list[Batch] = []
    for pictures in by_bucket.values():
        words.shuffle(pictures)
        batches += [tuple(pictures[start : start + batch]) for start in range(0, len(pictures), batch)]
    words.shuffle(batches)
    return tuple(tuple(batches[start : start + accumulate]) for start in range(0, len(batches), accumulate))
