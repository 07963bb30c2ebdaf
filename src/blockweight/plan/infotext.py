"""Infotexts: what the WebUI writes below a picture, and into it as `parameters`.

The prompt's lines, then the negative one's from `Negative prompt:` on, then one line of settings, `Steps: 20, Sampler:
Euler a, …`. A value with a comma, a colon or an end of line is a JSON string; an item whose value is its own name is
that name alone. Sources: `modules/infotext_utils.py` and `create_infotext` of `modules/processing.py` in
AUTOMATIC1111/stable-diffusion-webui 1.10. Other programs write JSON lists and objects as values, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from blockweight.errors import BlockweightError
from blockweight.weights.notations.tag import LoraTag, parse_tag

NEGATIVE = "Negative prompt:"

OWN = "Blockweight"
"""What the names of our own settings begin with."""

OWN_PROMPT, OWN_NEGATIVE, OWN_TAGS = (f"{OWN} {name}" for name in ("prompt", "negative prompt", "tags"))
"""Settings that say prompts, without tags, and the tags, of a text from whose lines these cannot be told."""

OWN_DECIDED = f"{OWN} decided"
"""The setting that says what the renderer decided by itself (`infotext_decided.py`)."""

MODEL_HASH, OWN_MODEL_HASH = "Model hash", f"{OWN} model hash"
"""Settings with the beginning of a model's hash: that of a single file, and our own digest of a model that has none."""

_NAME = re.compile(r"\s*(\w[^:,\"\n]{0,80}):[ \t]*")
_TAG = re.compile(r"<(\w+):[^>]*>")
_FIRST = re.compile(r"\s*Steps:\s*\d+\s*(?:,|$)", re.ASCII)
_SIGNS = ("Steps", "Sampler", "CFG scale", "Seed", "Size", "Model hash", "Model")
"""A line that has one of these among three settings, or two of them, is the settings' line; a prompt's may have other
colons and commas. (The WebUI takes any last line with three colons.)"""

_QUOTED = re.compile(r'[,:\x00-\x1f\x7f]|^["{[]')

_JSON = json.JSONDecoder(strict=False)


@dataclass(frozen=True)
class PromptTag:
    """One `<word:…>` of a prompt, which the WebUI takes out of it. `lora` is what a LoRA's tag says, None for one of
    another word, and one that cannot be read; `problem` says why, if so."""

    text: str
    lora: LoraTag | None = None
    problem: str = ""


