"""What the form of the Transfer page asks for, as its script sends it."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.studio.forms import text_of, texts_of
from blockweight.workflow.transfer_form import TypedTransfer


def typed_of(data: Mapping[str, object]) -> TypedTransfer:
    """The form as it is typed. BlockweightError for values of another kind."""
    return TypedTransfer(
        which=text_of(data, "which"),
        weights=text_of(data, "weights"),
        seeds=text_of(data, "seeds"),
        prompts=text_of(data, "prompts"),
        models=texts_of(data, "models"),
        home_mask=data.get("home_mask") is True,
    )
