"""Elemental presets: weights for kinds of modules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import REST, module_of
from blockweight.errors import BlockweightError
from blockweight.weights import is_elemental, parse_elemental
from workshop import FULL, WEIGHTS

ATTENTION = module_of("lora_unet_down_blocks_1_attentions_1_transformer_blocks_0_attn1_to_q.lora_up.weight")
FEED_FORWARD = module_of("lora_unet_down_blocks_1_attentions_1_transformer_blocks_0_ff_net_2.lora_up.weight")


def weights(text, block="IN05"):
    elemental = parse_elemental(text, FULL)
    return elemental.weight(ATTENTION, block), elemental.weight(FEED_FORWARD, block)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IN05:attn1:0.5", (0.5, None)),
        ("IN05:attn1 ff:0.5", (0.5, 0.5)),
        ("IN05:NOT attn1:0.5", (None, 0.5)),
        ("IN05::0.5", (0.5, 0.5)),
        (":attn2:0.5", (None, None)),
        ("NOT IN05::0.5", (None, None)),
        ("IN05::1,IN05:ff:0", (1, 0)),
        ("IN05:ff:0\nIN05::1", (1, 1)),
        ("ATTNDEEPOFF", (0, None)),
        ("Mine:IN04-IN05:ff:2", (None, 2)),
    ],
)
def test_a_ratio_is_for_the_modules_it_names_and_the_last_one_counts(text, expected):
    assert weights(text) == expected


def test_no_blocks_are_all_of_them():
    assert weights(":attn:0", REST) == (0, None)
    assert weights("BASE-OUT11:attn:0", REST) == (None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("IN05:attn", "'IN05:attn' is not an elemental preset"),
        ("", "is not an elemental preset"),
        ("IN99:attn:1", "no block 'IN99'"),
        ("IN05:attn:x", "'x' is not a number"),
        ("A:IN05:attn:1,IN05:1", "'IN05:1' is not an elemental"),
    ],
)
def test_what_is_no_directive_is_refused(text, words):
    with pytest.raises(BlockweightError, match=words):
        parse_elemental(text, FULL)


def test_a_vector_is_not_taken_for_one():
    assert is_elemental("A:IN05:attn:1") is is_elemental("IN05:attn:1,IN06:ff:0") is is_elemental("ATTNDEEPON") is True
    assert is_elemental(f"A:{WEIGHTS}") is is_elemental(f"at 12:30:{WEIGHTS}") is is_elemental("") is False


@given(st.text("IN05OUTBASE-:, \nattnNOT.1"))
def test_any_text_gives_a_preset_or_one_line(text):
    try:
        once = parse_elemental(text, FULL)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
    else:
        assert parse_elemental(once.text(), FULL) == once
