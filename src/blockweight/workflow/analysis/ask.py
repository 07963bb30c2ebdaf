"""What an analysis is asked: which blocks, between which weights, in which scenes, by which aspects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError
from blockweight.measure import (
    CHANGE,
    DIFF,
    DIFF_THRESHOLD,
    INSIDE,
    OUTSIDE,
    Aim,
    Embedder,
    Mask,
    SceneName,
    mask_digest,
)
from blockweight.plan import BlockAnalysis, Job, LoraUse, Scene, plan_block_analysis
from blockweight.workflow.workbench import preview_text

REGION = "the masked region"
"""What a mask covers, where nobody gave it a name."""

ALWAYS = (DIFF, CHANGE)
"""The aspects that every analysis of pictures measures: suggestions are made from them."""


@dataclass(frozen=True, eq=False)
class AnalysisAsk:
    """Each of `blocks` (of the layout, or REST) alone at `value`, all others at `base`, in `scenes`.

    `masks` are of the pictures' size: none, one for all scenes, or one a scene; `region` is what they cover, in words.
    Diff % counts differences above `threshold` (0…255 levels); `aspects` are measured beside ALWAYS. An `adaptive`
    analysis begins with two scenes and takes the others only for blocks that are not settled. Of the `pairs` strongest
    blocks it is also measured which of them do not add up (0: of none). `aims` are measured with their sign. A probe
    looks at so many noise `levels`, 1 to 5.
    `embedder` is the model for the aspects that need one, `embedder_name` what it is called.
    """

    layout: Layout
    lora: LoraUse
    scenes: tuple[Scene, ...]
    blocks: tuple[str, ...]
    value: float = 0.5
    base: float = 1.0
    masks: tuple[Mask, ...] = ()
    region: str = ""
    aspects: tuple[str, ...] = ()
    aims: tuple[Aim, ...] = ()
    threshold: int = DIFF_THRESHOLD
    adaptive: bool = False
    pairs: int = 0
    levels: int = 1
    embedder: Embedder | None = None
    embedder_name: str = ""

    @cached_property
    def plan(self) -> BlockAnalysis:
        """The variants of a change of one block at a time."""
        return plan_block_analysis(self.layout, self.blocks, self.value, self.base)

    @property
    def further(self) -> tuple[str, ...]:
        """The aspects beside CHANGE and Diff %, each once and without a region: with a mask all are measured."""
        named = (aspect.partition(":")[0] for aspect in self.aspects)
        return tuple(dict.fromkeys(name for name in named if name not in ALWAYS))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The aspects of a table of pictures, in its order: with a mask, each but Diff % also inside and outside; then
        the aims."""
        names = (*ALWAYS, *self.further)
        regions = [f"{name}:{region}" for name in names if name != DIFF for region in (INSIDE, OUTSIDE)]
        return (*names, *(regions if self.masks else []), *(aim.name for aim in self.aims))

    @property
    def scene_names(self) -> tuple[SceneName, ...]:
        """The scenes as the table names them; previews say that they are."""
        preview = preview_text(self.scenes)
        ending = f" ({preview})" if preview else ""
        return tuple(SceneName(f"{scene.label}{ending}", scene.seed, scene.prompt) for scene in self.scenes)

    @property
    def called(self) -> str:
        """What the masks cover, in words."""
        return self.region or REGION

    def mask(self, scene: int) -> Mask | None:
        """The mask of the scene of this place."""
        return self.masks[scene if len(self.masks) > 1 else 0] if self.masks else None

    def source(self, scene: int) -> Job:
        """The picture with every block at `base`."""
        return self.jobs(scene)[0]

    def changed(self, scene: int, block: str) -> Job:
        """The picture with the block at `value`."""
        return self.jobs(scene)[1 + self.blocks.index(block)]

    def jobs(self, scene: int) -> tuple[Job, ...]:
        """The source, then every block changed, in one scene."""
        return self._rows[scene]

    @cached_property
    def _rows(self) -> tuple[tuple[Job, ...], ...]:
        variants = self.plan.variants()
        return tuple(tuple(Job(scene, self.lora, variant) for variant in variants) for scene in self.scenes)

    def facts(self) -> dict[str, object]:
        """All that decides what is found, as plain values that JSON keeps."""
        lora = {"file": Path(self.lora.path).name, "digest": self.lora.digest, "strength": self.lora.strength}
        scenes = [{"model": Path(scene.checkpoint.path).name, **scene.facts()} for scene in self.scenes]
        told: dict[str, object] = {
            "blocks": list(self.blocks),
            "range": [self.value, self.base],
            "threshold": self.threshold,
            "masks": [mask_digest(mask) for mask in self.masks],
        }
        if self.aspects:
            told["aspects"] = list(self.aspects)
        if self.aims:
            told["aims"] = [aim.name for aim in self.aims]
        if self.adaptive:
            told["adaptive"] = True
        if self.pairs:
            told["pairs"] = self.pairs
        if self.embedder_name:
            told["metric_model"] = self.embedder_name
        if self.levels != 1:
            told["levels"] = self.levels
        return {**told, "lora": lora, "scenes": scenes}


def check_masks(masks: Sequence[Mask], scenes: Sequence[Scene]) -> None:
    """Refuse a number of masks that fits no scenes, and masks of another size than their scenes' pictures."""
    check_count(len(masks), len(scenes))
    for number, scene in enumerate(scenes if masks else ()):
        height, width = masks[number if len(masks) > 1 else 0].shape
        if (width, height) != scene.picture_size:
            asked = "×".join(map(str, scene.picture_size))
            raise BlockweightError(
                f"The mask has {width}×{height} pixels, the picture of the scene {asked}; give one of the same size."
            )


def check_count(masks: int, scenes: int) -> None:
    """Refuse a number of masks that fits no scenes."""
    if masks not in {0, 1, scenes}:
        raise BlockweightError(
            f"{masks} masks were given for {scenes} scenes; give one for all of them, or one for each."
        )
