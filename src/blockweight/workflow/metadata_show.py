"""A LoRA's metadata shown in groups, for a person and for a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora.hashes import STAMPS, TRAINING
from blockweight.lora.header import Header, read_header
from blockweight.lora.metadata import Stamp, datasets, key_of, read_covers, read_stamp, tag_counts
from blockweight.lora.metadata.block_weights import PREFIX, ROLES, Role
from blockweight.lora.metadata.fields import COVERS, FIELDS, MODELSPEC, USER, USER_FIELDS
from blockweight.lora.metadata.training import DATASETS, TAGS
from blockweight.workflow.conversions import weights_facts
from blockweight.workflow.metadata_texts import aligned, covers_text, printable, shortened, shown_value

_MOST_TAGS = 20
_MOST_LINES = 12
# A description may hold block weights, which are there to be copied.
_DESCRIPTION_WIDTH = 400

_BAKED_ELSEWHERE = {"sshs_ratio": "SuperMerger ratio", "sshs_blocks": "SuperMerger blocks (baked in)"}

_TRAINING = {
    f"{TRAINING}{name}": label
    for name, label in (
        ("output_name", "Output name"),
        ("training_comment", "Comment"),
        ("sd_model_name", "Base model"),
        ("base_model_version", "Base version"),
        ("network_module", "Module"),
        ("network_dim", "Rank"),
        ("network_alpha", "Alpha"),
        ("network_args", "Module's settings"),
        ("resolution", "Resolution"),
        ("num_train_images", "Pictures"),
        ("num_epochs", "Epochs"),
        ("max_train_steps", "Steps"),
        ("optimizer", "Optimizer"),
        ("learning_rate", "Learning rate"),
        ("unet_lr", "UNet's"),
        ("text_encoder_lr", "Text encoder's"),
        ("lr_scheduler", "Scheduler"),
        ("clip_skip", "Clip skip"),
        ("seed", "Seed"),
        ("session_id", "Session"),
        ("training_started_at", "Started"),
    )
}


@dataclass(frozen=True)
class Shown:
    """A file's metadata, for a person or a program."""

    path: Path
    header: Header

    def lines(self, *, full: bool = False) -> list[str]:
        """In groups: description, block weights, ModelSpec, training, hashes, others. Long values are shortened unless
        `full`."""
        metadata = self.header.metadata
        size = self.header.data_start - 8
        lines = [f"{self.path.name}: {len(self.header.tensors):,} tensors, a header of {size:,} bytes"]
        for title, rows in (
            ("Description", _description(metadata, full=full)),
            ("Block weights", _weights(metadata, full=full)),
            ("ModelSpec", [(_label(key), _value(key, text, full=full)) for key, text in _modelspec(metadata).items()]),
            ("Training", _training(metadata, full=full)),
            ("Hashes, as stamped ('lora metadata verify' compares them with the file)", _hash_rows(metadata)),
            ("Others", [(printable(key), _value(key, text, full=full)) for key, text in _others(metadata).items()]),
        ):
            if rows:
                lines += ["", title, *aligned(rows)]
        if not metadata:
            lines.append("It has no metadata; 'lora metadata set' gives it a name, an author, a cover and more.")
        return lines

    def facts(self, *, full: bool = False) -> dict[str, object]:
        """As plain values, for JSON: `file`, `header_bytes`, `tensors`; `description` (word → text), `covers`,
        `block_weights` (role → weights), `tags`, `datasets`; and by key `modelspec`, `training`, `hashes`, `others`.
        The covers' base64 is there only if `full`."""
        metadata = self.header.metadata
        words = {field.key: field.name for field in USER_FIELDS if field.key != COVERS or full}
        return {
            "file": str(self.path),
            "header_bytes": self.header.data_start - 8,
            "tensors": len(self.header.tensors),
            "description": {word: metadata[key] for key, word in words.items() if key in metadata},
            "covers": cover_facts(metadata),
            "block_weights": {role: _weights_facts(metadata, role) for role in ROLES if key_of(role) in metadata},
            "tags": dict(tag_counts(metadata)),
            "datasets": [
                {"name": each.name, "images": each.images, "repeats": each.repeats} for each in datasets(metadata)
            ],
            "modelspec": _modelspec(metadata),
            "training": {key: text for key, text in metadata.items() if key.startswith(TRAINING)},
            "hashes": {key: metadata[key] for key in STAMPS if key in metadata},
            "others": {key: text for key, text in metadata.items() if key in _others(metadata)},
        }


def show(path: Path) -> Shown:
    """Read a file's metadata; BlockweightError for a file that is no sound safetensors file."""
    return Shown(path, read_header(path))


def _value(key: str, text: str, *, full: bool) -> str:
    if not full or key in (COVERS, f"{MODELSPEC}thumbnail"):
        return shown_value(key, text)
    return "\n".join(map(printable, text.split("\n")))


