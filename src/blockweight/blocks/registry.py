"""The list of families, and finding one by name or a layout by name or length. A new family is one file and one line.

The order matters where keys fit several families alike (`detect`): the one whose LoRAs are the more common is first.
"""

from __future__ import annotations

import difflib

from blockweight.blocks.families.anima import ANIMA
from blockweight.blocks.families.cosmos_predict2 import COSMOS_PREDICT2
from blockweight.blocks.families.flux1 import FLUX1
from blockweight.blocks.families.flux2 import FLUX2
from blockweight.blocks.families.generic import GENERIC
from blockweight.blocks.families.hidream import HIDREAM
from blockweight.blocks.families.hunyuan_image import HUNYUAN_IMAGE
from blockweight.blocks.families.hunyuan_video import HUNYUAN_VIDEO
from blockweight.blocks.families.kandinsky5 import KANDINSKY5
from blockweight.blocks.families.krea2 import KREA2
from blockweight.blocks.families.ltx import LTX
from blockweight.blocks.families.lumina2 import LUMINA2
from blockweight.blocks.families.qwen_image import QWEN_IMAGE
from blockweight.blocks.families.sd1 import SD1
from blockweight.blocks.families.sd2 import SD2
from blockweight.blocks.families.sd3 import SD3
from blockweight.blocks.families.sdxl import SDXL
from blockweight.blocks.families.wan import WAN
from blockweight.blocks.families.zimage import ZIMAGE
from blockweight.blocks.family import Family
from blockweight.blocks.layout import Layout
from blockweight.errors import BlockweightError, quoted

FAMILIES: tuple[Family, ...] = (
    SD1,
    SD2,
    SDXL,
    FLUX1,
    FLUX2,
    SD3,
    ZIMAGE,
    LUMINA2,
    QWEN_IMAGE,
    WAN,
    HUNYUAN_VIDEO,
    HUNYUAN_IMAGE,
    LTX,
    ANIMA,
    COSMOS_PREDICT2,
    KREA2,
    HIDREAM,
    KANDINSKY5,
    GENERIC,
)
"""Every family; the guess for unknown models stands last."""


def family_by_name(name: str) -> Family:
    """The family called `name`; BlockweightError lists the known ones."""
    for family in FAMILIES:
        if family.name == name.strip().lower():
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise BlockweightError(f"There is no family called {quoted(name)}; use one of: {known}.")


def all_layouts() -> tuple[Layout, ...]:
    """The layouts of every family, its own before those of other tools."""
    return tuple(layout for family in FAMILIES for layout in (*family.layouts, *family.other_layouts))


def layout_by_name(name: str) -> Layout:
    """The layout called `name` (`sdxl-20`, `flux1-inspire-58`); BlockweightError with the nearest names."""
    wanted = name.strip().lower()
    layouts = {layout.name: layout for layout in all_layouts()}
    if wanted in layouts:
        return layouts[wanted]
    near = difflib.get_close_matches(wanted[:60], layouts, n=3, cutoff=0.4) or list(layouts)[:3]
    raise BlockweightError(
        f"There is no layout called {quoted(name)}; did you mean {', '.join(near)}? See 'blockweight blocks --list'."
    )


def layouts_of_length(length: int) -> tuple[Layout, ...]:
    """Every layout with this many entries, in the order of FAMILIES; none if no tool has such a vector."""
    return tuple(layout for layout in all_layouts() if len(layout) == length)


def standard_blocks(layout: Layout) -> frozenset[str]:
    """Those of a layout's entries that a standard LoRA (linear layers of attention) has something in: those that stand
    for blocks of its family's partial layout, or all of them where the family has none."""
    partial = [frozenset(other.blocks) for other in family_by_name(layout.family).layouts if other.partial]
    return frozenset(
        entry for entry in layout.blocks if all(not blocks.isdisjoint(layout.stands_for(entry)) for blocks in partial)
    )
