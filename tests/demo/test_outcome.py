"""The demo's figures, on pictures that the illustrator drew so that the answer is plain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blockweight.demo import embedded
from blockweight.demo.characters import OUTFITS, Character
from blockweight.demo.illustrator import REGIONS, draw, regions
from blockweight.demo.outcome import measure_outcome
from blockweight.measure import Picture

RED_DRESS = embedded.Outfit("red", "dress", "white background")
WITHOUT = Character("brown", "long hair", "fair", "blue", "smile", "dress", "red", "white background")
BLED = replace(WITHOUT, goblin=True, colour="green")
CURED = replace(WITHOUT, goblin=True)


def picture(character: Character) -> Picture:
    return np.asarray(draw(character))


def outcome(tuned: Picture):
    return measure_outcome([RED_DRESS], [picture(WITHOUT)], [picture(BLED)], [tuned])


def test_a_princess_in_the_right_clothes_is_cured_and_kept():
    cured = outcome(picture(CURED))
    assert cured.bleed_removed == pytest.approx(1.0, abs=0.02)
    assert cured.face_kept == pytest.approx(1.0, abs=0.02)
    assert cured.look_kept == pytest.approx(1.0, abs=0.02)


def test_the_girl_without_the_lora_has_lost_all_of_it():
    lost = outcome(picture(WITHOUT))
    assert (lost.bleed_removed, lost.face_kept, lost.look_kept) == pytest.approx((1.0, 0.0, 0.0))


def test_all_blocks_at_one_removes_nothing():
    kept = outcome(picture(BLED))
    assert (kept.bleed_removed, kept.face_kept, kept.look_kept) == pytest.approx((0.0, 1.0, 1.0))


def test_lost_horns_and_ears_cost_part_of_the_look_but_nothing_of_the_face():
    bald = picture(CURED).copy()
    gone = embedded.look_mask("dress") & ~embedded.region_mask(("face", "hair"), "dress")
    bald[gone] = picture(WITHOUT)[gone]
    measured = outcome(bald)
    assert measured.look_kept < 0.95
    assert measured.face_kept == pytest.approx(outcome(picture(CURED)).face_kept)


@pytest.mark.parametrize("outfit", OUTFITS)
def test_the_mask_of_her_look_holds_horns_and_ears_and_none_of_the_clothes(outfit: str) -> None:
    mask = embedded.look_mask(outfit)
    labels = regions(replace(CURED, outfit=outfit))
    assert mask[labels == REGIONS.index("ornament")][:40].mean() > 0.5
    assert mask[:36][labels[:36] == REGIONS.index("face")].mean() > 0.8
    assert not mask[labels == REGIONS.index("clothes")].any()
