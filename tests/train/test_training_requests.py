"""What is to be trained, and the bounds of what can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainings import training

from blockweight.blocks import layout_by_name
from blockweight.errors import BlockweightError
from blockweight.train import Training
from blockweight.train.training import number
from blockweight.weights import uniform

ONES = uniform("a", layout_by_name("sd1-26"), 1.0)


def test_a_rate_is_reckoned_as_a_person_would():
    assert training(IN01=0.3, unet_lr=3e-4).rate("IN01") == 9e-05


def test_base_takes_the_text_encoders_rate():
    assert training(BASE=0.5, te=4e-5).rate("BASE") == 2e-5


def test_a_weight_below_0_is_refused_with_the_reason():
    with pytest.raises(BlockweightError, match=r"IN05 is -0.5, but no trainer learns at a rate below 0.*write 0"):
        training(IN05=-0.5)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"unet_lr": 0.0}, "--unet-lr is 0"),
        ({"unet_lr": float("nan")}, "--unet-lr is nan"),
        ({"text_encoder_lr": -1e-5}, "--text-encoder-lr is -1e-05"),
        ({"network_dim": 0}, "--network-dim is 0"),
        ({"conv_dim": 5000}, "--conv-dim is 5000"),
        ({"network_alpha": 0.0}, "--network-alpha is 0"),
        ({"conv_alpha": float("inf")}, "--conv-alpha is inf"),
    ],
)
def test_rates_and_ranks_out_of_range_are_refused(values, words):
    with pytest.raises(BlockweightError, match=words):
        Training(**{"weights": ONES, "unet_lr": 1e-4, "text_encoder_lr": 5e-5, **values})


def test_a_rate_beyond_the_largest_number_is_refused():
    with pytest.raises(BlockweightError, match="IN01 is beyond the largest number"):
        training(IN01=1e300, unet_lr=1e300).rate("IN01")


@given(st.floats(0, 1e300))
def test_a_number_is_written_so_that_it_reads_back(value):
    text = number(value)
    assert float(text) == value
    assert "." in text or "e" in text
