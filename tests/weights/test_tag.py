"""The WebUI's prompt tag."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import Context, read_weights, retag
from blockweight.weights.notations.tag import LoraTag, parse_tag
from workshop import SD1, WEIGHTS

CONTEXT = Context(family=SD1)


@pytest.mark.parametrize(
    ("tag", "te", "unet"),
    [
        ("<lora:a:lbw=V>", 1, 1),
        ("<lora:a:0.5:lbw=V>", 0.5, 0.5),
        ("<lora:a:0.5:0.8:lbw=V>", 0.5, 0.8),
        ("<lora:a:te=0:lbw=V>", 0, 0),
        ("<lora:a:unet=.5:lbw=V>", 0.5, 0.5),
        ("<lora:a:lbw=V:unet=1:te=0>", 0, 1),
        ("<lyco:a:0.7:lbw=V>", 0.7, 0.7),
    ],
)
def test_one_strength_is_for_both_and_two_for_each(tag, te, unet):
    parsed = parse_tag(tag)
    assert (parsed.te, parsed.unet, parsed.weights, parsed.hint) == (te, unet, "V", "")


@pytest.mark.parametrize("tag", ["<lora:a:1:V>", "<lora:a:1:1:V>", "<lora:a:1:0,0,1>", "<lora:gobuhime-Defmix2:1:XYZ>"])
def test_the_old_form_is_read_with_a_hint(tag):
    parsed = parse_tag(tag)
    assert parsed.weights == tag.removesuffix(">").rsplit(":", 1)[1]
    assert "write them as lbw=" in parsed.hint


def test_steps_are_read_alone_or_as_a_range():
    assert (parse_tag("<lora:a:1:start=3>").start, parse_tag("<lora:a:1:stop=9>").stop) == (3, 9)
    assert (parse_tag("<lora:a:1:step=3-9>").start, parse_tag("<lora:a:1:step=3-9>").stop) == (3, 9)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("<lora:>", "not a LoRA tag"),
        ("<lora:a:1:lwb=V>", "option 'lwb' is unknown; LoRA Block Weight has te="),
        ("<lora:a:1:start=x>", "'x' is not a step"),
        ("<lora:a:1:step=3>", "not a range of steps"),
        ("<lora:a:1@0,0@9:lbw=V>", "'1@0,0@9' is not a number"),
        ("<lora:a:te=x:lbw=V>", "'x' is not a number"),
    ],
)
def test_a_tag_that_says_something_else_is_refused(tag, words):
    with pytest.raises(BlockweightError, match=words):
        parse_tag(tag)


NUMBERS = st.floats(-9, 9).map(lambda value: round(value, 2) + 0.0)
STEPS = st.none() | st.integers(0, 99)


@given(
    name=st.text("abc-_ 姫", min_size=1).map(str.strip).filter(bool),
    te=NUMBERS,
    unet=NUMBERS,
    weights=st.sampled_from([WEIGHTS, "OUTD"]),
    elemental=st.sampled_from(["", "ATTNDEEPON"]),
    start=STEPS,
    stop=STEPS,
    base=st.none() | NUMBERS,
)
def test_print_parse_is_the_identity(**parts):
    tag = LoraTag(**parts)
    assert parse_tag(tag.text(tag.weights)) == tag


def test_a_prompts_tag_is_found_among_others():
    reading = read_weights(f"1girl, <lora:other:0.5>, <lora:girl:0.8:lbw={WEIGHTS}:stop=9>", CONTEXT)
    assert (reading.weights.name, reading.weights.vector()) == ("girl", WEIGHTS)
    assert reading.tag is not None
    assert reading.tag.facts() == {"name": "girl", "te": 0.8, "unet": 0.8, "stop": 9}


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (f"<lora:a:1:lbw={WEIGHTS}> <lora:b:1:lbw={WEIGHTS}>", "2 tags have block weights"),
        ("<lora:a:1>", "No tag in it has block weights"),
        ("<lora:a:1:lbw=ALLL>", "no preset 'ALLL'; did you mean ALL?"),
    ],
)
def test_it_must_be_clear_which_weights_are_meant(prompt, words):
    with pytest.raises(BlockweightError, match=words):
        read_weights(prompt, Context(family=SD1, presets={"ALL": WEIGHTS, "OUTD": WEIGHTS}))


def test_a_preset_in_a_tag_is_looked_up():
    reading = read_weights("<lora:a:1:lbw=MY>", Context(family=SD1, presets={"MY": WEIGHTS}))
    assert (reading.weights.name, reading.weights.vector()) == ("MY", WEIGHTS)


@pytest.mark.parametrize(
    ("prompt", "after"),
    [
        ("1girl <lora:g:1:lbw=XYZ>, x", "1girl <lora:g:1:lbw=Sub>, x"),
        ("1girl <lora:gobuhime-Defmix2:1:XYZ>", "1girl <lora:gobuhime-Defmix2:1:lbw=Sub>"),
        ("<lora:o:0.5> <lora:g:1:0.5:lbw=XYZ:stop=9>", "<lora:o:0.5> <lora:g:1:0.5:lbw=Sub:stop=9>"),
        ("<lora:g:0.8>", "<lora:g:0.8:lbw=Sub>"),
    ],
)
def test_the_tag_of_a_prompt_takes_other_weights(prompt, after):
    assert retag(prompt, "Sub") == after


@pytest.mark.parametrize("prompt", ["1girl", "<lora:a:1> <lora:b:1>", "<lora:a:1:lbw=A> <lora:b:1:lbw=B>"])
def test_a_prompt_without_one_clear_tag_is_refused(prompt):
    with pytest.raises(BlockweightError, match="give one tag block weights"):
        retag(prompt, "Sub")


@pytest.mark.parametrize("name", ["a>b", "a:b"])
def test_a_name_that_a_tag_cannot_hold_is_refused(name):
    with pytest.raises(BlockweightError, match="cannot hold the name"):
        LoraTag(name).text("1")


@pytest.mark.parametrize(
    ("tag", "te", "unet", "weights"),
    [
        ("<lora:f:te=0.5:1:lbw=V>", 0.5, 1, "V"),
        ("<lora:f:0.8:lbw=V:0.5>", 0.8, 0.8, "V"),
        ("<lora:f:0.8:0.4:OUTD>", 0.8, 0.4, "OUTD"),
    ],
)
def test_places_count_from_the_name_whatever_stands_in_them(tag, te, unet, weights):
    parsed = parse_tag(tag)
    assert (parsed.te, parsed.unet, parsed.weights) == (te, unet, weights)


def test_a_fourth_item_is_the_base_or_an_elemental_preset():
    assert parse_tag("<lora:f:1:1:0.5:lbw=V>").base == 0.5
    assert parse_tag("<lora:f:1:1:ATTNDEEPOFF:lbw=V>").elemental == "ATTNDEEPOFF"