@dataclass(frozen=True)
class Infotext:
    """The parts of an infotext. `prompt` still has its tags; `settings` maps names to values in their order, strings
    unquoted and JSON lists and objects as they stand; `unread` is what follows the settings and is none. Settings of
    our own (OWN_PROMPT) count more than the lines."""

    prompt: str
    negative_prompt: str
    settings: Mapping[str, str]
    unread: str = ""

    @cached_property
    def tags(self) -> tuple[PromptTag, ...]:
        """The prompt's tags, in order."""
        return tuple(_prompt_tag(found) for found in _tags_in(self.settings.get(OWN_TAGS, self.prompt)))

    @property
    def model_hash(self) -> str:
        """The beginning of the model's hash, the file's or our own digest; empty if there is none."""
        return self.settings.get(MODEL_HASH) or self.settings.get(OWN_MODEL_HASH, "")

    @property
    def bare_prompt(self) -> str:
        """The prompt without its tags, as the WebUI gives it to the text encoder, spaces at the gaps aside."""
        if OWN_PROMPT in self.settings:
            return self.settings[OWN_PROMPT]
        edges = [0, *(edge for found in _tags_in(self.prompt) for edge in found.span()), len(self.prompt)]
        pieces = [self.prompt[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
        return "".join([*(piece.rstrip(" \t") for piece in pieces[:-1]), pieces[-1]]).strip()


def read_infotext(text: str) -> Infotext:
    """Read an infotext. Any text is one: what has no line of settings is a prompt, and no part need be there."""
    lines = _plain(text).replace("\r\n", "\n").removeprefix("\ufeff").strip().split("\n")
    head, settings, unread = _split_settings(lines)
    negative = next((index for index, line in enumerate(head) if line.strip().startswith(NEGATIVE)), len(head))
    below = [line.lstrip().removeprefix(NEGATIVE) if index == 0 else line for index, line in enumerate(head[negative:])]
    below_all = settings.get(OWN_NEGATIVE, "\n".join(below).strip())
    return Infotext("\n".join(head[:negative]).strip(), below_all, settings, unread)


def quote_setting(value: str) -> str:
    """A value as a settings' line takes it: a JSON string where the WebUI writes one."""
    return json.dumps(value, ensure_ascii=False) if _QUOTED.search(value) or value != value.strip() else value


def _split_settings(lines: Sequence[str]) -> tuple[Sequence[str], dict[str, str], str]:
    """The lines above the settings, the settings, and the text below that is none.

    The last line is the settings' line if it looks like one; else the last that begins as the WebUI's does, as long as
    no negative prompt follows: programs, and people who paste, add lines below.
    """
    last = len(lines) - 1
    found = dict(_items(lines[last]))
    if _is_settings(lines[last], found):
        return lines[:last], found, ""
    for index in range(last - 1, -1, -1):
        if lines[index + 1].strip().startswith(NEGATIVE):
            break
        if _FIRST.match(lines[index]) and _is_settings(lines[index], found := dict(_items(lines[index]))):
            more = [dict(_items(line)) for line in lines[index + 1 :]]
            unread = [line for line, items in zip(lines[index + 1 :], more, strict=True) if not _all_named(items)]
            for items in filter(_all_named, more):
                found |= items
            return lines[:index], found, "\n".join(unread).strip()
    return lines, {}, ""


def _is_settings(line: str, found: Mapping[str, str]) -> bool:
    signs = sum(name in found for name in _SIGNS)
    return (signs >= 1 and len(found) >= 3) or signs >= 2 or _FIRST.fullmatch(line) is not None


def _all_named(items: Mapping[str, str]) -> bool:
    return bool(items) and all(name != value for name, value in items.items())


def _items(line: str) -> Iterator[tuple[str, str]]:
    """The settings of a line: name and value, twice the same for an item that stands alone."""
    place = 0
    while place < len(line):
        found = _NAME.match(line, place)
        start = place if found is None else found.end()
        value, place = _value(line, start)
        if found is not None:
            yield found[1].strip(), value
        elif value:
            yield value, value


def _value(line: str, start: int) -> tuple[str, int]:
    """The value that begins at `start`, and where the next item does: JSON if a comma or the end follows it, else what
    stands before the next comma."""
    if line[start : start + 1] in ('"', "[", "{"):
        try:
            value, end = _JSON.raw_decode(line, start)
        except (ValueError, RecursionError):
            pass
        else:
            after = re.compile(r"\s*(?:,|$)").match(line, end)
            if after is not None:
                return (_plain(value) if isinstance(value, str) else line[start:end]), after.end()
    end = line.find(",", start)
    end = len(line) if end < 0 else end
    return line[start:end].strip(), end + 1


def _tags_in(prompt: str) -> Iterator[re.Match[str]]:
    # Up to the last ">", or thousands of "<a:" would each be followed to the end.
    return _TAG.finditer(prompt, 0, prompt.rfind(">") + 1)


def _prompt_tag(found: re.Match[str]) -> PromptTag:
    if found[1].lower() not in ("lora", "lyco"):
        return PromptTag(found[0])
    try:
        return PromptTag(found[0], parse_tag(found[0]))
    except BlockweightError as error:
        return PromptTag(found[0], problem=str(error))


def _plain(text: str) -> str:
    """The text without halves of characters, which no file and no terminal takes."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
