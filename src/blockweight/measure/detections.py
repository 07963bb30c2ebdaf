"""What a detector found in a picture, and the mask of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from blockweight.errors import BlockweightError, quoted
from blockweight.measure.pictures import Mask, Picture

CONFIDENCE_OF_DETECTION = 0.3
"""How sure a detector must be, 0…1: what ADetailer, from which most detectors come, has by default."""


@dataclass(frozen=True)
class Box:
    """A thing that was found: edges in pixels of the picture, from 0 to its width and height; `score` 0…1."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes found, the surest first, and the mask (H, W) of all."""

    boxes: tuple[Box, ...]
    mask: Mask


class Detector(Protocol):
    """A model that finds things in pictures."""

    def detect(self, picture: Picture, find: str, confidence: float) -> Detections:
        """What is called `find` ("" for anything), at least so sure (0…1); the mask may be empty. BlockweightError for
        a name that the model does not know."""
        ...


def check_confidence(confidence: float) -> None:
    """BlockweightError unless it is 0…1."""
    if not 0 <= confidence <= 1:
        raise BlockweightError(f"The confidence is a number from 0 to 1, not {confidence:g}.")


def known_label(find: str, labels: Sequence[str]) -> str:
    """The model's own spelling of what is to be found, "" for "". BlockweightError if it does not know it."""
    for label in labels:
        if label.casefold() == find.strip().casefold():
            return label
    if not find.strip():
        return ""
    shown = ", ".join(labels[:20]) + (f" and {len(labels) - 20} more" if len(labels) > 20 else "")
    raise BlockweightError(f"The detector does not know {quoted(find)}; it knows {shown}.")


def boxes_found(boxes: Sequence[Box], label: str, confidence: float, picture: Picture) -> Detections:
    """Those of the boxes that are of this label ("" for any) and sure enough, cut at the picture's edges, and the mask
    of every pixel whose middle lies in one."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), dtype=bool)
    found = []
    for box in sorted(boxes, key=lambda each: -each.score):
        if box.score >= confidence and label in {"", box.label}:
            left, right = np.clip((box.left, box.right), 0, width)
            top, bottom = np.clip((box.top, box.bottom), 0, height)
            rows, columns = (slice(*np.rint(ends).astype(int)) for ends in ((top, bottom), (left, right)))
            mask[rows, columns] = True
            found.append(Box(box.label, box.score, *map(float, (left, top, right, bottom))))
    return Detections(tuple(found), mask)
