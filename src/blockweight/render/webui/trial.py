"""Small pictures that prove, before any work, that a WebUI does what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from blockweight.plan import Scene
from blockweight.render.protocol import Picture

_SIDE = 64
_STEPS = 4

_NEAR = 0.05
"""The share of what the LoRA does that is taken for no difference. Equal calculations give equal pictures; a card may
add up in another order from call to call."""


def trial_scene(scene: Scene) -> Scene:
    """The scene as small as every model draws it, of noise and in one pass."""
    return replace(
        scene,
        width=_SIDE,
        height=_SIDE,
        steps=min(scene.steps, _STEPS),
        hires=None,
        start=None,
        loras=(),
    )


@dataclass(frozen=True)
class LbwTrial:
    """Pictures without the LoRA, with it, and with its block weights all 0, all 1, and some of each."""

    without: Picture
    plain: Picture
    zeros: Picture
    ones: Picture
    mixed: Picture

    def failure(self) -> str:
        """What is wrong with LoRA Block Weight, empty if nothing is."""
        reach = _distance(self.plain, self.without)
        if reach == 0:
            return "the LoRA changes nothing there, so its block weights cannot be tried"
        near = _NEAR * reach
        if _distance(self.zeros, self.plain) <= near and _distance(self.mixed, self.plain) <= near:
            return "its block weights change nothing there: it is switched off, or too old for this WebUI"
        if _distance(self.zeros, self.without) > near:
            return "block weights of 0 do not turn the LoRA off there"
        if _distance(self.ones, self.plain) > near:
            return "block weights of 1 do not leave the LoRA as it is there"
        if min(_distance(self.mixed, other) for other in (self.plain, self.without)) <= near:
            return "single block weights change nothing there"
        return ""


def _distance(one: Picture, other: Picture) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())
