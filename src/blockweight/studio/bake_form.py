"""The form in which a bake is typed, on the page of a LoRA and on that of a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from blockweight.errors import BlockweightError, quoted
from blockweight.studio.forms import Fields
from blockweight.workflow.baking import Recipe, Typed
from blockweight.workflow.weight_sheet import parse_fill

DEFAULTS = {
    "lora": "",
    "weights": "",
    "fill": "",
    "rest": "",
    "strength": "1",
    "te": "",
    "elemental": "",
    "zeros": "drop",
    "via": "factor",
    "precision": "keep",
    "folder": "",
    "file": "",
    "overwrite": "",
}
"""The form's fields and what they hold at first."""

_CHOICES = {"zeros": ("drop", "keep"), "via": ("factor", "alpha"), "precision": ("keep", "fp32")}


def typed_in(fields: Fields) -> dict[str, str]:
    """The form's fields as they were sent."""
    return {name: fields.one(name, default) for name, default in DEFAULTS.items()}


def weights_in(typed: Mapping[str, str]) -> Typed:
    """The weights that the form says. BlockweightError for what is no number."""
    return Typed(typed["weights"], parse_fill(typed["fill"]), parse_fill(typed["rest"]), typed["elemental"])


def recipe_in(typed: Mapping[str, str]) -> Recipe:
    """The recipe that the form says. BlockweightError for what is no number, and no choice."""
    for name, choices in _CHOICES.items():
        if typed[name] not in choices:
            raise BlockweightError(f"{quoted(typed[name])} is no choice for {name}; use one of {', '.join(choices)}.")
    strength = parse_fill(typed["strength"])
    return Recipe(
        strength=1.0 if strength is None else strength,
        te=parse_fill(typed["te"]),
        zeros=cast(Literal["drop", "keep"], typed["zeros"]),
        via=cast(Literal["factor", "alpha"], typed["via"]),
        precision=cast(Literal["keep", "fp32"], typed["precision"]),
    )
