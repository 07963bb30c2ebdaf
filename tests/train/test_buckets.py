"""Buckets and the order in which pictures are seen."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.train.buckets import Buckets
from blockweight.train.order import epoch_steps

sides = st.integers(40, 3000)


def test_the_buckets_of_512_hold_its_area_in_steps_of_64():
    half = {(256, 832), (256, 896), (256, 960), (256, 1024), (320, 704), (320, 768), (384, 640), (448, 576)}
    assert set(Buckets(512).sizes()) == half | {(height, width) for width, height in half} | {(512, 512)}


@given(sides, sides, st.booleans())
def test_a_picture_covers_its_bucket_and_no_more_than_the_area_is_trained_on(width, height, no_upscale):
    fit = Buckets(512, no_upscale=no_upscale).fit((max(width, 64), max(height, 64)) if no_upscale else (width, height))
    assert fit.scaled[0] >= fit.bucket[0]
    assert fit.scaled[1] >= fit.bucket[1]
    assert min(fit.corner) >= 0
    assert all(side % 64 == 0 and side for side in fit.bucket)
    assert math.prod(fit.bucket) <= 512**2 + 513


@given(sides, sides)
def test_a_picture_goes_to_the_nearest_aspect_ratio_and_is_scaled_to_touch_it(width, height):
    buckets = Buckets(512)
    fit = buckets.fit((width, height))
    off = abs(fit.bucket[0] / fit.bucket[1] - width / height)
    assert off == min(abs(w / h - width / height) for w, h in buckets.sizes())
    assert fit.scaled[0] == fit.bucket[0] or fit.scaled[1] == fit.bucket[1]


def test_without_buckets_every_picture_becomes_the_square():
    assert Buckets(512, several=False).fit((300, 900)).bucket == (512, 512)


def test_no_upscale_leaves_small_pictures_as_they_are_but_for_the_step():
    fit = Buckets(512, no_upscale=True).fit((300, 200))
    assert (fit.scaled, fit.bucket, fit.corner) == ((300, 200), (256, 192), (22, 4))
    with pytest.raises(BlockweightError, match="--bucket-no-upscale"):
        Buckets(512, no_upscale=True).fit((300, 20))


@pytest.mark.parametrize("wrong", [{"resolution": 500}, {"resolution": 128}, {"resolution": 2048}])
def test_sizes_that_do_not_go_together_are_refused(wrong):
    with pytest.raises(BlockweightError):
        Buckets(**wrong)


pictures = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4)), min_size=1, max_size=9)


@given(pictures, st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
def test_an_epoch_shows_every_picture_as_often_as_its_folder_says(said, batch, accumulate, epoch):
    buckets, repeats = zip(*said, strict=True)
    steps = epoch_steps(buckets, repeats, batch, accumulate, 7, epoch)
    seen = Counter(number for step in steps for one in step for number in one)
    assert seen == Counter(dict(enumerate(repeats)))
    assert all(len({buckets[number] for number in one}) == 1 and len(one) <= batch for step in steps for one in step)
    assert all(1 <= len(step) <= accumulate for step in steps)
    assert steps == epoch_steps(buckets, repeats, batch, accumulate, 7, epoch)


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {epoch_steps("a" * 9, [1] * 9, 1, 1, seed, epoch) for seed in (1, 2) for epoch in range(5)}
    assert len(orders) == 10
