"""What two blocks do together beyond their sum."""

import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blockweight.errors import BlockweightError
from blockweight.measure import (
    InteractionTable,
    SceneName,
    Sum,
    interaction_size,
    interactions_from,
    measure_interactions,
)

BLOCKS = ("IN04", "M00", "OUT03")
SCENES = (SceneName("meadow", 1, "1girl"), SceneName("night", 2), SceneName("dawn", 3))
LATENTS = hnp.arrays(np.float64, (4, 3, 3), elements=st.floats(-5, 5))


def level(value: float) -> np.ndarray:
    return np.full((4, 4, 3), value, np.uint8)


def table(*interactions: float, floor: float = 0.5) -> InteractionTable:
    """IN04 does 10 levels, M00 4; what they do together, scene by scene. OUT03 was not measured."""
    sizes = np.full((len(interactions), 3, 3), np.nan)
    sizes[:, 0, 0], sizes[:, 1, 1] = 10, 4
    sizes[:, 0, 1] = sizes[:, 1, 0] = interactions
    return InteractionTable(BLOCKS, SCENES[: len(interactions)], sizes, floor)


@given(LATENTS, LATENTS, LATENTS)
def test_changes_that_add_up_have_no_interaction(neither, one, other):
    assert interaction_size(neither + one + other, neither + one, neither + other, neither) < 1e-12


@given(LATENTS, LATENTS, LATENTS, LATENTS)
def test_which_block_is_named_first_does_not_matter(both, first, second, neither):
    found = interaction_size(both, first, second, neither), interaction_size(both, second, first, neither)
    assert found[0] == pytest.approx(found[1])


def test_pictures_of_whole_levels_are_not_wrapped_around():
    assert interaction_size(level(250), level(10), level(20), level(0)) == 220
    assert interaction_size(level(0), level(250), level(250), level(0)) == 500


def test_a_mask_says_where():
    both, mask = level(0), np.zeros((4, 4), bool)
    both[:2], mask[:2] = 8, True
    assert interaction_size(both, level(0), level(0), level(0)) == 4
    assert interaction_size(both, level(0), level(0), level(0), mask) == 8
    with pytest.raises(BlockweightError, match="mask is empty"):
        interaction_size(both, level(0), level(0), level(0), mask & ~mask)
    with pytest.raises(BlockweightError, match="differ in size"):
        interaction_size(both, level(0), level(0), level(0), mask[:2])


def test_a_scenes_sizes_are_symmetric_with_the_single_effects_on_the_diagonal():
    singles = {"IN04": level(110), "M00": level(104), "OUT03": level(101)}
    sizes = measure_interactions(BLOCKS, level(100), singles, {("M00", "IN04"): level(120)})
    assert list(np.diagonal(sizes)) == [10, 4, 1]
    assert sizes[0, 1] == sizes[1, 0] == 6
    assert np.isnan([sizes[0, 2], sizes[1, 2], sizes[2, 1]]).all()


def test_a_value_is_relative_to_the_smaller_single_effect():
    values = table(2.0, floor=0.0).values[0]
    assert values[0, 1] == values[1, 0] == 0.5
    assert values[0, 0] == values[1, 1] == 0


def test_interactions_under_the_floor_are_none_and_single_effects_under_it_count_as_it():
    assert table(0.4).values[0, 0, 1] == 0
    tiny = table(2.0, floor=8.0)
    assert tiny.values[0, 0, 1] == 0
    assert table(5.0, floor=4.0).values[0, 0, 1] == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("interactions", "verdict"),
    [
        ((0.1, 0.2, 0.1), Sum.ADDS_UP),
        ((3.0, 3.2, 3.1), Sum.DIFFERS),
        ((0.1, 3.0, 1.0), Sum.UNSETTLED),
        ((3.0,), Sum.UNSETTLED),
    ],
)
def test_a_pair_adds_up_or_does_not_or_is_not_settled(interactions, verdict):
    assert table(*interactions).verdict("IN04", "M00") is verdict
    assert table(*interactions).verdict("M00", "IN04") is verdict


def test_a_pair_that_was_not_measured_is_not_settled():
    assert table(1.0).pair("IN04", "OUT03") is None
    assert table(1.0).verdict("IN04", "OUT03") is Sum.UNSETTLED
    assert table(1.0).pairs() == (("IN04", "M00"),)
    with pytest.raises(KeyError):
        table(1.0).pair("IN04", "OUT11")


def test_pairs_stand_by_their_size():
    rng = np.random.default_rng(1)
    sizes = np.abs(rng.normal(5, 2, (2, 3, 3)))
    found = InteractionTable(BLOCKS, SCENES[:2], sizes + sizes.transpose(0, 2, 1), 0.0)
    means = [found.pair(*pair).mean for pair in found.pairs()]
    assert means == sorted(means, reverse=True)
    assert set(found.pairs()) == set(combinations(BLOCKS, 2))


def test_interactions_survive_json():
    made = table(1.0, 2.0)
    again = interactions_from(json.loads(json.dumps(made.facts(), allow_nan=False)))
    assert (again.blocks, again.scenes, again.floor) == (made.blocks, made.scenes, made.floor)
    assert np.array_equal(again.sizes, made.sizes, equal_nan=True)


@pytest.mark.parametrize(
    "damage", [{"sizes": [[1]]}, {"sizes": [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]}, {"floor": -1}, {"scenes": None}]
)
def test_what_are_no_interactions_is_refused(damage):
    with pytest.raises(BlockweightError, match="analyse again"):
        interactions_from(table(1.0).facts() | damage)


def test_the_more_pairs_are_judged_the_surer_each_has_to_be():
    blocks = tuple(f"IN{number:02}" for number in range(12))
    sizes = np.full((3, 12, 12), np.nan)
    sizes[:, range(12), range(12)] = 4.0
    sizes[:, 0, 1] = sizes[:, 1, 0] = (1.7, 2.4, 2.0)
    assert InteractionTable(blocks, SCENES, sizes).verdict("IN00", "IN01") is Sum.DIFFERS
    sizes[np.isnan(sizes)] = 0.1
    assert InteractionTable(blocks, SCENES, sizes).verdict("IN00", "IN01") is Sum.UNSETTLED
