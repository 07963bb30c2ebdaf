"""Block learning rates read back from a trainer's arguments: how fast each block was, or would be, trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from blockweight.blocks import Layout
from blockweight.blocks.layout import series_and_number
from blockweight.errors import BlockweightError, quoted
from blockweight.train.block_names import SERIES
from blockweight.train.musubi import BESIDE_BLOCKS
from blockweight.train.selectors import dotted_blocks, flat_blocks, parse_indices, parse_pairs, parse_string_list
from blockweight.weights import format_weight
from blockweight.weights.notations.block_lr import BLOCK_ORDER, LIST_KEYS, block_rates
from blockweight.weights.notations.pasted import Pasted

_SELECTORS = (
    "train_double_block_indices",
    "train_single_block_indices",
    "train_block_indices",
    "train_blocks",
    "exclude_patterns",
    "network_reg_dims",
    "network_reg_lrs",
)
_INDEXED = {
    "flux1": {"train_double_block_indices": "D", "train_single_block_indices": "S"},
    "sd3": {"train_block_indices": "J"},
}
_GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "flux1": {"all": ("D", "S"), "double": ("D",), "single": ("S",)},
    "lumina2": {
        "all": ("NR", "CR", "L"),
        "transformer": ("L",),
        "refiners": ("NR", "CR"),
        "noise_refiner": ("NR",),
        "context_refiner": ("CR",),
    },
}
"""What `train_blocks` chooses. Source: sd-scripts `networks/lora_flux.py` and `lora_lumina.py` at 48d368fa."""

_PATTERNED = ("flux1", "hunyuan-image", "anima")
"""Families for which sd-scripts knows `network_reg_lrs` and `network_reg_dims`."""

_PART_RANKS = tuple(f"{part}_dim" for part in (
    "img_attn", "txt_attn", "img_mlp", "txt_mlp", "img_mod", "txt_mod", "single", "single_mod",
    "context_attn", "context_mlp", "context_mod", "x_attn", "x_mlp", "x_mod", "attn", "mlp", "mod", "refiner",
))  # fmt: skip

_OFF = "Block learning rates are off: every block trains at the full rate."


@dataclass(frozen=True)
class ReadBack:
    """Multipliers of the denoiser's learning rate. `effective` is the trainer's own list, in its order; `blocks` the
    same by name (see BlockRates.by_block); both are None where the arguments treat no block apart."""

    family: str
    effective: tuple[float, ...] | None
    blocks: Mapping[str, float] | None
    unet_lr: float | None
    text_encoder_lr: tuple[float, ...] | None
    notes: tuple[str, ...]

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {
            "family": self.family,
            "effective": None if self.effective is None else list(self.effective),
            "blocks": None if self.blocks is None else dict(self.blocks),
            "unet_lr": self.unet_lr,
            "text_encoder_lr": None if self.text_encoder_lr is None else list(self.text_encoder_lr),
            "notes": list(self.notes),
        }

    def table(self) -> tuple[str, ...]:
        """For people: each block and its multiplier, to six places, in aligned lines."""
        if self.blocks is None:
            return ("all  1",)
        width = max(map(len, self.blocks))
        return tuple(f"{block:<{width}}  {format_weight(round(value, 6))}" for block, value in self.blocks.items())


def read_back(pasted: Pasted, layout: Layout, unet_lr: float | None = None) -> ReadBack:
    """What the arguments come to for a model with these blocks.

    `network_reg_lrs` are absolute rates: they are divided by `unet_lr`, or by the rate that was pasted with them.
    BlockweightError for arguments with which the trainer stops, and for those that cannot be read back exactly.
    """
    arguments, family = pasted.network_args, layout.family
    if (pasted.network_module or "").startswith("lycoris") or "preset" in arguments:
        raise BlockweightError(
            "These are arguments of LyCORIS, which has no learning rate per block; what it trains stands in its preset."
        )
    base = pasted.unet_lr if unet_lr is None else unet_lr
    notes = list(pasted.notes)
    useless = [key for key in ((*_SELECTORS,) if family in BLOCK_ORDER else LIST_KEYS) if key in arguments]
    if useless:
        notes.append(f"{', '.join(useless)} do nothing for {family}.")
    if family in BLOCK_ORDER:
        rates = block_rates(arguments, family)
        if "block_dims" in arguments:
            notes.append(
                "block_dims gives blocks their own ranks; a block of rank 0 is not trained, whatever its rate."
            )
        effective, blocks = (None, None) if rates is None else (rates.values, rates.by_block())
        notes += () if rates is None else rates.notes
    else:
        found = _transformer(arguments, layout, base)
        effective, blocks = (None, None) if found is None else (tuple(found.values()), found)
    if effective is None:
        notes.append(_OFF)
    return ReadBack(family, effective, blocks, base, pasted.text_encoder_lr, tuple(notes))


def _transformer(arguments: Mapping[str, str], layout: Layout, base: float | None) -> dict[str, float] | None:
    """Block → multiplier, for the blocks of numbered series that the trainer knows; None where nothing chooses any."""
    family = layout.family
    if family not in SERIES:
        raise BlockweightError(f"No trainer known here chooses blocks of {family} by arguments; use another family.")
    if "include_patterns" in arguments and arguments["include_patterns"].strip() != "[]":
        raise BlockweightError("include_patterns takes single modules in again, so no rate of a block follows from it.")
    zeroed = [key for key in _PART_RANKS if arguments.get(key, "").strip() == "0"]
    if zeroed:
        raise BlockweightError(
            f"{zeroed[0]}=0 leaves out a part of every block, so no rate of a block follows from it."
        )
    if not any(key in arguments for key in _SELECTORS):
        return None
    blocks = [block for block in layout.blocks if _series(block) in SERIES[family]]
    ranked, dropped = _by_rank(arguments, layout)
    unlisted = _unlisted(arguments, layout, blocks) - ranked
    absent = dropped | unlisted | _other_groups(arguments, layout, blocks) | _excluded(arguments, layout)
    rates = _own_rates(arguments, layout, base)
    return {block: 0.0 if block in absent else rates.get(block, 1.0) for block in blocks}


def _by_rank(arguments: Mapping[str, str], layout: Layout) -> tuple[frozenset[str], frozenset[str]]:
    """The blocks that `network_reg_dims` names (their index no longer counts), and those it leaves out."""
    first = _first_matches("network_reg_dims", arguments, layout)
    return frozenset(first), frozenset(block for block, rank in first.items() if rank == 0)


def _own_rates(arguments: Mapping[str, str], layout: Layout, base: float | None) -> dict[str, float]:
    absolute = _first_matches("network_reg_lrs", arguments, layout)
    if absolute and not base:
        raise BlockweightError(
            "network_reg_lrs are absolute learning rates; give the rate that they belong to with --unet-lr."
        )
    rates = {block: rate / (base or 1.0) for block, rate in absolute.items()}
    if not all(map(math.isfinite, rates.values())):
        raise BlockweightError(f"A rate of network_reg_lrs is too large beside {base:g}; check --unet-lr.")
    # 0.3 × 1e-4 / 1e-4 is 0.3 but for the last digit; a person wrote the 0.3.
    return {block: float(f"{rate:.15g}") for block, rate in rates.items()}


def _first_matches(key: str, arguments: Mapping[str, str], layout: Layout) -> dict[str, float]:
    """Block → the value of the first pattern that matches it."""
    if key not in arguments:
        return {}
    if layout.family not in _PATTERNED:
        raise BlockweightError(
            f"{key} is known only for {', '.join(_PATTERNED)}; {layout.family} has no such argument."
        )
    match: Callable[[str, Layout], frozenset[str]] = dotted_blocks if layout.family == "anima" else flat_blocks
    found: dict[str, float] = {}
    for pattern, value in parse_pairs(key, arguments[key]):
        for block in match(pattern, layout):
            found.setdefault(block, value)
    return found


def _unlisted(arguments: Mapping[str, str], layout: Layout, blocks: list[str]) -> frozenset[str]:
    """The blocks that index lists leave out."""
    absent: set[str] = set()
    for key, series in _INDEXED.get(layout.family, {}).items():
        if key in arguments:
            own = [block for block in blocks if _series(block) == series]
            kept = parse_indices(key, arguments[key], len(own))
            absent.update(block for number, block in enumerate(own) if number not in kept)
    return frozenset(absent)


def _other_groups(arguments: Mapping[str, str], layout: Layout, blocks: list[str]) -> frozenset[str]:
    """The blocks that `train_blocks` leaves out, and those of an adapter that is not trained."""
    absent: set[str] = set()
    if "train_blocks" in arguments:
        groups = _GROUPS.get(layout.family, {})
        chosen = arguments["train_blocks"]
        if chosen not in groups:
            known = ", ".join(groups) or "nothing"
            raise BlockweightError(f"train_blocks={quoted(chosen)} is not known for {layout.family}; it takes {known}.")
        absent.update(block for block in blocks if _series(block) not in groups[chosen])
    if layout.family == "anima" and arguments.get("train_llm_adapter", "").lower() != "true":
        absent.update(block for block in blocks if _series(block) == "A")
    return frozenset(absent)


def _excluded(arguments: Mapping[str, str], layout: Layout) -> frozenset[str]:
    if "exclude_patterns" not in arguments:
        return frozenset()
    listed = parse_string_list("exclude_patterns", arguments["exclude_patterns"])
    chosen = (dotted_blocks(pattern, layout) for pattern in listed if pattern not in BESIDE_BLOCKS)
    return frozenset(block for each in chosen for block in each)


def _series(block: str) -> str:
    parts = series_and_number(block)
    return parts[0] if parts else ""
