"""What a WebUI sent back, compared with what was asked: it ignores much of what it does not know without a word."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import read_infotext
from blockweight.plan.infotext import NEGATIVE
from blockweight.render.protocol import Picture
from blockweight.render.remote import picture_of_base64
from blockweight.render.webui.asking import Asked

LORA_HASHES = "Lora hashes"

_LEAST_DIGITS = 8
"""Of a hash."""

_UNSAID = {"Clip skip": "1"}
"""What a setting is that an infotext leaves out."""

_UNASKED = ("Hires upscale", "Hires resize", "Hires upscaler", "Variation seed strength", "ENSD")
"""Settings that an infotext only has where they do something."""


@dataclass(frozen=True)
class Drawn:
    """A picture that is what was asked for, and the version of the program that drew it (empty if it does not tell)."""

    picture: Picture
    version: str


@dataclass(frozen=True)
class Expected:
    """A LoRA that the answer has to name: by its tag's name, with one of these hashes."""

    name: str
    hashes: tuple[str, ...]


def read_answer(told: object, asked: Asked, loras: Sequence[Expected], size: tuple[int, int], url: str) -> Drawn:
    """The picture of an answer from the URL `url`. BlockweightError for an answer without a picture, with one of
    another `size` (width, height), and one drawn with something else than was asked: sampler, schedule type, model,
    seed, size, CFG scale, clip skip, prompt or LoRAs, or with a hires pass, a variation and the like that nobody asked
    for."""
    images = told.get("images") if isinstance(told, dict) else None
    info = _info(told)
    texts = info.get("infotexts")
    if not isinstance(images, list) or not images or not isinstance(texts, list) or not texts:
        raise BlockweightError(
            f"The WebUI at {url} answered without a picture or its infotext; its version may be too old."
        )
    # A grid may stand before the pictures.
    first = info.get("index_of_first_image")
    place = first if isinstance(first, int) and 0 <= first < min(len(images), len(texts)) else 0
    text, image = texts[place], images[place]
    if not isinstance(text, str) or not isinstance(image, str):
        raise BlockweightError(
            f"The WebUI at {url} answered without a picture or its infotext; its version may be too old."
        )
    read = read_infotext(text)
    _check_settings(read.settings, asked, url)
    negative = asked.body["negative_prompt"]
    sent = f"{asked.body['prompt']}\n{NEGATIVE} {negative}" if negative else asked.body["prompt"]
    drawn = f"{read.prompt}\n{NEGATIVE} {read.negative_prompt}" if read.negative_prompt else read.prompt
    if drawn.split() != sent.split():
        raise BlockweightError(
            f"The WebUI at {url} drew another prompt than was sent; see which of its extensions change prompts."
        )
    _check_loras(read.settings.get(LORA_HASHES, ""), loras, url)
    picture = picture_of_base64(image)
    if picture.shape[:2] != size[::-1]:
        raise BlockweightError(
            f"The WebUI at {url} drew {picture.shape[1]}×{picture.shape[0]} pixels where {size[0]}×{size[1]} were "
            "asked for."
        )
    version = info.get("version") or read.settings.get("Version", "")
    return Drawn(picture, version if isinstance(version, str) else "")


def _info(told: object) -> Mapping[str, Any]:
    """`info` is JSON in a string of the JSON."""
    text = told.get("info") if isinstance(told, dict) else None
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _check_settings(settings: Mapping[str, str], asked: Asked, url: str) -> None:
    for name, wanted in asked.said.items():
        found = settings.get(name, _UNSAID.get(name, ""))
        same = found == wanted or _same_number(found, wanted)
        if name in ("Model hash", "VAE hash"):
            same = _same_hash(found, wanted)
        if name == "Model hash" and not found:
            raise BlockweightError(
                f"The WebUI at {url} does not say by a hash which model it drew with, so it could be any; start it "
                "without --no-hashing."
            )
        if not same:
            raise _other(url, name, found, wanted)

    for name, wanted in asked.where_said.items():
        found = settings.get(name, wanted)
        if found != wanted and not _same_number(found, wanted):
            raise _other(url, name, found, wanted)
    for name in _UNASKED:
        found = settings.get(name, "0")
        if name not in asked.where_said and not _same_number(found, "0"):
            raise _other(url, name, found, "-")


def _other(url: str, name: str, found: str, wanted: str) -> BlockweightError:
    return BlockweightError(
        f"The WebUI at {url} drew with {quoted(name)} {quoted(found or '-')} where {quoted(wanted)} was asked for, "
        "without a word; the picture is not used."
    )


def _same_number(found: str, wanted: str) -> bool:
    try:
        return float(found) == float(wanted)
    except ValueError:
        return False


def _check_loras(said: str, loras: Sequence[Expected], url: str) -> None:
    # `name: hash, other: hash`; no tag holds a comma.
    entries = [item.strip().rpartition(": ")[::2] for item in said.split(",")]
    for lora in loras:
        if any(_same_hash(found, known) for _, found in entries for known in lora.hashes):
            continue
        others = [found for name, found in entries if name == lora.name]
        if others:
            raise BlockweightError(
                f"The WebUI at {url} has another LoRA by the name {quoted(lora.name)} (hash {quoted(others[0])}); "
                "rename one of the two."
            )
        raise BlockweightError(
            f"The WebUI at {url} drew without the LoRA {quoted(lora.name)}, without a word; see whether it stands in "
            "the WebUI's list."
        )


def _same_hash(found: str, wanted: str) -> bool:
    # Relatives of the WebUI give more or fewer digits.
    return len(found) >= _LEAST_DIGITS and (found.startswith(wanted) or wanted.startswith(found))
