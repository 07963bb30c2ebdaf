"""Prompts as chunks of tokens, the way the WebUI fills them.

Facts from AUTOMATIC1111/stable-diffusion-webui 1.10: "Infinite prompt length" and "Textual Inversion" of its wiki's
page Features, its setting "Prompt word wrap length limit" (20 by default), and `modules/sd_hijack_clip.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from blockweight.plan.prompt_emphasis import Piece

LENGTH = 75
"""Tokens of a chunk, without those at its ends."""

WRAP = 20
"""How many tokens at most a full chunk hands over to the next, so that what follows its last comma stays together."""


@dataclass(frozen=True)
class Chunk:
    """At most LENGTH tokens with a weight each. `vectors` are the embeddings that stand in the place of tokens: the
    position of the first, and the embedding's name."""

    tokens: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    vectors: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Planted:
    """An embedding as the chunks need it: the tokens of its name, and how many vectors stand in their place."""

    name: str
    tokens: tuple[int, ...]
    length: int


@dataclass
class _Filling:
    """The chunks so far, and the one that is being filled; `comma` is the position of its last comma."""

    done: list[Chunk] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    vectors: list[tuple[int, str]] = field(default_factory=list)
    comma: int | None = None

    def end_chunk(self, keep: int | None = None) -> None:
        """End the chunk after `keep` tokens, and begin the next with the others. An embedding among those stays behind,
        as it does in the WebUI."""
        keep = len(self.tokens) if keep is None else keep
        self.done.append(Chunk(tuple(self.tokens[:keep]), tuple(self.weights[:keep]), tuple(self.vectors)))
        self.tokens, self.weights, self.vectors, self.comma = self.tokens[keep:], self.weights[keep:], [], None


def chunks_of(
    pieces: Sequence[Piece],
    tokens_of: Callable[[str], Sequence[int]],
    comma: int | None,
    planted: Sequence[Planted] = (),
) -> tuple[Chunk, ...]:
    """The chunks of a prompt's pieces, at least one. `tokens_of` gives a text's tokens, without those of the ends;
    `comma` is the token of a comma.

    Every piece is tokenized by itself. BREAK ends a chunk. A full chunk hands what follows its last comma over to the
    next one, if that are no more than WRAP tokens. An embedding's vectors stay in one chunk.
    """
    by_first = _by_first_token(planted)
    filling = _Filling()
    for piece in pieces:
        if piece.is_break:
            filling.end_chunk()
            continue
        tokens = tuple(tokens_of(piece.text))
        place = 0
        while place < len(tokens):
            place += _take(filling, tokens, place, piece.weight, comma, by_first)
    if filling.tokens or not filling.done:
        filling.end_chunk()
    return tuple(filling.done)


def _take(
    filling: _Filling,
    tokens: tuple[int, ...],
    place: int,
    weight: float,
    comma: int | None,
    by_first: Mapping[int, Sequence[Planted]],
) -> int:
    """Put the token, or the embedding, at `place` into the chunk; returns how many tokens it stands for."""
    token, filled = tokens[place], len(filling.tokens)
    if token == comma:
        filling.comma = filled
    elif filled == LENGTH and filling.comma is not None and filled - filling.comma <= WRAP:
        filling.end_chunk(filling.comma + 1)
    if len(filling.tokens) == LENGTH:
        filling.end_chunk()
    for embedding in by_first.get(token, ()):
        if tokens[place : place + len(embedding.tokens)] == embedding.tokens:
            if len(filling.tokens) + embedding.length > LENGTH:
                filling.end_chunk()
            filling.vectors.append((len(filling.tokens), embedding.name))
            filling.tokens += [0] * embedding.length
            filling.weights += [weight] * embedding.length
            return len(embedding.tokens)
    filling.tokens.append(token)
    filling.weights.append(weight)
    return 1


def _by_first_token(planted: Sequence[Planted]) -> dict[int, list[Planted]]:
    """Embeddings by the first token of their names, those with the longest names first."""
    found: dict[int, list[Planted]] = {}
    for embedding in sorted(planted, key=lambda embedding: len(embedding.tokens), reverse=True):
        if embedding.tokens:
            found.setdefault(embedding.tokens[0], []).append(embedding)
    return found
