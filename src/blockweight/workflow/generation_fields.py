"""What a form for a new project needs, read from an infotext or the picture that carries it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import open_lora
from blockweight.plan import Infotext, Note, SamplingSettings, read_infotext, scene_settings
from blockweight.project import picture_infotext
from blockweight.project.picture_text import MOST_BYTES
from blockweight.weights import DEFAULT_PRESETS, Context, read_weights
from blockweight.weights.notations.tag import LoraTag
from blockweight.workflow.baking import weights_for
from blockweight.workflow.named_files import has_hash, loras_called, models_called
from blockweight.workflow.named_parts import named_parts
from blockweight.workflow.own_presets import own_vector
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.settings import Settings, load_settings
from blockweight.workflow.text_files import read_text

MOST_LETTERS = 1 << 20
"""Of an infotext."""

_PLACEHOLDERS = ("XYZ", "ZYX")
"""Names that LoRA Block Weight's plots and its analyzer fill in."""

_NO_PARTS = PartOptions()


@dataclass(frozen=True)
class GenerationFields:
    """A form's fields as a person would type them, empty or None where the infotext says nothing that can be used.

    `seeds` and `weights` are texts, `cfg` is 1 to 100, sizes are pixels; `sampling` is what belongs to the sampler,
    `parts` are a VAE, ControlNets, and how far a picture was drawn over. `lora` and `model` are files in the folders of
    the settings, and so are those of `parts`; `lora_name`, `model_name` and `model_hash` are what the infotext says,
    found or not. `notes` name all that is not honoured, a sentence each; `LoRA`, `Block weights`, `ControlNet model`
    and `ControlNet picture` stand there among the names of settings.
    """

    prompt: str
    negative: str
    seeds: str
    steps: int | None
    cfg: float | None
    sampler: str
    sampling: SamplingSettings
    width: int | None
    height: int | None
    lora: Path | None
    lora_name: str
    weights: str
    strength: float | None
    model: Path | None
    model_name: str
    model_hash: str
    notes: tuple[Note, ...]
    clip_skip: int | None = None
    parts: PartOptions = _NO_PARTS

    @property
    def size(self) -> str:
        """Width and height as they are typed, `512x768`; empty if they are not known."""
        return f"{self.width}x{self.height}" if self.width and self.height else ""


def read_generation(text: str, settings: Settings | None = None) -> GenerationFields:
    """The fields of an infotext; `settings` are the person's own by default. BlockweightError for a text that is empty,
    too long, or of another program."""
    if not text.strip():
        raise BlockweightError("The infotext is empty; paste what stands below a picture in the WebUI.")
    if len(text) > MOST_LETTERS:
        raise BlockweightError("The infotext is longer than a million characters; paste the part that matters.")
    if _is_json(text):
        raise BlockweightError(
            "The text is JSON, as Fooocus or ComfyUI write it, which is not read; type its prompt and settings."
        )
    infotext = read_infotext(text)
    places = load_settings() if settings is None else settings
    scene = scene_settings(infotext)
    notes = list(scene.notes)
    lora = _lora(infotext, places, notes)
    model_name, model_hash = (infotext.settings.get(name, "") for name in ("Model", "Model hash"))
    return GenerationFields(
        prompt=scene.prompt,
        negative=scene.negative_prompt,
        seeds="" if scene.seed is None else str(scene.seed),
        steps=scene.steps,
        cfg=scene.cfg_scale,
        sampler=scene.sampling.sampler or "",
        sampling=scene.sampling,
        width=scene.width,
        height=scene.height,
        lora=lora,
        lora_name="" if infotext.lora is None else infotext.lora.name,
        weights="" if infotext.lora is None else _weights(infotext.lora, lora, notes),
        strength=None if infotext.lora is None else infotext.lora.unet,
        model=_model(model_name, model_hash, places, notes),
        model_name=model_name,
        model_hash=model_hash,
        parts=named_parts(scene.parts, places.models, notes),
        notes=tuple(notes),
        clip_skip=scene.clip_skip,
    )


def read_generation_of_picture(data: bytes, settings: Settings | None = None) -> GenerationFields:
    """The fields of the infotext that a picture carries, a PNG, JPEG or WebP of at most 32 MiB. BlockweightError for
    another file, and a picture without one."""
    return read_generation(infotext_of_picture(data), settings)


