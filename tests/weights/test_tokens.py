"""Words in a vector: R, U, X."""

from __future__ import annotations

import pytest

from blockweight.errors import BlockweightError
from blockweight.weights import Context, read_weights
from blockweight.weights.notations.tokens import INSPIRE_DRAWS, Draws, numbers_for
from workshop import SD1

TAIL = ",1" * 25


def test_random_words_are_drawn_anew_within_their_span():
    drawn = [float(number) for number in numbers_for(["R"] * 200 + ["U"] * 200, Draws(seed=1))]
    assert len(set(drawn)) > 300
    assert 0 <= min(drawn[:200]) < 0.05 < 0.95 < max(drawn[:200]) <= 1
    assert -0.5 <= min(drawn[200:]) < -0.4 < 1.4 < max(drawn[200:]) <= 1.5


def test_the_same_seed_draws_the_same():
    text = f"a:R,U{TAIL[2:]}"
    first, again, other = (read_weights(text, Context(family=SD1, seed=seed)).weights for seed in (1, 1, 2))
    assert first == again != other


def test_random_weights_need_a_seed():
    with pytest.raises(BlockweightError, match="'R' stands for a random weight; draw it with"):
        read_weights(f"a:R{TAIL}", Context(family=SD1))


@pytest.mark.parametrize(("word", "value"), [("X", 0.5), ("X+0.1", 0.6), ("X-1", -0.5), ("X+.25", 0.75)])
def test_x_is_the_base_moved(word, value):
    assert read_weights(f"a:{word}{TAIL}", Context(family=SD1, base=0.5)).weights.values[0] == value


def test_x_is_what_the_tag_says():
    weights = read_weights(f"<lora:a:1:lbw=X-0.1{TAIL}:x=0.8>", Context(family=SD1)).weights
    assert weights.values[0] == 0.7


@pytest.mark.parametrize("word", ["XX", "X+", "X*2", "r", "RANDOM", "x"])
def test_other_words_are_refused(word):
    with pytest.raises(BlockweightError, match=r"is not a number|length"):
        read_weights(f"a:1,{word}{',1' * 24}", Context(family=SD1, seed=1))


def test_inspires_words_have_its_spans_and_decimals():
    drawn = [float(number) for number in numbers_for(["R"] * 300, Draws(1, spans=INSPIRE_DRAWS.spans, places=2))]
    assert max(drawn) > 2.8
    assert all(round(number, 2) == number for number in drawn)
