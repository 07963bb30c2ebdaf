"""The form in which an automatic search is asked for: its fields, the pictures that go with it, and the same as a
command."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.project import MaskStore, TargetStore, TuningState
from blockweight.weights import format_weight, parse_weight
from blockweight.workflow.lora_library import is_inside
from blockweight.workflow.mask_files import read_mask_file, read_picture_file
from blockweight.workflow.model_library import INDEX
from blockweight.workflow.search.asking import SearchAsked
from blockweight.workflow.settings import load_settings
from blockweight.workflow.transfer import analysis_masks
from blockweight.workflow.tuning_project import TuningProject

NO_MASK, HOME_MASK, FILE_MASK = "", "home", "file"
"""Which mask further seeds take: none, that of the project's scenes, or one that was given."""

_MOST_MODELS = 100


@dataclass(frozen=True)
class TypedSearch:
    """A form as it is typed: texts as of `SearchAsked`; weights from the `grid`, or any from `low` to `high`; a share
    to `hold_out` such as 0.25 or 25 %; `mask` one of NO_MASK, HOME_MASK, and FILE_MASK, for which `mask_file` is a kept
    mask's name; names of a kept `target` and `examples`; and the path of a `model` in the folders of the settings."""

    objectives: str = ""
    budget: str = ""
    segments: str = ""
    grid: str = ""
    low: str = ""
    high: str = ""
    hold_out: str = ""
    seeds: str = ""
    mask: str = NO_MASK
    mask_file: str = ""
    target: str = ""
    examples: tuple[str, ...] = ()
    model: str = ""
    sampler: str = ""
    seed: str = ""
    also: str = ""
    also_segments: str = ""


@dataclass(frozen=True)
class SearchChoices:
    """What there is to choose from: the objectives that stand there at first, whether the project's scenes have masks,
    the names of `loras` beside the project's own in its scenes, and models of pictures, each by path and name."""

    objectives: str
    masked: bool
    loras: tuple[str, ...]
    models: tuple[tuple[Path, str], ...]


def asked_search(tuning: TuningProject, typed: TypedSearch) -> SearchAsked:
    """What the form asks for. BlockweightError for what is no number, files that were not kept, and a model that lies
    in none of the folders of the settings; what else is wrong `ask_search` says."""
    masks, targets = MaskStore(tuning.folder), TargetStore(tuning.folder)
    if typed.mask not in (NO_MASK, HOME_MASK, FILE_MASK):
        raise BlockweightError(f"{quoted(typed.mask)} is no mask to choose; load the page anew.")
    if typed.mask == FILE_MASK and not typed.mask_file:
        raise BlockweightError("No mask is chosen for the scenes held out; choose its file, or another mask.")
    return SearchAsked(
        objectives=(typed.objectives,),
        budget=typed.budget,
        segments=typed.segments,
        grid=typed.grid,
        between=typed_ends(typed.low, typed.high),
        hold_out=_share(typed.hold_out),
        seeds=typed.seeds,
        seeds_mask=masks.path(typed.mask_file) if typed.mask == FILE_MASK else None,
        home_mask=typed.mask == HOME_MASK,
        target=targets.path(typed.target) if typed.target else None,
        sampler=typed.sampler,
        seed=typed_seed(typed.seed),
        also=typed.also.strip(),
        also_segments=typed.also_segments,
        picture_model=_open_model(typed.model) if typed.model else None,
        examples=tuple(map(targets.path, typed.examples)),
    )


def search_choices(tuning: TuningProject) -> SearchChoices:
    """What the form offers."""
    state = tuning.state()
    try:
        masked = bool(analysis_masks(tuning, state))
    except BlockweightError:
        masked = False  # a mask that is gone
    first = "raise kept, raise gone" if masked else "raise kept, lower saturation"
    return SearchChoices(first, masked, _further_loras(state), tuple(picture_models(load_settings().models)))


def typed_ends(low: str, high: str) -> tuple[float, float] | None:
    """Two ends that any weight may lie between, None for neither. BlockweightError for one alone, and no numbers."""
    if not low.strip() and not high.strip():
        return None
    if not low.strip() or not high.strip():
        raise BlockweightError("Any weight between two takes both of them; write the lower one and the higher one.")
    return parse_weight(low), parse_weight(high)


