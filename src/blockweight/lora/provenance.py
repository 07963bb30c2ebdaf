"""What a baked file says of itself: the weights that are in its tensors, and the file that they were baked from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.lora.bake_plan import ModulePlan, Recipe
from blockweight.lora.file import Lora
from blockweight.lora.metadata import key_of, read_stamp, stamp, with_stale_advice
from blockweight.weights import BlockWeights, parse_elemental, plain_number

_TITLES = ("modelspec.title", "ssmd_display_name")
_NAME = "ss_output_name"
_PARENTS = "modelspec.merged_from"

_DIGEST = "source_data_sha256"
_ZEROS = "zero_blocks"
_EVIDENCE = "evidence"

BAKED_BEFORE = "blockweight.baked_before"
"""JSON in a file that was made from baked ones by anything but a bake: a list of `file` and `stamp`, what the baked
file said of itself."""


@dataclass(frozen=True)
class Provenance:
    """The weights and the recipe of a bake, and the source: its name and the SHA-256 of its data section. `zeros` are
    the blocks of which it had modules that became 0."""

    weights: BlockWeights
    recipe: Recipe
    source: str
    source_digest: str
    zeros: tuple[str, ...] = ()


def baked_metadata(
    lora: Lora,
    weights: BlockWeights,
    recipe: Recipe,
    plans: Sequence[ModulePlan],
    out: Path,
    evidence: Mapping[str, object] = MappingProxyType({}),
) -> dict[str, str]:
    """The source's metadata for a file with these weights baked in: stamped with them (role `applied`) and with what is
    known of them (`evidence`, plain values), advice on weights marked as stale, and titles and the name that WebUIs
    insert, where there are any, those of the new file. Hashes are set right when the file is written."""
    old = with_stale_advice(lora.header.metadata)
    renamed = {key: f"{old[key]} ({weights.name})" for key in _TITLES if old.get(key)}
    if old.get(_NAME):
        renamed[_NAME] = out.stem
    if any(key.startswith("modelspec.") for key in old):
        renamed[_PARENTS] = old.get("modelspec.title") or lora.path.stem
    changed = old | renamed
    before = {key: lora.header.metadata.get(key) for key in changed if changed[key] != lora.header.metadata.get(key)}
    zeros = list(dict.fromkeys(plan.block for plan in plans if plan.weight == 0))
    details = _details(lora, recipe) | ({_ZEROS: zeros} if zeros else {}) | {"before": before}
    known = {_EVIDENCE: dict(evidence)} if evidence else {}
    return changed | stamp(weights, "applied", details | known)


def unstamped(metadata: Mapping[str, str], parents: Sequence[Lora]) -> dict[str, str]:
    """Metadata for a file that is made from these LoRAs by anything but a bake: the stamp of a bake speaks of tensors
    that this file does not have, so what the parents' say stands under BAKED_BEFORE, behind what stood there in
    `metadata` and in theirs."""
    key = key_of("applied")
    told = _told_before(metadata)
    for lora in parents:
        told += _told_before(lora.header.metadata)
        if key in lora.header.metadata:
            told.append({"file": _file_name(lora), "stamp": _plain(lora.header.metadata[key])})
    different = [each for place, each in enumerate(told) if each not in told[:place]]
    kept = {name: text for name, text in metadata.items() if name not in (key, BAKED_BEFORE)}
    if not different:
        return kept
    return kept | {BAKED_BEFORE: json.dumps(different, ensure_ascii=False, separators=(",", ":"))}


def _told_before(metadata: Mapping[str, str]) -> list[object]:
    found = _plain(metadata.get(BAKED_BEFORE, "[]"))
    return found if isinstance(found, list) else []


def _plain(text: str) -> object:
    """JSON as plain values; any other text as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _file_name(lora: Lora) -> str:
    # A file's name may hold bytes that are no text.
    return lora.path.name.encode("utf-8", "replace").decode()


def _details(lora: Lora, recipe: Recipe) -> dict[str, object]:
    details: dict[str, object] = {
        "source": _file_name(lora),
        _DIGEST: lora.data_digest,
        "strength": plain_number(recipe.strength),
    }
    if recipe.te is not None:
        details["te"] = plain_number(recipe.te)
    if recipe.elemental is not None:
        details["elemental"] = recipe.elemental.text()
    for name, usual in (("zeros", "drop"), ("via", "factor"), ("precision", "keep")):
        if getattr(recipe, name) != usual:
            details[name] = getattr(recipe, name)
    earlier = lora.header.metadata.get(key_of("applied"))
    return details if earlier is None else details | {"earlier": earlier}


def provenance_of(path: Path, metadata: Mapping[str, str]) -> Provenance:
    """How a file was baked, by its stamp. BlockweightError where it has none, or one that cannot be read."""
    text = metadata.get(key_of("applied"))
    if text is None and BAKED_BEFORE in metadata:
        files = [str(each["file"]) for each in _told_before(metadata) if isinstance(each, dict) and "file" in each]
        raise BlockweightError(
            f"'{path}' was made from a baked file ({', '.join(files) or 'whose name is not told'}), so its tensors are "
            "not those that the bake wrote and cannot be taken back by them; unbake that file, and make this one anew."
        )
    if text is None:
        raise BlockweightError(
            f"'{path}' does not say that block weights were baked into it ({key_of('applied')} is missing); nothing "
            "can be taken back."
        )
    found = read_stamp("applied", text)
    details: Mapping[str, Any] = found.details
    try:
        recipe = Recipe(
            strength=float(details["strength"]),
            te=None if "te" not in details else float(details["te"]),
            elemental=parse_elemental(details["elemental"], found.weights.layout) if "elemental" in details else None,
            zeros=details.get("zeros", "drop"),
            via=details.get("via", "factor"),
            precision=details.get("precision", "keep"),
        )
        zeros = tuple(map(str, details.get(_ZEROS, ())))
        return Provenance(found.weights, recipe, str(details["source"]), str(details[_DIGEST]), zeros)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BlockweightError(
            f"The stamp in '{path}' does not say from what and how it was baked; nothing can be taken back."
        ) from None


def metadata_before(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a file whose bake is taken back: names, titles and advice as they were before it, without its
    stamp (or with the earlier one), hashes to be set right."""
    details = read_stamp("applied", metadata[key_of("applied")]).details
    before = details.get("before")
    found = {**metadata, **(before if isinstance(before, dict) else {}), key_of("applied"): details.get("earlier")}
    return {key: text for key, text in found.items() if isinstance(text, str)}
