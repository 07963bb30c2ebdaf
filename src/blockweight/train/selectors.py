"""Which blocks of a transformer a trainer's patterns and index lists choose: reading them back.

Only forms that mean whole blocks are read: a block module's name, a number or some, and the separator behind it. A
pattern that reaches inside blocks, or could mean more than it says, is refused rather than guessed at. No pattern is
run as it stands, so none can run for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from blockweight.blocks import Layout
from blockweight.blocks.layout import series_and_number
from blockweight.errors import BlockweightError, quoted
from blockweight.train.block_names import OTHER_NAMES, SERIES

_ITEM = r"(?:\d|\\d|\[\d(?:-\d)?(?:\d(?:-\d)?)*\])+"
_NUMBERS = rf"(?P<numbers>{_ITEM}|\((?:\?:)?{_ITEM}(?:\|{_ITEM})*\)|\\d\+|\(\\d\+\)|\[0-9\]\+)"
_STRING = re.compile(r"""\s*(?P<raw>[rR]?)(?:'(?P<one>[^'\n]*)'|"(?P<two>[^"\n]*)")\s*""")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MOST_TEXT = 20_000

Matches = Callable[[str, Iterable[str]], frozenset[str]]
"""A pattern and the blocks of a layout → those that it matches."""


def flat_blocks(pattern: str, layout: Layout) -> frozenset[str]:
    """The blocks that a pattern for `re.search` on flattened names chooses, `lora_unet_double_blocks_(0|3)_`; without
    the last `_` a number also stands for every number that begins with it. BlockweightError for other patterns."""
    return _blocks(pattern, layout, _flat_form)


def dotted_blocks(pattern: str, layout: Layout) -> frozenset[str]:
    """The blocks that a pattern for whole dotted names chooses, `blocks[.](3|4)[.].*`. BlockweightError for others."""
    return _blocks(pattern, layout, _dotted_form)


def parse_indices(key: str, text: str, count: int) -> frozenset[int]:
    """`0,3-18`, `all`, `none` as sd-scripts reads them; BlockweightError for forms at which it stops."""
    if text == "all":
        return frozenset(range(count))
    chosen: set[int] = set()
    for item in () if text in ("none", "") else text.split(","):
        ends = item.split("-")
        try:
            first, last = int(ends[0]), int(ends[-1])
        except ValueError:
            first, last = -1, -1
        if len(ends) > 2 or not 0 <= first <= last < count:
            raise BlockweightError(
                f"{quoted(item)} in {key} is no block or range from 0 to {count - 1}, at which sd-scripts stops; write "
                "it as in 0,3-18."
            )
        chosen.update(range(first, last + 1))
    return frozenset(chosen)


def parse_pairs(key: str, text: str) -> list[tuple[str, float]]:
    """`pattern=value,pattern=value` as sd-scripts cuts it: at every comma, then at the first `=`. BlockweightError for
    a piece without a number, which sd-scripts leaves out with a warning."""
    pairs: dict[str, float] = {}
    for piece in filter(None, map(str.strip, text.split(","))):
        pattern, mark, value = piece.partition("=")
        try:
            number = float(int(value)) if key == "network_reg_dims" else float(value)
        except (ValueError, OverflowError):
            mark, number = "", 0.0
        if not mark or not 0 <= number < float("inf"):
            raise BlockweightError(
                f"{quoted(piece)} in {key} is no pattern=value, so sd-scripts leaves it out; patterns must hold no "
                "comma and no '=', and values are numbers from 0."
            )
        pairs[pattern.strip()] = number
    return list(pairs.items())


def parse_string_list(key: str, text: str) -> list[str]:
    """A Python list of strings, `['blocks[.]1[.].*', r'…']`, or one string. BlockweightError for anything else."""
    inner = text.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1].strip()
    found: list[str] = []
    start = 0
    while start < len(inner) and len(text) <= _MOST_TEXT:
        string = _STRING.match(inner, start)
        if string is None or (string.end() < len(inner) and inner[string.end()] != ","):
            break
        body = string["one"] if string["one"] is not None else string["two"]
        escapes = () if string["raw"] else _ESCAPED.findall(body)
        if any(letter not in r"\.d-[]()|" for letter in escapes):
            break
        found.append(body if string["raw"] else body.replace("\\\\", "\\"))
        start = string.end() + 1
    else:
        if len(text) <= _MOST_TEXT:
            return found
    raise BlockweightError(f"{key}={quoted(text)} is no list of texts; write it as in ['blocks[.](0|1)[.].*'].")


def _blocks(pattern: str, layout: Layout, form: Callable[[str], str]) -> frozenset[str]:
    names = SERIES[layout.family]
    for series, module in (*names.items(), *OTHER_NAMES.get(layout.family, {}).items()):
        found = re.fullmatch(form(module), pattern, re.ASCII) if len(pattern) <= _MOST_TEXT else None
        if found is None:
            continue
        ahead = "" if found["end"] else r"\d*"
        try:
            numbers = re.compile(f"(?:{found['numbers'] or 'x'}){ahead}", re.ASCII)
        except re.error:
            break
        members = ((block, parts) for block in layout.blocks if (parts := series_and_number(block)))
        return frozenset(
            block
            for block, (own, number) in members
            if own == series and (found["numbers"] is None or numbers.fullmatch(str(number)))
        )
    raise BlockweightError(
        f"The pattern {quoted(pattern)} does not choose whole blocks of {layout.family} in a form that can be read "
        f"back exactly; such forms name {', '.join(names.values())}, then a number such as 3 or (0|3) and a separator."
    )


def _flat_form(module: str) -> str:
    name = re.escape(module.replace(".", "_"))
    return rf"(?:\.\*)?(?:\^?lora_unet_)?{name}_(?:{_NUMBERS}(?P<end>_)?)?(?:\.\*\$?)?"


def _dotted_form(module: str) -> str:
    dot = r"(?:\[\.\]|\\\.)"
    name = dot.join(map(re.escape, module.split(".")))
    return rf"\^?{name}{dot}(?:{_NUMBERS}(?P<end>{dot})?)?\.\*\$?"
