"""Every block that LoRA Block Weight's own code gives, by family and style of naming (2,125 modules)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blockweight.blocks import REST, family_by_name, parse_key, parse_name

ORACLE = json.loads((Path(__file__).parents[1] / "data" / "lbw_blocks.json").read_text())
"""Family and style of naming → LoRA module name → its block, null for none."""

SUFFIXES = ("lora_up.weight", "lora_A.default.weight", "alpha", "hada_w1_a", "lokr_w2", "oft_blocks", "diff", "w_norm")


@pytest.mark.parametrize("style", ORACLE)
def test_a_module_has_the_block_that_lora_block_weight_gives(style):
    family = family_by_name(style.split()[0])
    blocks = {}
    for name in ORACLE[style]:
        module, role = parse_name(name)
        assert role is None
        blocks[name] = family.block_of(module)
    assert blocks == {name: block or REST for name, block in ORACLE[style].items()}


@pytest.mark.parametrize("style", ORACLE)
def test_every_tensor_of_a_module_has_the_modules_block(style):
    for name in ORACLE[style]:
        module, _ = parse_name(name)
        assert {parse_key(f"{name}.{suffix}").module for suffix in SUFFIXES} == {module}


def test_the_oracle_covers_four_families_in_all_their_styles():
    assert {style: len(rows) for style, rows in ORACLE.items()} == {
        "flux1 diffusers-dotted": 148,
        "flux1 kohya": 186,
        "flux1 lycoris_": 173,
        "flux1 model-name": 149,
        "flux1 onetrainer": 213,
        "sd1 diffusers-dotted": 93,
        "sd1 kohya": 133,
        "sd1 kohya-compvis": 101,
        "sd1 onetrainer-te1": 21,
        "sd2 kohya": 30,
        "sdxl diffusers-dotted": 255,
        "sdxl kohya": 341,
        "sdxl kohya-diffusers": 282,
    }
