"""sd-scripts' block learning-rate lists, compared with what sd-scripts' own code answers."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import BLOCK_ORDER, block_index, block_rates

ORACLE = json.loads((Path(__file__).parents[1] / "data" / "sd_scripts_block_lr.json").read_text(encoding="utf-8"))
PARSED = {"sd1": ORACLE["parse_sd"], "sd2": ORACLE["parse_sd"], "sdxl": ORACLE["parse_sdxl"]}
ROWS = [(family, row) for family, rows in PARSED.items() for row in rows]
ANSWERED = [(family, row) for family, row in ROWS if "result" in row]
CRASHED = [(family, row) for family, row in ROWS if "error" in row]


@pytest.mark.parametrize(("family", "row"), ANSWERED, ids=str)
def test_the_multipliers_are_those_of_sd_scripts(family, row):
    values = block_rates(row["args"], family).values
    assert len(values) == len(row["result"])
    assert all(math.isclose(*pair, rel_tol=1e-12, abs_tol=1e-12) for pair in zip(values, row["result"], strict=True))


@pytest.mark.parametrize(("family", "row"), CRASHED, ids=str)
def test_what_crashes_sd_scripts_is_refused_in_a_sentence(family, row):
    with pytest.raises(BlockweightError) as refused:
        block_rates(row["args"], family)
    assert len(str(refused.value).splitlines()) == 1


def test_the_oracle_holds_both_kinds():
    assert (len(ANSWERED), len(CRASHED)) == (30, 8)


@pytest.mark.parametrize(("family", "key"), [("sd1", "sd15"), ("sd2", "sd15"), ("sdxl", "sdxl")])
def test_a_module_has_the_index_that_sd_scripts_gives(family, key):
    assert {row["key"]: block_index(row["key"], family) for row in ORACLE[key]} == {
        row["key"]: row["index"] for row in ORACLE[key]
    }


@pytest.mark.parametrize(
    ("name", "family", "index"),
    [
        ("lora_unet_conv_in", "sd1", 0),
        ("lora_unet_conv_out", "sd1", None),
        ("lora_unet_time_embedding_linear_1", "sd1", None),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1", "sd1", None),
        ("lora_unet_time_embed_0", "sdxl", 0),
        ("lora_unet_label_emb_0_0", "sdxl", 0),
        ("lora_unet_out_2", "sdxl", 22),
        ("lora_unet_double_blocks_0_img_attn_qkv", "flux1", None),
        ("no module", "sd1", None),
    ],
)
def test_a_module_outside_the_blocks_never_counts_as_the_last_block(name, family, index):
    assert block_index(name, family) == index


def test_without_any_list_the_feature_is_off():
    assert block_rates({"block_lr_zero_threshold": "0.5", "conv_dim": "4"}, "sd1") is None


def test_a_lone_value_is_no_list():
    with pytest.raises(BlockweightError, match=r"takes '1' in down_lr_weight for the name of a preset.*all 12 values"):
        block_rates({"down_lr_weight": "1"}, "sd1")


@pytest.mark.parametrize("text", ["inf,1", "1,1e999", "zeros+inf"])
def test_an_infinite_rate_is_refused(text):
    with pytest.raises(BlockweightError, match="no finite learning rate"):
        block_rates({"up_lr_weight": text}, "sd1")


def test_the_value_of_the_threshold_itself_becomes_0():
    values = block_rates({"mid_lr_weight": "0.1", "block_lr_zero_threshold": "0.1"}, "sd1").values
    assert values[12] == 0


def test_what_the_trainer_cuts_and_fills_is_said():
    arguments = {"down_lr_weight": "1,1", "mid_lr_weight": "1,2", "up_lr_weight": ",".join(["1"] * 13)}
    notes = block_rates(arguments, "sd1").notes
    assert [note.partition(";")[0] for note in notes] == [
        "down_lr_weight has 2 of 12 values",
        "mid_lr_weight has 2 values",
        "up_lr_weight has 13 values",
    ]


def test_all_zeros_are_said_to_train_nothing():
    arguments = {"down_lr_weight": "zeros", "mid_lr_weight": "", "up_lr_weight": "zeros"}
    assert "nothing to train" in block_rates(arguments, "sd1").notes[-1]


def test_equal_middles_are_one_block_and_different_ones_three():
    equal = block_rates({"mid_lr_weight": "0.5,0.5,0.5"}, "sdxl").by_block()
    assert (equal["M00"], len(equal), list(equal)[9]) == (0.5, 19, "M00")
    different = block_rates({"mid_lr_weight": "0.5"}, "sdxl").by_block()
    assert [different[name] for name in ("MID0", "MID1", "MID2")] == [0.5, 1, 1]
    assert "M00" not in different


def test_another_family_has_no_such_lists():
    with pytest.raises(BlockweightError, match="use sd1, sd2 or sdxl"):
        block_rates({"mid_lr_weight": "1"}, "flux1")


TEXTS = st.text() | st.text("0123456789.,+-e sincorelav_z", max_size=40)


@given(st.sampled_from([*BLOCK_ORDER]), *(st.none() | TEXTS for _ in range(4)))
def test_any_text_gives_the_whole_list_or_one_sentence(family, down, mid, up, threshold):
    keys = ("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold")
    arguments = {key: value for key, value in zip(keys, (down, mid, up, threshold), strict=True) if value is not None}
    try:
        rates = block_rates(arguments, family)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
    else:
        assert rates is None or len(rates.values) == len(BLOCK_ORDER[family])
        assert rates is None or all(map(math.isfinite, rates.values))


WEIGHTS = st.lists(st.floats(0, 10), min_size=12, max_size=12)


@given(WEIGHTS, st.floats(0, 10), WEIGHTS)
def test_full_lists_are_read_as_they_are(down, mid, up):
    arguments = {"down_lr_weight": ",".join(map(repr, down)), "mid_lr_weight": repr(mid)}
    arguments["up_lr_weight"] = ",".join(map(repr, up))
    assert block_rates(arguments, "sd1").values == (*down, mid, *up)
