"""The list of aspects, their names, and their numbers for a pair of pictures."""

import numpy as np
import pytest
from aspect_pictures import left_half, noise, plain
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.measure import (
    ASPECTS,
    Embedder,
    Features,
    SceneName,
    aspect_of,
    aspects,
    diff_percent,
    mean_difference,
    measure_aspect,
    measure_aspects,
    parse_aspects,
    region_of,
)

PIXEL_ASPECTS = [aspect.name for aspect in ASPECTS if not aspect.needs_model]


def by_mean_colour(picture):
    """The picture's mean colour as an embedding, and its four quarters' as patches."""
    places = picture.reshape(2, 16, 2, 16, 3).mean(axis=(1, 3)).astype(np.float32) + 1
    return Features(places.mean(axis=(0, 1)), places, (places, places))


EMBEDDER = Embedder(by_mean_colour)


def test_names_are_read_in_their_order_and_each_once():
    assert parse_aspects(" colour,structure:inside, change,colour,") == ("colour", "structure:inside", "change")


@pytest.mark.parametrize("text", ["hue", "colour:left", "colour:", "Colour", "colour:inside:outside", ":inside"])
def test_another_name_is_refused_with_those_there_are(text):
    with pytest.raises(BlockweightError, match=r"There is no aspect '.*'; there are diff, change, colour, structure, "):
        parse_aspects(f"change,{text}")


@pytest.mark.parametrize("text", ["", " , "])
def test_no_name_is_refused(text):
    with pytest.raises(BlockweightError, match="No aspect is named; there are diff, "):
        parse_aspects(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_a_sentence(text):
    try:
        names = parse_aspects(text)
    except BlockweightError as error:
        assert "\n" not in str(error)
    else:
        assert all(aspect_of(name) for name in names)


def test_a_name_tells_its_unit_and_region():
    assert [aspect_of(name).unit for name in ("colour:inside", "change", "diff")] == ["ΔE", "levels", "%"]
    assert (region_of("colour:inside"), region_of("colour")) == ("inside", "")


def test_every_aspect_has_a_name_of_its_own():
    assert len({aspect.name for aspect in ASPECTS}) == len(ASPECTS)


@pytest.mark.parametrize("name", [aspect.name for aspect in ASPECTS])
def test_equal_pictures_differ_by_0_and_others_by_more_up_to_the_most(name):
    picture = noise(1)
    assert measure_aspect(name, picture, picture.copy(), embedder=EMBEDDER) == 0
    for other in (255 - picture, noise(2), plain(255, 255, 0)):
        assert 0 < measure_aspect(name, picture, other, embedder=EMBEDDER) <= aspect_of(name).most


def test_no_two_colours_are_further_apart_than_the_most_of_colour():
    corners = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 102, 255)], np.uint8)
    pairs = [(plain(*one, height=1, width=1), plain(*other, height=1, width=1)) for one in corners for other in corners]
    assert 110 < max(measure_aspect("colour", *pair) for pair in pairs) <= aspect_of("colour").most


@pytest.mark.parametrize("name", [aspect.name for aspect in ASPECTS])
def test_which_picture_is_the_source_makes_no_difference(name):
    found = [measure_aspect(name, *pair, embedder=EMBEDDER) for pair in ((noise(1), noise(2)), (noise(2), noise(1)))]
    assert found[0] == pytest.approx(found[1])


@pytest.mark.parametrize("name", [name for name in PIXEL_ASPECTS if name != "layout"])
def test_inside_and_outside_add_up_to_the_whole_by_their_shares(name):
    mask = noise(3)[..., 0] > 150
    whole, inside, outside = measure_aspects((name, f"{name}:inside", f"{name}:outside"), noise(1), noise(2), mask)
    assert mask.mean() * inside + (1 - mask.mean()) * outside == pytest.approx(whole, abs=1e-3)


@pytest.mark.parametrize("name", [aspect.name for aspect in ASPECTS])
def test_a_change_far_outside_the_mask_is_not_felt_inside(name):
    picture, source = noise(1), noise(1)
    picture[:, 24:] = 0
    found = measure_aspects((f"{name}:inside", f"{name}:outside"), picture, source, left_half(), EMBEDDER)
    assert found[0] == 0
    assert found[1] > 0


def test_diff_and_change_are_those_of_the_functions_to_the_last_digit():
    for seed in range(20):
        picture, source = noise(seed, 13, 17), noise(seed + 100, 13, 17)
        found = measure_aspects(("diff", "change"), picture, source)
        assert found == (diff_percent(picture, source), mean_difference(picture, source))


def test_a_region_without_a_mask_is_refused():
    with pytest.raises(BlockweightError, match="colour:inside is measured under a mask, and none was given"):
        measure_aspect("colour:inside", noise(1), noise(2))


@pytest.mark.parametrize("name", [f"{aspect.name}:inside" for aspect in ASPECTS])
def test_a_mask_that_leaves_nothing_or_has_another_size_is_refused(name):
    with pytest.raises(BlockweightError, match="mask is empty"):
        measure_aspect(name, noise(1), noise(2), np.zeros((32, 32), bool), EMBEDDER)
    with pytest.raises(BlockweightError, match="mask has 4×4 pixels"):
        measure_aspect(name, noise(1), noise(2), np.ones((4, 4), bool), EMBEDDER)


@pytest.mark.parametrize("name", ["embedding", "features"])
def test_an_aspect_of_a_model_without_one_is_refused(name):
    with pytest.raises(BlockweightError, match="none was given; name its folder"):
        measure_aspect(name, noise(1), noise(2))


def test_what_regions_share_is_reckoned_once(monkeypatch):
    calls = []
    original = aspects.structure_differences
    monkeypatch.setattr(aspects, "structure_differences", lambda *pair: calls.append(1) or original(*pair))
    measure_aspects(("structure", "structure:inside", "structure:outside"), noise(1), noise(2), left_half())
    assert len(calls) == 1


SCENES = (SceneName("a", 1), SceneName("b", 2))
