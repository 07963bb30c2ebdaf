"""Prompts in the WebUI's language, read for a number of steps: which text the model is given in which step, with which
weights.

Facts from AUTOMATIC1111/stable-diffusion-webui 1.10: its wiki's page Features, and `modules/prompt_parser.py`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from blockweight.plan.prompt_emphasis import Piece, read_emphasis
from blockweight.plan.prompt_schedule import read_schedule

_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"\s*:\s*([-+]?(?:\d+\.?|\d*\.\d+))\s*")
_SPACES = " \t\r\n\u3000"

WEBUI_ALONE = re.compile(r"\([^()]*:\s*[-+]?\d*\.?\d+\s*\)|\[[^\[\]]*:\s*\d*\.?\d+\s*\]|<[\w-]+:[^<>]*>")
"""What only the WebUI reads: `(red:1.3)`, `[red:blue:0.5]`, `<lora:name:1>`. Plain brackets may be meant as such."""

SHORT = 75
"""Bytes. A text of no more has no more tokens, whatever a model's vocabulary is, and fits into one chunk."""


@dataclass(frozen=True)
class Span:
    """The pieces that are read in the steps `start` … `stop` − 1, counted from 0. A span may be of no step: the WebUI
    encodes its text all the same, and it counts in the mean that emphasis restores."""

    start: int
    stop: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class SubPrompt:
    """What stands between two ANDs: the weight of its direction, and its spans, which cover every step once."""

    weight: float
    spans: tuple[Span, ...]


def read_prompt(text: str, steps: int, over: int = 0) -> tuple[SubPrompt, ...]:
    """What a prompt says, for any text. `AND` as a word of its own divides it into prompts that are composed, each with
    a weight of 1 or what follows its last colon (`a AND b:0.5`; a prompt without AND may have one too). AND divides
    first, whatever brackets it stands in.

    `over` are the steps of the pass before, as in `read_schedule`."""
    return tuple(SubPrompt(weight, _spans(part, steps, over)) for part, weight in map(_weighed, _AND.split(text)))


def read_negative(text: str, steps: int, over: int = 0) -> SubPrompt:
    """What a negative prompt says, for any text. AND is a word there."""
    return SubPrompt(1.0, _spans(text, steps, over))


@lru_cache(maxsize=1024)
def reads_as_written(text: str, *, negative: bool = False) -> bool:
    """Whether a prompt means just its letters, in one chunk: it holds no sign that does something, and is surely not
    longer than 75 tokens. (Sure is what is not longer than 75 bytes: how many tokens a text has depends on the
    model.)"""
    letters = unicodedata.normalize("NFC", text).lower()
    if len("".join(letter for letter in letters if letter not in _SPACES).encode("utf-8", "surrogatepass")) > SHORT:
        return False
    (first, *more) = (read_negative(text, 1),) if negative else read_prompt(text, 1)
    pieces = first.spans[-1].pieces
    return (
        not more
        and (first.weight, len(pieces), pieces[0].weight) == (1.0, 1, 1.0)
        and text.startswith(pieces[0].text)
        and not text[len(pieces[0].text) :].strip(_SPACES)
    )


def _spans(text: str, steps: int, over: int) -> tuple[Span, ...]:
    return tuple(_stretched(text, steps, over))


def _stretched(text: str, steps: int, over: int) -> Iterator[Span]:
    """The schedule's texts with the steps that they are drawn in. The WebUI's sampler counts its steps from 0 and asks
    whether that number has passed the schedule's, which counts from 1: so the first text has one step more than it
    says, and turns begin with the first text twice."""
    known: dict[str, tuple[Piece, ...]] = {}
    start = 0
    for end, part in read_schedule(text, steps, over):
        if part not in known:
            known[part] = read_emphasis(part)
        stop = min(end + 1, steps)
        yield Span(start, stop, known[part])
        start = stop


def _weighed(text: str) -> tuple[str, float]:
    """A part of a conjunction without the weight at its end, and the weight."""
    text = text.rstrip()
    colon = text.rfind(":")
    found = _WEIGHT.fullmatch(text, colon) if colon >= 0 else None
    weight = float(found[1]) if found else math.inf
    return (text[:colon].rstrip(), weight) if math.isfinite(weight) else (text, 1.0)
