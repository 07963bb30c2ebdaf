"""sd-scripts' block learning rates for UNets: `down_lr_weight`, `mid_lr_weight`, `up_lr_weight` and their threshold.

Together they give one multiplier of `unet_lr` per entry of the trainer's own list: 25 for SD1 and SD2, 23 for SDXL. The
rules are those of sd-scripts `networks/lora.py` at 48d368fa (`parse_block_lr_kwargs`, `get_block_lr_weight`,
`get_block_index`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.blocks import family_by_name, parse_name
from blockweight.blocks.layout import numbered
from blockweight.errors import BlockweightError, quoted

EMBEDDINGS, LAST = "EMBEDDINGS", "LAST"
"""The two ends of SDXL's list, time and label embedding and the output layers. sd-scripts never puts a LoRA there."""

MIDDLES = ("MID0", "MID1", "MID2")
"""SDXL's `middle_block.0` to `.2`, which are one block, M00, everywhere else."""

_SD = (*numbered("IN", 12), "M00", *numbered("OUT", 12))
_SDXL = (EMBEDDINGS, *numbered("IN", 9), *MIDDLES, *numbered("OUT", 9), LAST)

BLOCK_ORDER: dict[str, tuple[str, ...]] = {"sd1": _SD, "sd2": _SD, "sdxl": _SDXL}
"""Family → the names of the entries of the trainer's list. Other families have no such list."""

LIST_KEYS = ("down_lr_weight", "mid_lr_weight", "up_lr_weight")
THRESHOLD_KEY = "block_lr_zero_threshold"

PRESETS = ("cosine", "sine", "linear", "reverse_linear", "zeros")

_SIDES = {family: sum(name.startswith("IN") for name in names) for family, names in BLOCK_ORDER.items()}
_SDXL_MIDDLE = re.compile(r"middle_block_([0-2])_", re.ASCII)
_SDXL_ENDS = ((re.compile(r"(?:time_embed|label_emb)_"), EMBEDDINGS), (re.compile(r"out_"), LAST))


@dataclass(frozen=True)
class BlockRates:
    """What the arguments come to: one multiplier per entry of BLOCK_ORDER, and remarks on what the trainer did to
    them."""

    family: str
    values: tuple[float, ...]
    notes: tuple[str, ...] = ()

    def by_block(self) -> dict[str, float]:
        """The multipliers by block. SDXL's two ends are left out; its three middles are M00 where they are equal,
        MID0 to MID2 where they differ."""
        named = dict(zip(BLOCK_ORDER[self.family], self.values, strict=True))
        one = len({named[name] for name in MIDDLES if name in named}) == 1
        blocks: dict[str, float] = {}
        for name, value in named.items():
            if name not in (EMBEDDINGS, LAST):
                blocks["M00" if one and name in MIDDLES else name] = value
        return blocks


def block_index(lora_name: str, family: str) -> int | None:
    """The entry of the trainer's list that a module stands in, by its LoRA name (`lora_unet_…`); None for a module of
    no entry, where sd-scripts' own function answers -1 and so means the last one.

    >>> block_index("lora_unet_mid_block_attentions_0_proj_in", "sd1")
    12
    """
    parsed = parse_name(lora_name)
    order = BLOCK_ORDER.get(family)
    if parsed is None or order is None or parsed[0].component != "unet":
        return None
    name = family_by_name(family).block_of(parsed[0])
    if family == "sdxl":
        path = parsed[0].path
        middle = _SDXL_MIDDLE.match(path)
        name = MIDDLES[int(middle[1])] if middle else name
        name = next((end for pattern, end in _SDXL_ENDS if pattern.match(path)), name)
    return order.index(name) if name in order else None


