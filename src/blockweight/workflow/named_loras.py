"""The LoRAs that an infotext names, in the folders that a person has named, and their block weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import open_lora
from blockweight.plan import Note, OtherLora, TaggedLora
from blockweight.weights import DEFAULT_PRESETS, Context, format_weight, read_weights
from blockweight.workflow.baking import weights_for
from blockweight.workflow.named_files import has_hash, loras_called
from blockweight.workflow.own_presets import own_vector
from blockweight.workflow.settings import Settings
from blockweight.workflow.tagged_loras import OPPOSITE, PLOTTED, tagged_lora


def lora_called(lora: TaggedLora, settings: Settings, notes: list[Note]) -> Path | None:
    """The LoRA's file; a note if it is not there, is another one, or one of several."""
    found = loras_called(lora.name, settings.loras)
    if not found:
        notes.append(missing("LoRA", "LoRA", lora.name))
        return None
    short = lora.short_hash
    checked = [(path, has_hash(path, short) if short else None) for path in found]
    right = [path for path, has in checked if has] or [path for path, has in checked if has is None]
    if not right:
        text = (
            f"The LoRA {quoted(lora.name)} that was found is another one: its hash does not begin with {quoted(short)}."
        )
        notes.append(Note(("Lora hashes",), text))
    elif len(right) > 1:
        notes.append(several("LoRA", "LoRAs", lora.name, right))
    return (right or found)[0]


def beside_project(lora: TaggedLora) -> Iterator[str]:
    """What a tag asks for that a project has no place for, which tunes a LoRA at one strength, in all steps."""
    if lora.tag.te != lora.tag.unet:
        te, unet = format_weight(lora.tag.te), format_weight(lora.tag.unet)
        yield (
            f"The LoRA's strength is {te} for the text encoder and {unet} for the UNet; a project has one, so {unet} "
            "is taken for both."
        )
    if lora.start > 1 or lora.tag.stop is not None:
        yield "The LoRA works in all steps: start=, stop= and step= of its tag play no part."


def others_of(loras: Sequence[TaggedLora], settings: Settings, notes: list[Note]) -> Iterator[OtherLora]:
    """Those beside the one that is tuned, as far as they are there and their weights fit them; a note for the rest."""
    for lora in loras:
        path = lora_called(lora, settings, notes)
        if path is None:
            continue
        try:
            yield other_lora(lora, path, notes)
        except BlockweightError as error:
            notes.append(Note(("LoRA",), f"The LoRA {quoted(lora.name)} is left out: {error}"))


def other_lora(lora: TaggedLora, path: Path, notes: list[Note]) -> OtherLora:
    """A LoRA as the infotext uses it, of this file. Without block weights, or with those that cannot be used (a note),
    all are 1. BlockweightError for a file that cannot be read, and block weights that do not fit it."""
    weights = lora_weights(lora, None, notes)
    tag = replace(lora.tag, weights=weights, base=None)
    made = tagged_lora(open_lora(path), tag, layout=lora.extras.layout)
    return replace(made, weights=replace(made.weights, name=lora.name, rest=lora.extras.rest))


def lora_weights(tagged: TaggedLora, lora: Path | None, notes: list[Note]) -> str:
    """The tag's block weights as text, empty where they cannot be used; what is wrong with them is noted. Names are
    looked up in the person's own book, then among the default presets."""
    tag = tagged.tag
    text = tag.weights
    if not text:
        return ""
    if text in (PLOTTED, OPPOSITE):
        notes.append(Note(("Block weights",), f"{text} stands for weights that a plot puts in; all weights are 1."))
        return ""
    if "," not in text:
        text = own_vector(text) or text
    if "," not in text and text not in DEFAULT_PRESETS:
        said = f"Neither the infotext nor your presets hold the numbers of {quoted(text)}; give the weights."
        notes.append(Note(("Block weights",), said))
        return ""
    try:
        context = Context(base=1.0 if tag.base is None else tag.base, layout=tagged.extras.layout)
        reading = read_weights(text, context)
    except BlockweightError as error:
        notes.append(Note(("Block weights",), f"The block weights cannot be used: {error}"))
        return ""
    used = text if tag.base is None else reading.weights.vector()
    if lora is not None:
        try:
            weights_for(open_lora(lora), used, None)
        except BlockweightError as error:
            notes.append(Note(("Block weights",), f"The block weights do not fit the LoRA yet: {error}"))
    return used


def missing(field: str, what: str, name: str) -> Note:
    """The note on a file that is not there."""
    text = f"The {what} {quoted(name)} is in none of the folders of the settings; choose it, or name its folder there."
    return Note((field,), text)


def several(field: str, what: str, name: str, found: Sequence[Path]) -> Note:
    """The note on files of one name."""
    text = f"{len(found)} {what} are called {quoted(name)}; the first was chosen, {quoted(str(found[0]), 200)}."
    return Note((field,), text)
