"""What a search wants, as a person types it, and what it finds in pictures."""

from __future__ import annotations

import numpy as np
import pytest

from blockweight.errors import BlockweightError
from blockweight.measure import Wish, WishScene, free_wishes, parse_wishes, wishes_text

INSIDE = np.zeros((4, 8), bool)
INSIDE[:, :4] = True


def picture(inside, outside):
    made = np.zeros((4, 8, 3), np.uint8)
    made[:, :4], made[:, 4:] = inside, outside
    return made


SCENE = WishScene(picture((50, 50, 50), (50, 50, 50)), picture((150, 150, 150), (50, 250, 50)), INSIDE)


def value(text, shown, scene=SCENE):
    (wish,) = parse_wishes(text)
    return wish.value(shown, scene)


def test_what_stays_inside_and_goes_outside_are_shares():
    shown = picture((125, 125, 125), (50, 100, 50))
    assert value("kept", shown) == pytest.approx(0.75)
    assert value("gone", shown) == pytest.approx(0.75)


def test_a_colour_counts_from_the_picture_without_the_lora():
    assert value("lower green:outside", picture((0, 0, 0), (50, 250, 50))) == pytest.approx(200)
    assert value("lower green:outside", SCENE.without) == 0


def test_likeness_is_to_the_target():
    scene = WishScene(SCENE.without, SCENE.everything, None, SCENE.everything)
    assert value("likeness", SCENE.everything, scene) == 0
    assert value("likeness", SCENE.without, scene) < -50


def test_where_the_lora_changes_nothing_no_share_is_told():
    scene = WishScene(SCENE.without, SCENE.without, INSIDE)
    assert value("kept", SCENE.without, scene) is None


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("kept", "raise kept"),
        ("Raise KEPT * 2, lower green:outside", "raise kept*2, lower green:outside"),
        ("distance:inside, kept >= 80%", "lower distance:inside, kept>=80%"),
        ("likeness, #3C8C50:outside<=-4.5", "raise likeness, #3c8c50:outside<=-4.5"),
        ("gone, gone>=0.25", "raise gone, gone>=25%"),
    ],
)
def test_a_text_is_read_and_written_again(typed, text):
    wishes = parse_wishes(typed)
    assert wishes_text(wishes) == text
    assert parse_wishes(text) == wishes


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "something to raise or lower"),
        ("kept>=80%", "something to raise or lower"),
        ("green:outside", "Say which way"),
        ("raise nothing", "There is no objective"),
        ("raise kept>=80%", "write them as two"),
        ("kept, raise kept", "named twice"),
        ("raise kept*0", "above 0"),
        ("kept, green:outside<=3%", "no share, so it is not measured in percent"),
        ("kept, gone>=90", "must be a share"),
        ("kept!", "is no objective"),
        ("raise kept:inside", "There is no objective"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(typed, words):
    with pytest.raises(BlockweightError, match=words):
        parse_wishes(typed)


def test_a_bound_is_broken_by_what_lacks():
    free, least, most = parse_wishes("raise kept, kept>=80%, green:outside<=4")
    assert free_wishes((free, least, most)) == (free,)
    assert (least.broken(0.5), most.broken(6.0), free.broken(0.0)) == (pytest.approx(0.3), 2.0, 0.0)
    assert least.broken(0.9) < 0 > most.broken(1.0)


def test_a_mask_or_a_target_that_is_needed_is_known_before_any_picture():
    told = {wish.name: (wish.needs_mask, wish.needs_target) for wish in parse_wishes(
        "kept, gone, lower green, lower green:outside, likeness, distance:inside")}  # fmt: skip
    assert told == {
        "kept": (False, False),
        "gone": (True, False),
        "green": (False, False),
        "green:outside": (True, False),
        "likeness": (False, True),
        "distance:inside": (True, True),
    }


def test_levels_and_shares_are_equal_within_their_own_size():
    assert (Wish("kept", "raise").equal, Wish("green", "lower").equal) == (0.01, 0.5)
