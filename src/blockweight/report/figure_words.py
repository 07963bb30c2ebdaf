"""The words in figures, and what aspects are called there. A page in another language gives its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.measure import ASPECTS, INSIDE, OUTSIDE


@dataclass(frozen=True)
class AspectLabel:
    """What an aspect is called on a figure, and its unit (empty: a plain number)."""

    title: str
    unit: str = ""


@dataclass(frozen=True)
class FigureWords:
    """The words that figures are made of, in English unless told otherwise."""

    inside: str = "inside"
    outside: str = "outside"
    scenes: str = "scenes"
    mean: str = "mean"
    interval: str = "95 %\N{NO-BREAK SPACE}interval"  # "% i" would look like a place to gettext
    noise_floor: str = "noise floor"
    weaker: str = "weaker"
    not_measured: str = "not measured"
    quiet: str = "not distinguishable from noise"
    weakest: str = "0"
    strongest: str = "strongest of its row"
    strongest_of_all: str = "strongest"
    negative: str = "below 0"
    positive: str = "above 0"
    together: str = "all blocks together"
    near_zero: str = "near 0"
    equal: str = "inside = outside"
    step: str = "step"
    noise_level: str = "noise level"
    seeds: str = "two seeds differ"
    share_of_seeds: str = "effect as a share of what two seeds differ by anyway"
    not_adding: str = "does not add up"
    keep: str = "keep"
    drop: str = "drop"
    unknown: str = "unknown"
    both: str = "{one} and {other}"
    span: str = "{low} to {high}"
    estimate: str = "{mean} ({low} to {high})"


ENGLISH = FigureWords()

ASPECT_LABELS: Mapping[str, AspectLabel] = {each.name: AspectLabel(each.title, each.unit) for each in ASPECTS}
"""Of the aspects that have a name of their own; any other is called as the table names it."""

Labels = Mapping[str, AspectLabel]


def aspect_label(aspect: str, labels: Labels = ASPECT_LABELS, words: FigureWords = ENGLISH) -> AspectLabel:
    """The label of an aspect, of `colour:inside` from that of `colour` unless it has its own.

    >>> aspect_label("change:outside")
    AspectLabel(title='change · outside', unit='levels')
    """
    if aspect in labels:
        return labels[aspect]
    name, _, region = aspect.partition(":")
    base = labels.get(name, AspectLabel(name))
    if not region:
        return base
    place = {INSIDE: words.inside, OUTSIDE: words.outside}.get(region, region)
    return AspectLabel(f"{base.title} · {place}", base.unit)


def with_unit(text: str, unit: str) -> str:
    """`12.3 levels`, `5 %`, or the text alone where there is no unit."""
    return f"{text} {unit}" if unit else text


def effect_text(text: str, words: FigureWords = ENGLISH) -> str:
    """What `Effect.text` says, in a page's words and with a real minus.

    >>> effect_text("-2.1 (-4.0 to 0.2)")
    '−2.1 (−4.0 to 0.2)'
    """
    text = text.replace("-", "−")
    one, both, other = text.partition(" and ")
    if both:
        return words.both.format(one=one, other=other)
    found = _WITH_SPAN.fullmatch(text)
    return words.estimate.format(**found.groupdict()) if found else text


_WITH_SPAN = re.compile(r"(?P<mean>\S+) \((?P<low>\S+) to (?P<high>\S+)\)")


def short_number(value: float) -> str:
    """A number to three figures at most, with a real minus.

    >>> short_number(0.01234), short_number(12.34), short_number(-1234.4), short_number(2e-5)
    ('0.012', '12.3', '−1234', '2e−5')
    """
    size = abs(value)
    if math.isinf(size):
        text = "∞"
    elif size == 0:
        return "0"
    elif not 0.001 <= size < 9999.5:
        mantissa, _, exponent = f"{size:.0e}".partition("e")
        text = f"{mantissa}e{int(exponent)}".replace("-", "−")
    elif size < 1:
        text = f"{size:.2g}"
    else:
        text = f"{size:.0f}" if size >= 999.5 else f"{size:.3g}"
    return f"−{text}" if value < 0 else text


def decimals_for(size: float) -> int:
    """How many decimals tell a number of this size from others, three at most.

    >>> decimals_for(60), decimals_for(5), decimals_for(0.2), decimals_for(0.004)
    (1, 2, 3, 3)
    """
    return 1 if size >= 10 or size == 0 else 2 if size >= 1 else 3
