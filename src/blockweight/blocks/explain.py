"""What keys mean: for each the family, the component, the module, the tensor's role, and the block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from blockweight.blocks.detect import detect_family
from blockweight.blocks.families.generic import GENERIC
from blockweight.blocks.family import Family
from blockweight.blocks.keys import parse_name
from blockweight.blocks.layout import REST
from blockweight.blocks.registry import FAMILIES


@dataclass(frozen=True)
class KeyMeaning:
    """A key and what it means; None for what is not understood or not known. A module's bare name has no `role`."""

    key: str
    family: str | None
    component: str | None
    module: str | None
    role: str | None
    block: str | None

    @property
    def guessed(self) -> bool:
        """Whether the block is a guess, for want of a known family."""
        return self.family == GENERIC.name


def explain_keys(keys: Iterable[str], family: Family | None = None) -> Iterator[KeyMeaning]:
    """The meaning of each key, in order.

    Without a family it is the one that all keys together show. If that cannot be told, each key gets the first family
    in FAMILIES that has a block for its module, and no family if none has.
    """
    names = list(keys)
    understood = [parse_name(name) for name in names]
    common = family or detect_family(parts[0] for parts in understood if parts)
    for name, parts in zip(names, understood, strict=True):
        if parts is None:
            yield KeyMeaning(name, common.name if common else None, None, None, None, None)
            continue
        module, role = parts
        own = common or next((each for each in FAMILIES if each.block_of(module) != REST), None)
        block = own.block_of(module) if own else REST
        yield KeyMeaning(name, own.name if own else None, module.component, module.path, role, block)
