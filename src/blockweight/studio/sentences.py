"""What the rooms below say, in a page's language.

They say it in English, with values in it. The catalogue `sentences` has each sentence as a format string, so that one
that is said can be recognised, and its values put into the translation. A sentence that is not recognised for certain
stays in English: a page says so by its `lang`.

A translation has the places of its original. `{reason!m:why}` translates the value too where it can be (by sentences of
the kind `why`, then of none), `{reason!t:why}` wants that, or the whole is not translated, and `{changes!l:change}` is
a list whose items are translated one by one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from string import Formatter

from blockweight.studio.languages import FIRST

DOMAIN = "sentences"

_MOST_SENTENCES = 12
"""As many may stand one after another."""


@dataclass(frozen=True)
class Said:
    """A text and the language that it is in."""

    text: str
    lang: str


@lru_cache(maxsize=8192)
def said(language: str, text: str, kind: str = "") -> Said:
    """What a room below says, one sentence or several, in `language` if it can be, else as it is.

    `kind` is that of sentences that are said in one place only, such as `step` for steps of the history.
    """
    found = _book(language).translated(text, kind) if text else None
    return Said(text, FIRST) if found is None else Said(found, language)


@cache
def _book(language: str) -> Book:
    if language == FIRST:
        return Book({})
    file = resources.files("blockweight.studio") / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    return Book(dict(_messages(file.read_bytes())))


def _messages(data: bytes) -> Iterator[tuple[str, str]]:
    """The messages of a compiled catalogue (.mo, as gettext's manual describes it), with their translations."""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, originals, translations = struct.unpack_from(f"{order}3I", data, 8)
    for place in range(0, 8 * count, 8):
        texts = []
        for table in (originals, translations):
            length, start = struct.unpack_from(f"{order}2I", data, table + place)
            texts.append(data[start : start + length].decode())
        if texts[0]:
            yield texts[0], texts[1]


@dataclass(frozen=True)
class _Pattern:
    """A sentence as a pattern: the texts before, between and after its places, their names, and the translation."""

    texts: tuple[str, ...]
    names: tuple[str, ...]
    answer: str

    @property
    def letters(self) -> int:
        """How many of its characters are its own."""
        return sum(map(len, self.texts))

    def readings(self, sentence: str) -> list[dict[str, str]]:
        """The values in a sentence: none for another sentence, two where they cannot be told apart."""
        head, *between, tail = self.texts
        first, last = len(head), len(sentence) - len(tail)
        if first > last or not sentence.startswith(head) or not sentence.endswith(tail):
            return []
        early, place = [], first
        for text in between:
            at = sentence.find(text, place, last)
            if at < 0:
                return []
            early.append(sentence[place:at])
            place = at + len(text)
        early.append(sentence[place:last])
        late, place = [], last
        for text in reversed(between):
            at = sentence.rfind(text, first, place)
            late.append(sentence[at + len(text) : place])
            place = at
        late.append(sentence[first:place])
        late.reverse()
        # Where the first and the last way to read it are the same, there is no other.
        return [dict(zip(self.names, values, strict=True)) for values in ([early] if early == late else [early, late])]


class Book:
    """The sentences of one language: from format strings, with their kind before them as gettext writes a context, to
    translations."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        self._whole: dict[tuple[str, str], str] = {}
        # By kind and by how they end, so that few are looked at; those that end with a value under "".
        self._patterns: dict[tuple[str, str], list[_Pattern]] = {}
        for message, answer in messages.items():
            kind, _, original = message.rpartition("\x04")
            texts, names = _parsed(original)
            if names:
                pattern = _Pattern(texts, names, answer)
                self._patterns.setdefault((kind, texts[-1][-_END:]), []).append(pattern)
            else:
                self._whole[kind, texts[0]] = answer.format()

    def translated(self, text: str, kind: str = "") -> str | None:
        """The translation of a sentence of this kind or of none, or of several with spaces between them; None if there
        is none."""
        ends = [place + 1 for place in range(len(text)) if text.startswith(". ", place)]
        # Several first: a value of one may look as if it went on to the end of the last.
        for end in ends if len(ends) < _MOST_SENTENCES else ():
            first = self._one(text[:end], kind)
            rest = None if first is None else self.translated(text[end + 1 :], kind)
            if first is not None and rest is not None:
                return first + ("" if first.endswith("。") else " ") + rest
        return self._one(text, kind)

    def _one(self, sentence: str, kind: str) -> str | None:
        for asked in dict.fromkeys((kind, "")):
            whole = self._whole.get((asked, sentence))
            if whole is not None:
                return whole
            # What says more by itself fits better: a value is no part of a sentence.
            for pattern in sorted(self._ending_as(asked, sentence), key=lambda each: -each.letters):
                readings = pattern.readings(sentence)
                # Of two ways to read it, the one in which every part is a sentence that is known.
                answers = [self._filled(pattern.answer, values, whole=len(readings) > 1) for values in readings]
                found = [answer for answer in answers if answer is not None]
                if found:
                    return found[0] if len(found) == 1 else None
        return None

    def _ending_as(self, kind: str, sentence: str) -> Iterator[_Pattern]:
        for length in range(_END + 1):
            yield from self._patterns.get((kind, sentence[len(sentence) - length :]), ())

    def _filled(self, answer: str, values: Mapping[str, str], *, whole: bool) -> str | None:
        """The translation with its values; None where one of them must be translated, and cannot be. With `whole`, each
        must that may."""
        made = []
        for text, name, kind, conversion in Formatter().parse(answer):
            made.append(text)
            if name is not None:
                value = self._value(values[name], kind or "", "t" if whole and conversion == "m" else conversion)
                if value is None:
                    return None
                made.append(value)
        return "".join(made)

    def _value(self, value: str, kind: str, conversion: str | None) -> str | None:
        match conversion:
            case "t":
                return self.translated(value, kind)
            case "m":
                found = self.translated(value, kind)
                return value if found is None else found
            case "l":
                items = [self.translated(item, kind) for item in value.split(", ")]
                return None if None in items else "、".join(filter(None, items))
        return value


_END = 6
"""Characters at a pattern's end by which it is found."""


def _parsed(original: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    texts, names = [""], []
    for text, name, _, _ in Formatter().parse(original):
        texts[-1] += text
        if name is not None:
            names.append(name)
            texts.append("")
    return tuple(texts), tuple(names)
