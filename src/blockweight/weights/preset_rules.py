"""What the two programs that read preset books take of a line, and what they skip without a word.

Sources: LoRA Block Weight at b403cb7 (`checkloadcond` and the reading of `lbwpresets.txt`), and the Inspire Pack
V1.21 (`load_lbw_preset`, `load_preset_dict`, `LoraLoaderBlockWeight.validate`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Literal

from blockweight.blocks import layouts_of_length
from blockweight.errors import quoted
from blockweight.weights.numbers import is_weight

Reader = Literal["lbw", "inspire"]
"""The program that a book is for: LoRA Block Weight, or the Inspire Pack for ComfyUI."""

TITLES: dict[Reader, str] = {"lbw": "LoRA Block Weight", "inspire": "the Inspire Pack"}

LBW_LENGTHS = (12, 17, 20, 26, 61)
"""The only vector lengths that LoRA Block Weight takes."""

_INSPIRE_LEAST = 12

_INSPIRE_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_LBW_X = re.compile(r"X(?:[+-](.+))?", re.DOTALL)


def split_lines(text: str, reader: Reader) -> list[str]:
    """The lines as the program sees them, each with its end.

    LoRA Block Weight uses `str.splitlines`, for which a form feed or U+2028 ends a line too; the Inspire Pack reads
    line by line.
    """
    return text.splitlines(keepends=True) if reader == "lbw" else list(io.StringIO(text, newline=""))


def split_preset(line: str, reader: Reader) -> tuple[str, str]:
    """Name and vector of a line with a ":". The Inspire Pack ends the vector at a second ":"."""
    name, _, vector = line.strip().partition(":")
    if reader == "inspire":
        return name, vector.partition(":")[0]
    return name.strip(), vector.strip()


def skip_reason(line: str, reader: Reader) -> str | None:
    """Why the program skips this line silently; None if it takes it as a preset. The line is no comment and not blank.

    LoRA Block Weight counts the commas of the whole line, the name's and a trailing one included.
    """
    if ":" not in line:
        return 'there is no ":" between a name and its weights'
    if reader == "inspire":
        return None
    if "#" in line:
        return 'there is a "#" in it; put the comment on a line of its own'
    length = line.count(",") + 1
    if length in LBW_LENGTHS:
        return None
    if length - 1 in LBW_LENGTHS and line.rstrip().endswith(","):
        return f"the comma at its end makes it {length} weights instead of {length - 1}; remove that comma"
    taken = ", ".join(map(str, LBW_LENGTHS[:-1]))
    return f"it has {length} weights, and only {taken} or {LBW_LENGTHS[-1]} are taken"


def problem_in_use(name: str, vector: str, reader: Reader) -> str | None:
    """Why a preset that is taken will fail when it is used; None if it will not.

    LoRA Block Weight knows the values R, U, X, X+0.1 and X-0.1 beside numbers; the Inspire Pack R, U, A and B in both
    cases, and several values for one block with one space between them.
    """
    if not name.strip():
        return "it has no name to use it by"
    if reader == "inspire":
        return _problem_for_inspire(name, vector)
    tokens = vector.split(",")
    if len(tokens) not in LBW_LENGTHS:
        return f"it has {len(tokens)} weights: the line is taken because a comma of its name was counted too"
    wrong = [(place, token) for place, token in enumerate(tokens) if not _lbw_knows(token.strip())]
    return _wrong_values(wrong, tokens)


def _problem_for_inspire(name: str, vector: str) -> str | None:
    if name != name.strip():
        return 'there is a space before its ":", so that it is never found by its name'
    if vector.lstrip().startswith("%"):
        return "a % text works in the node's own field only"
    tokens = vector.split(",")
    if len(tokens) < _INSPIRE_LEAST:
        return f"it has {len(tokens)} weights, and the node refuses fewer than {_INSPIRE_LEAST}"
    wrong = [
        (place, token) for place, token in enumerate(tokens) if not all(map(_inspire_knows, token.strip().split(" ")))
    ]
    return _wrong_values(wrong, tokens)


def _wrong_values(wrong: Sequence[tuple[int, str]], tokens: Sequence[str]) -> str | None:
    if not wrong:
        return None
    place, token = wrong[0]
    layouts = layouts_of_length(len(tokens))
    where = f"weight {place + 1}" + (f" ({layouts[0].blocks[place]})" if layouts else "")
    shown = f"is {quoted(token, 20)}, which is not a number" if token.strip() else "is empty"
    more = f", and {len(wrong) - 1} more are wrong" if len(wrong) > 1 else ""
    return f"{where} {shown}{more}"


def _lbw_knows(token: str) -> bool:
    if token in {"R", "U"}:
        return True
    base = _LBW_X.fullmatch(token)
    return (base is not None and base[1] is None) or is_weight(base[1] if base else token)


def _inspire_knows(token: str) -> bool:
    return token in {"R", "r", "U", "u", "A", "a", "B", "b"} or _INSPIRE_NUMBER.fullmatch(token) is not None
