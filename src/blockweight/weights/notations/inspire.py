"""The Inspire Pack's `block_vector` for ComfyUI's node LoraLoaderBlockWeight.

A vector by position: BASE, then every block that the LoRA really has, in the model's order. Source:
ComfyUI-Inspire-Pack V1.21, `inspire/lora_block_weight.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from blockweight.blocks import Family, Layout, Module, series_and_number
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import BlockWeights
from blockweight.weights.numbers import format_weight, parse_weight

LEAST = 12
"""A shorter vector is taken for a preset's name and refused."""

_SECTIONS = {"IN": 0, "M": 1, "OUT": 2, "D": 3, "S": 4}
_WITH_BUCKETS = ("sd1", "sd2", "sdxl", "flux1", "hunyuan-video", "hunyuan-image", "flux2")
"""Families whose modules the node sorts by `input_blocks`, `middle_block`, `output_blocks`, `double_blocks` and
`single_blocks`. It puts all modules of other families into BASE."""

_MIDDLE = re.compile(r"mid_block_(resnets|attentions)_(\d)_|middle_block_(\d)_", re.ASCII)
_SPEC = re.compile(r"%([a-z]+)(\d{0,4})(?:-(\d{1,4}))?=(.*)", re.ASCII)
_SPEC_SECTIONS = {"in": "IN", "mid": "MID", "out": "OUT", "double": "D", "single": "S"}


@dataclass(frozen=True)
class InspireVector:
    """A vector for one LoRA: `text` to paste, `entries` what each number stands for, `dropped` the blocks that it gives
    another weight than asked, `hints` what else the node does."""

    text: str
    entries: tuple[str, ...]
    dropped: tuple[str, ...]
    hints: tuple[str, ...]


def inspire_vector(weights: BlockWeights, family: Family, modules: Iterable[Module]) -> InspireVector:
    """The vector that gives every block of a LoRA with these modules its weight.

    The node goes on to the next number only when a block's own number changes, so that neighbours such as IN01 and MID1
    share one. BlockweightError for a family that it does not sort into blocks, and for neighbours that share a number
    but not a weight.
    """
    check_sorted(family)
    buckets: set[tuple[int, int, str]] = set()
    others: set[str] = set()
    for module in modules:
        block = family.block_of(module)
        parts = series_and_number(block)
        if parts is None or parts[0] not in _SECTIONS:
            others.add(block)
        else:
            buckets.add((_SECTIONS[parts[0]], _middle(module, parts), block))
    base = weights.weight("BASE") if "BASE" in weights.layout.blocks else _shared(weights, others)
    numbers, entries, last = [base], ["BASE"], -1
    for section, number, block in sorted(buckets):
        value = weights.weight(block)
        entry = f"MID{number}" if section == _SECTIONS["M"] else block
        if number == last:
            if value != numbers[-1]:
                raise BlockweightError(
                    f"The Inspire Pack's node gives {entries[-1]} and {entry} one number in a LoRA with only these "
                    "blocks; give both the same weight, or bake the weights."
                )
            entries[-1] += f"+{entry}"
        else:
            numbers.append(value)
            entries.append(entry)
        last = number
    dropped = tuple(block for block in sorted(others) if weights.weight(block) != base)
    hints = []
    if len(numbers) < LEAST:
        hints.append(f"The last number is repeated, because the node takes no vector of less than {LEAST}.")
        numbers += [numbers[-1]] * (LEAST - len(numbers))
    if dropped:
        hints.append(f"The node scales {', '.join(dropped)} by BASE.")
    return InspireVector(",".join(map(format_weight, numbers)), tuple(entries), dropped, tuple(hints))


def check_sorted(family: Family) -> None:
    """BlockweightError for a family that the node does not sort into blocks."""
    if family.name not in _WITH_BUCKETS:
        raise BlockweightError(
            f"The Inspire Pack sorts no block of {family.name} and would scale all by BASE; bake the weights instead."
        )


def _middle(module: Module, parts: tuple[str, int]) -> int:
    """The number that the node sorts a module by. Our M00 is three parts: resnet, attention, resnet."""
    found = _MIDDLE.match(module.path)
    if found is None:
        return parts[1]
    if found[3]:
        return int(found[3])
    return 1 if found[1] == "attentions" else 2 * int(found[2])


