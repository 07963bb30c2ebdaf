"""The list of families, and which of them a LoRA belongs to. A new family is one file and one line here."""

from __future__ import annotations

from collections.abc import Iterable

from blockweight.blocks.families.sd1 import SD1
from blockweight.blocks.family import Family
from blockweight.blocks.keys import Module
from blockweight.errors import BlockweightError, quoted

FAMILIES: tuple[Family, ...] = (SD1,)


def family_by_name(name: str) -> Family:
    """The family called `name`; BlockweightError lists the known ones."""
    for family in FAMILIES:
        if family.name == name.strip().lower():
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise BlockweightError(f"There is no family called {quoted(name)}; use one of: {known}.")


def detect_family(modules: Iterable[Module]) -> Family | None:
    """The first family that recognises a LoRA with these modules, or None."""
    known = list(modules)
    return next((family for family in FAMILIES if family.recognises(known)), None)
