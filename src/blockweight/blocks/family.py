"""What a family is: a name, its layouts, and rules that give every module its block. Families are data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from blockweight.blocks.keys import DENOISERS, Module
from blockweight.blocks.layout import REST, Layout, grown
from blockweight.errors import BlockweightError

_MOST_DIGITS = 4


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

    @cached_property
    def _start(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.ASCII)

    def match(self, module: Module) -> str | None:
        """The module's block if this rule claims it."""
        if module.component not in self.components:
            return None
        found = self._start.match(module.path)
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

    `order` lists the blocks as the model runs through them, `D#` for a numbered series. `layouts` are those of the
    family's own names: first the one of its largest model, then the other sizes, then partial ones; `other_layouts`
    are those of other tools, to convert from and to. `rules` are tried in order. `signs` are patterns of lines
    (a denoiser's module path, or `text_encoder_2.path`) that only this family's LoRAs have, or it and families that
    share its module names; `foreign` are patterns that its LoRAs never have.
    """

    name: str
    title: str
    order: str
    layouts: tuple[Layout, ...]
    rules: tuple[Rule, ...]
    signs: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    other_layouts: tuple[Layout, ...] = ()

    @property
    def guessed(self) -> bool:
        """Whether the blocks are guessed from numbers in module names, for want of a known family."""
        return False

    @property
    def layout(self) -> Layout:
        """The first layout: that of the family's largest model, or of a file's own (see `fitted`)."""
        if not self.layouts:
            raise BlockweightError(
                f"The family {self.name} has no blocks of its own, they are read from a LoRA's keys; give a LoRA file."
            )
        return self.layouts[0]

    def block_of(self, module: Module) -> str:
        """The block that holds this module, or REST. Its number may lie beyond every released model's (`fitted`)."""
        for rule in self.rules:
            block = rule.match(module)
            if block is not None:
                return block
        return REST

    def blocks_of(self, modules: Iterable[Module]) -> frozenset[str]:
        """The blocks that these modules fill, without REST."""
        return frozenset(map(self.block_of, modules)) - {REST}

    def layout_for(self, modules: Iterable[Module]) -> Layout:
        """The layout that fits a LoRA with these modules: the shortest of the family's own that names all its blocks,
        or one made to measure where the model is larger than every released one."""
        return self._fitting(self.blocks_of(modules), self.layouts)

    def fitted(self, modules: Iterable[Module]) -> Family:
        """The family as a LoRA with these modules shows it: `layout` names every block of its model, a released size if
        one holds all blocks found, else one made to measure. The other layouts stay, after it."""
        layout = self._fitting(self.blocks_of(modules), [layout for layout in self.layouts if not layout.partial])
        if self.layouts and layout == self.layouts[0]:
            return self
        return replace(self, layouts=(layout, *(other for other in self.layouts if other != layout)))

    def _fitting(self, found: frozenset[str], layouts: Iterable[Layout]) -> Layout:
        for layout in sorted(layouts, key=len):
            if found <= set(layout.blocks):
                return layout
        return grown(self.name, self._order_of(found), found)

    def _order_of(self, found: frozenset[str]) -> str:  # noqa: ARG002 - the guess reads the order from the blocks
        return self.order


_NUMBERED = re.compile(r"(\w*?(?:blocks|layers|refiner))_(\d+)_", re.ASCII)
_TEXT_LAYER = re.compile(r"\w*?(?:layers|block|blocks|resblocks)_\d+_", re.ASCII)


def is_numbered(module: Module) -> bool:
    """Whether a module of the denoiser stands in a numbered block, by its name alone."""
    return module.component in DENOISERS and _NUMBERED.match(module.path) is not None


class GuessedFamily(Family):
    """The fallback for a model that is not known: every numbered series of modules becomes a series of blocks.

    `transformer_blocks.7.…` is `TRANSFORMER_BLOCKS07`, `layers.3.…` is `LAYERS03`; layers of text encoders are `BASE`.
    The order is that of the names, since the keys do not tell in which order the model runs.
    """

    @property
    def guessed(self) -> bool:
        """True."""
        return True

    def block_of(self, module: Module) -> str:
        """The block that the module's name suggests, or REST."""
        if module.component not in DENOISERS:
            return "BASE" if _TEXT_LAYER.match(module.path) else REST
        found = _NUMBERED.match(module.path)
        if found is None or len(found[2]) > _MOST_DIGITS:
            return REST
        return f"{found[1].upper()}{int(found[2]):02}"

    def _order_of(self, found: frozenset[str]) -> str:
        series = sorted({re.sub(r"\d+$", "", block) for block in found} - {"BASE"})
        return " ".join((*(["BASE"] if "BASE" in found else []), *(f"{name}#" for name in series)))