def _label(key: str) -> str:
    return FIELDS[key].label if key in FIELDS else printable(key)


def _description(metadata: Mapping[str, str], *, full: bool) -> list[tuple[str, str]]:
    rows = []
    for field in USER_FIELDS:
        text = metadata.get(field.key, "")
        if field.key == COVERS and COVERS in metadata:
            rows.append((field.label, covers_text(text)))
        elif text.strip():
            lines = [printable(line) if full else shortened(line, _DESCRIPTION_WIDTH) for line in text.split("\n")]
            left = len(lines) - _MOST_LINES
            if left > 0 and not full:
                lines = [*lines[:_MOST_LINES], f"… and {left} more lines (--full)"]
            rows.append((field.label, "\n".join(lines)))
    known = {field.key for field in USER_FIELDS}
    unknown = [key for key in metadata if key.startswith(USER) and key not in known]
    return rows + [(printable(key), _value(key, metadata[key], full=full)) for key in unknown]


def _weights(metadata: Mapping[str, str], *, full: bool) -> list[tuple[str, str]]:
    rows = []
    for role in ROLES:
        if key_of(role) in metadata:
            try:
                rows.append((role.capitalize(), _stamp_text(read_stamp(role, metadata[key_of(role)]))))
            except BlockweightError as error:
                rows.append((role.capitalize(), str(error)))
    own = {key_of(role) for role in ROLES}
    others = [key for key in metadata if key.startswith(PREFIX) and key not in own]
    rows += [(printable(key), _value(key, metadata[key], full=full)) for key in others]
    return rows + [(label, shortened(metadata[key])) for key, label in _BAKED_ELSEWHERE.items() if key in metadata]


def _stamp_text(stamp: Stamp) -> str:
    stale = "; stale: the tensors have been changed since" if stamp.stale else ""
    details = [f"{printable(name)}: {shortened(_plain(value))}" for name, value in stamp.details.items()]
    return "\n".join([printable(stamp.weights.text()), f"({printable(stamp.weights.layout.name)}{stale})", *details])


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _weights_facts(metadata: Mapping[str, str], role: Role) -> dict[str, object]:
    try:
        stamp = read_stamp(role, metadata[key_of(role)])
    except BlockweightError as error:
        return {"error": str(error)}
    own = {**weights_facts(stamp.weights), "family": stamp.weights.layout.family, "text": stamp.weights.text()}
    return {**stamp.details, **own, "stale": stamp.stale}


def _modelspec(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in metadata.items() if key.startswith(MODELSPEC) and key not in STAMPS}


def _training(metadata: Mapping[str, str], *, full: bool) -> list[tuple[str, str]]:
    rows = []
    for key, label in _TRAINING.items():
        if metadata.get(key, "None") not in ("None", ""):
            text = _time(metadata[key]) if key.endswith("_started_at") else shown_value(key, metadata[key])
            rows.append((label, text))
    folders, tags = datasets(metadata), tag_counts(metadata)
    if folders:
        listed = [f"{printable(each.name)}: {each.images} × {each.repeats} = {each.total}" for each in folders]
        rows.append(("Picture folders", "\n".join(listed)))
    if tags:
        most = tags if full else tags[:_MOST_TAGS]
        left = [f"… and {len(tags) - len(most)} more (--full)"] if len(most) < len(tags) else []
        rows.append(
            ("Most frequent tags", "\n".join([*(f"{count:>6}  {printable(tag)}" for tag, count in most), *left]))
        )
    read = {*_TRAINING, *([DATASETS] if folders else []), *([TAGS] if tags else [])}
    others = [key for key in metadata if key.startswith(TRAINING) and key not in read]
    if full:
        rows += [(printable(key), shown_value(key, metadata[key], 10_000)) for key in others]
    elif others:
        rows.append(("More", f"{len(others)} settings (--full)"))
    return rows


def _time(text: str) -> str:
    try:
        return datetime.fromtimestamp(float(text), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return shortened(text)


def _hash_rows(metadata: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(key, shortened(metadata[key])) for key in STAMPS if key in metadata]


def _others(metadata: Mapping[str, str]) -> dict[str, str]:
    shown = (USER, PREFIX, MODELSPEC, TRAINING)
    rest = {key: text for key, text in metadata.items() if not key.startswith(shown)}
    return {key: text for key, text in rest.items() if key not in STAMPS and key not in _BAKED_ELSEWHERE}


def cover_facts(metadata: Mapping[str, str]) -> list[dict[str, object]] | dict[str, object]:
    """The covers as plain values: `format`, `width`, `height`, `bytes`, `texts`; or the `error` that they are."""
    try:
        covers = read_covers(metadata)
    except BlockweightError as error:
        return {"error": str(error)}
    return [
        {
            "format": cover.format,
            "width": cover.width,
            "height": cover.height,
            "bytes": len(cover.data),
            "texts": dict(cover.texts),
        }
        for cover in covers
    ]
