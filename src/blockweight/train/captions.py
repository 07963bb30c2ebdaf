"""Captions for training: weights on their words, and shuffled tags."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Literal

from blockweight.plan.prompt_emphasis import Piece, read_emphasis
from blockweight.weights import format_weight

Norm = Literal["mean", "none"]
"""What becomes of a weighted caption's states: they are scaled back to the mean that they had before, as sd-scripts
v0.6.1 to v0.9.1 do, or left as they are, as it does since v0.10.0."""

NORMS: tuple[Norm, ...] = ("mean", "none")


def weighted_pieces(caption: str) -> tuple[Piece, ...]:
    """The stretches of a caption with a weight each, as sd-scripts reads it with `--weighted_captions`
    (`library/strategy_base.py` at 48d368fa): the WebUI's emphasis, in which BREAK is a word like others.

    >>> [(piece.text, piece.weight) for piece in weighted_pieces("1girl, (hat:1.5)")]
    [('1girl, ', 1.0), ('hat', 1.5)]
    """
    return read_emphasis(caption, breaks=False)


def shuffled(caption: str, keep_tokens: int, words: random.Random) -> str:
    """The caption with its tags in another order; the first `keep_tokens` stay in front. Tags stand between commas and
    are joined by a comma and a blank; a comma in brackets divides too. Source: sd-scripts, `shuffle_caption`.

    >>> shuffled("a,b , c", 3, random.Random(0))
    'a, b, c'
    """
    tags = [tag.strip() for tag in caption.strip().split(",")]
    kept, others = tags[:keep_tokens], tags[keep_tokens:]
    words.shuffle(others)
    return ", ".join([*kept, *others])


@dataclass(frozen=True)
class TagWeight:
    """A weight for a tag of captions, in any case; for all tags where `tag` is empty."""

    weight: float
    tag: str = ""

    def counts_for(self, tag: str) -> bool:
        """Whether it is this tag's."""
        return not self.tag or tag.strip().casefold() == self.tag.strip().casefold()


def with_weight(caption: str, given: TagWeight) -> str:
    """The caption, in which brackets are text, with a weight written into it as `weighted_pieces` reads it: brackets of
    its own are escaped.

    >>> with_weight("1girl, hat_(red)", TagWeight(1.5, "1girl"))
    '(1girl:1.5), hat_\\\\(red\\\\)'
    """
    tags = [tag.strip() for tag in caption.strip().split(",")]
    return ", ".join(
        f"({_literal(tag)}:{format_weight(given.weight)})" if tag and given.counts_for(tag) else _literal(tag)
        for tag in tags
    )


def _literal(tag: str) -> str:
    return re.sub(r"([\\()\[\]])", r"\\\1", tag)


def divides_brackets(caption: str) -> bool:
    """Whether a comma stands in round or square brackets, so that shuffling would tear a weight apart."""
    depth = 0
    for before, letter in zip(f" {caption}", caption, strict=False):
        if before == "\\":
            continue
        depth = max(0, depth + (letter in "([") - (letter in ")]"))
        if letter == "," and depth:
            return True
    return False
