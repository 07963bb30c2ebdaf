"""Block weights from any notation: which one a text is in, and what it says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from blockweight.blocks import (
    INSPIRE,
    REST,
    Family,
    Layout,
    all_layouts,
    family_by_name,
    layout_by_name,
    layouts_of_length,
)
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import (
    DEFAULT_NAME,
    BlockWeights,
    check_name,
    layout_of_length,
    parse_values,
    split_weights,
)
from blockweight.weights.default_presets import DEFAULT_PRESETS, default_preset
from blockweight.weights.notations.block_lr import block_rates
from blockweight.weights.notations.by_name import known_blocks, nearest_of, number_of, plain_text, weights_by_name
from blockweight.weights.notations.diffusers import is_scales, read_scales, scaled_family
from blockweight.weights.notations.inspire import expand_spec, one_per_block
from blockweight.weights.notations.pasted import parse_pasted
from blockweight.weights.notations.recipe import read_json, read_toml
from blockweight.weights.notations.table import is_markdown, read_rows
from blockweight.weights.notations.tag import LoraTag, parse_tag, tags_in
from blockweight.weights.notations.tokens import INSPIRE_DRAWS, Draws, is_word, numbers_for
from blockweight.weights.numbers import format_weight


@dataclass(frozen=True)
class Context:
    """What a text of weights may leave open.

    `layout` is the one its numbers are for, else the length or the block names tell it, in `family` where that is given
    (as fitted to a file). `fill` is the weight of blocks that a notation by name leaves out; `presets` are texts by
    name; `seed` draws random weights and `base` is what X stands for; `name` is for weights without one. With
    `own_lengths` a vector's length never means a layout of another tool: there, one number too many would be read as
    that tool's vector.
    """

    family: Family | None = None
    layout: Layout | None = None
    fill: float | None = None
    presets: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    base: float = 1.0
    name: str = DEFAULT_NAME
    own_lengths: bool = False

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The layouts that the weights may be of."""
        if self.layout is not None:
            return (self.layout,)
        known = all_layouts() if self.family is None else (*self.family.layouts, *self.family.other_layouts)
        return tuple(layout for layout in known if not (self.own_lengths and layout.tool))


@dataclass(frozen=True)
class Reading:
    """The weights, the notation they were read from, what a person should know about that, the prompt tag that they
    stood in, if they did, and the blocks that the text said nothing of, which took the fill."""

    weights: BlockWeights
    notation: str
    hints: tuple[str, ...] = ()
    tag: LoraTag | None = None
    filled: tuple[str, ...] = ()


def read_weights(text: str, context: Context = Context()) -> Reading:
    """Read weights in any of NOTATIONS; the first that recognises the text reads it.

    BlockweightError, in one sentence, for whatever cannot be read: a wrong length, an unknown block, preset or word,
    broken JSON, two tags that might be meant.
    """
    trimmed = text.strip().removeprefix("\ufeff")
    for _, recognises, read in NOTATIONS:
        if recognises(trimmed, context):
            return read(trimmed, context)
    raise BlockweightError(f"{quoted(text)} holds no block weights; write them as in NAME:1,0,0.5,…")


def _read_tag(text: str, context: Context) -> Reading:
    tags = [tag for tag in map(parse_tag, tags_in(text)) if tag.weights]
    if len(tags) != 1:
        count = f"{len(tags)} tags have" if tags else "No tag in it has"
        raise BlockweightError(f"{count} block weights; give one tag with lbw=…, as in <lora:NAME:1:lbw=1,0,…>.")
    tag = tags[0]
    base = context.base if tag.base is None else tag.base
    inner = _read_vector(tag.weights, replace(context, name=tag.name, base=base))
    hints = (*([tag.hint] if tag.hint else []), *inner.hints)
    return Reading(inner.weights, "tag", hints, tag, inner.filled)


