"""Block weights from one notation or layout to another, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blockweight.blocks import (
    REST,
    Family,
    Layout,
    all_layouts,
    family_by_name,
    layout_by_name,
)
from blockweight.errors import BlockweightError
from blockweight.weights import (
    BlockWeights,
    Context,
    Converted,
    Reading,
    convert,
    convert_for,
    format_weight,
    is_elemental,
    lr_weights,
    parse_book,
    parse_elemental,
    plain_number,
    read_weights,
)
from blockweight.weights.notations.diffusers import write_scales
from blockweight.weights.notations.inspire import check_sorted, inspire_vector
from blockweight.weights.notations.recipe import write_recipe
from blockweight.weights.notations.table import TABLES
from blockweight.weights.notations.tag import write_tag
from blockweight.weights.preset_rules import LBW_LENGTHS
from blockweight.workflow.text_files import read_text
from blockweight.workflow.weight_table import weight_table


@dataclass(frozen=True)
class Source:
    """What is known of weights beside their text, as it is typed: their layout (by name or length), family, or the LoRA
    file that they are for; the weight of blocks left out; a seed and a base for words like R and X; and a preset book
    (in LoRA Block Weight's format) whose names stand before those of the default presets. `own_lengths` as in
    `Context`."""

    layout: str | None = None
    family: str | None = None
    lora: Path | None = None
    fill: float | None = None
    seed: int | None = None
    base: float = 1.0
    book: Path | None = None
    own_lengths: bool = False

    def read(self, text: str) -> Reading:
        """The weights in any notation; BlockweightError for what cannot be read."""
        family = self.known_family()
        layout = None if self.layout is None else find_layout(self.layout, family)
        if family is not None and layout is not None and layout.family != family.name:
            raise BlockweightError(f"The layout {layout.name} is not of {family.name}; it has {_lengths(family)}.")
        presets = presets_in(self.book)
        context = Context(family, layout, self.fill, presets, self.seed, self.base, own_lengths=self.own_lengths)
        return read_weights(text, context)

    def known_family(self) -> Family | None:
        """The family, as fitted to the LoRA file where there is one."""
        if self.lora is None:
            return None if self.family is None else family_by_name(self.family)
        from blockweight.lora import open_lora  # noqa: PLC0415 - numpy only where a file is read

        return open_lora(self.lora).family


def presets_in(book: Path | None) -> dict[str, str]:
    """The presets of a book by name, none where there is no book; BlockweightError for a file that cannot be read."""
    return {} if book is None else dict(parse_book(read_text(book), "lbw").presets)


@dataclass(frozen=True)
class Conversion:
    """The converted weights, their text in the notation that was asked for, and hints about either end."""

    converted: Converted
    text: str
    hints: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON: name, layout, values by block, text, filled, dropped, hints."""
        return {
            **weights_facts(self.converted.weights),
            "text": self.text,
            "filled": list(self.converted.filled),
            "dropped": list(self.converted.dropped),
            "hints": list(self.hints),
        }


def weights_facts(weights: BlockWeights) -> dict[str, object]:
    """Weights as plain values: name, layout, values by block, and rest where it is not 1."""
    rest = {} if weights.rest == 1 else {"rest": plain_number(weights.rest)}
    values = {block: plain_number(value) for block, value in weights.items()}
    return {"name": weights.name, "layout": weights.layout.name, "values": values, **rest}


@dataclass(frozen=True)
class _Written:
    """A notation's text; the blocks that it gives another weight than asked, and those that it had to fill."""

    text: str
    dropped: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()


def _sd_scripts(reading: Reading, _: Source) -> _Written:
    rates = lr_weights(reading.weights)
    if rates is None:
        raise BlockweightError(
            f"sd-scripts takes no learning rate per block by these arguments for {reading.weights.layout.family}; give "
            "weights of sd1, sd2 or sdxl, or see 'blockweight train-args'."
        )
    weights = reading.weights
    missing = (
        ()
        if not weights.layout.partial
        else tuple(
            block for block in family_by_name(weights.layout.family).layout.blocks if block not in weights.layout.blocks
        )
    )
    hints = []
    if weights.weight("BASE") != 1:
        hints.append(
            "BASE is no entry of these lists: the text encoder has a learning rate of its own (see train-args)."
        )
    if any(value < 0 for value in weights.values):
        hints.append("sd-scripts takes weights below 0 as 0.")
    below = tuple(block for block, value in weights.items() if value < 0 or (block == "BASE" and value != 1))
    return _Written(rates.text(), (*below, *_lost_rest(weights)), tuple(hints), missing)


def _lost_rest(weights: BlockWeights) -> tuple[str, ...]:
    """REST, where it has a weight of its own and the notation has no place for it."""
    return () if weights.rest == 1 else (REST,)


def _diffusers(reading: Reading, _: Source) -> _Written:
    weights = reading.weights
    if weights.layout.tool:
        # The tool's entries as our blocks; where several are one block, they must agree.
        weights = convert(weights, family_by_name(weights.layout.family).layout, 1.0).weights
    scales, dropped = write_scales(weights)
    hints: tuple[str, ...] = ()
    if set(dropped) - {"BASE"} and not reading.weights.layout.partial:
        hints = ("diffusers has no number for every convolution; bake the weights to have them all.",)
    return _Written(json.dumps(scales, ensure_ascii=False), (*dropped, *_lost_rest(reading.weights)), hints)


def _inspire(reading: Reading, source: Source) -> _Written:
    weights = reading.weights
    if source.lora is not None:
        from blockweight.lora import open_lora  # noqa: PLC0415 - numpy only where a file is read

        lora = open_lora(source.lora)
        converted = convert_for(weights, lora.family.layout, lora.blocks, source.fill)
        vector = inspire_vector(converted.weights, lora.family, lora.modules)
        return _Written(vector.text, vector.dropped, vector.hints, converted.filled)
    family = family_by_name(weights.layout.family)
    check_sorted(family)
    theirs = weights.layout if weights.layout.partial else next(iter(family.other_layouts), None)
    if theirs is None:
        raise BlockweightError(
            f"The Inspire Pack's vector follows the blocks that a LoRA of {family.name} really has; add --lora FILE."
        )
    converted = convert(weights, theirs, source.fill)
    hint = f"This is for a LoRA with every block of {theirs.name}; give --lora FILE for one that may lack some."
    dropped = (*converted.dropped, *_lost_rest(weights))
    return _Written(converted.weights.vector(), dropped, (hint,), converted.filled)


def _tag(reading: Reading, _: Source) -> _Written:
    weights = reading.weights
    hints: tuple[str, ...] = ()
    if len(weights.layout) not in LBW_LENGTHS:
        lengths = ", ".join(map(str, LBW_LENGTHS))
        hints = (f"LoRA Block Weight takes vectors of {lengths} numbers and ignores this one.",)
    return _Written(write_tag(weights, reading.tag), _lost_rest(weights), hints)


def _table_writer(write: Callable[[BlockWeights], str]) -> Callable[[Reading, Source], _Written]:
    return lambda reading, _: _Written(write(reading.weights), _lost_rest(reading.weights))


WRITERS: dict[str, Callable[[Reading, Source], _Written]] = {
    "tag": _tag,
    "sd-scripts": _sd_scripts,
    "inspire": _inspire,
    "diffusers": _diffusers,
    "toml": lambda reading, _: _Written(write_recipe(reading.weights)),
    "json": lambda reading, _: _Written(json.dumps(weights_facts(reading.weights), ensure_ascii=False)),
    **{name: _table_writer(write) for name, write in TABLES.items()},
}
"""What else than a layout one can convert to."""


def convert_text(text: str, to: str, source: Source = Source()) -> Conversion:
    """Convert weights to a layout (its name or length, in the family of the weights if that has one) or to one of
    WRITERS. BlockweightError for what cannot be read or converted."""
    reading = source.read(text)
    if to in WRITERS:
        written = WRITERS[to](reading, source)
        same = Converted(reading.weights, (*reading.filled, *written.filled), written.dropped)
        hints = reading.hints if to == "tag" else (*reading.hints, *lost_tag(reading))
        return Conversion(same, written.text, (*hints, *written.hints))
    family = source.known_family() or family_by_name(reading.weights.layout.family)
    made = convert(reading.weights, find_layout(to, family), source.fill)
    lost = _lost_rest(reading.weights)
    whole = Converted(made.weights, (*reading.filled, *made.filled), (*made.dropped, *lost))
    return Conversion(whole, made.weights.text(), (*reading.hints, *lost_tag(reading)))


def lost_tag(reading: Reading) -> tuple[str, ...]:
    """What a prompt's tag says beside weights, where there is no place for it."""
    said = [] if reading.tag is None else reading.tag.beside_weights()
    return (f"The tag's {', '.join(said)} have no place here.",) if said else ()


def find_layout(text: str, family: Family | None) -> Layout:
    """The layout of this name, or the first of this length, in the family if that has one; BlockweightError if there
    is none."""
    own = () if family is None else (*family.layouts, *family.other_layouts)
    for layout in (*own, *all_layouts()):
        if text.strip().lower() == layout.name or text.strip() == str(len(layout)):
            return layout
    if text.isascii() and text.isdigit():
        raise BlockweightError(f"There is no layout of length {text[:20]}; there are {_lengths(None)}.")
    return layout_by_name(text)


def _lengths(family: Family | None) -> str:
    layouts = all_layouts() if family is None else (*family.layouts, *family.other_layouts)
    return ", ".join(map(str, sorted({len(layout) for layout in layouts})))


@dataclass(frozen=True)
class Shown:
    """Weights or an elemental preset as lines to read, the same as plain values, and hints."""

    lines: tuple[str, ...]
    facts: dict[str, object]
    hints: tuple[str, ...] = ()


def show_text(text: str, source: Source = Source()) -> Shown:
    """Each block by its name with its weight, whatever the notation; an elemental preset directive by directive.
    BlockweightError for what cannot be read."""
    if is_elemental(text):
        return _show_elemental(text, source)
    reading = source.read(text)
    tag = {} if reading.tag is None else {"tag": reading.tag.facts()}
    facts = {**weights_facts(reading.weights), "notation": reading.notation, **tag, "filled": list(reading.filled)}
    facts["hints"] = list(reading.hints)
    head = f"{reading.weights.layout.name}, read as {reading.notation}"
    filled = (f"Filled: {', '.join(reading.filled)}",) if reading.filled else ()
    return Shown((head, *_table(reading.weights)), facts, (*filled, *reading.hints))


def _show_elemental(text: str, source: Source) -> Shown:
    family = source.known_family()
    layout = family_by_name("sd1").layout if family is None else family.layout
    elemental = parse_elemental(text, layout if source.layout is None else find_layout(source.layout, family))
    rows = [(directive.text.split(":")[0], directive) for directive in elemental.directives]
    lines = [f"{elemental.name} (elemental preset; the last line that meets a module replaces its block's weight)"]
    for blocks, directive in rows:
        words = " ".join(directive.elements)
        what = f"modules {'without' if directive.inverted else 'with'} {words}" if words else "all modules"
        lines.append(f"{blocks or 'all blocks'}: {what} weigh {format_weight(directive.ratio)}")
    directives = [
        {
            "blocks": [block for block in (*layout.blocks, REST) if block in directive.blocks],
            "elements": list(directive.elements),
            "inverted": directive.inverted,
            "ratio": plain_number(directive.ratio),
        }
        for _, directive in rows
    ]
    return Shown(tuple(lines), {"name": elemental.name, "directives": directives})


def _table(weights: BlockWeights) -> list[str]:
    numbers = weights.vector().split(",")
    lines = list(weight_table(weights.layout, [(weights.name, dict(zip(weights.layout.blocks, numbers, strict=True)))]))
    return lines if weights.rest == 1 else [*lines, f"{REST} (modules of no block)  {format_weight(weights.rest)}"]
