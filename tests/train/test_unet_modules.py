"""The modules of a UNet's LoRA, derived from its architecture."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from blockweight.train import modules_by_block, unet_modules

ORACLE = json.loads((Path(__file__).parents[1] / "data" / "sd_scripts_block_lr.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("family", "standard", "conv"), [("sd1", 192, 278), ("sd2", 192, 278), ("sdxl", 722, 788)])
def test_there_are_as_many_modules_as_sd_scripts_makes(family, standard, conv):
    modules = unet_modules(family)
    assert (sum(module.standard for module in modules), len({module.lora_name for module in modules})) == (
        standard,
        conv,
    )


@pytest.mark.parametrize(("family", "key"), [("sd1", "sd15"), ("sdxl", "sdxl")])
def test_names_kinds_and_blocks_are_those_of_sd_scripts(family, key):
    own = {module.lora_name: (module.standard, module.block) for module in unet_modules(family)}
    assert {row["key"]: own[row["key"]] for row in ORACLE[key]} == {
        row["key"]: (row["lierla"], row["block"].partition(".")[0]) for row in ORACLE[key]
    }


def test_a_standard_sd1_lora_has_twelve_modules_in_each_of_sixteen_blocks():
    found = {block: len(names) for block, names in modules_by_block("sd1", conv=False).items() if block != "BASE"}
    assert (len(found), set(found.values())) == (16, {12})


def test_convolutions_add_the_counts_of_each_block():
    standard, conv = (modules_by_block("sd1", conv=conv) for conv in (False, True))
    more = Counter({block: len(conv[block]) - len(standard.get(block, ())) for block in conv})
    assert [more[block] for block in ("IN03", "IN04", "IN10", "M00", "OUT00", "OUT02", "OUT05", "OUT11")] == [
        1, 4, 3, 6, 4, 5, 5, 4,
    ]  # fmt: skip
    assert "IN00" not in conv


@pytest.mark.parametrize(("family", "count"), [("sd1", 72), ("sd2", 138), ("sdxl", 264)])
def test_base_holds_the_text_encoders(family, count):
    assert len(modules_by_block(family, conv=False)["BASE"]) == count
