"""What a family is: a name, its layouts, and rules that give every module its block. Families are data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from blockweight.blocks.keys import Module

REST = "REST"
"""The block of every module that no rule claims; its weight is 1 unless a person gives it one."""

_SPELLINGS = {"MID": "M00", "MID00": "M00"}
_MOST_DIGITS = 4


def canonical_block(name: str) -> str:
    """A block's name as we write it: upper case, `MID` as `M00`.

    >>> canonical_block("mid")
    'M00'
    """
    upper = name.strip().upper()
    return _SPELLINGS.get(upper, upper)


@dataclass(frozen=True)
class Layout:
    """The ordered block names that a weight vector of one length stands for."""

    name: str
    family: str
    blocks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.blocks)


@dataclass(frozen=True)
class Rule:
    """Modules whose component is one of `components` and whose path starts with `pattern` belong to one block.

    Without groups in the pattern the block is `block` itself. With one group, its number is base + step × group; with
    two, base + step × first + second; the block is then `block` followed by that number in two digits.
    """

    components: tuple[str, ...]
    pattern: str
    block: str
    base: int = 0
    step: int = 1

    def match(self, module: Module) -> str | None:
        """The module's block if this rule claims it."""
        if module.component not in self.components:
            return None
        found = re.match(self.pattern, module.path, re.ASCII)
        if found is None:
            return None
        if not found.groups():
            return self.block
        if any(len(group) > _MOST_DIGITS for group in found.groups()):
            return None
        first, *second = (int(group) for group in found.groups())
        return f"{self.block}{self.base + self.step * first + sum(second):02}"


@dataclass(frozen=True)
class Family:
    """A model architecture with its own blocks.

    `layouts` begins with the longest, which names every block. `rules` are tried in order. `foreign` are patterns of
    module paths that show a LoRA to belong to another family although single modules match.
    """

    name: str
    title: str
    layouts: tuple[Layout, ...]
    rules: tuple[Rule, ...]
    foreign: tuple[str, ...] = ()

    @property
    def layout(self) -> Layout:
        """The layout with every block of the family."""
        return self.layouts[0]

    def block_of(self, module: Module) -> str:
        """The block that holds this module, or REST."""
        for rule in self.rules:
            block = rule.match(module)
            if block is not None:
                return block if block in self.layout.blocks else REST
        return REST

    def recognises(self, modules: Iterable[Module]) -> bool:
        """Whether these modules, taken together, are a LoRA of this family: in each component at least one is claimed
        by a rule (families share text encoders), and none is foreign."""
        claimed: dict[str, bool] = {}
        for module in modules:
            if any(re.search(pattern, f"{module.component}.{module.path}", re.ASCII) for pattern in self.foreign):
                return False
            claimed[module.component] = claimed.get(module.component, False) or self.block_of(module) != REST
        return bool(claimed) and all(claimed.values())
