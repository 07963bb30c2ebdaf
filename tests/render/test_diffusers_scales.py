"""The scales that we write for diffusers against what diffusers makes of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from diffusers.loaders.unet_loader_utils import _maybe_expand_lora_scales

from blockweight.blocks import module_of
from blockweight.weights import BlockWeights
from blockweight.weights.notations.diffusers import write_scales
from workshop import FULL, SD1

PLAIN = SimpleNamespace()
ATTENTION = SimpleNamespace(attentions=[1])
UNET = SimpleNamespace(
    down_blocks=[ATTENTION] * 3 + [PLAIN],
    up_blocks=[PLAIN] + [ATTENTION] * 3,
    config=SimpleNamespace(layers_per_block=2),
    state_dict=lambda: (
        {
            f"{side}_blocks.{level}.attentions.{layer}.x": 0
            for side, levels, layers in (("down", range(3), 2), ("up", range(1, 4), 3))
            for level in levels
            for layer in range(layers)
        }
        | {"mid_block.attentions.0.x": 0}
    ),
)
MODULES = (
    "down_blocks.0.attentions.0.proj_in", "down_blocks.0.resnets.1.conv1", "down_blocks.0.downsamplers.0.conv",
    "down_blocks.3.resnets.0.conv1", "mid_block.attentions.0.proj_in", "mid_block.resnets.0.conv1",
    "up_blocks.0.resnets.2.conv1", "up_blocks.1.upsamplers.0.conv", "up_blocks.1.resnets.2.conv1",
    "up_blocks.2.upsamplers.0.conv", "up_blocks.3.attentions.2.proj_in",
)  # fmt: skip


def scale_of(scales: dict[str, float], module: str) -> float:
    """As `set_weights_and_activate_adapters` looks it up (diffusers 0.42)."""
    for layer, weight in scales.items():
        if layer in module:
            return weight
    parts = module.split(".")
    return scales.get(f"{parts[0]}.{parts[1]}.attentions.{parts[3]}", 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_a_block_that_is_not_reported_comes_out_as_asked(seed):
    values = tuple((place * 7 + seed * 3) % 11 / 10 for place in range(26))
    weights = BlockWeights("a", FULL, values)
    scales, dropped = write_scales(weights)
    (expanded,) = _maybe_expand_lora_scales(UNET, [scales["unet"]])
    for name in MODULES:
        block = SD1.block_of(module_of(f"unet.{name}.lora_A.weight"))
        if scale_of(expanded, name) != pytest.approx(weights.weight(block)):
            assert block in dropped, (name, block)
