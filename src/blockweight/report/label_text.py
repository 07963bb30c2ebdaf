"""A label broken into lines that fit a width, and its lines into runs of one font each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from blockweight.report.fonts import font_of, invisible, main_font, sized_font

LINE_HEIGHT = 1.3

_BREAKABLE = ",;:/_-、。"
"""A long word may be broken after these."""


@dataclass(frozen=True)
class Run:
    """A part of a line that one font file can write."""

    text: str
    font: Path

    def length(self, size: int) -> float:
        """Its width in pixels at a size."""
        return sized_font(self.font, size).getlength(self.text)


@dataclass(frozen=True)
class LabelText:
    """A text broken into lines, with the size of its letters in pixels."""

    lines: tuple[str, ...]
    size: int
    main: Path

    @property
    def line_height(self) -> int:
        """From one line to the next, in pixels."""
        return round(self.size * LINE_HEIGHT)

    @cached_property
    def width(self) -> int:
        """Of the longest line, in pixels."""
        return max((math.ceil(line_length(line, self.main, self.size)) for line in self.lines), default=0)

    @property
    def height(self) -> int:
        """Of all lines, in pixels; 0 without text."""
        return len(self.lines) * self.line_height


def laid_out(text: str, width: int, size: int) -> LabelText:
    """The text in lines of at most `width` pixels."""
    if not text:
        return LabelText((), size, main_font(text))
    main = main_font(text)
    spelled = _spelled(text, main)
    return LabelText(tuple(wrap(spelled, lambda part: line_length(part, main, size), width)), size, main)


def _spelled(text: str, main: Path) -> str:
    """The text with every character that no font has as its code, and without those that are not to be seen."""
    return "".join(character if character == "\n" else _spelled_character(character, main) for character in text)


def _spelled_character(character: str, main: Path) -> str:
    if character.isspace():
        return " "
    if font_of(character, main) is not None and not invisible(character):
        return character
    return "" if invisible(character) else f"[U+{ord(character):04X}]"


def runs_of(line: str, main: Path) -> list[Run]:
    """The line in parts of one font each, in order."""
    parts: list[tuple[Path, list[str]]] = []
    for character in line:
        font = font_of(character, main) or main
        if parts and (parts[-1][0] == font or character == " "):
            parts[-1][1].append(character)
        else:
            parts.append((font, [character]))
    return [Run("".join(characters), font) for font, characters in parts]


@lru_cache(maxsize=4096)
def line_length(line: str, main: Path, size: int) -> float:
    """The width of a line in pixels."""
    return sum(run.length(size) for run in runs_of(line, main))


def wrap(text: str, length: Callable[[str], float], width: int) -> list[str]:
    """Break the text into lines whose `length` is at most `width`: at its own newlines, then between words, and inside
    a word only where it alone is too long (CJK text has no spaces). Nothing is lost but the spaces at the breaks."""
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            joined = f"{line} {word}" if line else word
            if length(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            *full, line = _break_word(word, length, width)
            lines += full
        lines.append(line)
    return lines


def _break_word(word: str, length: Callable[[str], float], width: int) -> list[str]:
    pieces = [""]
    for character in word:
        while pieces[-1] and length(pieces[-1] + character) > width:
            # `Gobuhime:1,0,0.5,…` is easier to read when a line ends with its comma.
            cut = max(pieces[-1].rfind(mark) for mark in _BREAKABLE) + 1 or len(pieces[-1])
            pieces[-1:] = [pieces[-1][:cut], pieces[-1][cut:]]
        pieces[-1] += character
    return pieces
