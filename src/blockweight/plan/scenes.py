"""What decides a picture: the scene, the LoRA with its block weights, and the job that joins them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property

from blockweight.plan.hires import Hires, picture_size
from blockweight.plan.parts import Control, Held, Part, Start
from blockweight.plan.prompts import reads_as_written
from blockweight.plan.samplers import AUTOMATIC, SAMPLERS
from blockweight.weights import BlockWeights

NOISE_SOURCES = ("CPU", "GPU", "NV")
"""Who draws the noise: the CPU, the device that renders, or (on any machine) an NVIDIA card's numbers."""

SERVER_MODEL = "server:"
"""What the path of a model begins with that lies on a server only; the name that the server has for it follows."""


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
class LoraUse:
    """A LoRA: where it is, a hash of its tensors, and how it is used.

    `strength` multiplies every block weight, in text encoders `text_strength` instead (None: as strong). In the
    denoiser it works from step `start` on, and no more from step `stop` on (None: to the end), of each pass; in text
    encoders, which read the prompt once, whatever the steps. That is how LoRA Block Weight has `start=` and `stop=` in
    AUTOMATIC1111's WebUI. Steps are counted from 1 as it counts them, from the second on a step late
    (docs/rendering.md).
    """

    path: str
    digest: str
    strength: float = 1.0
    text_strength: float | None = None
    start: int = 1
    stop: int | None = None

    @property
    def in_texts(self) -> float:
        """What multiplies the block weights in text encoders."""
        return self.strength if self.text_strength is None else self.text_strength

    @property
    def always(self) -> bool:
        """Whether it works in every step."""
        return self.start <= 1 and self.stop is None

    def works_in(self, step: int) -> bool:
        """Whether it works in the denoiser in this step of a pass, counted from 1 as the WebUI does."""
        return self.start <= step and (self.stop is None or step < self.stop)

    def facts(self, weights: BlockWeights) -> dict[str, object]:
        """What of it, with these block weights, decides a picture; no path, no name."""
        facts: dict[str, object] = {
            "digest": self.digest,
            "strength": _number(self.strength),
            "blocks": {block: _number(value) for block, value in weights.items()},
            "rest": _number(weights.rest),
        }
        if self.in_texts != self.strength:
            facts["text_strength"] = _number(self.in_texts)
        if self.start > 1:
            facts["start"] = self.start
        if self.stop is not None:
            facts["stop"] = self.stop
        return facts


@dataclass(frozen=True)
class OtherLora:
    """A LoRA of a scene, beside the one that is tuned, with its block weights."""

    use: LoraUse
    weights: BlockWeights