def _shared(weights: BlockWeights, blocks: Iterable[str]) -> float:
    """One weight for all that the node calls BASE: the one most of these blocks have, the first at a tie; else 1."""
    values = [weights.weight(block) for block in sorted(blocks)]
    return max(values, key=values.count) if values else 1.0


def expand_spec(text: str, layout: Layout) -> list[str]:
    """A `%default=0.5,in1-3=0.2,mid=0,out9=0.3` spec as one number per entry of the layout.

    `default` and `base` come first, then the others from left to right, the later the stronger. Numbers count the
    blocks of a section from 1, those that the LoRA has; here, those of the layout. Without `default` it is 1; `base` is
    the default where it is not given. BlockweightError for another word, and a number beyond the section.
    """
    parsed = [_SPEC.fullmatch(f"%{part.strip().removeprefix('%')}") for part in text.split(",")]
    if None in parsed:
        raise BlockweightError(f"{quoted(text)} is not a spec of the Inspire Pack's; write %default=1,in1-3=0.5,mid=0.")
    parts = [part for part in parsed if part]
    named = {part[1]: parse_weight(part[4]) for part in parts if part[1] in ("default", "base")}
    default = named.get("default", 1.0)
    values = dict.fromkeys(layout.blocks, default)
    if layout.blocks[0] in ("BASE", "CLIP"):
        values[layout.blocks[0]] = named.get("base", default)
    for part in parts:
        if part[1] in named:
            continue
        section = _section(part[1], layout)
        if part[4].strip().startswith("-"):
            raise BlockweightError(
                f"{quoted(part[0])} is below 0, which the Inspire Pack ignores; write a vector instead."
            )
        first, last = int(part[2] or 1), int(part[3] or part[2] or len(section))
        if not 1 <= first <= last <= len(section):
            raise BlockweightError(
                f"{quoted(part[0])} is beyond the {len(section)} blocks of that section in {layout.name}; the Inspire "
                "Pack counts those that the LoRA has, from 1."
            )
        values.update(dict.fromkeys(section[first - 1 : last], parse_weight(part[4])))
    return [format_weight(value) for value in values.values()]


def _section(word: str, layout: Layout) -> tuple[str, ...]:
    prefix = _SPEC_SECTIONS.get(word)
    if prefix is None:
        known = ", ".join(("default", "base", *_SPEC_SECTIONS))
        raise BlockweightError(f"{quoted(word)} is no section of the Inspire Pack's; it has {known}.")
    if prefix == "MID" and "M00" in layout.blocks:
        return ("M00",)
    section = tuple(block for block in layout.blocks if re.fullmatch(rf"{prefix}\d+", block, re.ASCII))
    if not section:
        raise BlockweightError(f"The layout {layout.name} has no blocks that the Inspire Pack calls {word}.")
    return section


def one_per_block(tokens: Sequence[str], layout: Layout) -> tuple[list[str], str]:
    """A plain vector as the node reads it, with one number for each entry of `layout`, and a hint where that is not as
    it stands: a short one (12 at least) goes on with its last number, what is too long is cut.

    BlockweightError for one that is too short, and an entry with several numbers (one a module) that differ.
    """
    if len(tokens) < LEAST:
        raise BlockweightError(f"The Inspire Pack takes vectors of {LEAST} numbers or more, not {len(tokens)}.")
    single = []
    for token in tokens:
        numbers = set(token.split())
        if len(numbers) > 1:
            raise BlockweightError(
                f"{quoted(token)} gives the modules of one block different weights, which block weights cannot say; "
                "give the block one."
            )
        single.append(numbers.pop() if numbers else "")
    hint = ""
    if len(tokens) < len(layout):
        hint = f"Blocks after the first {len(tokens)} take the last number, as in the Inspire Pack."
    elif len(tokens) > len(layout):
        hint = f"The numbers after the first {len(layout)} are left out, as in the Inspire Pack."
    return [*single, *[single[-1]] * len(layout)][: len(layout)], hint
