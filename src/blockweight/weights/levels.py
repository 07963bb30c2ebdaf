"""Groups of blocks and levels: the tutorial's short way to write weights, three digits for all blocks.

`876` is 0.8 for the first group, 0.7 for the second and 0.6 for the third: important, unknown and unimportant blocks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_expressions import parse_blocks
from blockweight.weights.block_weights import BlockWeights
from blockweight.weights.numbers import parse_weight

TEXTS = ("BASE", "CLIP", "T5")
"""Text encoders: 1 unless a group names them."""

OTHERS = "others"

_GROUP = re.compile(r"([^\W\d]\w*)\s*=")


def parse_groups(text: str, layout: Layout) -> dict[str, tuple[str, ...]]:
    """Groups by name, from `important=IN01,IN05-IN07,unknown=IN03,unimportant=others`: each a block expression, one of
    them perhaps `others` for all blocks but the text encoders' that no other names.

    BlockweightError for no group, an unknown block, a block or a name that is there twice, and blocks of no group.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    _, *parts = _GROUP.split(plain)
    given = [(name, said.strip(" ,;、")) for name, said in zip(parts[::2], parts[1::2], strict=True)]
    if not given or _GROUP.match(plain) is None or len(dict(given)) < len(given):
        raise BlockweightError(
            f"{quoted(text)} are no groups, each with a name of its own; write important=IN01,IN05,unknown=IN03,"
            "unimportant=others."
        )
    named = {name: parse_blocks(said, layout) for name, said in given if said.lower() != OTHERS}
    taken = [block for blocks in named.values() for block in blocks]
    left = tuple(block for block in layout.blocks if block not in {*taken, *TEXTS})
    twice = next((block for block in taken if taken.count(block) > 1), None)
    if twice is not None:
        raise BlockweightError(f"{twice} is in two groups; leave it in one.")
    open_groups = [name for name, _ in given if name not in named]
    if (left and not open_groups) or len(open_groups) > 1:
        raise BlockweightError(
            f"One group must hold the blocks that no other names ({', '.join(left)}); write unimportant=others for it."
        )
    return {name: named.get(name, left) for name, _ in given}


def level_weights(level: str, groups: Mapping[str, tuple[str, ...]], layout: Layout) -> BlockWeights:
    """The weights of a level: a digit for each group, in tenths, or numbers between slashes, `1/0.75/0.5`. Blocks of no
    group are 1. BlockweightError for another count or what is no number."""
    plain = unicodedata.normalize("NFKC", level).strip()
    parts = plain.split("/") if "/" in plain else list(plain)
    if len(parts) != len(groups) or ("/" not in plain and not re.fullmatch(r"\d+", plain, re.ASCII)):
        raise BlockweightError(
            f"{quoted(level)} is no level of {len(groups)} groups; write a digit for each, such as "
            f"{'8765432'[: len(groups)]}, or numbers between slashes."
        )
    values = [parse_weight(part) if "/" in plain else int(part) / 10 for part in parts]
    by_block = {block: value for blocks, value in zip(groups.values(), values, strict=True) for block in blocks}
    name = plain.replace("/", "_")
    return BlockWeights(name, layout, tuple(by_block.get(block, 1.0) for block in layout.blocks))
