"""Lists of values as they are typed for a plot: commas, quotation marks as in CSV, and ranges.

Source of the ranges' forms: the wiki of AUTOMATIC1111/stable-diffusion-webui, Features, "X/Y/Z plot".
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from decimal import Decimal, InvalidOperation

from blockweight.errors import BlockweightError, quoted

MOST_VALUES = 1000
"""Of one axis."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_RANGE = re.compile(
    rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*(?:\(\s*({_NUMBER})\s*\)|\[\s*(\d{{1,4}})\s*\])?\s*", re.ASCII
)


def split_values(text: str) -> tuple[str, ...]:
    """The values between commas, without spaces around them; one in quotation marks may hold commas and line ends, and
    a quotation mark twice is one. BlockweightError for a quotation mark that is never closed, and for more values than
    MOST_VALUES.

    >>> split_values('ALL, "1,0,0.5", NONE')
    ('ALL', '1,0,0.5', 'NONE')
    """
    if not text.strip():
        return ()
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise BlockweightError(
            f"The values {quoted(text)} cannot be read ({error}); write commas between them, and quotation marks "
            "around one that has commas."
        ) from None
    values = tuple(value.strip() for row in rows for value in row)
    if len(values) > MOST_VALUES:
        raise BlockweightError(f"There are {len(values)} values, more than {MOST_VALUES}; give fewer.")
    return values


def join_values(values: tuple[str, ...]) -> str:
    """The text that `split_values` reads these values from."""
    return ", ".join(_quoted(value) for value in values)


def _quoted(value: str) -> str:
    plain = value and value == value.strip() and not re.search(r'[",\r\n]', value)
    return value if plain else '"{}"'.format(value.replace('"', '""'))


def split_numbers(text: str) -> tuple[str, ...]:
    """Numbers as texts, ranges written out: `1-5`, `1-5 (+2)` by steps, `0-1 [5]` that many at equal distances. What is
    neither stays as it is, for whoever reads it to refuse. BlockweightError for a range that leads nowhere.

    >>> split_numbers("1-3, 0.5-1 (+0.25), 0-1 [5]")
    ('1', '2', '3', '0.5', '0.75', '1', '0', '0.25', '0.5', '0.75', '1')
    """
    found: list[str] = []
    for item in split_values(unicodedata.normalize("NFKC", text)):
        range_ = _RANGE.fullmatch(item)
        found += [item] if range_ is None else _written_out(item, range_)
        if len(found) > MOST_VALUES:
            raise BlockweightError(f"There are more than {MOST_VALUES} values in {quoted(text)}; give fewer.")
    return tuple(found)


def _written_out(item: str, found: re.Match[str]) -> list[str]:
    first, last = Decimal(found[1]), Decimal(found[2])
    if found[4] is not None:
        count = int(found[4])
        if count < 1:
            raise BlockweightError(f"The range {quoted(item)} has no values; write a number from 1 in brackets.")
        step = (last - first) / max(count - 1, 1)
        return [_plain(first + step * number) for number in range(min(count, MOST_VALUES + 1))]
    step = Decimal(found[3]) if found[3] is not None else Decimal(1 if last >= first else -1)
    if step == 0 or (last - first) * step < 0:
        raise BlockweightError(
            f"The range {quoted(item)} never comes to its end; write it as in 1-10 (+2) or 10-1 (-2)."
        )
    try:
        count = int((last - first) / step) + 1
    except InvalidOperation:
        count = MOST_VALUES + 1
    return [_plain(first + step * number) for number in range(min(count, MOST_VALUES + 1))]


def _plain(number: Decimal) -> str:
    """Without zeros at the end, of six decimals."""
    text = f"{round(number, 6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