def typed_seed(text: str) -> int | None:
    """The seed of what is drawn, None for an empty field. BlockweightError for what is no whole number."""
    plain = text.strip()
    if not plain:
        return None
    if not (plain.isascii() and plain.isdecimal() and len(plain) < 10):
        raise BlockweightError(f"{quoted(plain)} is not a seed; write a whole number such as 1.")
    return int(plain)


def keep_target(tuning: TuningProject, data: bytes) -> str:
    """Keep a picture of any format to come near; returns its name. BlockweightError if it cannot be read."""
    return TargetStore(tuning.folder).save(read_picture_file(io.BytesIO(data)))


def keep_held_mask(tuning: TuningProject, data: bytes) -> str:
    """Keep a mask from a picture of any format, white where it is lighter than middle grey; returns its name.
    BlockweightError if it cannot be read, or is of one colour."""
    return MaskStore(tuning.folder).save(read_mask_file(io.BytesIO(data)))


def auto_command(tuning: TuningProject, asked: SearchAsked) -> str:
    """The line of a shell that asks for the same in the project's folder."""
    parts = ["blockweight", "tune", "auto", "--project", "."]
    for wish in filter(None, map(str.strip, ",".join(asked.objectives).split(","))):
        parts += ["--objective", wish]

    def near(path: Path | None) -> str:
        inside = path is not None and path.is_relative_to(tuning.folder)
        return "" if path is None else path.relative_to(tuning.folder).as_posix() if inside else str(path)

    options = (
        ("--budget", asked.budget),
        ("--segments", asked.segments),
        ("--also", asked.also),
        ("--also-segments", asked.also_segments),
        ("--grid", asked.grid),
        ("--between", asked.between),
        ("--hold-out", "" if asked.hold_out is None else f"{asked.hold_out:g}"),
        ("--hold-out-seeds", asked.seeds),
        ("--hold-out-mask", near(asked.seeds_mask)),
        ("--target", near(asked.target)),
        ("--picture-model", near(asked.picture_model)),
        *(("--example", near(path)) for path in asked.examples),
        ("--sampler", asked.sampler),
        ("--seed", "" if asked.seed is None else str(asked.seed)),
    )
    for option, told in options:
        if isinstance(told, tuple):
            parts += [option, *map(format_weight, told)]
        elif told and told.strip():
            parts += [option, told.strip()]
    return shlex.join([*parts, *(["--home-mask"] if asked.home_mask else [])])


def picture_models(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The models of pictures in these folders and those below them, as transformers saves them, each with its name
    there. What lies inside a diffusers folder is a part of that."""
    count = 0
    for folder in folders:
        for place, below, names in os.walk(folder):
            here = Path(place)
            below[:] = [] if INDEX in names else sorted(each for each in below if not each.startswith("."))
            if INDEX not in names and _is_picture_model(names) and is_inside(here, folder):
                yield here, here.name if here == folder else here.relative_to(folder).as_posix()
                count += 1
                if count == _MOST_MODELS:
                    return


def _is_picture_model(names: Sequence[str]) -> bool:
    return {"config.json", "preprocessor_config.json"} <= set(names) and any(
        name.endswith(".safetensors") for name in names
    )


def _open_model(text: str) -> Path:
    found = next((path for path, _ in picture_models(load_settings().models) if str(path) == text), None)
    if found is None:
        raise BlockweightError(
            f"{quoted(text)} is no model of pictures in the folders of the settings; load the page anew."
        )
    return found


def _share(text: str) -> float | None:
    """`0.25` or `25 %`; None for an empty field."""
    plain = text.strip()
    if not plain:
        return None
    try:
        return float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        raise BlockweightError(f"{quoted(plain)} is no share; write 0.25 or 25 %.") from None


def _further_loras(state: TuningState) -> tuple[str, ...]:
    """The names of the LoRAs beside the project's own that are in every scene."""
    each = [{Path(other.use.path).stem for other in scene.loras} for scene in state.scenes]
    return tuple(sorted(set.intersection(*each))) if each else ()
