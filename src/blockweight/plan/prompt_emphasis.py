"""Emphasis in prompts, as the WebUI writes it: `(a)`, `(a:1.3)`, `[a]`, escapes, and `BREAK`.

Facts from AUTOMATIC1111/stable-diffusion-webui 1.10: "Attention/emphasis" and "Infinite prompt length" of its wiki's
page Features, and what its `modules/prompt_parser.py` says and tests of itself in its docstrings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

STRONGER, WEAKER = 1.1, 1 / 1.1
"""What a pair of round brackets multiplies a weight by, and one of square brackets."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a prompt with the weight of its tokens, 1 if nothing is said; or a BREAK (`is_break`)."""

    text: str
    weight: float = 1.0

    @property
    def is_break(self) -> bool:
        """Whether the text encoder starts a new chunk here instead of reading a text."""
        return self == BREAK


BREAK = Piece("BREAK", -1.0)
"""The mark, which is no word: words of weight −1 do not stand alone so in a prompt."""

_SIGNS = re.compile(r"\\[\\()\[\]]?|[()\[\]]|:\s*([+-]?[.\d]+)\s*\)|:|[^\\()\[\]:]+")
_BREAK = re.compile(r"\bBREAK\b")


@dataclass
class _Bracket:
    """An opened bracket: the piece that it stands before, and by what it multiplies."""

    start: int
    factor: float
    end: int | None = None


def read_emphasis(text: str, *, breaks: bool = True) -> tuple[Piece, ...]:
    """The pieces of a text, in order, at least one; neighbours of one weight are one piece.

    `(a)` multiplies by 1.1, `[a]` divides by 1.1, `(a:1.3)` multiplies by 1.3, nested ones multiply. `\\(`, `\\)`,
    `\\[`, `\\]` and `\\\\` are the second sign; a backslash before anything else is dropped. A bracket that is never
    closed counts to the end; one that closes nothing is text, and so is `:1.3)` without a bracket. `BREAK` as a word of
    its own divides, with the spaces around it; inside brackets its mark is multiplied as well, and it is read as a
    word, as the WebUI does. Without `breaks` it is a word everywhere, as in captions for training.

    A number that is none (`(a:1.2.3)`), on which the WebUI fails, is text.
    """
    pieces: list[Piece] = []
    brackets: dict[str, list[_Bracket]] = {"(": [], "[": []}
    opened: dict[str, list[_Bracket]] = {"(": [], "[": []}
    place = 0
    while (found := _SIGNS.match(text, place)) is not None:
        sign, place = found[0], found.end()
        factor = _number(found[1]) if found[1] else None
        if found[1] and opened["("] and factor is None:
            sign, place = ":", found.start() + 1
        if sign in brackets:
            opened[sign].append(_Bracket(len(pieces), STRONGER if sign == "(" else WEAKER))
            brackets[sign].append(opened[sign][-1])
        elif factor is not None and opened["("]:
            bracket = opened["("].pop()
            bracket.factor, bracket.end = factor, len(pieces)
        elif sign == ")" and opened["("]:
            opened["("].pop().end = len(pieces)
        elif sign == "]" and opened["["]:
            opened["["].pop().end = len(pieces)
        elif sign.startswith("\\"):
            pieces.append(Piece(sign[1:]))
        else:
            pieces += _divided(sign) if breaks else (Piece(sign),)
    rounds, squares = (_factors(brackets[sign], len(pieces)) for sign in "([")
    weighed = [Piece(p.text, p.weight * r * s) for p, r, s in zip(pieces, rounds, squares, strict=True)]
    return tuple(_joined(weighed or [Piece("")]))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _divided(text: str) -> Iterator[Piece]:
    first, *others = _BREAK.split(text)
    yield Piece(first.rstrip() if others else first)
    for number, part in enumerate(others, 1):
        yield BREAK
        yield Piece(part.lstrip() if number == len(others) else part.strip())


def _factors(brackets: Sequence[_Bracket], pieces: int) -> Iterator[float]:
    """What the brackets of one kind, in the order of their opening, multiply each piece by."""
    around: list[tuple[int, float]] = [(pieces, 1.0)]
    following = iter(brackets)
    bracket = next(following, None)
    for number in range(pieces):
        while around[-1][0] <= number:
            around.pop()
        while bracket is not None and bracket.start == number:
            end = pieces if bracket.end is None else bracket.end
            if end > number:
                around.append((end, around[-1][1] * bracket.factor))
            bracket = next(following, None)
        yield around[-1][1]


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The pieces with neighbours of one weight put together."""
    texts, weight = [pieces[0].text], pieces[0].weight
    for piece in pieces[1:]:
        if piece.weight == weight:
            texts.append(piece.text)
            continue
        yield Piece("".join(texts), weight)
        texts, weight = [piece.text], piece.weight
    yield Piece("".join(texts), weight)
