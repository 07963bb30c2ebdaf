"""Previews: scenes drawn in fewer steps and at half the size, to see sooner where to look."""

from __future__ import annotations

from dataclasses import replace

from blockweight.plan.scenes import Scene

STEPS = 8
"""Of a preview, or as many as the scene has, if that are fewer."""

_SIDE = 64
"""Pixels. Sides are multiples of it, which every model draws; smaller pictures are halved as they are."""


def preview_of(scene: Scene) -> Scene:
    """The scene's preview, another scene that is marked so that no picture of one is taken for one of the other: as
    many steps as STEPS, half as wide and high, and no hires pass."""
    return replace(
        scene,
        steps=min(scene.steps, STEPS),
        width=_half(scene.width),
        height=_half(scene.height),
        hires=None,
        preview=True,
    )


def _half(side: int) -> int:
    return side // 2 if side < 2 * _SIDE else round(side / 2 / _SIDE) * _SIDE
