"""What the metadata of training (`ss_*`, sd-scripts' `train_network.py`) say, for a person to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

TAGS = "ss_tag_frequency"
DATASETS = "ss_dataset_dirs"


@dataclass(frozen=True)
class Dataset:
    """A folder of training pictures: its name, its pictures, and how often each was repeated in an epoch."""

    name: str
    images: int
    repeats: int

    @property
    def total(self) -> int:
        """Pictures times repeats."""
        return self.images * self.repeats


def tag_counts(metadata: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """The tags of the training captions with their counts over all folders, the most frequent first; tags are trimmed,
    as in Additional Networks' list. Empty where there are none, or not in a form that can be read."""
    folders = _object(metadata.get(TAGS, ""))
    counts: dict[str, int] = {}
    for tags in folders.values():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if _is_count(count):
                counts[tag.strip()] = counts.get(tag.strip(), 0) + count
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def datasets(metadata: Mapping[str, str]) -> tuple[Dataset, ...]:
    """The folders of training pictures. Empty where there are none, or not in a form that can be read."""
    found = []
    for name, facts in _object(metadata.get(DATASETS, "")).items():
        if isinstance(facts, dict):
            images, repeats = facts.get("img_count"), facts.get("n_repeats")
            if _is_count(images) and _is_count(repeats):
                found.append(Dataset(name, images, repeats))
    return tuple(found)


def _is_count(value: object) -> TypeGuard[int]:
    # Python refuses to print numbers of thousands of digits.
    return isinstance(value, int) and 0 <= value < 10**12


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
