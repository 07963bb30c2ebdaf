"""Which family a LoRA belongs to, from its modules alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from blockweight.blocks.families.generic import GENERIC
from blockweight.blocks.family import Family, is_numbered
from blockweight.blocks.keys import DENOISERS, Module
from blockweight.blocks.layout import REST, series_and_number
from blockweight.blocks.registry import FAMILIES

_KNOWN = tuple(family for family in FAMILIES if not family.guessed)


def detect_family(modules: Iterable[Module]) -> Family | None:
    """The family whose LoRA has these modules; the generic one for an unknown model; None if it cannot be told.

    A family comes into question if it claims every module that stands in a numbered block, and if none of the modules
    is foreign to it. Among several the choice falls, in this order, on one
    1. that has a module which others have not (Flux.1's own modulation in each block, Hunyuan's `img_mlp.fc1`, …) and a
       released model with all blocks found;
    2. of which a released model has exactly as many blocks of each series as were found: 19 double and 38 single blocks
       are Flux.1, 8 and 48 Flux.2, 20 and 40 Hunyuan;
    3. of which a released model has at least the blocks found;
    4. that has such a module, though no released model is so large;
    and among equals on the first in FAMILIES: SD1 before SD2, Z-Image before Lumina, HunyuanVideo before HunyuanImage,
    Anima before Cosmos-Predict2, where a LoRA of the usual kind has nothing to tell the two apart.

    None means that no module stands in any block, or that the keys are those of several families at once.
    """
    sample = _Sample.of(modules)
    claimants = [family for family in _KNOWN if sample.is_claimed_by(family)]
    fits = [(_rank(family, sample), family) for family in claimants if not sample.shows(family.foreign)]
    likely = [(rank, family) for rank, family in fits if any(rank)]
    if likely:
        best = max(rank for rank, _ in likely)
        return next(family for rank, family in likely if rank == best)
    if not any(map(is_numbered, sample.modules)):
        return None
    mixed = not claimants and all(
        any(family.block_of(module) != REST for family in _KNOWN) for module in sample.modules if is_numbered(module)
    )
    return None if mixed else GENERIC


def recognises(family: Family, modules: Iterable[Module]) -> bool:
    """Whether these modules can be a LoRA of this family, even if another is the likelier.

    They cannot if it does not claim every module in a numbered block, if one is foreign to it, or if they show what
    only another family has. The guess for unknown models takes whatever has numbered blocks.
    """
    sample = _Sample.of(modules)
    if family.guessed:
        return bool(family.blocks_of(sample.modules))
    if not sample.is_claimed_by(family) or sample.shows(family.foreign):
        return False
    return sample.shows(family.signs) or not any(
        sample.is_claimed_by(other) and not sample.shows(other.foreign) and _rank(other, sample)[0] for other in _KNOWN
    )


@dataclass(frozen=True)
class _Sample:
    """The modules of one LoRA, and each as the line that signs are looked for in."""

    modules: Sequence[Module]
    lines: Collection[str]
    has_denoiser: bool

    @classmethod
    def of(cls, modules: Iterable[Module]) -> _Sample:
        known = tuple(dict.fromkeys(modules))
        lines = {
            module.path if module.component in DENOISERS else f"{module.component}.{module.path}" for module in known
        }
        return cls(known, sorted(lines), any(module.component in DENOISERS for module in known))

    def is_claimed_by(self, family: Family) -> bool:
        """Whether the family claims every numbered module, and something in the denoiser (or, for a LoRA of text
        encoders alone, in each of them)."""
        seen: dict[str, bool] = {}
        for module in self.modules:
            claimed = family.block_of(module) != REST
            if not claimed and is_numbered(module):
                return False
            if module.component in DENOISERS or not self.has_denoiser:
                seen[module.component] = seen.get(module.component, False) or claimed
        return bool(seen) and all(seen.values())

    def shows(self, patterns: tuple[str, ...]) -> bool:
        """Whether any of the patterns is found in any line."""
        if not patterns:
            return False
        search = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.ASCII).search
        return any(map(search, self.lines))


def _rank(family: Family, sample: _Sample) -> tuple[bool, bool, bool, bool]:
    found = family.blocks_of(sample.modules)
    counts = _counts(found)
    models = [frozenset(layout.blocks) for layout in family.layouts if not layout.partial]
    # An embedder alone tells nothing: many models have an `img_in` or a `proj_out`.
    telling = bool(counts) or not sample.has_denoiser
    fits = telling and any(found <= blocks for blocks in models)
    exact = fits and any(found <= blocks and counts.items() <= _counts(blocks).items() for blocks in models)
    signed = sample.shows(family.signs)
    return signed and fits, exact, fits, signed


def _counts(blocks: Iterable[str]) -> Counter[str]:
    """How many blocks of each numbered series there are."""
    return Counter(parts[0] for parts in map(series_and_number, blocks) if parts)
