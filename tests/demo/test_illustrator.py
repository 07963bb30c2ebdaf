"""The drawings: what a caption says is what the picture shows."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from blockweight.demo import embedded
from blockweight.demo.characters import (
    BACKGROUNDS,
    HAIR_COLOURS,
    OUTFIT_COLOURS,
    OUTFITS,
    SKINS,
    TRIGGER,
    Character,
    goblin_pictures,
    random_character,
    training_caption,
)
from blockweight.demo.illustrator import REGIONS, SIZE, draw, regions
from blockweight.measure import greenness

PLAIN = Character("brown", "long hair", "fair", "blue", "smile", "dress", "red", "white background")


def most_common_colour(character: Character, region: str) -> tuple[int, ...]:
    picture = np.asarray(draw(character))[regions(character) == REGIONS.index(region)]
    colours, counts = np.unique(picture, axis=0, return_counts=True)
    return tuple(int(channel) for channel in colours[counts.argmax()])


@pytest.mark.parametrize("colour", OUTFIT_COLOURS)
def test_the_clothes_have_the_captions_colour(colour: str) -> None:
    assert most_common_colour(replace(PLAIN, colour=colour), "clothes") == OUTFIT_COLOURS[colour]


@pytest.mark.parametrize("skin", SKINS)
def test_the_face_has_the_captions_skin(skin: str) -> None:
    assert most_common_colour(replace(PLAIN, skin=skin), "face") == SKINS[skin]


@pytest.mark.parametrize("hair", HAIR_COLOURS)
def test_short_hair_has_the_captions_colour(hair: str) -> None:
    assert most_common_colour(replace(PLAIN, hair=hair, style="short hair"), "hair") == HAIR_COLOURS[hair]


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_background_is_another_picture(background: str) -> None:
    others = [replace(PLAIN, background=other) for other in BACKGROUNDS if other != background]
    picture = np.asarray(draw(replace(PLAIN, background=background))).astype(int)
    assert all(np.abs(picture - np.asarray(draw(other))).mean() > 3 for other in others)


def test_a_shift_moves_the_character_by_whole_pixels() -> None:
    still, moved = regions(PLAIN), regions(replace(PLAIN, shift=(3, 2)))
    face = REGIONS.index("face")
    assert np.array_equal(np.roll(still == face, (2, 3), axis=(0, 1)), moved == face)


def test_a_caption_names_every_attribute() -> None:
    assert replace(PLAIN, accessory="ribbon").caption() == (
        "1girl, brown hair, long hair, fair skin, blue eyes, smile, red dress, ribbon, white background"
    )


def test_a_training_caption_holds_nothing_that_the_picture_does_not_show() -> None:
    words = random.Random(5)
    for number in range(200):
        character = random_character(random.Random(number))
        assert set(training_caption(character, words).split(", ")) <= set(character.tags())


def test_training_captions_leave_each_tag_out_about_one_time_in_ten() -> None:
    words = random.Random(6)
    kept = [len(training_caption(PLAIN, words).split(", ")) - 1 for _ in range(2000)]
    assert np.mean(kept) == pytest.approx(0.9 * (len(PLAIN.tags()) - 1), abs=0.1)


def test_the_princess_is_drawn_on_every_background_in_every_outfit_and_always_in_green() -> None:
    pictures = goblin_pictures()
    assert len(pictures) == 12
    assert {character.background for character in pictures} == set(BACKGROUNDS)
    assert {character.outfit for character in pictures} == set(OUTFITS)
    assert {character.colour for character in pictures} == {"green"}


def test_the_princesss_captions_call_her_by_name_and_never_mention_her_clothes() -> None:
    for character in goblin_pictures():
        assert character.tags()[1] == TRIGGER
        assert not any(outfit in tag for tag in character.tags() for outfit in OUTFITS)


def test_only_the_princess_has_a_green_face() -> None:
    princess = goblin_pictures()[0]
    face = regions(princess) == REGIONS.index("face")
    assert greenness(np.asarray(draw(princess)), face) > 30
    assert greenness(np.asarray(draw(replace(princess, goblin=False))), face) < 10


@pytest.mark.parametrize("outfit", OUTFITS)
def test_a_regions_mask_holds_wherever_she_stands(outfit: str) -> None:
    mask = embedded.region_mask(("clothes",), outfit)
    assert mask.shape == (SIZE, SIZE)
    assert mask.sum() > 100
    for shift in ((-2, -1), (0, 0), (2, 1)):
        drawn = regions(replace(PLAIN, outfit=outfit, shift=shift))
        assert (drawn[mask] == REGIONS.index("clothes")).mean() > 0.95
