"""The metadata that a LoRA carries, as data: each field's key, what a person calls it, and what may stand in it.

Sources: `scripts/metadata_editor.py` of kohya-ss/sd-webui-additional-networks (`ssmd_*`, its labels); Stability
ModelSpec 1.0.1 (`modelspec.*`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from blockweight.errors import BlockweightError, quoted
from blockweight.lora.hashes import TRAINING

USER = "ssmd_"
"""What the keys of Additional Networks' editor begin with: free for every person to change."""

MODELSPEC = "modelspec."
COVERS = f"{USER}cover_images"
DESCRIPTION = f"{USER}description"
NO_COVERS = "[]"
SESSION = f"{TRAINING}session_id"

NEEDED_TRAINING = frozenset(
    f"{TRAINING}{name}"
    for name in ("v2", "base_model_version", "network_module", "network_dim", "network_alpha", "network_args")
)
"""Training metadata by which programs tell how to load a LoRA; sd-scripts keeps them even with `--no_metadata`."""

MOST_RATING = 10


@dataclass(frozen=True)
class Field:
    """One field: the word for it on the command line, its key, its label in the editor, and what is wrong with a text
    as its value ("" if nothing is)."""

    name: str
    key: str
    label: str
    fault: Callable[[str], str]


def _any(_: str) -> str:
    return ""


def _line(text: str) -> str:
    return "it must be one line" if re.search(r"[\r\n]", text) else ""


def _rating(text: str) -> str:
    whole = re.fullmatch(r"\d{1,2}", text, re.ASCII) and int(text) <= MOST_RATING
    return "" if whole else f"it must be a whole number from 0 to {MOST_RATING}"


def _choice(*words: str) -> Callable[[str], str]:
    return lambda text: "" if text in words else f"it must be {' or '.join(words)}"


def _pattern(pattern: str, example: str) -> Callable[[str], str]:
    return lambda text: "" if re.fullmatch(pattern, text, re.ASCII) else f"it must look like {example}"


def _date(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return "it must be a date such as 2024-04-01 or 2024-04-01T12:00:00+09:00"
    return ""


def _data_url(text: str) -> str:
    fits = text.startswith("data:image/") and ";base64," in text[:60]
    return "" if fits else "it must be a picture as data:image/jpeg;base64,…"


def _covers(text: str) -> str:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        items = None
    sound = isinstance(items, list) and all(isinstance(item, str) for item in items)
    return "" if sound else "it must be a JSON list of pictures in base64, [] for none"


USER_FIELDS = (
    Field("name", f"{USER}display_name", "Name", _line),
    Field("author", f"{USER}author", "Author", _line),
    Field("keywords", f"{USER}keywords", "Keywords", _any),
    Field("description", DESCRIPTION, "Description", _any),
    Field("url", f"{USER}source", "URL", _line),
    Field("rating", f"{USER}rating", "Rating", _rating),
    Field("tags", f"{USER}tags", "Tags", _any),
    Field("version", f"{USER}version", "Version", _line),
    Field("cover", COVERS, "Cover image", _covers),
)
"""Additional Networks' editor, in its order."""

MODELSPEC_FIELDS = tuple(
    Field(name, f"{MODELSPEC}{name}", label, fault)
    for name, label, fault in (
        ("sai_model_spec", "Specification", _choice("1.0.0", "1.0.1")),
        ("architecture", "Architecture", _line),
        ("implementation", "Implementation", _line),
        ("title", "Title", _line),
        ("resolution", "Resolution", _pattern(r"\d{1,6}x\d{1,6}", "512x768")),
        ("description", "Description", _any),
        ("author", "Author", _line),
        ("date", "Date", _date),
        ("license", "License", _any),
        ("usage_hint", "Usage hint", _any),
        ("trigger_phrase", "Trigger phrase", _any),
        ("tags", "Tags", _any),
        ("thumbnail", "Thumbnail", _data_url),
        ("merged_from", "Merged from", _any),
        ("implementation_version", "Implementation version", _line),
        ("prediction_type", "Prediction type", _choice("v", "epsilon")),
        ("timestep_range", "Timestep range", _pattern(r"\d+ ?, ?\d+", "0,1000")),
        ("encoder_layer", "Encoder layer", _pattern(r"\d+", "2")),
        ("preprocessor", "Preprocessor", _any),
        ("is_negative_embedding", "Negative embedding", _choice("true", "false")),
        ("unet_dtype", "UNet number format", _line),
        ("vae_dtype", "VAE number format", _line),
    )
)
"""Stability ModelSpec 1.0.1: the four that must be there first."""

FIELDS = {field.key: field for field in (*USER_FIELDS, *MODELSPEC_FIELDS)}
"""Every field that is known, by key."""

TWINS = {
    f"{USER}display_name": f"{MODELSPEC}title",
    f"{USER}author": f"{MODELSPEC}author",
    DESCRIPTION: f"{MODELSPEC}description",
    f"{USER}keywords": f"{MODELSPEC}trigger_phrase",
    f"{USER}tags": f"{MODELSPEC}tags",
}
"""Editor's fields and the ModelSpec fields that say the same."""

ARCHITECTURES = {
    "sd1": ("stable-diffusion-v1/lora", "diffusers"),
    "sdxl": ("stable-diffusion-xl-v1-base/lora", "https://github.com/Stability-AI/generative-models"),
}
"""Family → ModelSpec's architecture and implementation, as sd-scripts writes them for a LoRA
(`library/sai_model_spec.py`); only families of which one name is true for every model."""


def fault_of(key: str, text: str) -> str:
    """What is wrong with a value for this key; "" where nothing is or the key is not known.

    >>> fault_of("ssmd_rating", "5.0")
    'it must be a whole number from 0 to 10'
    """
    return FIELDS[key].fault(text) if key in FIELDS else ""


def check_value(key: str, text: str) -> None:
    """BlockweightError for a value that may not stand under this key, or that UTF-8 cannot hold."""
    for part in (key, text):
        try:
            part.encode()
        except UnicodeEncodeError:
            raise BlockweightError(
                f"{quoted(part.encode('utf-8', 'replace').decode())} holds bytes that are not UTF-8 text; retype it."
            ) from None
    fault = fault_of(key, text)
    if fault:
        raise BlockweightError(f"{quoted(text)} cannot be {key}: {fault}.")
