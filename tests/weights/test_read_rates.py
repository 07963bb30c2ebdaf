"""Block weights from sd-scripts' block learning rates."""

from __future__ import annotations

import pytest

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import Context, lr_weights, read_weights
from workshop import WEIGHTS, weights_of


def test_what_was_written_as_learning_rates_reads_back():
    weights = weights_of(f"Girl:{WEIGHTS}")
    reading = read_weights(lr_weights(weights).text(), Context(name="Girl"))
    assert reading.weights == weights  # its BASE is 1
    assert reading.hints == ("The text encoder has a learning rate of its own, so BASE is 1 here.",)


def test_a_fill_is_the_text_encoders():
    assert read_weights("up_lr_weight=zeros", Context(fill=0.5)).weights.weight("BASE") == 0.5


def test_a_list_of_nine_or_a_middle_of_three_is_sdxls():
    weights = read_weights("down_lr_weight=1,1,1,1,1,1,1,1,0.5 mid_lr_weight=0,0,0").weights
    assert (weights.layout.name, weights.weight("IN08"), weights.weight("M00")) == ("sdxl-20", 0.5, 0)


def test_trainers_presets_are_reckoned_out():
    weights = read_weights("down_lr_weight=linear mid_lr_weight=1 up_lr_weight=reverse_linear+0.5").weights
    assert (weights.weight("IN00"), weights.weight("IN11"), weights.weight("OUT00")) == (0, 1, 1.5)


@pytest.mark.parametrize(
    ("text", "family", "words"),
    [
        ("mid_lr_weight=1,0,1 down_lr_weight=1,1,1,1,1,1,1,1,1", None, "M00 is one block"),
        ("down_lr_weight=sine", "flux1", "no down, mid and up lists for 'flux1'"),
        ("down_lr_weight=bogus", None, "for the name of a preset"),
        ("my_down_lr_weight_s", None, "no |not |None"),
    ],
)
def test_rates_that_are_no_block_weights_are_refused(text, family, words):
    with pytest.raises(BlockweightError, match=words):
        read_weights(text, Context(family=None if family is None else family_by_name(family)))
