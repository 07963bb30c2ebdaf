"""Bake block weights into a LoRA file, from text to a verified file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import BakeReport, Lora, bake, open_lora
from blockweight.weights import BlockWeights, Context, Elemental, convert, parse_elemental, read_weights
from blockweight.weights.notations.tag import LoraTag


def weights_for(
    lora: Lora, text: str, fill: float | None, rest: float | None = None
) -> tuple[BlockWeights, tuple[str, ...]]:
    """Read `text`, block weights in any notation, for the LoRA, in its family's longest layout; also the blocks that
    were filled. `rest` is for the modules that no block claims; without it they take what the text says, or 1.

    Blocks that a shorter vector lacks get `fill`. Without one, BlockweightError if the LoRA has modules there: to guess
    would silently change or silence them. So does a prompt's tag that says more than block weights.
    """
    reading = read_weights(text, Context(family=lora.family, fill=fill, own_lengths=True))
    _refuse_more_than_weights(reading.tag)
    weights = reading.weights if rest is None else replace(reading.weights, rest=rest)
    converted = convert(weights, lora.family.layout, 1.0 if fill is None else fill)
    touched = [block for block in converted.filled if block in lora.blocks]
    if touched and fill is None:
        raise BlockweightError(
            f"The {len(weights.layout)} weights name no value for {', '.join(touched)}, which '{lora.path.name}' has; "
            "add --fill 0 (LoRA Block Weight's own choice), --fill 1, or give all the "
            f"{len(lora.family.layout)} weights."
        )
    return converted.weights, converted.filled if fill is not None else ()


def _refuse_more_than_weights(tag: LoraTag | None) -> None:
    said = {} if tag is None else {key: value for key, value in tag.facts().items() if key != "name" and value != 1}
    if said:
        listed = ", ".join(f"{key}={value}" for key, value in said.items())
        raise BlockweightError(
            f"The tag says more than block weights ({listed}); give the text after lbw= alone, and what else you want "
            "by options such as --strength."
        )


def baked_name(source: Path, weights: BlockWeights) -> Path:
    """Where a baked file goes by default: beside the source, `<name>-<weights' name>.safetensors`."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in weights.name)
    return source.with_name(f"{source.stem}-{safe}.safetensors")


def bake_text(
    source: Path,
    text: str,
    out: Path | None,
    *,
    fill: float | None,
    rest: float | None,
    strength: float,
    overwrite: bool,
    elemental: str = "",
) -> tuple[BakeReport, tuple[str, ...]]:
    """Bake weights given as text, and an elemental preset if there is one; returns the report and the blocks that took
    the fill value."""
    lora = open_lora(source)
    weights, filled = weights_for(lora, text, fill, rest)
    target = baked_name(source, weights) if out is None else out
    elements: Elemental | None = parse_elemental(elemental, weights.layout) if elemental.strip() else None
    report = bake(source, weights, target, overwrite=overwrite, strength=strength, elemental=elements)
    return report, filled
