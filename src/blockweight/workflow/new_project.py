"""A new project's form: what is typed, and what an infotext fills in of the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import OtherLora, Scene
from blockweight.workflow.generation_fields import (
    GenerationFields,
    read_generation,
    read_generation_file,
    read_generation_of_picture_file,
)
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.sampling_options import SamplingOptions
from blockweight.workflow.scenes import scenes_of

_NO_PARTS = PartOptions()


@dataclass(frozen=True)
class ProjectForm:
    """The fields by the names of the command's options, defaults included; None and empty for what is still missing."""

    lora: Path | None
    model: Path | None
    prompt: tuple[str, ...]
    negative: str
    seeds: str
    steps: int
    cfg: float
    sampler: str
    size: str
    strength: float
    weights: str
    sampling: SamplingOptions
    clip_skip: int = 1
    embeddings: Path | None = None
    parts: PartOptions = _NO_PARTS
    loras: tuple[OtherLora, ...] = ()
    rest: float | None = None

    def filled(self, fields: GenerationFields, typed: Collection[str]) -> ProjectForm:
        """The form with what an infotext gives in every field that was not typed."""
        given = {
            "lora": fields.lora,
            "model": fields.model,
            "prompt": (fields.prompt,) if fields.prompt else None,
            "negative": fields.negative,
            "seeds": fields.seeds,
            "steps": fields.steps,
            "cfg": fields.cfg,
            "sampler": fields.sampler,
            "size": fields.size,
            "strength": fields.strength,
            "weights": fields.weights,
            "clip_skip": fields.clip_skip,
            "loras": fields.loras,
            "rest": fields.rest,
        }
        news = {name: value for name, value in given.items() if name not in typed and value not in (None, "")}
        sampling, parts = self.sampling.filled(fields.sampling, typed), self.parts.filled(fields.parts, typed)
        made = replace(self, sampling=sampling, parts=parts, **news)  # type: ignore[arg-type]
        # Who types another sampler does not ask for the eta of the infotext's.
        return made if "eta" in typed else replace(made, sampling=made.sampling.for_sampler(made.sampler))

    def needed_lora(self, fields: GenerationFields | None) -> Path:
        """The LoRA; BlockweightError if there is none, with the name that the infotext's `fields` give it."""
        return _needed(self.lora, "LoRA", "--lora", "" if fields is None else fields.lora_name)

    def scenes(self, fields: GenerationFields | None) -> list[Scene]:
        """The scenes: every prompt with every seed. BlockweightError for what is missing or cannot be read."""
        model = _needed(self.model, "model", "--model", "" if fields is None else fields.model_name)
        if not self.prompt:
            raise BlockweightError("A project needs a prompt; give it with --prompt, or an infotext.")
        rest = (self.seeds, self.steps, self.cfg, self.sampler, self.size, self.sampling)
        return scenes_of(
            model,
            self.prompt,
            self.negative,
            *rest,
            clip_skip=self.clip_skip,
            embeddings=self.embeddings,
            parts=self.parts,
            loras=self.loras,
        )


def fields_from(infotext: Path | None, picture: Path | None, read_input: Callable[[], str]) -> GenerationFields | None:
    """The fields of an infotext in a file, or of a picture; None for neither. `-` in the infotext's place is what
    `read_input` returns. BlockweightError for both, and for what cannot be read."""
    if infotext is not None and picture is not None:
        raise BlockweightError("An infotext and a picture were given, which may differ; give one of the two.")
    if infotext is not None:
        return read_generation(read_input()) if str(infotext) == "-" else read_generation_file(infotext)
    return None if picture is None else read_generation_of_picture_file(picture)


_ABOUT = {
    "lora": ("LoRA", "Lora hashes"),
    "model": ("Model", "Model hash"),
    "prompt": ("Prompt",),
    "negative": ("Negative prompt",),
    "seeds": ("Seed",),
    "steps": ("Steps",),
    "cfg": ("CFG scale",),
    "sampler": ("Sampler", "Schedule type"),
    "scheduler": ("Schedule type",),
    "noise": ("RNG", "Seed"),
    "variation_seed": ("Variation seed",),
    "variation_strength": ("Variation seed strength",),
    "eta": ("Eta", "Eta DDIM"),
    "distilled_cfg": ("Distilled CFG Scale",),
    "hires_upscaler": ("Hires upscaler",),
    "size": ("Size",),
    "weights": ("Block weights",),
    "clip_skip": ("Clip skip",),
    "embeddings": ("TI hashes", "Used embeddings"),
    "vae": ("VAE", "VAE hash"),
    "init_image": ("Denoising strength", "Init image hash"),
    "control": ("ControlNet model",),
    "control_picture": ("ControlNet picture",),
}
"""A form's field → the parts of an infotext that no longer count once it is typed."""


def notes_beside(fields: GenerationFields, typed: Collection[str]) -> list[str]:
    """The sentences on what an infotext asks for in vain, without those on fields that were typed over it."""
    moot = {part for name in typed for part in _ABOUT.get(name, ())}
    return [note.text for note in fields.notes if not note.fields or not moot.issuperset(note.fields)]


def _needed(path: Path | None, what: str, option: str, name: str) -> Path:
    if path is not None:
        return path
    if name:
        raise BlockweightError(
            f"The {what} {quoted(name)} of the infotext is in none of the folders of the settings; give its path with "
            f"{option}."
        )
    raise BlockweightError(f"A project needs a {what}; give its path with {option}.")
