"""The scenes, masks and LoRAs of the benchmarks on the embedded model."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from blockweight.demo import embedded
from blockweight.lora import Lora, open_lora
from blockweight.measure import Mask, parse_objectives
from blockweight.plan import LoraUse, Scene
from blockweight.render import identify_checkpoint
from blockweight.workflow.analysis.ask import AnalysisAsk

VALUE, BASE = 0.5, 1.0
FIRST = 1001
SEEDS = "1001-1016,2001-2024"
LORAS = ("gobuhime-locon", "gobuhime")
OUTFITS = (*embedded.STUDIED, *embedded.SHOWN)
"""Ten, each a prompt; they take turns with the seeds, from FIRST on."""

LOOK = ("face", "hair")
CLOTHES = ("clothes",)


def seeds_of(ranges: str) -> tuple[int, ...]:
    """`1001-1003,2001` → 1001, 1002, 1003, 2001."""
    ends = [[int(end) for end in part.split("-")] for part in ranges.split(",")]
    return tuple(seed for first, *last in ends for seed in range(first, (last or [first])[0] + 1))


def outfit_of(seed: int) -> embedded.Outfit:
    return OUTFITS[(seed - FIRST) % len(OUTFITS)]


def lora_named(name: str) -> tuple[Lora, LoraUse]:
    lora = open_lora(embedded.lora_file(name))
    return lora, LoraUse(str(lora.path), lora.digest)


def scenes_of(seeds: Sequence[int]) -> tuple[Scene, ...]:
    checkpoint = identify_checkpoint(embedded.model_folder())
    return tuple(embedded.scene(checkpoint, outfit_of(seed), seed) for seed in seeds)


def masks_of(seeds: Sequence[int], regions: Collection[str]) -> tuple[Mask, ...]:
    """One a scene: where a character in its outfit shows one of the regions."""
    return tuple(embedded.region_mask(regions, outfit_of(seed).outfit) for seed in seeds)


def ask_of(name: str, seeds: Sequence[int], regions: Collection[str] = LOOK, objectives: str = "") -> AnalysisAsk:
    """All of the LoRA's blocks in a scene a seed, inside and outside the regions."""
    lora, use = lora_named(name)
    return AnalysisAsk(
        layout=lora.family.layout,
        lora=use,
        scenes=scenes_of(seeds),
        blocks=tuple(lora.blocks),
        value=VALUE,
        base=BASE,
        masks=masks_of(seeds, regions),
        aims=parse_objectives(objectives) if objectives else (),
    )
