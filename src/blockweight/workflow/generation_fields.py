"""What a form for a new project needs, read from an infotext or the picture that carries it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Note, OtherLora, SamplingSettings, read_infotext, scene_settings
from blockweight.project import picture_infotext
from blockweight.project.picture_text import MOST_BYTES
from blockweight.workflow.named_files import models_called
from blockweight.workflow.named_loras import beside_project, lora_called, lora_weights, missing, others_of, several
from blockweight.workflow.named_parts import named_parts
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.settings import Settings, load_settings
from blockweight.workflow.text_files import read_text

MOST_LETTERS = 1 << 20
"""Of an infotext."""

_NO_PARTS = PartOptions()


@dataclass(frozen=True)
class GenerationFields:
    """A form's fields as a person would type them, empty or None where the infotext says nothing that can be used.

    `seeds` and `weights` are texts, `cfg` is 1 to 100, sizes are pixels; `sampling` is what belongs to the sampler,
    `parts` are a VAE, ControlNets, and how far a picture was drawn over. `lora` and `model` are files in the folders of
    the settings, and so are those of `parts`; `lora_name`, `model_name` and `model_hash` are what the infotext says,
    found or not. `loras` work beside the LoRA, as far as they were found, and `rest` is the weight of its REST. `notes`
    name all that is not honoured, a sentence each; `LoRA`, `Block weights`, `ControlNet model` and `ControlNet picture`
    stand there among the names of settings.
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
    loras: tuple[OtherLora, ...] = ()
    rest: float | None = None

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
    tuned = scene.loras.tuned
    lora = None if tuned is None else lora_called(tuned, places, notes)
    if tuned is not None:
        notes += [Note(("Prompt",), text) for text in beside_project(tuned)]
    others = tuple(others_of(scene.loras.others, places, notes))
    model_name, model_hash = infotext.settings.get("Model", ""), infotext.model_hash
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
        lora_name="" if tuned is None else tuned.name,
        weights="" if tuned is None else lora_weights(tuned, lora, notes),
        strength=None if tuned is None else tuned.tag.unet,
        model=_model(model_name, model_hash, places, notes),
        model_name=model_name,
        model_hash=model_hash,
        parts=named_parts(scene.parts, places.models, notes),
        notes=tuple(notes),
        clip_skip=scene.clip_skip,
        loras=others,
        rest=None if tuned is None or tuned.extras.rest == 1 else tuned.extras.rest,
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


def _model(name: str, short: str, settings: Settings, notes: list[Note]) -> Path | None:
    if not name:
        if short:
            text = f"The infotext names no model, only its hash {quoted(short)}; choose the model."
            notes.append(Note(("Model hash",), text))
        return None
    found = models_called(name, short, settings.models)
    if not found:
        notes.append(missing("Model", "model", name))
        return None
    if len(found) > 1:
        notes.append(several("Model", "models", name, found))
    return found[0]
