"""What the forms of the Search pages ask for, as their scripts send it."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.errors import BlockweightError, quoted
from blockweight.studio.forms import numbers_of, text_of
from blockweight.workflow.choosing.asking import ChoosingAsked
from blockweight.workflow.search.asking import SearchAsked


def search_of_form(data: Mapping[str, object]) -> SearchAsked:
    """An automatic search as it is typed. BlockweightError for values of another kind."""
    return SearchAsked(
        objectives=(text_of(data, "objectives"),),
        budget=text_of(data, "budget"),
        segments=text_of(data, "segments"),
        grid=text_of(data, "grid"),
        seeds=text_of(data, "seeds"),
        home_mask=data.get("home_mask") is True,
        seed=_seed(data),
    )


def choosing_of_form(data: Mapping[str, object]) -> ChoosingAsked:
    """A search by preference as it is typed. BlockweightError likewise."""
    return ChoosingAsked(
        segments=text_of(data, "segments"),
        grid=text_of(data, "grid"),
        scenes=numbers_of(data, "scenes"),
        seed=_seed(data),
    )


def _seed(data: Mapping[str, object]) -> int | None:
    text = text_of(data, "seed").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BlockweightError(f"{quoted(text)} is not a seed; write a whole number such as 1.")
    return int(text)
