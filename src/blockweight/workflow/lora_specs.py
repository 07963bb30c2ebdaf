"""LoRAs as they are named on a command line: file, strength, and block weights in one text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.blocks import Family
from blockweight.errors import BlockweightError, quoted
from blockweight.lora import Lora, RankRule, Term, open_alike
from blockweight.weights import parse_blocks, parse_weight
from blockweight.workflow.baking import weights_for

_FILE = re.compile(r"(.*?\.safetensors)(?::(.*))?", re.IGNORECASE | re.DOTALL)
# Opening one says why it is refused, and what to do.
_PICKLE = re.compile(r"(.*?\.(?:pt|pth|ckpt|bin))(?::(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class LoraSpec:
    """FILE.safetensors[:STRENGTH[:WEIGHTS]], split. `weights` is text in any notation, or empty."""

    path: Path
    strength: float
    weights: str


def parse_spec(text: str) -> LoraSpec:
    """Split `FILE.safetensors[:STRENGTH[:WEIGHTS]]`.

    The file ends at the first `.safetensors` that a colon or the end follows, so colons in a Windows drive and in the
    weights need no quoting. An empty strength is 1. A pickle's ending (`.pt`, `.ckpt`, …) is taken likewise, for the
    reader to refuse. BlockweightError for anything else.
    """
    found = _FILE.fullmatch(text) or _PICKLE.fullmatch(text)
    if found is None:
        raise BlockweightError(
            f"{quoted(text)} names no .safetensors file; write FILE.safetensors, FILE.safetensors:0.6 or "
            'FILE.safetensors:0.6:"NAME:1,0,…".'
        )
    strength, colon, weights = (found[2] or "").partition(":")
    if colon and not weights.strip():
        raise BlockweightError(f"{quoted(text)} ends in a colon without block weights; write them, or leave it out.")
    try:
        number = parse_weight(strength) if strength.strip() else 1.0
    except BlockweightError:
        raise BlockweightError(
            f"{quoted(strength)} after '{Path(found[1]).name}' is not a strength; write a number before the block "
            f"weights, as in {Path(found[1]).name}:1:{strength[:20].strip()}…"
        ) from None
    return LoraSpec(Path(found[1]), number, weights)


def open_terms(
    texts: Sequence[str], fill: float | None, rest: float | None, family: Family | None = None
) -> tuple[tuple[Term, ...], tuple[str, ...]]:
    """The terms that the texts stand for, opened as LoRAs of one family (the one given), and the blocks that took the
    fill value. BlockweightError for what cannot be split, opened, or read as weights."""
    specs = [parse_spec(text) for text in texts]
    filled: dict[str, None] = {}
    terms = []
    for spec, lora in zip(specs, open_alike([spec.path for spec in specs], family), strict=True):
        if spec.weights.strip():
            weights, missing = weights_for(lora, spec.weights, fill, rest)
            filled.update(dict.fromkeys(missing))
        else:
            weights = None
        if weights is None and rest is not None:
            weights = weights_for(lora, ",".join(["1"] * len(lora.family.layout)), fill, rest)[0]
        terms.append(Term(lora, spec.strength, weights))
    return tuple(terms), tuple(filled)


def parse_rank(text: str, auto: int | None = None) -> RankRule:
    """`8`, `auto` (the rank `auto`, where that makes sense), `energy` (0.999 of ‖ΔW‖²), `energy:0.95`.
    BlockweightError for anything else."""
    head, _, share = text.strip().lower().partition(":")
    if head == "energy":
        energy = parse_weight(share) if share.strip() else 0.999
        return RankRule(energy=energy)
    if head == "auto" and not share and auto is not None:
        return RankRule(most=auto)
    if re.fullmatch(r"[1-9]\d{0,5}", head, re.ASCII) and not share:
        return RankRule(most=int(head))
    words = "a whole number, auto, energy" if auto is not None else "a whole number, energy"
    raise BlockweightError(f"{quoted(text)} is not a rank; give {words} or a share of it, as in energy:0.95.")


def parse_ranks(text: str, lora: Lora) -> dict[str, RankRule]:
    """`IN04=8,OUT03-OUT05=energy:0.95,REST=4`: a rule per block. BlockweightError for unknown blocks, no ranks, and a
    block that is named twice."""
    rules: dict[str, RankRule] = {}
    for item in filter(None, map(str.strip, re.split("[,、]", text))):
        blocks, equals, rank = item.partition("=")
        if not equals:
            raise BlockweightError(f"{quoted(item)} gives no rank; write BLOCK=RANK, as in IN04=8,OUT03-OUT05=4.")
        names = ("REST",) if blocks.strip().upper() == "REST" else parse_blocks(blocks, lora.family.layout)
        for name in names:
            if name in rules:
                raise BlockweightError(f"{quoted(text)} gives {name} two ranks; give it one.")
            rules[name] = parse_rank(rank)
    if not rules:
        raise BlockweightError("--ranks names no block; write BLOCK=RANK, as in IN04=8,OUT03-OUT05=4.")
    return rules


def widest_rank(terms: Sequence[Term]) -> int:
    """The largest rank of any LoRA or LoCon module of the terms; 1 if there is none."""
    ranks = [
        roles["lora_down"].shape[0]
        for term in terms
        for roles in term.lora.modules.values()
        if "lora_down" in roles and roles["lora_down"].shape
    ]
    return max((rank for rank in ranks if math.isfinite(rank)), default=1)