@dataclass(frozen=True)
class Scene:
    """Everything about a picture but the LoRA and its block weights.

    `label` is for people and does not count for the picture. Prompts are in the WebUI's language (`plan.prompts`).
    Sizes in pixels; `steps` denoising steps of `sampler` with the schedule type `scheduler` (names as `read_sampler`
    gives them); `cfg_scale` 1 turns guidance off. `clip_skip` n ends the text encoder n − 1 layers early; `embeddings`
    are those that the prompts name. The noise of `seed` is turned towards that of `variation_seed` by
    `variation_strength`, 0 to 1; `eta` scales what a sampler adds to it, None for the WebUI's default. `hires` is the
    second pass, if there is one; `start` the picture that is drawn over instead of noise. `vae` stands for the model's
    own, `controls` are ControlNets, `loras` those that work beside the LoRA that is tuned. `preview`
    marks a picture that is drawn faster than it should be (`preview_of`).
    `guidance` is what a model that was distilled from guidance is told (Forge's "Distilled CFG Scale"), None for its
    usual. `renderer` names the one that draws the picture, where pictures of several are compared; empty for the one
    that all of a project's pictures come from.

    `scheduler` is empty in scenes that were written down before there were schedule types. They are drawn as they were
    then, by the samplers of those days, and know nothing of the fields below it.
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
    scheduler: str = ""
    variation_seed: int = 0
    variation_strength: float = 0.0
    eta: float | None = None
    noise_source: str = "CPU"
    hires: Hires | None = None
    guidance: float | None = None
    vae: Part | None = None
    start: Start | None = None
    controls: tuple[Control, ...] = ()
    loras: tuple[OtherLora, ...] = ()
    preview: bool = False
    renderer: str = ""

    @property
    def files(self) -> tuple[Held, ...]:
        """Every file and folder that the picture is made with, but the LoRA that is tuned."""
        parts = [] if self.vae is None else [Held("VAE", self.vae.path, self.vae.digest)]
        pictures = [*([] if self.start is None else [self.start.picture]), *(each.picture for each in self.controls)]
        return (
            Held("model", self.checkpoint.path, self.checkpoint.digest),
            *(Held("embedding", each.path, each.digest) for each in self.embeddings),
            *parts,
            *(Held("ControlNet", each.model.path, each.model.digest) for each in self.controls),
            *(Held("picture", each.path, each.digest) for each in pictures),
            *(Held("other LoRA", each.use.path, each.use.digest) for each in self.loras),
        )

    def moved(self, place: Callable[[str, str], str]) -> Scene:
        """The scene with each file where `place(digest, path)` says."""

        def there(part: Part) -> Part:
            return Part(place(part.digest, part.path), part.digest)

        return replace(
            self,
            checkpoint=Checkpoint(place(self.checkpoint.digest, self.checkpoint.path), self.checkpoint.digest),
            embeddings=tuple(replace(each, path=place(each.digest, each.path)) for each in self.embeddings),
            vae=None if self.vae is None else there(self.vae),
            start=None if self.start is None else replace(self.start, picture=there(self.start.picture)),
            controls=tuple(
                replace(each, model=there(each.model), picture=there(each.picture)) for each in self.controls
            ),
            loras=tuple(
                replace(each, use=replace(each.use, path=place(each.use.digest, each.use.path))) for each in self.loras
            ),
        )

    def with_lora(self, digest: str, weights: BlockWeights | None) -> Scene:
        """The scene with its further LoRA of this digest, where it has it, at these block weights; None: without it."""
        changed = tuple(
            OtherLora(each.use, weights) if each.use.digest == digest and weights is not None else each
            for each in self.loras
            if each.use.digest != digest or weights is not None
        )
        return replace(self, loras=changed)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the finished picture, in pixels."""
        return picture_size(self.width, self.height, self.hires)

    @property
    def sampler_name(self) -> str:
        """The sampler with its schedule type as people call them, `DPM++ 2M Karras`; without one that is its usual."""
        usual = SAMPLERS[self.sampler].automatic if self.sampler in SAMPLERS else ""
        plain = self.scheduler in ("", AUTOMATIC) or self.scheduler == usual == "Uniform"
        return self.sampler if plain else f"{self.sampler} {self.scheduler}"

    def facts(self) -> dict[str, object]:
        """All of it that decides the picture, as plain values: the checkpoint and embeddings by their digests, and no
        label.

        What came after the first pictures were made is there only where it makes others of them, so that those keep
        their keys: a clip skip that skips something, embeddings, and the language of prompts that mean more than their
        letters, whose pictures were once made by the letters, of the first 75 tokens; schedule types, and so on.
        """
        facts = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("label", *_LATER)
        }
        facts |= {"checkpoint": self.checkpoint.digest, "cfg_scale": _number(self.cfg_scale)}
        later: dict[str, object] = {}
        if self.clip_skip != 1:
            later["clip_skip"] = self.clip_skip
        if self.embeddings:
            later["embeddings"] = sorted([embedding.name.lower(), embedding.digest] for embedding in self.embeddings)
        if not (reads_as_written(self.prompt) and reads_as_written(self.negative_prompt, negative=True)):
            later["prompt_language"] = "webui"
        if self.scheduler:
            later["scheduler"] = self.scheduler
        if self.variation_strength:
            later["variation"] = {"seed": self.variation_seed, "strength": _number(self.variation_strength)}
        if self.eta is not None:
            later["eta"] = _number(self.eta)
        if self.noise_source != "CPU":
            later["noise_source"] = self.noise_source
        if self.hires is not None:
            later["hires"] = _hires_facts(self.hires)
        if self.guidance is not None:
            later["guidance"] = _number(self.guidance)
        return facts | later | self._parts_facts()

    def _parts_facts(self) -> dict[str, object]:
        facts: dict[str, object] = {}
        if self.vae is not None:
            facts["vae"] = self.vae.digest
        if self.start is not None:
            facts["start"] = {**_plain(self.start), "picture": self.start.picture.digest}
        if self.controls:
            facts["controls"] = [
                {**_plain(each), "model": each.model.digest, "picture": each.picture.digest} for each in self.controls
            ]
        if self.loras:
            facts["loras"] = [each.use.facts(each.weights) for each in self.loras]
        if self.preview:
            facts["preview"] = True
        if self.renderer:
            facts["renderer"] = self.renderer
        return facts


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
        return {"scene": scene, "lora": self.lora.facts(weights)}

    @cached_property
    def key(self) -> str:
        """The job's key: 32 hex digits of SHA-256 over its facts. Equal keys, equal pictures."""
        text = json.dumps(self.facts(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


_LATER = (
    "clip_skip", "embeddings", "scheduler", "variation_seed", "variation_strength", "eta", "noise_source", "hires",
    "vae", "start", "controls", "loras", "preview",
    "guidance", "renderer",
)  # fmt: skip
"""A scene's fields that its facts do not take as they are."""


def _hires_facts(hires: Hires) -> dict[str, object]:
    facts = {**asdict(hires), "denoising": _number(hires.denoising)}
    # Sides that are given leave the scale nothing to say.
    return {**facts, "scale": 0.0 if hires.width or hires.height else _number(hires.scale)}


def _plain(part: Start | Control) -> dict[str, object]:
    return {name: _number(value) if isinstance(value, int | float) else value for name, value in asdict(part).items()}


def _number(value: float) -> float:
    return float(value) + 0.0
