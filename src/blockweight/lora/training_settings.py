"""What a file's metadata say of its training and of itself, as a person wants to read it.

Names: sd-scripts (`train_network.py`, `ss_…`), Stability's ModelSpec 1.0.1 (`modelspec.…`), Additional Networks
(`ssmd_…`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping

from blockweight.errors import BlockweightError
from blockweight.lora.metadata import read_stamps

TRAINING: tuple[tuple[str, str], ...] = (
    ("ss_network_module", "network"),
    ("ss_network_dim", "network_dim"),
    ("ss_network_alpha", "network_alpha"),
    ("ss_learning_rate", "learning_rate"),
    ("ss_unet_lr", "unet_lr"),
    ("ss_text_encoder_lr", "text_encoder_lr"),
    ("ss_optimizer", "optimizer"),
    ("ss_lr_scheduler", "lr_scheduler"),
    ("ss_lr_warmup_steps", "lr_warmup_steps"),
    ("ss_steps", "steps"),
    ("ss_max_train_steps", "max_train_steps"),
    ("ss_epoch", "epoch"),
    ("ss_num_epochs", "num_epochs"),
    ("ss_num_train_images", "num_train_images"),
    ("ss_total_batch_size", "total_batch_size"),
    ("ss_resolution", "resolution"),
    ("ss_clip_skip", "clip_skip"),
    ("ss_noise_offset", "noise_offset"),
    ("ss_min_snr_gamma", "min_snr_gamma"),
    ("ss_seed", "seed"),
    ("ss_mixed_precision", "mixed_precision"),
    ("ss_sd_model_name", "base_model"),
    ("ss_base_model_version", "base_model_version"),
    ("ss_training_comment", "comment"),
)
"""Metadata key → the setting's name."""

DESCRIPTION: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("title", ("ssmd_display_name", "modelspec.title", "ss_output_name")),
    ("author", ("ssmd_author", "modelspec.author")),
    ("description", ("ssmd_description", "modelspec.description")),
    ("trigger_phrase", ("modelspec.trigger_phrase", "ssmd_keywords")),
    ("usage_hint", ("modelspec.usage_hint",)),
    ("tags", ("ssmd_tags", "modelspec.tags")),
    ("source", ("ssmd_source",)),
    ("license", ("modelspec.license",)),
    ("date", ("modelspec.date",)),
    ("architecture", ("modelspec.architecture",)),
    ("merged_from", ("modelspec.merged_from",)),
)
"""What the file says of itself: name → the metadata keys that may hold it, best first."""

_ARGUMENTS = "ss_network_args"
_BLOCK_RATES = ("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold")


def training_settings(metadata: Mapping[str, str]) -> dict[str, str]:
    """Training settings by name, as the trainer wrote them; those that are missing, empty or `None` are left out.

    `network_args` are sd-scripts' further arguments, without those of `block_learning_rates`.
    """
    found = {name: metadata[key] for key, name in TRAINING if _says_something(metadata.get(key))}
    arguments = _arguments(metadata)
    others = [f"{key}={value}" for key, value in arguments.items() if key not in _BLOCK_RATES]
    return found | ({"network_args": " ".join(others)} if others else {})


def block_learning_rates(metadata: Mapping[str, str]) -> dict[str, str]:
    """The lists of learning rates per block as they stand in `ss_network_args`: multipliers or a preset's name, for
    `down_lr_weight`, `mid_lr_weight`, `up_lr_weight` and `block_lr_zero_threshold`, those of them that are there."""
    arguments = _arguments(metadata)
    return {key: arguments[key] for key in _BLOCK_RATES if key in arguments}


def description(metadata: Mapping[str, str]) -> dict[str, str]:
    """What the file says of itself, by name (DESCRIPTION), without what is missing or empty; also the block weights
    that it records, as `recommended_weights` and `applied_weights`."""
    found = {name: text for name, keys in DESCRIPTION if (text := _first(metadata, keys))}
    with contextlib.suppress(BlockweightError):  # a broken stamp says nothing
        for each in read_stamps(metadata):
            found[f"{each.role}_weights"] = f"{each.weights.text()}{' (stale)' if each.stale else ''}"
    return found


def cover_images(metadata: Mapping[str, str]) -> int:
    """How many cover images Additional Networks' `ssmd_cover_images` holds; 0 for text that is no list."""
    try:
        images = json.loads(metadata.get("ssmd_cover_images", "[]"))
    except (ValueError, RecursionError):
        return 0
    return len(images) if isinstance(images, list) else 0


def _first(metadata: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((metadata[key].strip() for key in keys if metadata.get(key, "").strip()), "")


def _says_something(text: str | None) -> bool:
    return text is not None and text.strip() not in ("", "None", "null", "{}", "[]")


def _arguments(metadata: Mapping[str, str]) -> dict[str, str]:
    text = metadata.get(_ARGUMENTS, "")
    if not _says_something(text):
        return {}
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError):
        return {"unreadable": text}
    if not isinstance(arguments, dict):
        return {"unreadable": text}
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in arguments.items()
    }
