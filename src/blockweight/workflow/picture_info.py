"""What a picture says of how it was made: Blockweight's own, those of WebUIs, and ComfyUI's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blockweight.blocks import REST
from blockweight.errors import BlockweightError, quoted
from blockweight.plan import (
    OURS,
    ComfyPicture,
    Infotext,
    Job,
    LoraUse,
    SceneSettings,
    TaggedLora,
    decided_of,
    read_comfyui,
    read_infotext,
    scene_settings,
    workflow_nodes,
)
from blockweight.project import PictureTexts, job_from_facts, picture_texts
from blockweight.project.picture_text import MOST_BYTES
from blockweight.weights import BlockWeights, Context, format_weight, read_weights

_COLUMNS = 6
"""Blocks in a line of a table."""

_MOST_UNKNOWN = 40
"""Of what is not understood, in lines for people."""


@dataclass(frozen=True)
class LoraInfo:
    """A LoRA of a picture. `weights` are its block weights by block, REST last, empty where the picture holds none or
    only a name or a vector whose blocks are not known: `weights_text` is what it holds then. `hash` is the WebUI's,
    `digest` ours. Strengths are None where the picture does not say them."""

    name: str
    strength: float | None
    text_strength: float | None = None
    start: int = 1
    stop: int | None = None
    weights: Mapping[str, float] | None = None
    weights_text: str = ""
    hash: str = ""
    digest: str = ""

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON; what is not there is left out."""
        given: dict[str, object] = {
            "name": self.name,
            "strength": self.strength,
            "text_strength": self.text_strength,
            "start": self.start if self.start > 1 else None,
            "stop": self.stop,
            "weights": None if self.weights is None else dict(self.weights),
            "weights_text": self.weights_text,
            "hash": self.hash,
            "digest": self.digest,
        }
        return {name: value for name, value in given.items() if value not in (None, "")}