def _read_rates(text: str, context: Context) -> Reading:
    arguments = parse_pasted(text).network_args
    family = context.family or family_by_name(context.layout.family if context.layout else _trained_family(arguments))
    rates = block_rates(arguments, family.name)
    if rates is None:
        raise BlockweightError("None of down_lr_weight, mid_lr_weight and up_lr_weight is given; give all three.")
    blocks: dict[str, object] = dict(rates.by_block())
    if "MID0" in blocks:
        raise BlockweightError("The three values of mid_lr_weight differ, but M00 is one block; give it one weight.")
    hints = rates.notes
    if context.fill is None:
        hints = (*hints, "The text encoder has a learning rate of its own, so BASE is 1 here.")
    base = {"BASE": 1.0} if context.fill is None else {}
    weights, filled = weights_by_name(context.name, base | blocks, (family.layout,), context.fill)
    return Reading(weights, "sd-scripts", hints, filled=filled)


def _trained_family(arguments: Mapping[str, str]) -> str:
    """SDXL where one of the lists has its length: nine values on the way down or up, three in the middle."""
    lengths = {key: arguments.get(f"{key}_lr_weight", "").count(",") + 1 for key in ("down", "mid", "up")}
    return "sdxl" if 9 in (lengths["down"], lengths["up"]) or lengths["mid"] == 3 else "sd1"


def _read_json(text: str, context: Context) -> Reading:
    data = read_json(text)
    if isinstance(data, list | tuple):
        numbers = [each if isinstance(each, str) else format_weight(number_of(each)) for each in data]
        return replace(_read_tokens(context.name, numbers, context), notation="json")
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise BlockweightError('The text is not a list of numbers or an object; write {"BASE": 1, "IN00": 0}.')
    if any(_RATES.match(f"{key}=") for key in data) or "ss_network_args" in data:
        return _read_rates(text, context)
    if not is_scales(data):
        weights, filled = _by_name(data, ("values", "weights"), context)
        return Reading(weights, "json", filled=filled)
    known = context.family.name if context.family else context.layout.family if context.layout else None
    family = context.family or family_by_name(known or scaled_family(data) or "sd1")
    hints = () if known or scaled_family(data) else ("Read as scales of SD1; add --family sdxl if they are of SDXL.",)
    standard = next((layout for layout in family.layouts if layout.partial), family.layout)
    return Reading(read_scales(context.name, data, family.name, standard), "diffusers", hints)


def _read_toml(text: str, context: Context) -> Reading:
    weights, filled = _by_name(read_toml(text), ("weights",), context)
    return Reading(weights, "toml", filled=filled)


def _by_name(data: Mapping[str, Any], places: Sequence[str], context: Context) -> tuple[BlockWeights, tuple[str, ...]]:
    """From an object that holds the weights in one of `places`, beside name and layout, or is all weights itself."""
    place = next((place for place in places if isinstance(data.get(place), Mapping)), None)
    if place is None:
        return weights_by_name(context.name, data, context.layouts, context.fill)
    name, layout = data.get("name", context.name), data.get("layout")
    if not isinstance(name, str) or not isinstance(layout, str | None):
        raise BlockweightError('The name and the layout of weights are texts, as in name = "Girl", layout = "sd1-26".')
    given = data[place] if "rest" not in data else {REST: data["rest"], **data[place]}
    layouts = context.layouts
    if context.layout is None and layout is not None:
        # A layout made to measure for one file has no name that others know; its blocks tell it.
        layouts = tuple(known for known in layouts if known.name == layout) or (layout_by_name(layout),)
    return weights_by_name(name, given, layouts, context.fill)


def _read_spec(text: str, context: Context) -> Reading:
    layout = context.layout or (None if context.family is None else context.family.layout)
    if layout is None:
        raise BlockweightError("A spec like %default=1 counts blocks; say of which layout, as in --from sd1-17.")
    head, _, spec = text.partition(":") if ":" in text.partition("%")[0] else ("", "", text)
    weights = parse_values(check_name(head.strip() or context.name), expand_spec(spec, layout), layout)
    return Reading(weights, "inspire")


