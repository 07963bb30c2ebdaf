"""A LoRA's metadata changed as it is typed: planned, shown as a difference, and then written in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.lora.file import open_lora
from blockweight.lora.hashes import data_hashes
from blockweight.lora.header import Header, read_header
from blockweight.lora.metadata import (
    HEADER_LIMIT,
    Box,
    Change,
    copied,
    covers_value,
    described,
    difference,
    edit_to,
    edited,
    has_user_metadata,
    key_of,
    make_cover,
    new_head,
    reason_not_to_copy,
    recommended,
    repaired,
    rewrite,
    stamp,
    stamped,
    stripped,
    undo_path,
)
from blockweight.lora.metadata.fields import ARCHITECTURES, COVERS, DESCRIPTION, MODELSPEC, NO_COVERS, TWINS
from blockweight.weights import BlockWeights, Context, read_weights
from blockweight.workflow.baking import weights_for
from blockweight.workflow.conversions import presets_in
from blockweight.workflow.metadata_texts import change_facts, change_lines

# Quotes, brackets and the key around a cover's base64, and the hashes that are stamped beside it.
_AROUND_A_COVER = 512
_LARGE = 8 << 20


@dataclass(frozen=True)
class Saving:
    """How an edit is written: with a header beyond what ComfyUI shows, without stamping hashes, without an undo file,
    with the old time of change."""

    large: bool = False
    stamp: bool = True
    undo: bool = True
    keep_mtime: bool = False


@dataclass(frozen=True)
class PlannedEdit:
    """A file's metadata as they are and as they will be. Nothing is written before `write`."""

    path: Path
    header: Header
    new: Mapping[str, str]
    head: bytes
    digest: str
    what: str
    saving: Saving
    hints: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """What differs; nothing if the file is already as it should be."""
        return difference(self.header.metadata, self.new)

    @property
    def undo_file(self) -> Path | None:
        """Where the old header will be kept; None if it will not."""
        return undo_path(self.path) if self.saving.undo and self.changes else None

    def lines(self) -> list[str]:
        """The difference, for a person: `- key: old` and `+ key: new`."""
        return change_lines(self.changes)

    def facts(self, *, written: bool) -> dict[str, object]:
        """As plain values, for JSON: `file`, `written`, `changes` (key → `before` and `after`), `undo_file`,
        `hints`."""
        undo = self.undo_file if written else None
        return {
            "file": str(self.path),
            "written": written and bool(self.changes),
            "changes": change_facts(self.changes),
            "undo_file": None if undo is None else str(undo),
            "hints": list(self.hints),
        }

    def write(self) -> bool:
        """Write the new header in place, keeping the old one for undo; returns whether there was anything to write.
        BlockweightError, with the file as it was, where that cannot be."""
        if not self.changes:
            return False
        now = datetime.now(UTC).isoformat(timespec="seconds")
        edit = edit_to(self.path, self.header, self.head, digest=self.digest, at=now, what=self.what)
        rewrite(self.path, self.header, self.head, edit, undo=self.saving.undo, keep_mtime=self.saving.keep_mtime)
        return True


Making = Callable[[Header], Mapping[str, str]]


def plan(
    path: Path, what: str, make: Making, saving: Saving = Saving(), *, add: bool = True, modelspec: bool = False
) -> PlannedEdit:
    """Plan an edit: `make` says what the metadata will be. Hashes are stamped beside a change, as Additional Networks
    does at every save; without `add` only those that are there are set right, with `modelspec` its own is added too."""
    header = read_header(path)
    if path.suffix.lower() != ".safetensors":
        raise BlockweightError(f"'{path}' does not end in .safetensors, so no program would list it; rename it first.")
    new = dict(make(header))
    hashes = data_hashes(path, header, new)
    if saving.stamp and new != header.metadata:
        new = stamped(new, hashes, modelspec=modelspec) if add else hashes.restamped(new)
    head = new_head(path, header, new, large=saving.large)
    return PlannedEdit(path, header, new, head, hashes.model_hash, what, saving, _hints(path))


def _hints(path: Path) -> tuple[str, ...]:
    if path.stat().st_nlink > 1:
        return (f"'{path}' has other names (hard links), which will keep the old metadata.",)
    return ()


@dataclass(frozen=True)
class Wanted:
    """What a person wants to set: values by key ("" removes one), a picture as cover (`keep_texts` with its prompt, cut
    to `crop`), recommended weights in any notation (with the fill for blocks that they leave out, and a book of
    presets), and whether the description shows them, the ModelSpec fields say the same, and training data may be
    changed."""

    values: Mapping[str, str] = field(default_factory=dict)
    cover: Path | None = None
    keep_texts: bool = False
    recommended: str | None = None
    fill: float | None = None
    book: Path | None = None
    in_description: bool = False
    modelspec: bool = False
    force: bool = False
    crop: Box | None = None


