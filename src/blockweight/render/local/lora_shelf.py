"""The LoRAs on the loaded model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from blockweight.blocks import family_by_name
from blockweight.lora import open_lora
from blockweight.plan import Job
from blockweight.render.local.engine import Engine
from blockweight.render.local.live import LiveLora
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.wanted import Wanted, check_use, wanted_of

_Key = tuple[str, str]
"""A LoRA's digest, and the family that its weights are of: some could be of several."""


class LoraShelf:
    """Attaches what a batch wants, and takes off what the latest batch had and this one has not."""

    def __init__(self) -> None:
        self._attached: defaultdict[_Key, list[LiveLora]] = defaultdict(list)

    def take(self, jobs: Sequence[Job], engine: Engine) -> LiveLoras:
        """The LoRAs of a batch on its model. One that is tuned, but that none of these jobs has block weights for, is
        only kept. BlockweightError if one cannot be read, is not what was planned with, or is not for this model."""
        job = next((job for job in jobs if job.variant.weights is not None), jobs[0])
        wanted = wanted_of(job)
        keys = [_key(each) for each in wanted]
        if job.variant.weights is None:
            idle = next((key for key, held in self._attached.items() if held and key[0] == job.lora.digest), None)
            keys = keys if idle is None else [idle, *keys]
        self._keep(keys)
        for each in wanted:
            key = _key(each)
            here = self._attached[key]
            if here:
                check_use(here[0].lora, each)
            if len(here) < keys.count(key):
                here.append(here[0].again() if here else _attached(each, engine))
        left = {key: list(found) for key, found in self._attached.items()}
        found = [left[key].pop(0) for key in keys]
        there = len(found) - len(job.scene.loras)
        return LiveLoras(found[0] if there else None, found[there:])

    def clear(self) -> None:
        """Take all off, before the model goes."""
        self._keep([])

    def _keep(self, keys: Sequence[_Key]) -> None:
        for key, found in list(self._attached.items()):
            while len(found) > keys.count(key):
                found.pop().detach()
            if not found:
                del self._attached[key]


def _attached(wanted: Wanted, engine: Engine) -> LiveLora:
    lora = open_lora(Path(wanted.use.path), family_by_name(wanted.weights.layout.family))
    check_use(lora, wanted)
    return LiveLora(lora, engine.components, engine.names)


def _key(wanted: Wanted) -> _Key:
    return wanted.use.digest, wanted.weights.layout.family
