"""What the log tells of transfers that were begun: the same weights elsewhere, as they and their scenes were then.

They stand beside the tuning history, like comparisons: no undo of a step takes one away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError
from blockweight.plan import Scene
from blockweight.project.begun import completed, given_up
from blockweight.project.plain import (
    Body,
    scene_body,
    scene_from,
    text_in,
    texts_in,
    weights_body,
    weights_from,
    whole_in,
    words_in,
)
from blockweight.weights import BlockWeights

TRANSFER_PLANNED = "transfer planned"
TRANSFER_CANCELLED = "transfer cancelled"
TRANSFERRED = "transferred"

TRANSFERRING = frozenset({TRANSFER_PLANNED, TRANSFER_CANCELLED, TRANSFERRED})
"""The kinds of events of transfers."""

_MASK = re.compile(r"[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True)
class TransferGroup:
    """Scenes that differ from the project's by one thing, which `kind` names (the project's own are the first group of
    a transfer). `masks` are the digests of kept masks, one a scene, or none."""

    name: str
    kind: str
    scenes: tuple[Scene, ...]
    masks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedTransfer:
    """A transfer that was begun. `number` is that of its event; `folder` the name of the project's folder with its
    table, empty until it is complete."""

    number: int
    weights: BlockWeights
    groups: tuple[TransferGroup, ...]
    folder: str = ""
    cancelled: bool = False

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """Those of all groups."""
        return tuple(scene for group in self.groups for scene in group.scenes)


Transfers = Mapping[int, PlannedTransfer]
"""By number, in order."""


def transfer_body(weights: BlockWeights, groups: Iterable[TransferGroup]) -> dict[str, object]:
    """The body of TRANSFER_PLANNED."""
    told = [
        {
            "name": group.name,
            "kind": group.kind,
            "scenes": [scene_body(scene) for scene in group.scenes],
            "masks": list(group.masks),
        }
        for group in groups
    ]
    return {"weights": weights_body(weights), "groups": told}


def next_transfers(known: Transfers, number: int, kind: str, body: Body, layout: Layout) -> Transfers | None:
    """The transfers after an event of this number; None if it says what is known.

    BlockweightError for an event that does not fit: no such transfer, one that is complete or was given up. KeyError,
    TypeError or ValueError for a body that no version wrote.
    """
    if kind == TRANSFER_PLANNED:
        planned = PlannedTransfer(number, weights_from(body["weights"], layout), tuple(map(_group, body["groups"])))
        if len(planned.groups) < 2:
            raise ValueError("a transfer has the project's scenes and others")
        latest = known[max(known)] if known else None
        again = latest is not None and not latest.folder and replace(planned, number=latest.number) == latest
        return None if again else {**known, number: planned}
    which = whole_in(body, "plan")
    if which not in known:
        raise BlockweightError(f"The project has no transfer {which}; load the page anew.")
    made = _ended(known[which], kind, body)
    return None if made == known[which] else {**known, which: made}


def _ended(planned: PlannedTransfer, kind: str, body: Body) -> PlannedTransfer:
    if kind == TRANSFER_CANCELLED:
        return given_up(planned, BlockweightError("The transfer is complete, so there is nothing to give up."))
    meanwhile = BlockweightError("The transfer was given up meanwhile, so it was not recorded; begin it again.")
    return completed(planned, "transfer", text_in(body, "folder"), meanwhile)


def _group(body: Body) -> TransferGroup:
    scenes, masks = tuple(map(scene_from, body["scenes"])), texts_in(body, "masks")
    if not scenes or len(masks) not in (0, len(scenes)) or not all(map(_MASK.fullmatch, masks)):
        raise ValueError("a group has scenes, and a mask for each or none")
    return TransferGroup(words_in(body, "name"), words_in(body, "kind"), scenes, masks)
