"""The LoRAs of an infotext: their tags, their hashes, and what settings of our own add.

`Blockweight LoRA 1: "rest: 0.5, layout: flux1-58"` says of the first LoRA's tag what LoRA Block Weight has no place
for: the weight of the modules that no block claims, which layout its vector is of, that the LoRA stands beside one that
the picture is without, and the file's name if a tag cannot hold that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from blockweight.blocks import Layout, layout_by_name, layouts_of_length
from blockweight.errors import BlockweightError, quoted
from blockweight.plan.infotext import OWN, Infotext
from blockweight.plan.notes import Note
from blockweight.weights import BlockWeights, format_weight, parse_weight
from blockweight.weights.notations.tag import LoraTag

LORA_HASHES = "Lora hashes"

MOST_LORAS = 100
"""Of a picture; who has more does not mean a picture."""

_OWN_SETTING = re.compile(rf"{OWN} LoRA (\d{{1,3}})", re.ASCII)
_HASH = re.compile(r"(?:0x)?[0-9a-f]{8,64}")
_BLOCKS = re.compile(r"[\w.]{1,60}(?: [\w.]{1,60})*")
_MOST_BLOCKS = 1000


def own_setting(number: int) -> str:
    """The name of our own setting about a LoRA, the prompt's tags counted from 1."""
    return f"{OWN} LoRA {number}"


def is_own_setting(name: str) -> bool:
    """Whether a setting is one of these."""
    return _OWN_SETTING.fullmatch(name) is not None


@dataclass(frozen=True)
class Extras:
    """What a tag cannot say of a LoRA: the weight of REST; the layout of its vector, None where its length tells it;
    whether it stands beside one that the picture is without; its file's name, empty where it is the tag's."""

    rest: float = 1.0
    layout: Layout | None = None
    beside: bool = False
    name: str = ""

    @classmethod
    def of(cls, title: str, tag_name: str, weights: BlockWeights, *, beside: bool = False) -> Extras:
        """Of a LoRA whose file is called `title`, with these weights."""
        told = next(iter(layouts_of_length(len(weights.layout))), None)
        layout = None if told is not None and _alike(told, weights.layout) else weights.layout
        return cls(weights.rest, layout, beside, "" if title == tag_name else title)

    def text(self) -> str:
        """The setting's value; empty if there is nothing to say."""
        said = [f"rest: {format_weight(self.rest)}"] if self.rest != 1 else []
        if self.layout is not None:
            known = _known(self.layout.name)
            if known is not None and _alike(known, self.layout):
                said.append(f"layout: {self.layout.name}")
            else:
                said += [f"family: {self.layout.family}", f"blocks: {' '.join(self.layout.blocks)}"]
        said += ["beside: yes"] if self.beside else []
        said += [f"name: {self.name}"] if self.name else []
        return ", ".join(said)


@dataclass(frozen=True)
class TaggedLora:
    """A LoRA of an infotext: its tag, its file's name, the hash that the infotext gives (empty for none), and what
    settings of our own say of it."""

    tag: LoraTag
    name: str
    short_hash: str = ""
    extras: Extras = Extras()

    @property
    def text_strength(self) -> float | None:
        """The strength in text encoders, as `LoraUse` has it."""
        return None if self.tag.te == self.tag.unet else self.tag.te

    @property
    def start(self) -> int:
        """The first step that it works in, counted from 1. LoRA Block Weight takes 0 for no start."""
        return max(self.tag.start or 1, 1)


@dataclass(frozen=True)
class TaggedLoras:
    """Those of an infotext: the one that the picture is about (None if there is none), and those beside it."""

    tuned: TaggedLora | None
    others: tuple[TaggedLora, ...]

    @property
    def all(self) -> tuple[TaggedLora, ...]:
        """All of them, the one that the picture is about first."""
        return (*(() if self.tuned is None else (self.tuned,)), *self.others)


def tagged_loras(infotext: Infotext, notes: list[Note]) -> TaggedLoras:
    """The LoRAs of the prompt's tags. The picture is about the first with block weights, else the first. A note for
    what settings of our own say in vain."""
    tags = [tag.lora for tag in infotext.tags if tag.lora is not None]
    hashes = _hashes(infotext.settings.get(LORA_HASHES, ""))
    found = []
    for number, tag in enumerate(tags, start=1):
        extras = _extras(infotext.settings.get(own_setting(number), ""), own_setting(number), notes)
        found.append(TaggedLora(tag, extras.name or tag.name, hashes.get(tag.name, ""), extras))
    idle = [name for name in infotext.settings if _is_idle(name, len(tags))]
    if idle:
        notes.append(Note(tuple(idle), f"{quoted(', '.join(idle))}: the prompt has fewer LoRAs."))
    if len(found) > MOST_LORAS:
        notes.append(Note(("Prompt",), f"The prompt names more than {MOST_LORAS} LoRAs; the rest are left out."))
        found = found[:MOST_LORAS]
    meant = [lora for lora in found if not lora.extras.beside]
    tuned = next((lora for lora in meant if lora.tag.weights), meant[0] if meant else None)
    return TaggedLoras(tuned, tuple(lora for lora in found if lora is not tuned))


def _is_idle(name: str, tags: int) -> bool:
    found = _OWN_SETTING.fullmatch(name)
    return found is not None and not 1 <= int(found[1]) <= tags


def _hashes(text: str) -> dict[str, str]:
    """Name → hash of `name: 0a1b2c3d4e5f, other: …`; the first of a name counts."""
    found: dict[str, str] = {}
    for item in _split(text):
        name, short = item
        found.setdefault(name, short)
    return found


def _split(text: str) -> Iterator[tuple[str, str]]:
    # Names may hold commas, which a hash cannot.
    name = ""
    for item in text.split(","):
        name += item
        before, colon, short = name.rpartition(":")
        if colon and _HASH.fullmatch(short.strip()):
            yield before.strip(), short.strip()
            name = ""
        else:
            name += ","


def _extras(text: str, setting: str, notes: list[Note]) -> Extras:
    """What the value of a setting of our own says; what it says in vain is noted."""
    if not text:
        return Extras()
    head, named, name = text.partition("name: ") if text.startswith("name: ") else text.partition(", name: ")
    said = dict(item.partition(": ")[::2] for item in head.split(", ") if item)
    try:
        rest = parse_weight(said.pop("rest", "1"))
        layout = _layout(said)
    except BlockweightError as error:
        notes.append(Note((setting,), f"{setting} plays no part: {error}"))
        return Extras()
    beside = said.pop("beside", "no") == "yes"
    if said:
        notes.append(Note((setting,), f"{setting} says {quoted(', '.join(said))}, which plays no part here."))
    return Extras(rest, layout, beside, name if named else "")


def _layout(said: dict[str, str]) -> Layout | None:
    """The layout by its name, or by its family and blocks."""
    name, family, blocks = (said.pop(key, "") for key in ("layout", "family", "blocks"))
    if name:
        return layout_by_name(name)
    if not blocks:
        return None
    names = tuple(blocks.split(" ")) if _BLOCKS.fullmatch(blocks) else ()
    if not 0 < len(names) <= _MOST_BLOCKS or len(set(names)) < len(names):
        raise BlockweightError(f"{quoted(blocks)} are no blocks, each named once; write them as in BASE D00 D01.")
    return Layout(f"{family or 'generic'}-{len(names)}", family or "generic", names, "as the infotext has it")


def _alike(one: Layout, other: Layout) -> bool:
    return (one.family, one.blocks) == (other.family, other.blocks)


def _known(name: str) -> Layout | None:
    try:
        return layout_by_name(name)
    except BlockweightError:
        return None
