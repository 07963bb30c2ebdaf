"""What the forms of the Search pages ask for, as their scripts send it."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.studio.forms import numbers_of, text_of, texts_of
from blockweight.workflow.choosing.asking import ChoosingAsked
from blockweight.workflow.search.asking import SearchAsked
from blockweight.workflow.search.form import TypedSearch, asked_search, typed_ends, typed_seed
from blockweight.workflow.tuning_project import TuningProject

_TEXTS = (
    "objectives",
    "budget",
    "segments",
    "grid",
    "low",
    "high",
    "hold_out",
    "seeds",
    "mask",
    "mask_file",
    "target",
    "model",
    "sampler",
    "seed",
    "also",
    "also_segments",
)


def search_of_form(tuning: TuningProject, data: Mapping[str, object]) -> SearchAsked:
    """An automatic search as it is typed. BlockweightError for values of another kind, and as from `asked_search`."""
    texts = {name: text_of(data, name) for name in _TEXTS}
    return asked_search(tuning, TypedSearch(**texts, examples=texts_of(data, "examples")))


def choosing_of_form(data: Mapping[str, object]) -> ChoosingAsked:
    """A search by preference as it is typed. BlockweightError for values of another kind."""
    return ChoosingAsked(
        segments=text_of(data, "segments"),
        grid=text_of(data, "grid"),
        between=typed_ends(text_of(data, "low"), text_of(data, "high")),
        scenes=numbers_of(data, "scenes"),
        seed=typed_seed(text_of(data, "seed")),
    )
