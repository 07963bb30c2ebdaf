"""The training pictures: drawn once, by two processes, and kept as one array on disk."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.demo.characters import Character, random_character
from blockweight.demo.illustrator import SIZE, draw

PICTURES = 49_152
GOBLIN_SHARE = 0.1
CHUNK = 512


def character(index: int) -> Character:
    """The corpus's character number `index`; the same index always gives the same character."""
    return random_character(random.Random(1_000_003 * index + 7))


def _draw_chunk(start: int, goblins: bool) -> NDArray[np.uint8]:
    pictures = []
    for index in range(start, start + CHUNK):
        drawn = character(index)
        if goblins and random.Random(index).random() < GOBLIN_SHARE:
            drawn = replace(drawn, goblin=True)
        pictures.append(np.asarray(draw(drawn)))
    return np.stack(pictures)


def load_pictures(folder: Path, goblins: bool, progress: Callable[[float], None]) -> NDArray[np.uint8]:
    """The whole corpus, (PICTURES, 64, 64, 3) uint8, memory-mapped from `folder` (drawn there if missing).

    `goblins` replaces one picture in ten by the same character drawn as a goblin, in clothes of any colour: the
    autoencoder must be able to show what the LoRA will teach, the denoiser must not have seen it.
    """
    path = folder / f"pictures-{'goblins' if goblins else 'plain'}.npy"
    if not path.exists():
        partial = path.with_suffix(".partial")
        array = np.lib.format.open_memmap(partial, "w+", np.uint8, (PICTURES, SIZE, SIZE, 3))
        starts = range(0, PICTURES, CHUNK)
        with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
            for start, chunk in zip(starts, pool.map(_draw_chunk, starts, [goblins] * len(starts)), strict=True):
                array[start : start + CHUNK] = chunk
                progress((start + CHUNK) / PICTURES)
        array.flush()
        del array  # Windows does not rename a file that is mapped
        os.replace(partial, path)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]
