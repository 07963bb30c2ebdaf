"""What was measured of every block, by every aspect, in every scene: the one table that all methods fill and all
figures and suggestions read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.measure.effects import BlockEffects, Effect
from blockweight.measure.intervals import INSIDE_SPREAD, PICTURE_SPREAD, SIGNED_SPREAD
from blockweight.measure.limits import most_of

DIFF = "diff"
"""LoRA Block Weight's Diff %, in percent."""

CHANGE = "change"
"""The mean absolute difference of the pictures, in levels."""

INSIDE, OUTSIDE = "inside", "outside"
"""What stands behind an aspect's name and a colon where it is measured under the mask alone, or outside it alone."""


@dataclass(frozen=True)
class SceneName:
    """A scene as a table names it."""

    label: str
    seed: int
    prompt: str = ""


def prompt_groups(prompts: Sequence[str]) -> tuple[int, ...]:
    """One number a scene, the same for scenes of one prompt, as `Effect.groups` has them; `prompts` has one a scene.
    None where no two scenes share their prompt, or all do, for then nothing is told apart by it."""
    different = list(dict.fromkeys(prompts))
    if len(different) in (1, len(prompts)):
        return ()
    return tuple(map(different.index, prompts))


@dataclass(frozen=True, eq=False)
class EffectTable:
    """`values[aspect, block, scene]`, float64, NaN where nothing was measured: blocks may have been measured in
    different scenes. Aspects are named as `aspects` has them, with a region where there is one: `colour:inside`.
    `leaps` says that each is the difference of two finished pictures, which leaps: intervals reckon with it.
    `signed` names the aspects that may fall as well as rise, whatever the samples happen to be: objectives, and the
    estimates of a screening."""

    aspects: tuple[str, ...]
    blocks: tuple[str, ...]
    scenes: tuple[SceneName, ...]
    values: NDArray[np.float64]
    leaps: bool = True
    signed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        shape = (len(self.aspects), len(self.blocks), len(self.scenes))
        if self.values.shape != shape:
            raise ValueError(f"values must be of the shape {shape}, not {self.values.shape}")

    def samples(self, aspect: str, block: str) -> NDArray[np.float64]:
        """One sample a scene, (scenes,), NaN where the block was not measured. KeyError for what the table lacks."""
        try:
            place = self.aspects.index(aspect), self.blocks.index(block)
        except ValueError:
            raise KeyError((aspect, block)) from None
        found: NDArray[np.float64] = self.values[place]
        return found

    def has_sign(self, aspect: str) -> bool:
        """Whether the aspect, one of the table's, may lie below 0: it is `signed`, or has a value that does."""
        return aspect in self.signed or bool((self.values[self.aspects.index(aspect)] < 0).any())

    def effect(self, aspect: str, block: str) -> Effect | None:
        """The block's effect by the aspect, over the scenes in which it was measured, those of one prompt as a group;
        None if it was in none, or the table lacks it. What `has_sign` has one in all blocks."""
        if aspect not in self.aspects or block not in self.blocks:
            return None
        samples = self.samples(aspect, block)
        measured = np.flatnonzero(~np.isnan(samples))
        if not len(measured):
            return None
        groups = prompt_groups([self.scenes[number].prompt for number in measured])
        signed = self.has_sign(aspect)
        spread = self.leaps * _spread_of(aspect, signed=signed)
        # What finishes no picture has units of its own.
        most = most_of(aspect) if self.leaps and not signed else math.inf
        typical = self._typical(aspect) if signed else 0.0
        return Effect(block, tuple(map(float, samples[measured])), groups, signed, spread, typical, most)

    def _typical(self, aspect: str) -> float:
        """The root mean square of what was measured of all blocks."""
        return float(np.sqrt(np.nanmean(self.values[self.aspects.index(aspect)] ** 2)))

    def effects(self, aspect: str) -> tuple[Effect, ...]:
        """Those of all blocks that were measured, in the table's order."""
        found = (self.effect(aspect, block) for block in self.blocks)
        return tuple(effect for effect in found if effect is not None)

    def block_effects(self) -> tuple[BlockEffects, ...]:
        """What suggestions are made from: of every block that has both, DIFF and CHANGE, and where there is a mask
        CHANGE inside and outside."""
        made = []
        for block in self.blocks:
            diff, change = self.effect(DIFF, block), self.effect(CHANGE, block)
            if diff is not None and change is not None:
                regions = (self.effect(f"{CHANGE}:{region}", block) for region in (INSIDE, OUTSIDE))
                made.append(BlockEffects(block, diff, change, *regions))
        return tuple(made)

    def of_blocks(self, blocks: Sequence[str]) -> EffectTable:
        """The table of these blocks, in this order; one that it lacks changes nothing, which is 0 everywhere."""
        values = np.zeros((len(self.aspects), len(blocks), len(self.scenes)))
        for number, block in enumerate(blocks):
            if block in self.blocks:
                values[:, number] = self.values[:, self.blocks.index(block)]
        return replace(self, blocks=tuple(blocks), values=values)

    def of_scenes(self, chosen: Sequence[int]) -> EffectTable:
        """The table of these scenes alone, by their places."""
        scenes = tuple(self.scenes[number] for number in chosen)
        return replace(self, scenes=scenes, values=self.values[:, :, list(chosen)])

    def facts(self) -> dict[str, object]:
        """The table as plain values that JSON keeps, None where nothing was measured."""
        values = [
            [[None if np.isnan(value) else float(value) for value in row] for row in aspect] for aspect in self.values
        ]
        scenes = [{"label": each.label, "seed": each.seed, "prompt": each.prompt} for each in self.scenes]
        return {
            "aspects": list(self.aspects),
            "blocks": list(self.blocks),
            "scenes": scenes,
            "values": values,
            "leaps": self.leaps,
            "signed": sorted(self.signed),
        }


def _spread_of(aspect: str, *, signed: bool) -> float:
    """What is expected of finished pictures."""
    if signed:
        return SIGNED_SPREAD
    return INSIDE_SPREAD if aspect.endswith(f":{INSIDE}") else PICTURE_SPREAD


def table_from(facts: Mapping[str, Any]) -> EffectTable:
    """The table that `facts` tells of; BlockweightError for anything else."""
    try:
        aspects, blocks = (tuple(map(str, facts[name])) for name in ("aspects", "blocks"))
        scenes = tuple(SceneName(str(e["label"]), int(e["seed"]), str(e["prompt"])) for e in facts["scenes"])
        values = np.array(facts["values"], dtype=np.float64).reshape(len(aspects), len(blocks), len(scenes))
        signed = frozenset(map(str, facts.get("signed", ())))
        return EffectTable(aspects, blocks, scenes, values, bool(facts.get("leaps", True)), signed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BlockweightError("These are no measured effects, or they are damaged; analyse again.") from error
