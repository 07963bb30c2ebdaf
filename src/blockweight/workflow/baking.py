"""Bake block weights into a LoRA file, from text to a verified file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import BakeReport, Lora, bake, open_lora
from blockweight.weights import BlockWeights, convert, parse_block_weights


def weights_for(lora: Lora, text: str, fill: float | None, rest: float = 1.0) -> tuple[BlockWeights, tuple[str, ...]]:
    """Read `text` as block weights of the LoRA's family, in its longest layout, with `rest` for the modules that no
    block claims; also the blocks that were filled.

    Blocks that a shorter vector lacks get `fill`. Without one, BlockweightError if the LoRA has modules there: to guess
    would silently change or silence them.
    """
    weights = replace(parse_block_weights(text, lora.family), rest=rest)
    converted = convert(weights, lora.family.layout, 1.0 if fill is None else fill)
    touched = [block for block in converted.filled if block in lora.blocks]
    if touched and fill is None:
        raise BlockweightError(
            f"The {len(weights.layout)} weights name no value for {', '.join(touched)}, which '{lora.path.name}' has; "
            "add --fill 0 (LoRA Block Weight's own choice), --fill 1, or give all the "
            f"{len(lora.family.layout)} weights."
        )
    return converted.weights, converted.filled if fill is not None else ()


def baked_name(source: Path, weights: BlockWeights) -> Path:
    """Where a baked file goes by default: beside the source, `<name>-<weights' name>.safetensors`."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in weights.name)
    return source.with_name(f"{source.stem}-{safe}.safetensors")


def bake_text(
    source: Path, text: str, out: Path | None, *, fill: float | None, rest: float, strength: float, overwrite: bool
) -> tuple[BakeReport, tuple[str, ...]]:
    """Bake weights given as text; returns the report and the blocks that took the fill value."""
    weights, filled = weights_for(open_lora(source), text, fill, rest)
    target = baked_name(source, weights) if out is None else out
    return bake(source, weights, target, overwrite=overwrite, strength=strength), filled