def parse_crop(text: str) -> Box | None:
    """A part of a picture from `left,top,width,height` in pixels, None from an empty text. BlockweightError otherwise.

    >>> parse_crop("0, 16, 64, 96")
    (0, 16, 64, 96)
    """
    if not text.strip():
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise BlockweightError(f"{quoted(text)} is no part of a picture; write left,top,width,height in pixels.")
    left, top, width, height = map(int, parts)
    return left, top, width, height


def plan_set(path: Path, wanted: Wanted, saving: Saving = Saving()) -> PlannedEdit:
    """Plan to set values. BlockweightError for what no reader could use, and for an edit that asks for nothing."""
    asked = (wanted.values, wanted.cover, wanted.recommended is not None, wanted.modelspec, wanted.in_description)
    if wanted.crop is not None and wanted.cover is None:
        raise BlockweightError("A part of a picture needs the picture; give it as the cover (--cover).")
    if not any(asked):
        raise BlockweightError("Nothing is to be set; give a value such as --name, --author or --cover (see --help).")

    def make(header: Header) -> Mapping[str, str]:
        new = edited(header.metadata, wanted.values, force=wanted.force)
        new = _with_weights(path, new, wanted)
        if wanted.modelspec:
            new = _with_modelspec(path, new)
        if wanted.cover is not None:
            new = _with_cover(path, header, new, wanted, large=saving.large)
        return new

    return plan(path, "set", make, saving, modelspec=wanted.modelspec)


def values_of(fields: Mapping[str, str | None], keys: Iterable[str], removed: Iterable[str]) -> dict[str, str]:
    """Values by key, from fields that were given (None was not), `KEY=VALUE` texts and keys to remove."""
    values = {key: text for key, text in fields.items() if text is not None}
    for pair in keys:
        key, equals, text = pair.partition("=")
        if not equals:
            raise BlockweightError(f"{quoted(pair)} is not KEY=VALUE; write it as in modelspec.license=MIT.")
        values[key.strip()] = text
    return values | dict.fromkeys(removed, "")


def _with_weights(path: Path, metadata: dict[str, str], wanted: Wanted) -> dict[str, str]:
    if wanted.recommended is None and not wanted.in_description:
        return metadata
    key = key_of("recommended")
    weights: BlockWeights | None = None
    if wanted.recommended is None:
        weights = recommended(metadata)
        if weights is None:
            raise BlockweightError(f"'{path}' recommends no block weights yet; give them by --recommended.")
    elif wanted.recommended.strip():
        weights = advice_for(path, wanted.recommended, wanted.fill, wanted.book)
        metadata = {**metadata, **stamp(weights, "recommended")}
    else:
        metadata = {name: text for name, text in metadata.items() if name != key}
    if wanted.in_description or weights is None:
        text = described(metadata.get(DESCRIPTION, ""), weights)
        metadata = edited(metadata, {DESCRIPTION: text}) if text or DESCRIPTION in metadata else metadata
    return metadata


def advice_for(path: Path, text: str, fill: float | None, book: Path | None = None) -> BlockWeights:
    """Weights in any notation for this LoRA, in the layout in which they were given where they name every block that
    it has, else filled up. BlockweightError as for baking them."""
    lora = open_lora(path)
    weights, _ = weights_for(lora, text, fill, book=book)
    context = Context(family=lora.family, fill=fill, presets=presets_in(book), own_lengths=True)
    typed = read_weights(text, context).weights
    return typed if set(lora.blocks) <= set(typed.layout.blocks) else weights


def _with_modelspec(path: Path, metadata: Mapping[str, str]) -> dict[str, str]:
    """The ModelSpec fields that say what the editor's say, and those that must be there."""
    new = {**metadata, **{twin: metadata[key] for key, twin in TWINS.items() if metadata.get(key, "").strip()}}
    must = {
        f"{MODELSPEC}sai_model_spec": "1.0.1",
        f"{MODELSPEC}title": path.stem,
    }
    if f"{MODELSPEC}architecture" not in new or f"{MODELSPEC}implementation" not in new:
        family = open_lora(path).family
        if family.name not in ARCHITECTURES:
            raise BlockweightError(
                f"ModelSpec's name for {family.title} is not certain; give it by --key modelspec.architecture=… and "
                "--key modelspec.implementation=…"
            )
        must[f"{MODELSPEC}architecture"], must[f"{MODELSPEC}implementation"] = ARCHITECTURES[family.name]
    missing = {key: text for key, text in must.items() if key not in new}
    return {**new, **missing}


