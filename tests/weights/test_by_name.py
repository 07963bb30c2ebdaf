"""Weights given by block name: JSON, our recipe, diffusers' scales, tables."""

from __future__ import annotations

import json

import pytest

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import Context, read_weights
from workshop import FULL, SD1, WEIGHTS, weights_of

GIRL = weights_of(f"ゴブ姫:{WEIGHTS}")
BY_NAME = dict(GIRL.items())
CELLS = WEIGHTS.split(",")
HEAD = list(FULL.blocks)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"name": "ゴブ姫", "layout": "sd1-26", "values": BY_NAME}),
        json.dumps({"name": "ゴブ姫", "weights": {block.lower(): value for block, value in BY_NAME.items()}}),
        'name = "ゴブ姫"\nlayout = "sd1-26"\n[weights]\n' + "\n".join(f"{b} = {v}" for b, v in BY_NAME.items()),
        "\t".join(["NAME", *HEAD]) + "\n" + "\t".join(["ゴブ姫", *CELLS]),
        "\t".join(["ゴブ姫", *CELLS]),
        ",".join(["ゴブ姫", *CELLS]),
        "| NAME | " + " | ".join(HEAD) + " |\n|---|" + "--:|" * 26 + "\n| ゴブ姫 | " + " | ".join(CELLS) + " |",
        "\n".join(["NAME\tゴブ姫", *(f"{block}\t{cell}" for block, cell in zip(HEAD, CELLS, strict=True))]),
        "NAME,OUT11," + ",".join(HEAD[:-1]) + "\nゴブ姫,0.5," + ",".join(CELLS[:-1]),
        "\ufeff" + "\t".join(["NAME", *HEAD]) + "\r\n" + "\t".join(["ゴブ姫", *CELLS]) + "\r\n",
    ],
)
def test_weights_with_names_are_read_whatever_their_form(text):
    assert read_weights(text, Context(family=SD1)).weights == GIRL


@pytest.mark.parametrize("text", [json.dumps(BY_NAME), str(BY_NAME), json.dumps([float(cell) for cell in CELLS])])
def test_weights_without_a_name_take_the_callers(text):
    assert read_weights(text, Context(family=SD1, name="ゴブ姫")).weights == GIRL


def test_the_blocks_tell_the_layout():
    assert read_weights('{"D00": 1, "S37": 0, "T5": 1}', Context(fill=1.0)).weights.layout.name == "flux1-61"
    short = dict.fromkeys(SD1.layouts[1].blocks, 1)
    assert read_weights(json.dumps(short)).weights.layout.name == "sd1-17"


def test_blocks_that_are_left_out_need_a_fill():
    with pytest.raises(BlockweightError, match=r"Nothing is said of BASE, IN00, .* add --fill 0 or --fill 1"):
        read_weights('{"IN04": 0.5}')
    weights = read_weights('{"IN04": 0.5, "MID": 0, "REST": 0.25}', Context(fill=1.0)).weights
    assert (weights.weight("IN04"), weights.weight("M00"), weights.weight("OUT11"), weights.rest) == (0.5, 0, 1, 0.25)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"IN04": 1, "IN99": 1}', "no block 'IN99' in the layout"),
        ('{"M00": 1, "MID": 1}', "'M00' is given twice"),
        ('{"IN04": true}', "'True' is not a number"),
        ('{"IN04": null}', "'None' is not a number"),
        ('{"IN04": [1]}', "is not a number"),
        ('{"IN04": 1e999}', "not a finite number"),
        ('{"IN04": NaN}', "not a finite number"),
        ('{"IN04": 1' + "0" * 400 + "}", "not a finite number"),
        ("{}", "No block is given a weight"),
        ("{1: 2}", "not a list of numbers or an object"),
        ("{" * 100_000 + "}" * 100_000, "neither JSON nor a Python dict"),
        ('{"values": {"IN04": 1}, "layout": 3}', "name and the layout of weights are texts"),
        ('{"values": {"IN04": 1}, "layout": "sd9"}', "no layout called 'sd9'"),
        ("[weights]\nIN04 = ", "recipe is not TOML"),
        ("BASE,IN00\n1", "2 names over 1 cells"),
        ("BASE,IN00\n1,1\n1,1", "has 3 lines; give two"),
        ("IN01,IN01\n1,1", "names a block twice"),
        ('{"name": "a\\nb", "values": {"IN04": 1}}', "not one line of text"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, words):
    with pytest.raises(BlockweightError, match=words):
        read_weights(text, Context(fill=1.0 if "IN04" in text else None))


def test_diffusers_scales_are_read_as_it_spreads_them():
    scales = {"text_encoder": 0.5, "unet": {"down": 0.9, "up": {"block_1": 0.6, "block_2": [0.4, 0.8, 1.0]}}}
    weights = read_weights(json.dumps(scales)).weights
    assert weights.layout.name == "sd1-17"
    assert weights.vector() == "0.5,0.9,0.9,0.9,0.9,0.9,0.9,1,0.6,0.6,0.6,0.4,0.8,1,1,1,1"


def test_the_unets_part_may_stand_alone_and_sdxl_is_told_by_its_levels():
    weights = read_weights('{"mid": 0.5, "up": {"block_0": [1, 2, 3]}}').weights
    assert (weights.layout.name, weights.vector()) == ("sdxl-12", "1,1,1,1,1,0.5,1,2,3,1,1,1")
    assert read_weights('{"unet": 0.5, "text_encoder_2": 0}').weights.vector() == "0" + ",0.5" * 11


@pytest.mark.parametrize(
    ("scales", "words"),
    [
        ({"unet": {"down": {"block_9": 1}}}, "no part 'block_9' there; it has block_0, block_1, block_2"),
        ({"unet": {"middle": 1}}, "no part 'middle' there; it has down, mid, up"),
        ({"unet": {"down": {"block_0": [1]}}}, "1 scales were given for IN01, IN02"),
        ({"unet": {"mid": [1, 2]}}, "2 scales were given for mid"),
        ({"unet": 1, "text_encoder": 1, "text_encoder_2": 0}, "two text encoders have different scales"),
        ({"unet": {"down": "x"}}, "'x' is not a number"),
    ],
)
def test_other_scales_are_refused(scales, words):
    with pytest.raises(BlockweightError, match=words):
        read_weights(json.dumps(scales))


def test_diffusers_has_no_scales_for_transformers():
    with pytest.raises(BlockweightError, match="not for flux1; bake the weights"):
        read_weights('{"unet": {"down": 1}}', Context(family=family_by_name("flux1")))
