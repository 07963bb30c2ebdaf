"""Group screening by bisection."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.workshop import FULL

from blockweight.errors import BlockweightError
from blockweight.plan import Bisection, group_name, plan_bisection


def finished(bisection: Bisection, effects: dict[str, float]) -> tuple[Bisection, int]:
    """Told all that it wants, a group's effect being the sum of its blocks', and how many groups that took."""
    asked = 0
    while wanted := bisection.wanted:
        asked += len(wanted)
        bisection = bisection.tell({group: sum(effects[block] for block in group) for group in wanted})
    return bisection, asked


def plan(size: int = 4, floor: float = 0.5) -> Bisection:
    return plan_bisection(FULL.blocks, 0.5, 1.0, floor, size)


def test_it_begins_with_groups_of_neighbours():
    wanted = plan(10).wanted
    assert [len(group) for group in wanted] == [10, 10, 6]
    assert sum(wanted, ()) == FULL.blocks


def test_a_group_under_the_floor_is_closed_for_all_its_blocks():
    bisection, asked = finished(plan(), dict.fromkeys(FULL.blocks, 0.01))
    assert asked == 7
    assert bisection.known[0] == (FULL.blocks[:4], 0.04)


def test_a_group_at_the_floor_is_halved_down_to_the_block():
    effects = dict.fromkeys(FULL.blocks, 0.0) | {"IN01": 0.5}
    bisection, asked = finished(plan(), effects)
    assert asked == 7 + 2 + 2
    assert bisection.known[:3] == ((("BASE", "IN00"), 0.0), (("IN01",), 0.5), (("IN02",), 0.0))


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.4, 2.0]), min_size=26, max_size=26), st.integers(1, 30), st.floats(0.05, 1.0)
)
def test_every_block_is_known_once_and_none_over_the_floor_is_missed(values, size, floor):
    effects = dict(zip(FULL.blocks, values, strict=True))
    bisection, _ = finished(plan(size, floor), effects)
    assert sum((group for group, _ in bisection.known), ()) == FULL.blocks
    for group, effect in bisection.known:
        assert len(group) == 1 or all(effects[block] <= effect + 1e-9 < floor + 2e-9 for block in group)


def test_a_bisection_told_nothing_is_not_changed():
    begun = plan()
    begun.tell(dict.fromkeys(begun.wanted, 9.0))
    assert begun == plan() and not begun.known


def test_a_group_is_rendered_with_its_blocks_at_the_value():
    variant = plan().variant(FULL, ("IN07", "IN08"))
    assert variant.label == "IN07-IN08_0.5"
    assert [block for block, weight in variant.weights.items() if weight == 0.5] == ["IN07", "IN08"]
    assert set(plan().source(FULL).weights.values) == {1.0}


def test_a_single_block_is_called_as_in_an_analysis():
    assert group_name(("M00",)) == "M00"


def test_what_was_not_asked_for_is_not_taken():
    with pytest.raises(ValueError, match="not wanted"):
        plan().tell({("IN07",): 1.0})


def test_an_effect_that_is_no_number_is_refused():
    with pytest.raises(BlockweightError, match="BASE-IN02 is not a number"):
        plan().tell({FULL.blocks[:4]: math.nan})


@pytest.mark.parametrize("floor", [0, -1, math.inf, math.nan])
def test_a_floor_is_a_number_above_0(floor):
    with pytest.raises(BlockweightError, match="above 0"):
        plan(floor=floor)


def test_a_group_has_a_block():
    with pytest.raises(BlockweightError, match="at least one block, not 0"):
        plan(0)
