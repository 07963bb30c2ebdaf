"""A plot as the builder's script sends it."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.errors import BlockweightError
from blockweight.studio.forms import numbers_of, text_of, texts_of
from blockweight.studio.plot_words import plot_words
from blockweight.workflow.plots.builder import SLOTS, TypedBuilder, TypedChip
from blockweight.workflow.settings import LANGUAGES
from blockweight.workflow.weight_sheet import parse_fill

MOST_CHIPS = 12
"""Of a slot: more nobody looks through."""


def typed_plot_of(data: Mapping[str, object]) -> TypedBuilder:
    """The builder as it is typed. BlockweightError for values of another kind."""
    language = text_of(data, "language")
    if language not in LANGUAGES:
        raise BlockweightError("The page's language cannot be read; load the page anew.")
    return TypedBuilder(
        slots=tuple(_chips(data, slot) for slot in SLOTS),
        scenes=numbers_of(data, "scenes"),
        baseline=text_of(data, "baseline"),
        fill=parse_fill(text_of(data, "fill")),
        title=text_of(data, "title"),
        language=language,
        words=plot_words(language),
    )


def _chips(data: Mapping[str, object], slot: str) -> tuple[TypedChip, ...]:
    value = data.get(slot, [])
    if not isinstance(value, list) or len(value) > MOST_CHIPS or not all(isinstance(each, dict) for each in value):
        raise BlockweightError("The page's slots cannot be read; load the page anew.")
    return tuple(TypedChip(text_of(each, "kind"), text_of(each, "text"), texts_of(each, "chosen")) for each in value)
