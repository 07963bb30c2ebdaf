"""The words that stand for a number in a vector: random ones and those relative to a base."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.weights.numbers import format_weight, parse_weight, step_weight

_RELATIVE = re.compile(r"X(?:([+-])(\d+\.?\d*|\.\d+))?", re.ASCII)


@dataclass(frozen=True)
class Draws:
    """How words become numbers: `seed` draws the random ones (None refuses them), `base` is what X stands for. A
    base of None refuses X, which is LoRA Block Weight's alone.

    `spans` gives each random word its lowest and highest value, `places` the decimals that a drawn number keeps.
    """

    seed: int | None = None
    base: float | None = 1.0
    spans: tuple[tuple[str, float, float], ...] = (("R", 0.0, 1.0), ("U", -0.5, 1.5))
    places: int = 3


INSPIRE_DRAWS = Draws(base=None, spans=(("R", 0.0, 3.0), ("r", 0.0, 3.0), ("U", -1.5, 1.5), ("u", -1.5, 1.5)), places=2)
"""The Inspire Pack's. The defaults of `Draws` are LoRA Block Weight's, by its code at b403cb7 (its README says -1.5 to
1.5 for U)."""


_NODE_WORDS = ("A", "a", "B", "b")
"""What the Inspire Pack's node replaces by its own fields A and B, or half of them."""


def is_word(token: str) -> bool:
    """Whether a token stands for a number, in one tool or another: R, U, X or X moved by a number; r, u, A, a, B, b."""
    return token in ("R", "U", "r", "u", *_NODE_WORDS) or bool(_RELATIVE.fullmatch(token))


def numbers_for(tokens: Sequence[str], draws: Draws) -> list[str]:
    """The tokens with every word replaced by its number, as text; other tokens as they are.

    R and U are drawn uniformly, each anew, the same for the same seed and length; X, X+n and X-n are the base moved by
    n. BlockweightError for a random word without a seed.

    >>> numbers_for(["0.5", "X-0.25"], Draws(base=1.0))
    ['0.5', '0.75']
    """
    source = None if draws.seed is None else random.Random(draws.seed)
    spans = {word: (low, high) for word, low, high in draws.spans}
    made = []
    for token in map(str.strip, tokens):
        relative = _RELATIVE.fullmatch(token)
        if token in spans:
            if source is None:
                raise BlockweightError(
                    f"{quoted(token)} stands for a random weight; draw it with 'blockweight weights show … --seed 1'."
                )
            made.append(format_weight(round(source.uniform(*spans[token]), draws.places)))
        elif relative and draws.base is None:
            raise BlockweightError(f"{quoted(token)} is a word of LoRA Block Weight's, not of the Inspire Pack's.")
        elif relative and draws.base is not None:
            change = parse_weight(relative[2]) if relative[2] else 0.0
            made.append(format_weight(step_weight(draws.base, -change if relative[1] == "-" else change)))
        elif token in _NODE_WORDS:
            raise BlockweightError(f"{quoted(token)} stands for a field of the Inspire Pack's node; write its number.")
        else:
            made.append(token)
    return made