@dataclass(frozen=True)
class PictureInfo:
    """What a picture says. `source` is `Blockweight`, `WebUI`, `ComfyUI`, or empty for one that says nothing; `fields`
    are names and values in order, only those that it says; `unknown` is what was not understood, and `notes` are
    sentences on the rest."""

    path: Path
    kind: str
    width: int
    height: int
    source: str
    fields: Mapping[str, object]
    loras: tuple[LoraInfo, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {
            "picture": str(self.path),
            "format": self.kind,
            "width": self.width,
            "height": self.height,
            "source": self.source,
            **self.fields,
            "loras": [lora.facts() for lora in self.loras],
            "not_understood": list(self.unknown),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """For a person to read."""
        made = f"made by {self.source}" if self.source else "says nothing of how it was made"
        shown = [f"{self.path}: {self.kind}, {self.width}x{self.height}, {made}"]
        width = max((len(name) for name in self.fields), default=0)
        shown += [f"  {_title(name):{width}}  {_shown(value)}" for name, value in self.fields.items()]
        for lora in self.loras:
            shown += _lora_lines(lora)
        shown += [f"  Not understood: {_shown(text)}" for text in self.unknown[:_MOST_UNKNOWN]]
        if len(self.unknown) > _MOST_UNKNOWN:
            shown.append(f"  Not understood: {len(self.unknown) - _MOST_UNKNOWN} more")
        return [*shown, *(f"  Note: {_shown(note)}" for note in self.notes)]


def picture_info(path: Path) -> PictureInfo:
    """What the picture in a file says of how it was made. BlockweightError for a file that cannot be read as a PNG,
    JPEG or WebP."""
    return info_of(path, picture_texts(picture_data(path)))


def picture_data(path: Path) -> bytes:
    """A picture file's bytes, up to a little more than is read of any. BlockweightError if it cannot be read."""
    try:
        with path.open("rb") as handle:
            return handle.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(
            f"The picture {quoted(str(path), 300)} cannot be read ({reason}); check the path."
        ) from None


def info_of(path: Path, texts: PictureTexts) -> PictureInfo:
    """The same of what the picture carries, as it was read already."""
    plain = PictureInfo(path, texts.kind, texts.width, texts.height, "", {})
    notes: tuple[str, ...] = ()
    if texts.facts:
        try:
            return _own(plain, job_from_facts(texts.facts), texts.infotext)
        except BlockweightError as error:
            notes = (str(error),)
    if texts.infotext:
        found = _webui(plain, read_infotext(texts.infotext))
    elif texts.comfy_prompt or texts.comfy_workflow:
        found = _comfyui(plain, texts)
    else:
        found = plain
    return replace(found, notes=(*notes, *found.notes))


def _own(plain: PictureInfo, job: Job, text: str) -> PictureInfo:
    """Of the program's own: every fact, and the files' names from the infotext beside them."""
    scene, facts = job.scene, job.scene.facts()
    read = read_infotext(text)
    tagged = scene_settings(read).loras.all
    used = [*([] if job.variant.weights is None else [(job.lora, job.variant.weights)])]
    used += [(each.use, each.weights) for each in scene.loras]
    # The tags stand in the order of the LoRAs; who changed the text has other ones.
    names = tagged if len(tagged) == len(used) else [None] * len(used)
    loras = tuple(_of_use(use, weights, tag) for (use, weights), tag in zip(used, names, strict=True))
    first = {"prompt": scene.prompt, "negative_prompt": scene.negative_prompt, "model": read.settings.get("Model", "")}
    rest = {name: value for name, value in facts.items() if name not in (*first, "checkpoint", "loras")}
    said = {**first, "model_digest": scene.checkpoint.digest, **rest, "key": job.key}
    decided = decided_of(read)
    fields = {**_given(said), **{name: value or "not told" for name, value in decided.items() if name != "prompt"}}
    notes: tuple[str, ...] = ()
    if decided:
        fields |= {"prompt": read.bare_prompt, "negative_prompt": read.negative_prompt}
        if "model" in decided:
            del fields["model_digest"]
        named = ", ".join(map(_title, decided))
        notes = (f"The workflow that drew it decided this by itself, whatever the scene said: {named}.",)
    return replace(plain, source="Blockweight", fields=_given(fields), loras=loras, notes=notes)


def _of_use(use: LoraUse, weights: BlockWeights, tag: TaggedLora | None) -> LoraInfo:
    by_block = {**dict(weights.items()), REST: weights.rest}
    return LoraInfo(
        name="" if tag is None else tag.name,
        strength=use.strength,
        text_strength=use.text_strength,
        start=use.start,
        stop=use.stop,
        weights=by_block,
        hash="" if tag is None else tag.short_hash,
        digest=use.digest,
    )


def _webui(plain: PictureInfo, read: Infotext) -> PictureInfo:
    found = scene_settings(read)
    said = {
        "prompt": found.prompt,
        "negative_prompt": found.negative_prompt,
        "model": read.settings.get("Model"),
        "model_hash": read.model_hash or None,
        **_scene_fields(found),
        **{name: text for name, text in read.settings.items() if re.fullmatch("Script|[XYZ] (Type|Values)", name)},
    }
    # Notes on notes of theirs that nothing can be done with are not what was asked for here.
    unknown = tuple(note.text for note in found.notes if "plays no part" in note.text or "cannot be read" in note.text)
    source = "Blockweight" if read.settings.get("Version") == OURS else "WebUI"
    return replace(
        plain, source=source, fields=_given(said), loras=tuple(map(_of_tag, found.loras.all)), unknown=unknown
    )


def _scene_fields(found: SceneSettings) -> dict[str, object]:
    sampling, hires = found.sampling, found.sampling.hires
    return {
        "seed": found.seed,
        "steps": found.steps,
        "sampler": sampling.sampler,
        "scheduler": sampling.scheduler,
        "cfg_scale": found.cfg_scale,
        "guidance": sampling.guidance,
        "size": f"{found.width}x{found.height}" if found.width and found.height else None,
        "clip_skip": found.clip_skip,
        "vae": found.parts.vae,
        "denoising": found.parts.denoising,
        "hires": None if hires is None else dict(vars(hires)),
        "variation_seed": sampling.variation_seed,
        "variation_strength": sampling.variation_strength,
        "eta": sampling.eta,
        "controls": [unit.model for unit in found.parts.controls] or None,
    }


def _of_tag(lora: TaggedLora) -> LoraInfo:
    tag, by_block = lora.tag, None
    if "," in tag.weights:
        try:
            context = Context(layout=lora.extras.layout, base=1.0 if tag.base is None else tag.base)
            weights = read_weights(tag.weights, context).weights
            by_block = {**dict(weights.items()), REST: lora.extras.rest}
        except BlockweightError:
            by_block = None  # the text is shown as it stands
    return LoraInfo(
        name=lora.name,
        strength=tag.unet,
        text_strength=lora.text_strength,
        start=lora.start,
        stop=tag.stop,
        weights=by_block,
        weights_text=tag.weights if by_block is None else "",
        hash=lora.short_hash,
    )


def _comfyui(plain: PictureInfo, texts: PictureTexts) -> PictureInfo:
    try:
        if not texts.comfy_prompt:
            nodes = workflow_nodes(texts.comfy_workflow)
            note = (
                "The picture carries the workflow alone, not the prompt that was run; its values have no names there."
            )
            return replace(plain, source="ComfyUI", unknown=tuple(f"node {name}" for name in nodes), notes=(note,))
        found = read_comfyui(texts.comfy_prompt)
    except BlockweightError as error:
        return replace(plain, source="ComfyUI", notes=(str(error),))
    loras = tuple(
        LoraInfo(lora.name, lora.strength, lora.text_strength, weights_text=lora.block_vector) for lora in found.loras
    )
    passes = f"The graph has {found.passes} samplers; the values are those of the first."
    return replace(
        plain,
        source="ComfyUI",
        fields=_given(_comfy_fields(found)),
        loras=loras,
        unknown=found.unknown,
        notes=(passes,) if found.passes > 1 else (),
    )


def _comfy_fields(found: ComfyPicture) -> dict[str, object]:
    own = ("loras", "passes", "unknown", "width", "height")
    said = {name: value for name, value in vars(found).items() if name not in own}
    return {**said, "size": f"{found.width}x{found.height}" if found.width and found.height else None}


def _given(said: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in said.items() if value not in (None, "")}


def _title(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return format_weight(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{_title(str(name))} {_shown(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_shown, value))
    lines = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in str(value)).split("\n")
    return "\n    ".join(lines)


def _lora_lines(lora: LoraInfo) -> Iterator[str]:
    said = ["strength not said" if lora.strength is None else f"strength {format_weight(lora.strength)}"]
    if lora.text_strength is not None:
        said.append(f"in text encoders {format_weight(lora.text_strength)}")
    if lora.start > 1:
        said.append(f"from step {lora.start}")
    if lora.stop is not None:
        said.append(f"until step {lora.stop}")
    said += [f"{name} {value[:16]}" for name, value in (("hash", lora.hash), ("digest", lora.digest)) if value]
    yield f"  LoRA {quoted(lora.name, 100) if lora.name else 'without a name'}: {', '.join(said)}"
    if lora.weights_text:
        yield f"    block weights {quoted(lora.weights_text, 400)}"
    if lora.weights is not None:
        yield from _table([(block, format_weight(value)) for block, value in lora.weights.items()])


def _table(cells: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Names and numbers, some of them a line, in columns."""
    name = max(len(block) for block, _ in cells)
    number = max(len(value) for _, value in cells)
    for start in range(0, len(cells), _COLUMNS):
        row = (f"{block:<{name}} {value:>{number}}" for block, value in cells[start : start + _COLUMNS])
        yield "    " + "   ".join(row).rstrip()
