"""Layouts: the ordered block names that a weight vector of one length stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

REST = "REST"
"""The block of every module that no rule claims; its weight is 1 unless a person gives it one."""

INSPIRE = "inspire"
"""The tool that layouts of ComfyUI's Inspire Pack are for."""

_SPELLINGS = {"MID": "M00", "MID00": "M00"}


def canonical_block(name: str) -> str:
    """A block's name as we write it: upper case, `MID` as `M00`.

    >>> canonical_block("mid")
    'M00'
    """
    upper = name.strip().upper()
    return _SPELLINGS.get(upper, upper)


@dataclass(frozen=True)
class Layout:
    """The ordered block names that a weight vector of one length stands for.

    `models` says in a word which released models have these blocks. A `partial` layout leaves out blocks that the model
    has but a LoRA of the common kind does not touch (LoRA Block Weight's 12 and 17). `covers` is empty where every name
    is one of the family's blocks; a layout of another tool, named by `tool`, lists there the names that stand for
    something else, each with the blocks of ours (REST among them) that it sets.
    """

    name: str
    family: str
    blocks: tuple[str, ...]
    models: str = ""
    partial: bool = False
    covers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tool: str = ""

    def __len__(self) -> int:
        return len(self.blocks)

    def stands_for(self, name: str) -> tuple[str, ...]:
        """The family's blocks that the entry `name` sets; KeyError if the layout lacks it."""
        if name not in self.blocks:
            raise KeyError(name)
        return dict(self.covers).get(name, (name,))


def numbered(series: str, count: int, first: int = 0) -> tuple[str, ...]:
    """`count` blocks of a series, in two digits from `first`.

    >>> numbered("IN", 2)
    ('IN00', 'IN01')
    """
    return tuple(f"{series}{number:02}" for number in range(first, first + count))


def blocks_in_order(order: str, counts: Mapping[str, int], singles: Iterable[str] | None = None) -> tuple[str, ...]:
    """The blocks of a model: `order` lists them as the model runs through them, `D#` for a numbered series.

    Of the series those in `counts` are taken; of the single blocks those in `singles`, or all of them.

    >>> blocks_in_order("IN D# S# OUT", {"D": 2})
    ('IN', 'D00', 'D01', 'OUT')
    """
    kept = None if singles is None else frozenset(singles)
    names: list[str] = []
    for item in order.split():
        if item.endswith("#"):
            names += numbered(item[:-1], counts.get(item[:-1], 0))
        elif kept is None or item in kept:
            names.append(item)
    return tuple(names)


def sizes(family: str, order: str, *models: tuple[str, Mapping[str, int]]) -> tuple[Layout, ...]:
    """One layout per released size, named after family and length; each of `models` is (its name, blocks a series)."""
    layouts = []
    for model, counts in models:
        blocks = blocks_in_order(order, counts)
        layouts.append(Layout(f"{family}-{len(blocks)}", family, blocks, model))
    return tuple(layouts)


def grown(family: str, order: str, found: Iterable[str]) -> Layout:
    """A layout for a model that was never released in this size: its series are as long as `found` shows.

    Its name tells the counts (`wan-b46`), so that equal blocks have equal names.
    """
    singles = [item for item in order.split() if not item.endswith("#")]
    counts: dict[str, int] = {}
    for block in found:
        if block not in singles and (parts := series_and_number(block)):
            counts[parts[0]] = max(counts.get(parts[0], 0), parts[1] + 1)
    blocks = blocks_in_order(order, counts, singles)
    shown = "-".join(f"{item[:-1].lower()}{counts[item[:-1]]}" for item in order.split() if item[:-1] in counts)
    return Layout(f"{family}-{shown or len(blocks)}", family, blocks, "as the file's keys have it")


def series_and_number(block: str) -> tuple[str, int] | None:
    """`D07` as its series and number, ("D", 7); None for a block that stands alone, such as `IN`.

    >>> series_and_number("OUT11")
    ('OUT', 11)
    """
    found = re.fullmatch(r"(.*\D)(\d{2,})", block, re.ASCII)
    return (found[1], int(found[2])) if found else None
