"""The form for a new project: what is typed into it, what is wrong with that, and the project that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import AUTOMATIC, SAMPLERS
from blockweight.weights import check_name, format_weight, parse_weight
from blockweight.workflow.baking import read_weights_for
from blockweight.workflow.further_fields import USUAL, found_fields, further_errors, read_further
from blockweight.workflow.generation_fields import GenerationFields, read_generation
from blockweight.workflow.lora_library import Library
from blockweight.workflow.model_library import ModelLibrary
from blockweight.workflow.projects_folder import new_folder
from blockweight.workflow.prompt_loras import PromptLoras, tag_text
from blockweight.workflow.scenes import (
    found_prompts,
    parse_cfg,
    parse_negative,
    parse_prompts,
    parse_sampler,
    parse_seeds,
    parse_size,
    parse_steps,
    sampler_names,
    scenes_of,
    size_for,
    typed_errors,
)
from blockweight.workflow.settings import Settings
from blockweight.workflow.tuning_project import TuningProject, create_project
from blockweight.workflow.weight_sheet import parse_fill

Typed = Mapping[str, str]
"""A form's fields by name, as they are typed."""


@dataclass(frozen=True)
class Shelves:
    """Where the form's files may come from, and where its project goes."""

    loras: Library
    models: ModelLibrary
    projects: Path


def empty_form() -> dict[str, str]:
    """Every field of the form with what it holds at first. `prompts` are one a line; `lora_path` and `model_path`, if
    something is in them, stand for what is chosen in `lora` and `model`."""
    names = ("name", "lora", "lora_path", "model", "model_path", "prompts", "negative", "weights", "fill")
    usual = {"seeds": "1,2", "size": "512x512", "steps": "20", "cfg": "7", "sampler": sampler_names()[0]}
    return {**dict.fromkeys(names, ""), **usual, **USUAL, "strength": "1"}


def filled_form(typed: Typed, fields: GenerationFields) -> dict[str, str]:
    """The form with what an infotext gives; what it says nothing of stays as it is typed. A prompt is one line here: an
    end of line is a space to the model."""
    given = {
        "prompts": " ".join((*fields.prompt.split(), *map(tag_text, fields.loras))),
        "negative": " ".join(fields.negative.split()),
        "seeds": fields.seeds,
        "size": fields.size,
        "steps": "" if fields.steps is None else str(fields.steps),
        "cfg": "" if fields.cfg is None else format_weight(fields.cfg),
        "sampler": _sampler_text(fields),
        "strength": "" if fields.strength is None else format_weight(fields.strength),
        "weights": fields.weights,
        "lora": "" if fields.lora is None else str(fields.lora),
        "model": "" if fields.model is None else str(fields.model),
    }
    moot = {f"{name}_path": "" for name in ("lora", "model") if given[name]}
    said = {name: text for name, text in given.items() if text}
    return {**typed, **moot, **said, **found_fields(fields.clip_skip, fields.sampling)}


def form_notes(fields: GenerationFields) -> list[str]:
    """What an infotext gives that is not honoured, and what this form has no field for, a sentence each."""
    notes = [note.text for note in fields.notes]
    if fields.parts.vae is not None:
        notes.append("The form has no field for the VAE; 'blockweight project new --infotext' takes it too.")
    return notes


def notes_again(infotext: str) -> list[str]:
    """The notes on an infotext that the form was filled in from before; none on one that cannot be read any more."""
    try:
        return form_notes(read_generation(infotext))
    except BlockweightError:
        return []


def _sampler_text(fields: GenerationFields) -> str:
    """The sampler with its schedule type, as the form names them."""
    schedule = fields.sampling.scheduler or AUTOMATIC
    usual = SAMPLERS[fields.sampler].automatic if fields.sampler in SAMPLERS else None
    return fields.sampler if schedule in (AUTOMATIC, usual) else f"{fields.sampler} {schedule}".strip()


def form_errors(typed: Typed, shelves: Shelves) -> dict[str, str]:
    """What is wrong with a form: a field's name → why, in one sentence. Nothing is made, and no model is read."""
    parsers: dict[str, Callable[[str], object]] = {
        "name": lambda text: check_name(_title(text, typed)),
        "prompts": lambda text: found_prompts(text, _prompt_loras(shelves)),
        "negative": parse_negative,
        "seeds": parse_seeds,
        "size": parse_size,
        "steps": parse_steps,
        "cfg": parse_cfg,
        "sampler": parse_sampler,
        "strength": parse_weight,
        "fill": parse_fill,
    }
    parsers["lora_path" if typed["lora_path"].strip() else "lora"] = lambda _: open_lora(_lora(typed, shelves))
    parsers["model_path" if typed["model_path"].strip() else "model"] = lambda _: _model(typed, shelves)
    errors = typed_errors(typed, parsers) | further_errors(typed)
    if not {"model", "model_path", "size"} & errors.keys():
        errors |= typed_errors(typed, {"size": lambda text: size_for(_model(typed, shelves), text)})
    if not {"lora", "lora_path", "fill", "name"} & errors.keys():
        errors |= typed_errors(typed, {"weights": lambda text: _read_weights(text, typed, shelves)})
    return errors


def _prompt_loras(shelves: Shelves) -> PromptLoras:
    """Of the folders alone, as a page may read no others."""
    return PromptLoras(shelves.loras.folders, Settings(), by_path=False)


def make_project(typed: Typed, shelves: Shelves) -> TuningProject:
    """Make the project of a form without errors, in a folder of its name that no other project has, and open it.

    Reads the whole model, so it takes a few seconds for a large one. BlockweightError, with nothing left behind, for
    what only that reading shows, and what the disk refuses.
    """
    lora, model = _lora(typed, shelves), _model(typed, shelves)
    title = _title(typed["name"], typed)
    clip_skip, sampling = read_further(typed)
    scenes = scenes_of(
        model,
        parse_prompts(typed["prompts"]),
        typed["negative"].strip(),
        typed["seeds"],
        parse_steps(typed["steps"]),
        parse_cfg(typed["cfg"]),
        typed["sampler"],
        typed["size"],
        sampling,
        clip_skip=clip_skip,
        named=_prompt_loras(shelves),
    )
    folder = new_folder(shelves.projects, title)
    try:
        return create_project(
            folder,
            lora,
            scenes,
            name=title,
            weights=typed["weights"],
            fill=parse_fill(typed["fill"]),
            strength=parse_weight(typed["strength"]),
        )
    except BaseException:
        with suppress(OSError):
            folder.rmdir()  # empty, or it is not ours to remove
        raise


def _title(text: str, typed: Typed) -> str:
    """The project's name: as typed, else the LoRA's."""
    return text.strip() or Path(typed["lora_path"].strip() or typed["lora"]).stem or "project"


def _lora(typed: Typed, shelves: Shelves) -> Path:
    text = typed["lora_path"].strip() or typed["lora"]
    if not text:
        raise BlockweightError("No LoRA is chosen; choose one from the list, or write its path.")
    return shelves.loras.open_path(text)


def _model(typed: Typed, shelves: Shelves) -> Path:
    text = typed["model_path"].strip() or typed["model"]
    if not text:
        raise BlockweightError("No model is chosen; choose one from the list, or write its path.")
    return shelves.models.open_path(text)


def _read_weights(text: str, typed: Typed, shelves: Shelves) -> object:
    if not text.strip():
        return None
    lora = open_lora(_lora(typed, shelves))
    return read_weights_for(lora.family, lora.blocks, text, parse_fill(typed["fill"]))