def block_rates(arguments: Mapping[str, str], family: str) -> BlockRates | None:
    """The multipliers that these network arguments give; None where none of the three lists is given, which leaves
    block learning rates off (a threshold alone does nothing).

    A list is known by its comma; empty entries are 0, missing ones at the end 1, surplus ones are cut. A preset is
    `sine`, `sine+0.25` and so on. What is not above the threshold becomes 0. BlockweightError for a family without such
    lists, and for every form with which sd-scripts stops.
    """
    if family not in BLOCK_ORDER:
        raise BlockweightError(f"sd-scripts has no down, mid and up lists for {quoted(family)}; use sd1, sd2 or sdxl.")
    down, mid, up = (arguments.get(key) for key in LIST_KEYS)
    if down is None and mid is None and up is None:
        return None
    side, middles = _SIDES[family], len(BLOCK_ORDER[family]) - 2 * _SIDES[family] - 2 * (family == "sdxl")
    notes: list[str] = []
    downs = None if down is None else _side("down_lr_weight", down, side)
    mids = None if mid is None else _numbers("mid_lr_weight", mid)
    ups = None if up is None else _side("up_lr_weight", up, side)
    threshold = _number(THRESHOLD_KEY, arguments.get(THRESHOLD_KEY, "0"))
    sides = {"down_lr_weight": downs, "up_lr_weight": ups}
    for key, values in sides.items():
        if values is not None and len(values) > side and None in sides.values():
            raise BlockweightError(
                f"{key} has {len(values)} values where {family} takes {side}, and sd-scripts stops when only one of "
                "down_lr_weight and up_lr_weight is given and is too long; shorten it or give both."
            )
    fitted = [
        _fitted(key, values, count, threshold, notes)
        for key, values, count in (
            ("down_lr_weight", downs, side), ("mid_lr_weight", mids, middles), ("up_lr_weight", ups, side),
        )
    ]  # fmt: skip
    multipliers = tuple(value for each in fitted for value in each)
    if not any(multipliers):
        notes.append("Every multiplier is 0: sd-scripts makes no UNet module and has nothing to train there.")
    if any(value < 0 for value in multipliers):
        notes.append("A threshold below 0 lets multipliers below 0 through, which optimizers refuse.")
    if family == "sdxl":
        multipliers = (1.0, *multipliers, 1.0)
    return BlockRates(family, multipliers, tuple(notes))


def _side(key: str, text: str, count: int) -> list[float]:
    if "," in text:
        return _numbers(key, text)
    name, *rest = text.split("+")
    base = _number(key, rest[0]) if rest else 0.0
    rise = [index / (count - 1) for index in range(count)]
    curves = {
        "sine": [math.sin(math.pi * part / 2) for part in rise],
        "linear": rise,
        "zeros": [0.0] * count,
    }
    curves["cosine"] = curves["sine"][::-1]
    curves["reverse_linear"] = rise[::-1]
    if name not in curves:
        blanks = " (blanks count too)" if text != text.strip() else ""
        raise BlockweightError(
            f"sd-scripts takes {quoted(text)} in {key} for the name of a preset, knows none of that name{blanks}, and "
            f"stops; give all {count} values separated by commas, or {', '.join(PRESETS)}, to which +0.25 may be added."
        )
    values = [value + base for value in curves[name]]
    if any(map(math.isinf, values)):
        raise _not_finite(key, text)
    return values


def _numbers(key: str, text: str) -> list[float]:
    return [_number(key, item) if item else 0.0 for item in text.split(",")]


def _number(key: str, text: str) -> float:
    # As the trainer reads it: Python's float(), which also takes blanks, 1_0 and nan.
    try:
        value = float(text)
    except ValueError:
        raise BlockweightError(
            f"{quoted(text)} in {key} is not a number, at which sd-scripts stops; write numbers such as 0.5, separated "
            "by commas without anything between."
        ) from None
    if math.isinf(value):
        raise _not_finite(key, text)
    return value


def _not_finite(key: str, text: str) -> BlockweightError:
    return BlockweightError(f"{quoted(text)} in {key} is no finite learning rate; give a number such as 0.5.")


def _fitted(key: str, values: list[float] | None, count: int, threshold: float, notes: list[str]) -> list[float]:
    """`count` values, those not above the threshold as 0."""
    if values is None:
        return [1.0] * count
    if len(values) > count:
        notes.append(f"{key} has {len(values)} values; the trainer takes the first {count}.")
    if len(values) < count:
        notes.append(f"{key} has {len(values)} of {count} values; the trainer fills the rest with 1.")
    # nan is above nothing, so it becomes 0 too.
    return [value if value > threshold else 0.0 for value in (values + [1.0] * count)[:count]]
