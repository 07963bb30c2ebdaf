"""Block weights as sd-scripts' layer-wise learning rates (`networks.lora` for Stable Diffusion 1, 2 and XL).

Multipliers of `unet_lr`: `down_lr_weight` from IN00 on, `mid_lr_weight`, `up_lr_weight` from OUT00 on; 12, 1 and 12 of
them for SD1 and SD2, 9, 3 and 9 for SDXL (whose middle block has three parts). The text encoder (BASE) has a learning
rate of its own. Source: sd-scripts `networks/lora.py` at 48d368fa.
"""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.blocks import family_by_name
from blockweight.weights.block_weights import BlockWeights
from blockweight.weights.convert import convert
from blockweight.weights.numbers import format_weight

_MIDDLES = {"sd1": 1, "sd2": 1, "sdxl": 3}
"""Family → how many multipliers its middle block takes. Other families have no such lists."""

UNTRAINED = 1.0
"""The multiplier of blocks that a shorter layout lacks. A standard LoRA has nothing there; a 0 would delete those
blocks from a LoRA with convolutions."""


@dataclass(frozen=True)
class LrWeights:
    """The three lists in sd-scripts' own order."""

    down: tuple[float, ...]
    mid: tuple[float, ...]
    up: tuple[float, ...]

    def text(self) -> str:
        """What follows `--network_args`: `"down_lr_weight=…" "mid_lr_weight=…" "up_lr_weight=…"`."""
        lists = (("down", self.down), ("mid", self.mid), ("up", self.up))
        return " ".join(f'"{name}_lr_weight={",".join(map(format_weight, values))}"' for name, values in lists)


def lr_weights(weights: BlockWeights) -> LrWeights | None:
    """The weights as multipliers, each as it is (sd-scripts takes values below 0 as 0); None for a family for which
    sd-scripts has no such lists."""
    middles = _MIDDLES.get(weights.layout.family)
    if middles is None:
        return None
    full = convert(weights, family_by_name(weights.layout.family).layout, UNTRAINED).weights
    by_series = {
        series: tuple(value for block, value in full.items() if block.startswith(series)) for series in ("IN", "OUT")
    }
    return LrWeights(by_series["IN"], (full.weight("M00"),) * middles, by_series["OUT"])
