"""From a LoRA's tag to the LoRA as pictures use it, whoever wrote the tag: a person, who is refused what cannot be had
(`prompt_loras`), or another program's picture, which is taken as far as it goes (`named_loras`)."""

from __future__ import annotations

from pathlib import Path

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.lora import Lora
from blockweight.plan import LoraUse, OtherLora
from blockweight.weights import BlockWeights, Context, read_weights, uniform
from blockweight.weights.notations.tag import LoraTag
from blockweight.workflow.baking import read_weights_for
from blockweight.workflow.own_presets import own_vector

PLOTTED, OPPOSITE = "XYZ", "ZYX"
"""What stands in a tag for the weights of a plot's axes, and for 1 less each of them, as LoRA Block Weight has it."""


def tagged_lora(
    lora: Lora, tag: LoraTag, *, layout: Layout | None = None, fill: float | None = None, book: Path | None = None
) -> OtherLora:
    """This LoRA as the tag has it used, with its weights as `tagged_weights`. BlockweightError for those that a plot
    puts in, that cannot be read, or do not fit the LoRA, and for steps that it could not work in."""
    if tag.weights in (PLOTTED, OPPOSITE):
        raise BlockweightError(
            f"{tag.weights} in the tag of {quoted(tag.name)} stands for weights that a plot puts in; write weights."
        )
    return OtherLora(
        use_of(lora, tag), tagged_weights(lora, tag.weights, tag.base, layout=layout, fill=fill, book=book)
    )


def use_of(lora: Lora, tag: LoraTag) -> LoraUse:
    """How a tag has the LoRA used. BlockweightError for steps that end before they begin."""
    if tag.stop is not None and tag.start is not None and tag.stop < tag.start:
        raise BlockweightError(
            f"The LoRA {quoted(tag.name)} would work from step {tag.start} until step {tag.stop}, which comes first; "
            "let it stop after it starts."
        )
    te = None if tag.te == tag.unet else tag.te
    return LoraUse(str(lora.path), lora.digest, tag.unet, te, max(1, tag.start or 1), tag.stop)


def tagged_weights(
    lora: Lora,
    text: str,
    base: float | None = None,
    *,
    layout: Layout | None = None,
    fill: float | None = None,
    book: Path | None = None,
) -> BlockWeights:
    """Block weights for the LoRA in any notation, presets of one's own book by name; all 1 for an empty text. `base` is
    what X stands for, `layout` what a vector is of where its length does not tell; `fill` and `book` are for
    `read_weights_for`. BlockweightError for what cannot be read, or does not fit the LoRA."""
    if not text:
        return uniform("ALL", lora.family.layout, 1.0)
    try:
        said = text if book is not None else own_weights(text)
        if base is not None:
            said = read_weights(said, Context(family=lora.family, base=base)).weights.text()
        found, _ = read_weights_for(lora.family, lora.blocks, said, fill, name="weights", book=book, layout=layout)
    except BlockweightError as error:
        raise BlockweightError(f"Block weights of {quoted(lora.path.name)}: {error}") from error
    return found


def own_weights(text: str) -> str:
    """Block weights with the numbers of one's own book behind the name of a preset there, anything else as it is."""
    own = None if "," in text else own_vector(text)
    return text if own is None else f"{text}:{own}"
