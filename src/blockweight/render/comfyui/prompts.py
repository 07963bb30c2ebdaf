"""Prompts of the WebUI's language in ComfyUI's: `(text:1.21)` with a weight for every stretch, `\\(` for brackets.

ComfyUI reads brackets as the WebUI does, but a number in them replaces what brackets around it say instead of
multiplying it, `[` is a letter, and BREAK, AND and schedules are words. Source: `token_weights` and `escape_important`
of `comfy/sd1_clip.py` in ComfyUI 0.3.64.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Embedding, read_negative, read_prompt
from blockweight.plan.prompt_emphasis import Piece
from blockweight.plan.prompts import WEBUI_ALONE
from blockweight.weights import format_weight


def weighed_texts(text: str, steps: int, embeddings: Iterable[Embedding] = (), *, negative: bool = False) -> list[str]:
    """What ComfyUI is given for a prompt of a Stable Diffusion, one text for each of the chunks that BREAK makes.

    The names of `embeddings` become `embedding:name`. BlockweightError for what ComfyUI's core nodes cannot do alike:
    AND, and texts that change from step to step.
    """
    parts = (read_negative(text, steps),) if negative else read_prompt(text, steps)
    if len(parts) > 1 or parts[0].weight != 1:
        raise BlockweightError(
            f"ComfyUI composes prompts otherwise than AND in the WebUI does; write {quoted(text)} without AND and "
            "without a weight at its end, or use a workflow of your own."
        )
    if len(parts[0].spans) > 1:
        raise BlockweightError(
            f"ComfyUI reads a prompt once for all steps, so {quoted(text)} cannot change from step to step; write what "
            "it should say all along."
        )
    chunks: list[list[Piece]] = [[]]
    for piece in parts[0].spans[0].pieces:
        if piece.is_break:
            chunks.append([])
        else:
            chunks[-1].append(piece)
    named = sorted(embeddings, key=lambda embedding: -len(embedding.name))
    return [_written(chunk, named) for chunk in chunks]


def plain_text(text: str, family: str) -> str:
    """What ComfyUI is given for a prompt that means just its letters, of a model that reads sentences. BlockweightError
    for what makes sense in the WebUI alone."""
    if found := WEBUI_ALONE.search(text):
        raise BlockweightError(
            f"Models of the family {family} read a prompt as it is written, so {quoted(found[0])} would not mean what "
            "it means in the WebUI; say it in words."
        )
    return _escaped(text)


def _written(pieces: Iterable[Piece], embeddings: Iterable[Embedding]) -> str:
    written = ""
    for piece in pieces:
        text = _named(_escaped(piece.text), embeddings)
        part = text if piece.weight == 1 else f"({text}:{format_weight(piece.weight)})"
        # Words end at a new stretch anyway, and a backslash must not take its bracket.
        written += f" {part}" if written.endswith("\\") and part.startswith("(") else part
    return written


def _escaped(text: str) -> str:
    return text.replace("(", "\\(").replace(")", "\\)")


def _named(text: str, embeddings: Iterable[Embedding]) -> str:
    names = {_escaped(embedding.name).lower(): embedding.name for embedding in embeddings}
    if not names:
        return text
    words = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE)
    return words.sub(lambda found: f" embedding:{_escaped(names[found[0].lower()])} ", text)
