"""What a baked file says of itself: the weights that are in its tensors, and the file that they were baked from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.lora.bake_plan import Recipe
from blockweight.lora.file import Lora
from blockweight.lora.metadata import key_of, read_stamp, stamp, with_stale_advice
from blockweight.weights import BlockWeights, parse_elemental, plain_number

_TITLES = ("modelspec.title", "ssmd_display_name")
_NAME = "ss_output_name"
_PARENTS = "modelspec.merged_from"

_DIGEST = "source_data_sha256"


@dataclass(frozen=True)
class Provenance:
    """The weights and the recipe of a bake, and the source: its name and the SHA-256 of its data section."""

    weights: BlockWeights
    recipe: Recipe
    source: str
    source_digest: str


def baked_metadata(lora: Lora, weights: BlockWeights, recipe: Recipe, out: Path) -> dict[str, str]:
    """The source's metadata for a file with these weights baked in: stamped with them (role `applied`), advice on
    weights marked as stale, and titles and the name that WebUIs insert, where there are any, those of the new file.
    Hashes are set right when the file is written."""
    old = with_stale_advice(lora.header.metadata)
    renamed = {key: f"{old[key]} ({weights.name})" for key in _TITLES if old.get(key)}
    if old.get(_NAME):
        renamed[_NAME] = out.stem
    if any(key.startswith("modelspec.") for key in old):
        renamed[_PARENTS] = old.get("modelspec.title") or lora.path.stem
    changed = old | renamed
    before = {key: lora.header.metadata.get(key) for key in changed if changed[key] != lora.header.metadata.get(key)}
    return changed | stamp(weights, "applied", _details(lora, recipe) | {"before": before})


def _details(lora: Lora, recipe: Recipe) -> dict[str, object]:
    details: dict[str, object] = {
        # A file's name may hold bytes that are no text.
        "source": lora.path.name.encode("utf-8", "replace").decode(),
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
        return Provenance(found.weights, recipe, str(details["source"]), str(details[_DIGEST]))
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