def _read_table(text: str, context: Context) -> Reading:
    rows = read_rows(text)
    if all(len(row) == 2 for row in rows) and all(_names_block(row[0], context) for row in rows[1:]):
        rows = [list(column) for column in zip(*rows, strict=True)]
    for row in rows:
        while row and not row[-1]:
            row.pop()
    if len(rows) != 2:
        raise BlockweightError(f"The table has {len(rows)} lines; give two: the blocks' names and one row of weights.")
    heads = [plain_text(head).strip("*") for head in rows[0]]
    if len(rows[1]) == len(heads) + 1:
        heads = ["", *heads]  # a row with a name under a head without
    if len(heads) != len(rows[1]):
        raise BlockweightError(f"The table has {len(heads)} names over {len(rows[1])} cells; give as many of both.")
    # The sheet's own last column repeats the row as text.
    pairs = zip(heads, rows[1], strict=True)
    cells = [(head, cell) for head, cell in pairs if (head or cell) and head.upper() != "WEIGHT"]
    name = context.name
    if cells and not _names_block(cells[0][0], context):
        name = check_name(cells.pop(0)[1] or name)
    if len({head for head, _ in cells}) < len(cells):
        raise BlockweightError("The table names a block twice; give every block one column.")
    given = {head: plain_text(cell) for head, cell in cells if cell}
    weights, filled = weights_by_name(name, given, context.layouts, context.fill)
    return Reading(weights, "table", filled=filled)


def _names_block(cell: str, context: Context) -> bool:
    return known_blocks((plain_text(cell).strip("*"),), context.layouts)


def _read_vector(text: str, context: Context) -> Reading:
    row = read_rows(text)[0] if "\t" in text and "\n" not in text else []
    if len(row) > 2 and _could_be_name(row[0]):
        # As a spreadsheet copies a row: its name may hold blanks and colons, and stands as it was written.
        return _read_tokens(check_name(row[0]), [plain_text(cell) for cell in row[1:]], context)
    named, tokens = split_weights(text if ":" in text else _PREFIX.sub("", text, 1), "")
    first = tokens[0].strip()
    if len(tokens) == 1 and not _is_number(first) and not is_word(first):
        return _read_preset(first, context)
    if not named and len(tokens) > 1 and _could_be_name(first):
        named, tokens = check_name((_rows_of(text)[0][0] if "," in text else "") or first), tokens[1:]
    return _read_tokens(named or context.name, tokens, context)


def _read_preset(name: str, context: Context) -> Reading:
    text = context.presets.get(name)
    if text is not None:
        reading = _read_vector(text, replace(context, name=name, presets={}))
        return replace(reading, notation="preset")
    if name not in DEFAULT_PRESETS:
        known = [*context.presets, *DEFAULT_PRESETS]
        raise BlockweightError(f"There is no preset {quoted(name)}; {nearest_of(name, known)}")
    # Without a word about the layout, LoRA Block Weight's own: its presets have 17 numbers.
    layout = context.layout or (layout_by_name("sd1-17") if context.family is None else context.family.layout)
    return Reading(default_preset(name, layout), "preset")


def _read_tokens(name: str, tokens: Sequence[str], context: Context) -> Reading:
    layout = (
        layout_of_length(len(tokens), context.layouts, context.family) if context.layout is None else context.layout
    )
    hints = () if context.layout else _other_layouts(layout, context)
    draws = Draws(context.seed, context.base)
    if layout.tool == INSPIRE:
        tokens, hint = one_per_block(tokens, layout)
        hints, draws = (*hints, hint) if hint else hints, replace(INSPIRE_DRAWS, seed=context.seed)
    return Reading(parse_values(name, numbers_for(tokens, draws), layout), layout.tool or "vector", hints)


