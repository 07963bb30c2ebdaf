"""The metadata of a LoRA that was made from others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from blockweight.lora.file import SETTINGS
from blockweight.lora.metadata.fields import ARCHITECTURES
from blockweight.lora.provenance import unstamped
from blockweight.lora.terms import Term
from blockweight.weights import format_weight

TAGS = "ss_tag_frequency"
MERGED_FROM = "blockweight.merged_from"
_OWN = "blockweight."
_ARCHITECTURE = ("modelspec.architecture", "modelspec.implementation")


def kept(metadata: Mapping[str, str]) -> dict[str, str]:
    """What stays true of a LoRA whose tensors are changed: all but hashes, stamps of an earlier bake, and PEFT's
    settings, whose alphas are in the new factors. A hash of the data that was there is filled in anew."""
    return {
        key: text
        for key, text in metadata.items()
        if key not in ("sshs_legacy_hash", SETTINGS) and not key.startswith(_OWN)
    }


def sized(metadata: Mapping[str, str], ranks: Sequence[int], alpha: float | None) -> dict[str, str]:
    """The metadata with the network's rank and alpha as they are now, `Dynamic` where ranks differ (as sd-scripts
    says), if the LoRA has factors at all. `alpha` is None where it is each module's own rank."""
    if not ranks:
        return dict(metadata)
    rank = str(ranks[0]) if len(set(ranks)) == 1 else "Dynamic"
    return {
        **metadata,
        "ss_network_module": metadata.get("ss_network_module", "networks.lora"),
        "ss_network_dim": rank,
        "ss_network_alpha": rank if alpha is None else format_weight(alpha),
    }


def merged(terms: Sequence[Term], out: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Metadata for the sum of the terms, and remarks about what was left out.

    What all parents say alike is kept. Tags are taken together, folder by folder (`ss_tag_frequency`), or left out
    where one parent's are no JSON. Title, name and parents are the new file's: `modelspec.title`, `ss_output_name`,
    `modelspec.merged_from` (titles, separated by commas), and `blockweight.merged_from` with files, digests and
    weights; for bakes see `unstamped`.
    """
    sources = [term.lora.header.metadata for term in terms]
    first = kept(sources[0])
    common = {key: text for key, text in first.items() if all(other.get(key) == text for other in sources[1:])}
    result = {key: text for key, text in common.items() if key != TAGS}
    remarks: list[str] = []
    if any(TAGS in source for source in sources):
        tags = _all_tags([source[TAGS] for source in sources if TAGS in source])
        if tags is None:
            remarks.append(f"{TAGS} is left out: that of one of the LoRAs cannot be read.")
        else:
            result[TAGS] = tags
    result["ss_output_name"] = out.stem
    if any(key.startswith("modelspec.") for source in sources for key in source):
        must = dict(zip(_ARCHITECTURE, ARCHITECTURES.get(terms[0].lora.family.name, ()), strict=False))
        result = {**must, "modelspec.sai_model_spec": "1.0.1", **result}
        result["modelspec.title"] = out.stem
        result["modelspec.merged_from"] = ", ".join(_title(term) for term in terms)
        result["modelspec.hash_sha256"] = ""
    result[MERGED_FROM] = json.dumps([_told(term) for term in terms], ensure_ascii=False, separators=(",", ":"))
    return unstamped(result, [term.lora for term in terms]), tuple(remarks)


def resized(terms: Sequence[Term], out: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Metadata for one LoRA whose ranks were cut: all of its own but what its factors no longer are, the new name, and
    where it comes from. No remarks."""
    lora = terms[0].lora
    gone = ("sshs_legacy_hash", SETTINGS)
    result = {key: text for key, text in lora.header.metadata.items() if key not in gone}
    told = json.dumps(_told(terms[0]), ensure_ascii=False, separators=(",", ":"))
    return unstamped(result, [lora]) | {"ss_output_name": out.stem, "blockweight.resized_from": told}, ()


def _title(term: Term) -> str:
    title = term.lora.header.metadata.get("modelspec.title") or term.lora.path.stem
    return title.replace(",", " ").strip()


def _told(term: Term) -> dict[str, object]:
    told: dict[str, object] = {
        "file": term.lora.path.name.encode(errors="replace").decode(),
        "digest": term.lora.data_digest,
        "strength": term.strength,
    }
    if term.weights is not None:
        told |= {
            "weights": term.weights.text(),
            "layout": term.weights.layout.name,
            "rest": term.weights.rest,
        }
    return told


def _all_tags(texts: Sequence[str]) -> str | None:
    together: dict[str, dict[str, int]] = {}
    for text in texts:
        try:
            folders = json.loads(text)
            for folder, tags in folders.items():
                counts = together.setdefault(folder, {})
                for tag, count in tags.items():
                    counts[tag] = counts.get(tag, 0) + int(count)
        except (ValueError, RecursionError, AttributeError, TypeError, OverflowError):
            return None
    return json.dumps(together, ensure_ascii=False, separators=(",", ":"))
