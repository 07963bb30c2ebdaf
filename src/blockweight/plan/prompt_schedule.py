"""Prompts that change while a picture is drawn, as the WebUI writes it: `[a:b:0.5]` and `[a|b]`.

Facts from AUTOMATIC1111/stable-diffusion-webui 1.10: "Prompt editing" and "Alternating Words" of its wiki's page
Features, and the examples in the docstrings of its `modules/prompt_parser.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

_SIGNS = re.compile(r"(?:[^\\\[\]():|]|\\.)+|[\[\]():|]")
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")


@dataclass(frozen=True)
class _Edit:
    """`[before:after:when]`; `when` is the number as it is written."""

    before: _Content
    after: _Content
    when: str

    def last_step(self, steps: int, over: int) -> int:
        """The last step, counted from 1, that `before` is drawn in; below 1 for none."""
        value = (float(self.when) - (over > 0)) * steps if "." in self.when else float(self.when) - over
        return int(max(-1.0, min(value, float(steps))))


@dataclass(frozen=True)
class _Turns:
    """`[a|b|c]`."""

    contents: tuple[_Content, ...]


_Content = list["str | _Edit | _Turns"]
"""A text with what changes in it."""


@dataclass
class _Bracket:
    """An open bracket: where it and its dividers `:` and `|` stand in the content so far."""

    sign: str
    start: int
    places: list[int] = field(default_factory=list)
    dividers: str = ""


def read_schedule(text: str, steps: int, over: int = 0) -> tuple[tuple[int, str], ...]:
    """The texts that a prompt stands for in turn, each with the step after which the next comes: rising numbers from 1
    on, the last one `steps`.

    `[a:b:N]` is a, and b after step N; `[b:N]` and `[:b:N]` add b, `[a::N]` takes a away. N with a point is a share of
    all steps, without one a number of steps; spaces around it play no part; below 1 the change is there from the start.
    `[a|b|c]` takes turns step by step. All of it can be nested and stand inside emphasis. A bracket of no such form is
    text, and so is all that it stands in. With a `|` outside of turns, or a backslash with nothing after it, the
    whole prompt is text.

    `over` are the steps of the pass before, which the hires pass goes on from: whole numbers count from the first of
    those, shares of its own steps begin at 1 (`[a:b:1.5]`), and turns begin anew.
    """
    read = _read(text)
    if read is None:
        return ((steps, text),)
    content, changes = read
    ends = {steps}
    for change in changes:
        ends |= set(range(1, steps + 1)) if isinstance(change, _Turns) else {change.last_step(steps, over)}
    return tuple((end, _text_at(content, end, steps, over)) for end in sorted(ends) if end >= 1)


def _read(text: str) -> tuple[_Content, list[_Edit | _Turns]] | None:
    """A prompt's content, and all the changes in it however deep; None for one that is text as a whole."""
    content: _Content = []
    opened: list[_Bracket] = []
    changes: list[_Edit | _Turns] = []
    place = 0
    while (found := _SIGNS.match(text, place)) is not None:
        sign, place = found[0], found.end()
        if sign in ("(", "["):
            opened.append(_Bracket(sign, len(content)))
        elif sign in (":", "|") and opened:
            opened[-1].places.append(len(content))
            opened[-1].dividers += sign
        elif sign == "|":
            return None
        elif sign in (")", "]") and opened:
            if _is_emphasis(opened[-1], sign):
                opened.pop()
            elif (change := _change(opened[-1], sign, content)) is not None:
                changes.append(change)
                content[opened.pop().start :] = [change]
                continue
            elif _all_text(opened):
                # What this bracket stands in cannot be one either: it would hold one that is none.
                opened.clear()
            else:
                return None
        content.append(sign)
    return (content, changes) if place == len(text) and _all_text(opened) else None


def _is_emphasis(bracket: _Bracket, sign: str) -> bool:
    """Whether `sign` ends a bracket that has to do with weights alone."""
    pair = bracket.sign + sign
    return (pair in ("()", "[]") and not bracket.dividers) or (pair == "()" and bracket.dividers == ":")


def _change(bracket: _Bracket, sign: str, content: _Content) -> _Edit | _Turns | None:
    """What a bracket that `sign` closes makes of the content's end, if it is of a form that changes something."""
    if bracket.sign + sign != "[]":
        return None
    edges = [bracket.start, *bracket.places, len(content)]
    parts = [content[start + 1 : end] for start, end in pairwise(edges)]
    if bracket.dividers in (":", "::") and (when := _when(parts[-1])) is not None:
        return _Edit(parts[0] if bracket.dividers == "::" else [], parts[-2], when)
    return _Turns(tuple(parts)) if set(bracket.dividers) == {"|"} else None


def _all_text(brackets: list[_Bracket]) -> bool:
    """Whether these brackets can be text: a `|` cannot."""
    return not any("|" in bracket.dividers for bracket in brackets)


def _when(content: _Content) -> str | None:
    texts = [item for item in content if isinstance(item, str)]
    found = _NUMBER.fullmatch("".join(texts)) if len(texts) == len(content) else None
    return found[1] if found else None


def _text_at(content: _Content, step: int, steps: int, over: int) -> str:
    """The text in a step, counted from 1."""
    texts, left = [], [iter(content)]
    while left:
        item = next(left[-1], None)
        if item is None:
            left.pop()
        elif isinstance(item, str):
            texts.append(item)
        elif isinstance(item, _Turns):
            left.append(iter(item.contents[(step - 1) % len(item.contents)]))
        else:
            left.append(iter(item.before if step <= item.last_step(steps, over) else item.after))
    return "".join(texts)
