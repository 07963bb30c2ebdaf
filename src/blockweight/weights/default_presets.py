"""The ten presets that LoRA Block Weight brings, for every layout.

It brings them for 17 blocks only, so that `lbw=ALL` silences the other blocks of a longer layout. Source of the
vectors: LoRA Block Weight at b403cb7, `DEF_WEIGHT_PRESET`.
"""

from __future__ import annotations

from blockweight.blocks import Layout, layout_by_name, series_and_number
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import BlockWeights, uniform

_SEVENTEEN = {
    "NONE": "0 000000 0 000000000",
    "ALL": "1 111111 1 111111111",
    "INS": "1 111000 0 000000000",
    "IND": "1 000111 0 000000000",
    "INALL": "1 111111 0 000000000",
    "MIDD": "1 000111 1 111100000",
    "OUTD": "1 000000 0 111100000",
    "OUTS": "1 000000 0 000011111",
    "OUTALL": "1 000000 0 111111111",
}
"""BASE; IN01 IN02 IN04 IN05 IN07 IN08; M00; OUT03 to OUT11."""

_UNIFORM = {"NONE": 0.0, "ALL": 1.0, "ALL0.5": 0.5}
"""What these three mean needs no names of blocks, so that every layout has them."""

DEFAULT_PRESETS = (*_SEVENTEEN, "ALL0.5")
"""The names, in LoRA Block Weight's order."""


def default_preset(name: str, layout: Layout) -> BlockWeights:
    """The preset `name` in this layout.

    NONE, ALL and ALL0.5 are 0, 1 and 0.5 everywhere. The others give every block that the 17 have its weight by name;
    a block that the 17 lack takes the weight of its neighbours in its own series, IN or OUT: those of IN03 are IN02 and
    IN04, that of IN00 is IN01. In every preset the neighbours agree.

    BlockweightError for another name, and for a preset of IN, M and OUT blocks in a layout that has none.
    """
    wanted = name.strip().upper()
    if wanted not in DEFAULT_PRESETS:
        raise BlockweightError(f"There is no default preset {quoted(name)}; there are {', '.join(DEFAULT_PRESETS)}.")
    if wanted in _UNIFORM:
        return uniform(wanted, layout, _UNIFORM[wanted])
    if not has_all_presets(layout):
        raise BlockweightError(
            f"{wanted} is about a UNet's IN, M and OUT blocks, which {layout.name} has not; use {', '.join(_UNIFORM)}."
        )
    known = _weights_of_17(wanted)
    values = tuple(_weight(layout.stands_for(entry)[0], known) for entry in layout.blocks)
    return BlockWeights(wanted, layout, values)


def default_presets(layout: Layout) -> tuple[BlockWeights, ...]:
    """Every default preset that has a meaning in this layout: ten for a UNet's, else NONE, ALL and ALL0.5."""
    names = DEFAULT_PRESETS if has_all_presets(layout) else tuple(_UNIFORM)
    return tuple(default_preset(name, layout) for name in names)


def has_all_presets(layout: Layout) -> bool:
    """Whether the layout's blocks are a UNet's, as the 17 are: BASE, M00, and numbered IN and OUT."""
    full = layout_by_name("sd1-26").blocks
    return all(layout.stands_for(entry)[0] in full for entry in layout.blocks)


def _weights_of_17(name: str) -> dict[str, float]:
    digits = _SEVENTEEN[name].replace(" ", "")
    return dict(zip(layout_by_name("sd1-17").blocks, map(float, digits), strict=True))


def _weight(block: str, known: dict[str, float]) -> float:
    """The block's own weight, or that of the block with the nearest number in its series."""
    place = series_and_number(block)
    if block in known or place is None:
        return known[block]
    series, number = place
    others = {
        other[1]: value for name, value in known.items() if (other := series_and_number(name)) and other[0] == series
    }
    return others[min(others, key=lambda other: abs(other - number))]
