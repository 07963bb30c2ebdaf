"""What one picture of an analysis shows beside its source in numbers, reckoned once per process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from blockweight.measure import Picture, measure_effects
from blockweight.project import MaskStore, read_picture
from blockweight.workflow.tuning_project import TuningProject


@dataclass(frozen=True)
class Figures:
    """How a block's picture differs from its source in one scene: `diff` in percent (LoRA Block Weight's Diff %), the
    others in levels; `inside` and `outside` None without a mask."""

    diff: float
    overall: float
    inside: float | None = None
    outside: float | None = None


def figures_of(tuning: TuningProject, changed: str, source: str, threshold: int, mask: str = "") -> Figures:
    """Measure the pictures with these job keys, `mask` being a kept mask's name (empty: none). The second time the
    answer is remembered. BlockweightError for a picture or mask that is not there or cannot be read."""
    return _measured(tuning.folder.absolute(), changed, source, threshold, mask)


@lru_cache(maxsize=1 << 16)
def _measured(folder: Path, changed: str, source: str, threshold: int, mask: str) -> Figures:
    inside = MaskStore(folder).load(mask) if mask else None
    pair = read_picture(folder / "pictures", changed), _source(folder, source)
    (effects,) = measure_effects({"": [pair]}, inside, threshold)
    samples = (effects.diff, effects.overall, effects.inside, effects.outside)
    return Figures(*(None if effect is None else effect.samples[0] for effect in samples))  # type: ignore[arg-type]


@lru_cache(maxsize=4)
def _source(folder: Path, key: str) -> Picture:
    """A scene's source stands beside every block: it is decoded once in a row."""
    return read_picture(folder / "pictures", key)
