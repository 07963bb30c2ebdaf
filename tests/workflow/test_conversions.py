"""Weights converted as they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.workflow.conversions import convert_text, read_weights
from workshop import WEIGHTS

TWELVE = "1,1,1,0.5,1,1,1,1,1,1,1,1"


def test_the_facts_are_names_and_numbers_in_order():
    facts = convert_text(f"Goblin:{TWELVE}", "20", fill=0).facts()
    assert (facts["name"], facts["layout"], facts["dropped"]) == ("Goblin", "sdxl-20", [])
    assert list(facts["values"])[:2] == ["BASE", "IN00"]
    assert facts["values"]["IN07"] == 0.5
    assert facts["text"].startswith("Goblin:1,0,0,0,0,1,1,0,0.5,")


@pytest.mark.parametrize(
    ("length", "layout"), [(12, "sdxl-12"), (17, "sd1-17"), (20, "sdxl-20"), (26, "sd1-26"), (61, "flux1-61")]
)
def test_the_length_tells_the_layout(length, layout):
    assert read_weights(",".join(["1"] * length), None, None).layout.name == layout


def test_a_family_or_a_name_chooses_among_layouts_of_one_length():
    assert read_weights(WEIGHTS, None, "SD2").layout.name == "sd2-26"
    assert read_weights(",".join(["1"] * 58), "flux2-58", None).layout.name == "flux2-58"


def test_a_target_of_the_weights_own_family_is_preferred():
    assert convert_text(",".join(["1"] * 17), "26", family="sd2", fill=0).converted.weights.layout.name == "sd2-26"


def test_the_tag_is_what_the_webui_takes():
    assert convert_text(f"gobuhime:{WEIGHTS}", "tag").text == f"<lora:gobuhime:1:lbw={WEIGHTS}>"


def test_sd_scripts_takes_three_lists():
    assert convert_text(WEIGHTS, "sd-scripts").text == (
        '"down_lr_weight=0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0" "mid_lr_weight=1" '
        '"up_lr_weight=0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5"'
    )


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("1,1", {"to": "26"}, "no layout of length 2; there are 12, 17, 20"),
        (WEIGHTS, {"to": "25"}, "no layout of length 25"),
        (WEIGHTS, {"to": "9" * 5000}, "no layout of length 99999999999999999999;"),
        (WEIGHTS, {"to": "sd1-72"}, "no layout called 'sd1-72'; did you mean"),
        (WEIGHTS, {"to": "26", "family": "sdxl"}, "No layout of sdxl has 26 weights; it has 12, 20, 21"),
        (WEIGHTS, {"to": "26", "family": "sd9"}, "no family called 'sd9'"),
        (WEIGHTS, {"to": "26", "layout": "sd1-17"}, "26 weights were given for the 17 of the layout sd1-17"),
        (",".join(["1"] * 61), {"to": "sd-scripts"}, "no learning rate per block by these arguments for flux1"),
        ("", {"to": "26"}, "holds no block weights"),
    ],
)
def test_what_cannot_be_converted_is_refused_in_a_sentence(text, options, words):
    with pytest.raises(BlockweightError, match=words):
        convert_text(text, **options)


@given(st.text(), st.text() | st.sampled_from(["26", "17", "tag", "sd-scripts", "sdxl-20"]))
def test_any_text_gives_weights_or_one_line(text, to):
    try:
        convert_text(text, to, fill=0.0)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