def infotext_of_picture(data: bytes) -> str:
    """The infotext that a picture carries. BlockweightError as `read_generation_of_picture`."""
    return picture_infotext(data)


def read_generation_file(path: Path, settings: Settings | None = None) -> GenerationFields:
    """The fields of an infotext in a text file (UTF-8)."""
    return read_generation(read_text(path), settings)


def read_generation_of_picture_file(path: Path, settings: Settings | None = None) -> GenerationFields:
    """The fields of the infotext that a picture's file carries; BlockweightError if it cannot be read, too."""
    try:
        with path.open("rb") as handle:
            data = handle.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(
            f"The picture {quoted(str(path), 300)} cannot be read ({reason}); check the path."
        ) from None
    return read_generation_of_picture(data, settings)


def _is_json(text: str) -> bool:
    if not re.match(r"\s*\{", text):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _lora(infotext: Infotext, settings: Settings, notes: list[Note]) -> Path | None:
    if infotext.lora is None:
        return None
    name = infotext.lora.name
    found = loras_called(name, settings.loras)
    if not found:
        notes.append(_missing("LoRA", "LoRA", name))
        return None
    short = _hash_of(name, infotext.settings.get("Lora hashes", ""))
    checked = [(path, has_hash(path, short) if short else None) for path in found]
    right = [path for path, has in checked if has] or [path for path, has in checked if has is None]
    if not right:
        text = f"The LoRA {quoted(name)} that was found is another one: its hash does not begin with {quoted(short)}."
        notes.append(Note(("Lora hashes",), text))
    elif len(right) > 1:
        notes.append(_several("LoRA", "LoRAs", name, right))
    return (right or found)[0]


def _hash_of(name: str, hashes: str) -> str:
    """The hash that `Lora hashes` gives for a name: `name: 0a1b2c3d4e5f, other: …`, hexadecimal digits."""
    for item in hashes.split(","):
        other, colon, short = item.rpartition(":")
        if colon and other.strip() == name and re.fullmatch(r"[0-9a-f]{8,64}", short.strip()):
            return short.strip()
    return ""


def _weights(tag: LoraTag, lora: Path | None, notes: list[Note]) -> str:
    """The tag's block weights as text, empty where they cannot be used; what is wrong with them is noted. Names are
    looked up in the person's own book, then among the default presets."""
    text = tag.weights
    if not text:
        return ""
    if text in _PLACEHOLDERS:
        notes.append(Note(("Block weights",), f"{text} stands for weights that a plot puts in; all weights are 1."))
        return ""
    if "," not in text:
        text = own_vector(text) or text
    if "," not in text and text not in DEFAULT_PRESETS:
        said = f"Neither the infotext nor your presets hold the numbers of {quoted(text)}; give the weights."
        notes.append(Note(("Block weights",), said))
        return ""
    try:
        reading = read_weights(text, Context(base=1.0 if tag.base is None else tag.base))
    except BlockweightError as error:
        notes.append(Note(("Block weights",), f"The block weights cannot be used: {error}"))
        return ""
    used = text if tag.base is None else reading.weights.vector()
    if lora is not None:
        try:
            weights_for(open_lora(lora), used, None)
        except BlockweightError as error:
            notes.append(Note(("Block weights",), f"The block weights do not fit the LoRA yet: {error}"))
    return used


def _model(name: str, short: str, settings: Settings, notes: list[Note]) -> Path | None:
    if not name:
        if short:
            text = f"The infotext names no model, only its hash {quoted(short)}; choose the model."
            notes.append(Note(("Model hash",), text))
        return None
    found = models_called(name, short, settings.models)
    if not found:
        notes.append(_missing("Model", "model", name))
        return None
    if len(found) > 1:
        notes.append(_several("Model", "models", name, found))
    return found[0]


def _missing(field: str, what: str, name: str) -> Note:
    text = f"The {what} {quoted(name)} is in none of the folders of the settings; choose it, or name its folder there."
    return Note((field,), text)


def _several(field: str, what: str, name: str, found: Sequence[Path]) -> Note:
    text = f"{len(found)} {what} are called {quoted(name)}; the first was chosen, {quoted(str(found[0]), 200)}."
    return Note((field,), text)