_JSON = re.compile(r"\{.*\}|\[.*\]|\(.*\)", re.DOTALL)
_TOML = re.compile(r"^\s*\[weights\]\s*$", re.MULTILINE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_PREFIX = re.compile(r"\s*(?:lbw|w)\s*=", re.IGNORECASE)
_NO_NAME = re.compile(
    r"[-+.~$#\u2010-\u2015\u2212\u2248\u221e]|(?:nan|inf|infinity|true|false|null|none|x)$|x[-+]", re.IGNORECASE
)
_RATES = re.compile(r"(?:down|mid|up)_lr_weight[\"']?\s*[=:]")


def _other_layouts(layout: Layout, context: Context) -> tuple[str, ...]:
    """A hint where the length alone may mean a layout with other blocks."""
    others = [other.name for other in context.layouts if len(other) == len(layout) and other.blocks != layout.blocks]
    if not others and layout.tool:
        return (f"Read as the vector of {layout.name}, for {len(layout)} numbers; --from says another layout.",)
    if not others:
        return ()
    return (f"Read as {layout.name}; {len(layout)} numbers may also be {', '.join(others)}, which --from says.",)


def _is_number(text: str) -> bool:
    return bool(re.match(r"[+-]?\.?\d", text))


def _could_be_name(cell: str) -> bool:
    """Whether the first cell of a row names it, and is no number, word or slip of the hand."""
    return bool(cell) and not (_is_number(cell) or is_word(cell) or _NO_NAME.match(plain_text(cell)))


def _is_plain_vector(text: str) -> bool:
    """Whether a text is LoRA Block Weight's notation beyond doubt: numbers after its name, whatever the name holds."""
    tokens = [""]
    with contextlib.suppress(BlockweightError):
        tokens = [token.strip() for token in split_weights(text, "")[1]]
    if tags_in(text) and not layouts_of_length(len(tokens)):
        return False  # a prompt that ends in numbers
    return len(tokens) > 1 and all(_NUMBER.fullmatch(token) or is_word(token) for token in tokens)


def _is_json(text: str) -> bool:
    """Whether a text stands in brackets and is no prompt with a tag in it."""
    if not _JSON.fullmatch(text):
        return False
    if not tags_in(text):
        return True
    with contextlib.suppress(BlockweightError):
        read_json(text)
        return True
    return False


def _has_heads(text: str, context: Context) -> bool:
    """Whether a table's first line, or its first column, is made of block names."""
    if is_markdown(text):
        return True
    if not any(sign in text for sign in ",;\t"):
        return False
    rows = [[cell for cell in row if cell] for row in _rows_of(text)]
    if not rows:
        return False
    across = sum(_names_block(cell, context) for cell in rows[0])
    down = [len(row) == 2 and _names_block(row[0], context) for row in rows[1:]]
    return (len(rows[0]) > 1 and 2 * across >= len(rows[0])) or (len(down) > 1 and all(down))


def _rows_of(text: str) -> list[list[str]]:
    """The table's rows, none for what is no table."""
    with contextlib.suppress(BlockweightError):
        return read_rows(text)
    return []


Reader = Callable[[str, Context], Reading]

NOTATIONS: tuple[tuple[str, Callable[[str, Context], bool], Reader], ...] = (
    ("json", lambda text, _: _is_json(text), _read_json),
    ("toml", lambda text, _: bool(_TOML.search(text)), _read_toml),
    ("table", _has_heads, _read_table),
    ("plain vector", lambda text, _: _is_plain_vector(text), _read_vector),
    ("tag", lambda text, _: bool(tags_in(text)), _read_tag),
    ("sd-scripts", lambda text, _: bool(_RATES.search(text)), _read_rates),
    ("inspire spec", lambda text, _: "%" in text and "=" in text, _read_spec),
    ("vector", lambda text, _: bool(text), _read_vector),
)
"""Every notation: its name, whether a text is in it, and its reader, in the order in which they are tried."""