def _with_cover(
    path: Path, header: Header, metadata: Mapping[str, str], wanted: Wanted, *, large: bool
) -> dict[str, str]:
    assert wanted.cover is not None
    without = {**metadata, COVERS: NO_COVERS}
    limit = _LARGE if large else HEADER_LIMIT
    room = limit - len(new_head(path, header, without, large=True)) - _AROUND_A_COVER
    cover = make_cover(wanted.cover, room, keep_texts=wanted.keep_texts, crop=wanted.crop)
    return {**metadata, COVERS: covers_value(cover)}


def plan_cover(path: Path, picture: Path | None, *, keep_texts: bool, saving: Saving) -> PlannedEdit:
    """Plan to set the cover, or with no picture to remove it."""
    if picture is not None:
        return replace(plan_set(path, Wanted(cover=picture, keep_texts=keep_texts), saving), what="cover")
    return plan(path, "cover", lambda header: edited(header.metadata, {COVERS: ""}), saving)


def plan_strip(path: Path, groups: Sequence[str], keys: Sequence[str], saving: Saving) -> PlannedEdit:
    """Plan to remove groups (`lora.metadata.GROUPS`) and single keys; hashes are corrected but not added."""
    if not groups and not keys:
        raise BlockweightError("Nothing is to be stripped; say what, as in --training, --user or --key NAME.")
    planned = plan(path, "strip", lambda header: stripped(header.metadata, groups, keys), saving, add=False)
    place = undo_path(path)
    if planned.changes and (saving.undo or place.exists()):
        hint = f"'{place.name}' keeps what is removed; delete it before you share the folder, or strip with --no-undo."
        if not saving.undo:
            hint = (
                f"'{place.name}' may keep what is removed from an earlier edit; delete it before you share the folder."
            )
        return replace(planned, hints=(*planned.hints, hint))
    return planned


def plan_hashes(path: Path, saving: Saving) -> PlannedEdit:
    """Plan to stamp the three hashes that a header can hold, right ones in place of wrong ones."""
    header = read_header(path)
    new = stamped(repaired(header.metadata), data_hashes(path, header), modelspec=True)
    return plan(path, "hash", lambda _: new, replace(saving, stamp=False))


def plan_fix(path: Path, saving: Saving) -> PlannedEdit:
    """Plan to correct the hashes that are stamped, and an empty cover; nothing is added."""
    header = read_header(path)
    new = data_hashes(path, header).restamped(repaired(header.metadata))
    return plan(path, "verify", lambda _: new, replace(saving, stamp=False))


@dataclass(frozen=True)
class CopyPlan:
    """One target of a copy: the edit, or the reason why it is left alone."""

    path: Path
    edit: PlannedEdit | None
    reason: str = ""

    def facts(self, *, written: bool) -> dict[str, object]:
        """As plain values, for JSON: the edit's, or `file`, `written` and `reason`."""
        if self.edit is None:
            return {"file": str(self.path), "written": False, "reason": self.reason}
        return self.edit.facts(written=written)


def plan_copy(
    source: Path, targets: Sequence[Path], *, same_session: bool, only_empty: bool, weights: bool, saving: Saving
) -> list[CopyPlan]:
    """Plan to copy the editor's values (with `weights` the recommended weights too) to other files, or to those of a
    folder; the two conditions are Additional Networks', and each holds by itself.

    BlockweightError for a source or a named target that cannot be read; one in a folder is left alone with the reason.
    """
    metadata = read_header(source).metadata
    keys = (key_of("recommended"),) if weights else ()
    if not has_user_metadata(metadata) and not any(key in metadata for key in keys):
        raise BlockweightError(f"'{source}' has nothing to copy; give it a name or a cover with 'lora metadata set'.")

    def plan_one(path: Path) -> CopyPlan:
        theirs = read_header(path).metadata
        reason = reason_not_to_copy(metadata, theirs, same_session=same_session, only_empty=only_empty)
        if reason:
            return CopyPlan(path, None, reason)
        return CopyPlan(path, plan(path, "copy", lambda header: copied(metadata, header.metadata, keys), saving))

    plans: list[CopyPlan] = []
    for target in targets:
        if not target.is_dir():
            plans.append(plan_one(target))
            continue
        for path in sorted(path for path in target.iterdir() if _is_lora(path)):
            try:
                plans.append(plan_one(path))
            except BlockweightError as error:
                plans.append(CopyPlan(path, None, str(error)))
    return [each for each in plans if not each.path.samefile(source)]


def _is_lora(path: Path) -> bool:
    return path.suffix.lower() == ".safetensors" and path.is_file()
