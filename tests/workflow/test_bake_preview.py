"""What baking would do to every block."""

from __future__ import annotations

import pytest

from blockweight.errors import BlockweightError
from blockweight.workflow.bake_preview import preview_bake
from blockweight.workflow.baking import Recipe, Typed
from workshop import FULL, SHORT, WEIGHTS, write_lora_file


def test_without_weights_everything_is_copied_and_named_after_the_file(lora):
    preview = preview_bake(lora, Typed(""))
    assert preview.weights == "standard:" + ",".join("1" * 26)
    assert {block.action for block in preview.blocks if block.modules} == {"copied"}
    assert preview.estimate.data_bytes == preview.tensor_bytes


def test_every_block_of_the_model_has_a_row_also_those_that_the_file_lacks(lora):
    preview = preview_bake(lora, Typed(WEIGHTS))
    assert [block.block for block in preview.blocks] == list(FULL.blocks)
    assert [block.block for block in preview.blocks if not block.modules] == sorted(
        set(FULL.blocks) - set(SHORT.blocks), key=FULL.blocks.index
    )


def test_rest_has_a_row_where_there_is_any(tmp_path):
    made = write_lora_file(tmp_path / "a.safetensors", ["IN01"], ["lora_unet_time_embedding_linear_1"])
    rest = preview_bake(made, Typed("", rest=0.5)).blocks[-1]
    assert (rest.block, rest.modules, rest.weight, rest.action) == ("REST", 1, "0.5", "scaled")


def test_short_weights_ask_for_a_fill(locon):
    with pytest.raises(BlockweightError, match="add --fill 0"):
        preview_bake(locon, Typed(",".join("1" * 17)))
    assert preview_bake(locon, Typed(",".join("1" * 17), fill=0.0)).filled[0] == "IN00"


def test_what_would_be_refused_is_said_and_not_raised(lora):
    preview = preview_bake(lora, Typed(",".join(["0"] * 26)), Recipe(via="alpha", zeros="keep"))
    assert preview.refused
    assert {block.action for block in preview.blocks if block.modules} == {"refused"}
