"""What decides a picture: the scene, the LoRA with its block weights, and the job that joins them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property

from blockweight.plan.prompts import reads_as_written
from blockweight.weights import BlockWeights


@dataclass(frozen=True)
class Checkpoint:
    """The model: where it is, and a hash of its weights (so that a renamed file keeps its pictures)."""

    path: str
    digest: str


@dataclass(frozen=True)
class Embedding:
    """A textual inversion embedding: the name that a prompt calls it by, where it is, and a hash of its file."""

    name: str
    path: str
    digest: str


@dataclass(frozen=True)
class Scene:
    """Everything about a picture but the LoRA and its block weights.

    `label` is for people and does not count for the picture. Prompts are in the WebUI's language (`plan.prompts`).
    Sizes in pixels; `steps` denoising steps of `sampler` (a name as the WebUI writes it); `cfg_scale` 1 turns guidance
    off. `clip_skip` n ends the text encoder n − 1 layers early; `embeddings` are those that the prompts name.
    """

    label: str
    checkpoint: Checkpoint
    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    cfg_scale: float
    sampler: str
    width: int
    height: int
    clip_skip: int = 1
    embeddings: tuple[Embedding, ...] = ()

    def facts(self) -> dict[str, object]:
        """All of it that decides the picture, as plain values: the checkpoint and embeddings by their digests, and no
        label.

        What came after the first pictures were made is there only where it makes others of them: a clip skip that skips
        something, embeddings, and the language of prompts that mean more than their letters. Their pictures were once
        made by the letters, of the first 75 tokens.
        """
        facts = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _OWN_WAY}
        facts |= {"checkpoint": self.checkpoint.digest, "cfg_scale": _number(self.cfg_scale)}
        if self.clip_skip != 1:
            facts["clip_skip"] = self.clip_skip
        if self.embeddings:
            facts["embeddings"] = sorted([embedding.name.lower(), embedding.digest] for embedding in self.embeddings)
        if not (reads_as_written(self.prompt) and reads_as_written(self.negative_prompt, negative=True)):
            facts["prompt_language"] = "webui"
        return facts


@dataclass(frozen=True)
class LoraUse:
    """The LoRA: where it is, a hash of its tensors, and the strength that multiplies every block weight."""

    path: str
    digest: str
    strength: float = 1.0


@dataclass(frozen=True)
class Variant:
    """A label and the block weights to try; `weights` None is the picture without the LoRA."""

    label: str
    weights: BlockWeights | None


@dataclass(frozen=True)
class Job:
    """One scene with one variant of one LoRA."""

    scene: Scene
    lora: LoraUse
    variant: Variant

    def facts(self) -> dict[str, object]:
        """All that decides the picture, as plain values; labels, names and paths are not among them. Numbers that are
        equal are written alike, 1 as 1.0 and -0.0 as 0.0."""
        scene = self.scene.facts()
        weights = self.variant.weights
        if weights is None:
            return {"scene": scene, "lora": None}
        lora = {
            "digest": self.lora.digest,
            "strength": _number(self.lora.strength),
            "blocks": {block: _number(value) for block, value in weights.items()},
            "rest": _number(weights.rest),
        }
        return {"scene": scene, "lora": lora}

    @cached_property
    def key(self) -> str:
        """The job's key: 32 hex digits of SHA-256 over its facts. Equal keys, equal pictures."""
        text = json.dumps(self.facts(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


_OWN_WAY = ("label", "clip_skip", "embeddings")
"""A scene's fields that its facts do not take as they are."""


def _number(value: float) -> float:
    return float(value) + 0.0
