"""A LoRA's metadata as a form: what stands in the file, and from what a person typed to a planned edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora.header import read_header
from blockweight.lora.metadata import recommended
from blockweight.lora.metadata.fields import COVERS, DESCRIPTION, MODELSPEC, MODELSPEC_FIELDS, USER, USER_FIELDS
from blockweight.plan import Job, Variant
from blockweight.workflow.lora_metadata import PlannedEdit, Saving, Wanted, parse_crop, plan_set, values_of
from blockweight.workflow.metadata_texts import covers_text
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.weight_sheet import parse_fill

MOST_PICTURES = 60
"""How many pictures are offered for a cover."""

_LONG = {DESCRIPTION, f"{USER}keywords", f"{USER}tags"} | {
    f"{MODELSPEC}{name}" for name in ("description", "usage_hint", "license", "trigger_phrase", "tags")
}
_NOT_TYPED = {COVERS, f"{MODELSPEC}thumbnail"}


@dataclass(frozen=True)
class FormField:
    """A field: its key, its word and its label in the editor, the text in the file, and whether it may be long."""

    key: str
    name: str
    label: str
    text: str
    long: bool


@dataclass(frozen=True)
class MetadataForm:
    """What a file's metadata say, for a form: the editor's fields, ModelSpec's, the recommended weights as text, and
    the covers in words."""

    path: Path
    editor: tuple[FormField, ...]
    modelspec: tuple[FormField, ...]
    recommended: str
    cover: str


@dataclass(frozen=True)
class TypedMetadata:
    """What a person typed into the form. `texts` are values by key; `no_cover` takes the cover out, `crop` is the
    `left,top,width,height` of a new one, empty for the whole picture; `others` are `KEY=VALUE` lines and `remove` keys
    to remove, one a line."""

    texts: Mapping[str, str] = field(default_factory=dict)
    cover: Path | None = None
    no_cover: bool = False
    crop: str = ""
    keep_texts: bool = False
    recommended: str = ""
    fill: str = ""
    in_description: bool = False
    modelspec: bool = False
    others: str = ""
    remove: str = ""
    force: bool = False


def metadata_form(path: Path) -> MetadataForm:
    """The form for a file. BlockweightError for one that cannot be read."""
    metadata = read_header(path).metadata
    editor, modelspec = (
        tuple(
            FormField(each.key, each.name, each.label, metadata.get(each.key, ""), each.key in _LONG)
            for each in fields
            if each.key not in _NOT_TYPED
        )
        for fields in (USER_FIELDS, MODELSPEC_FIELDS)
    )
    return MetadataForm(path, editor, modelspec, _recommended(metadata), covers_text(metadata.get(COVERS, "[]")))


def plan_form(path: Path, typed: TypedMetadata, saving: Saving) -> PlannedEdit | None:
    """The edit that makes the file say what was typed: what is as it was stays untouched, what was emptied is removed.
    None if nothing would change. BlockweightError as `plan_set`."""
    metadata = read_header(path).metadata
    changed = {
        key: _lines(text) if text.strip() else ""
        for key, text in typed.texts.items()
        if _lines(text).strip() != _lines(metadata.get(key, "")).strip()
    }
    others, removed = (tuple(filter(None, map(str.strip, text.splitlines()))) for text in (typed.others, typed.remove))
    advice = typed.recommended.strip()
    wanted = Wanted(
        {
            **changed,
            **({COVERS: ""} if typed.no_cover and COVERS in metadata else {}),
            **values_of({}, others, removed),
        },
        typed.cover,
        typed.keep_texts,
        None if advice == _recommended(metadata) else advice,
        parse_fill(typed.fill),
        in_description=typed.in_description,
        modelspec=typed.modelspec,
        force=typed.force,
        crop=None if typed.cover is None else parse_crop(typed.crop),
    )
    if wanted == Wanted(fill=wanted.fill, keep_texts=wanted.keep_texts, force=wanted.force):
        return None
    planned = plan_set(path, wanted, saving)
    return planned if planned.changes else None


def cover_pictures(tuning: TuningProject) -> tuple[str, ...]:
    """The keys of pictures that may become a cover: those of the current weights, then the latest."""
    state, pictures = tuning.state(), tuning.project.pictures
    current = [Job(scene, state.lora, Variant("current", state.weights)).key for scene in state.scenes]
    latest = [str(event.body["job"]) for event in tuning.project.log.read("rendered")]
    keys = dict.fromkeys((*current, *reversed(latest)))
    there = (key for key in keys if (pictures.folder / f"{key}.png").is_file())
    return tuple(islice(there, MOST_PICTURES))


def _recommended(metadata: Mapping[str, str]) -> str:
    try:
        weights = recommended(metadata)
    except BlockweightError:
        return ""  # a broken stamp recommends nothing; new weights take its place
    return "" if weights is None else weights.text()


def _lines(text: str) -> str:
    """The text with ends of lines as files have them; a browser sends others."""
    return text.replace("\r\n", "\n")
