"""The Inspire Pack's vectors."""

from __future__ import annotations

import pytest

from blockweight.blocks import family_by_name, layout_by_name, module_of
from blockweight.errors import BlockweightError
from blockweight.weights import Context, read_weights, uniform
from blockweight.weights.notations.inspire import inspire_vector
from workshop import FULL, SD1, module_in

COUNTED = uniform("a", FULL, 0.0).with_weights({block: float(place) for place, block in enumerate(FULL.blocks)})


def modules(*names):
    return [module_of(f"{name}.lora_up.weight") for name in names]


def vector_of(*names, weights=COUNTED, family=SD1):
    return inspire_vector(weights, family, modules(*names))


def test_only_the_blocks_that_the_file_has_take_an_entry():
    blocks = ["BASE", "IN01", "IN02", "IN04", "IN05", "IN07", "IN08", "M00", *(f"OUT{n:02}" for n in range(3, 12))]
    vector = vector_of(*map(module_in, blocks))
    assert vector.entries == tuple(block.replace("M00", "MID1") for block in blocks)
    assert vector.text == "0,2,3,5,6,8,9,13," + ",".join(str(14 + n) for n in range(3, 12))
    assert vector.hints == ()


def test_a_locons_middle_is_three_entries():
    middle = ("resnets_0_conv1", "attentions_0_proj_in", "resnets_1_conv2")
    vector = vector_of(*(f"lora_unet_mid_block_{part}" for part in middle), *map(module_in, FULL.blocks[1:10]))
    assert vector.entries[-3:] == ("MID0", "MID1", "MID2")
    assert vector.text.endswith(",13,13,13")


def test_neighbours_with_one_number_share_an_entry():
    same = COUNTED.with_weights({"M00": 2.0})
    assert vector_of(module_in("IN01"), module_in("M00"), weights=same).entries == ("BASE", "IN01+MID1")
    with pytest.raises(BlockweightError, match="gives IN01 and MID1 one number"):
        vector_of(module_in("IN01"), module_in("M00"))


def test_a_short_vector_goes_on_with_its_last_number():
    vector = vector_of(module_in("IN04"))
    assert vector.text == "0" + ",5" * 11
    assert "no vector of less than 12" in vector.hints[0]


def test_what_base_scales_besides_is_named():
    vector = vector_of(module_in("IN04"), "lora_unet_time_embedding_linear_1")
    assert vector.dropped == ("REST",)
    assert "scales REST by BASE" in vector.hints[-1]


def test_fluxs_base_is_what_most_of_its_blocks_have():
    flux = family_by_name("flux1")
    weights = uniform("a", flux.layout, 1.0).with_weights({"OUT": 0.0})
    names = ("lora_unet_img_in", "lora_te1_text_model_encoder_layers_0_mlp_fc1", "lora_unet_final_layer_linear")
    vector = vector_of(*names, "lora_unet_double_blocks_3_img_mlp_0", weights=weights, family=flux)
    assert (vector.entries, vector.dropped) == (("BASE", "D03"), ("OUT",))


def test_a_family_without_buckets_is_refused():
    wan = family_by_name("wan")
    with pytest.raises(BlockweightError, match="sorts no block of wan and would scale all by BASE"):
        vector_of("lora_unet_blocks_3_ffn_0", weights=uniform("a", wan.layout, 1.0), family=wan)


def read(text, layout="sd1-17"):
    return read_weights(text, Context(layout=layout_by_name(layout)))


def test_a_spec_counts_blocks_from_one():
    weights = read("Girl:%default=0.5,base=0.1,in1-3=0.2,in5=0.9,mid=0,out=0.7,out9=0.3").weights
    assert weights.text() == "Girl:0.1,0.2,0.2,0.2,0.5,0.9,0.5,0,0.7,0.7,0.7,0.7,0.7,0.7,0.7,0.7,0.3"


def test_without_a_default_a_spec_leaves_blocks_at_one():
    assert read("%in1=0.5").weights.vector() == "1,0.5" + ",1" * 15


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%in7=1", "beyond the 6 blocks of that section in sd1-17"),
        ("%in3-1=1", "beyond the 6 blocks"),
        ("%in0=1", "beyond the 6 blocks"),
        ("%foo=1", "'foo' is no section"),
        ("%double=1", "no blocks that the Inspire Pack calls double"),
        ("%in1=x", "'x' is not a number"),
        ("%in1", "No layout|holds no|not a number|no preset"),
        ("%in1=1,=2", "is not a spec"),
        ("%in" + "9" * 5000 + "=1", "is not a spec|no section"),
    ],
)
def test_a_spec_that_cannot_be_met_is_refused(text, words):
    with pytest.raises(BlockweightError, match=words):
        read(text)


def test_a_spec_needs_a_layout():
    with pytest.raises(BlockweightError, match="say of which layout, as in --from sd1-17"):
        read_weights("%default=1")


def test_a_vector_is_continued_or_cut_with_a_hint():
    short = read("a:" + ",".join(["1"] * 11 + ["0.5"]), "sd1-inspire-27")
    assert short.weights.values[11:] == (0.5,) * 16
    assert "take the last number" in short.hints[0]
    long = read(",".join(["1"] * 30), "sd1-inspire-27")
    assert "after the first 27 are left out" in long.hints[0]
    with pytest.raises(BlockweightError, match="12 numbers or more, not 3"):
        read("1,1,1", "sd1-inspire-27")


def test_modules_of_one_block_with_different_weights_are_refused():
    alike = ",".join(["1 1 1"] + ["1"] * 26)
    assert set(read(alike, "sd1-inspire-27").weights.values) == {1.0}
    with pytest.raises(BlockweightError, match="modules of one block different weights"):
        read(",".join(["1 0.5"] + ["1"] * 26), "sd1-inspire-27")
