"""What a search offers: nothing that is beaten, and of equal results the one that changes fewest blocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from blockweight.measure import Tried, parse_wishes, preference, sparse_front, spread_out

BOTH = parse_wishes("raise kept, lower green:outside")


def front(wishes, *rows):
    tried = [Tried(number, values, changed) for number, (changed, *values) in enumerate(rows)]
    return [each.number for each in sparse_front(wishes, tried)]


def test_what_is_worse_in_everything_is_left_out():
    assert sorted(front(BOTH, (0, 1.0, 20.0), (3, 0.9, 5.0), (3, 0.8, 6.0), (9, 0.2, 1.0))) == [0, 1, 3]


def test_of_equal_results_the_one_that_changes_fewest_blocks_stays():
    assert front(BOTH, (9, 0.905, 5.0), (2, 0.9, 5.2), (5, 0.902, 5.1)) == [1]


def test_a_difference_that_counts_is_worth_a_block():
    assert sorted(front(BOTH, (9, 0.95, 5.0), (2, 0.9, 5.0))) == [0]


def test_only_what_keeps_the_bounds_counts_and_else_what_breaks_them_least():
    wishes = parse_wishes("lower green:outside, kept>=80%")
    assert front(wishes, (1, 2.0, 0.5), (1, 9.0, 0.85), (1, 12.0, 0.95)) == [1]
    assert front(wishes, (1, 2.0, 0.5), (1, 9.0, 0.7), (1, 12.0, 0.6)) == [1]


def test_the_weights_of_the_wishes_say_what_comes_first():
    rows = ((0, 1.0, 20.0), (3, 0.7, 5.0), (9, 0.2, 1.0))
    assert front(parse_wishes("raise kept*9, lower green"), *rows)[0] == 0
    assert front(parse_wishes("raise kept, lower green*9"), *rows)[0] == 2
    assert front(BOTH, *rows)[0] == 1


def test_few_that_are_offered_lie_far_apart():
    tried = [Tried(number, (number / 20, float(number)), number) for number in range(21)]
    offered = [each.number for each in spread_out(BOTH, tried, 3)]
    assert offered == [0, 10, 20]
    assert spread_out(BOTH, tried, 99) == tuple(tried)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.floats(-1, 2).map(lambda x: round(x, 3)), st.floats(-50, 50)),
        min_size=1,
        max_size=25,
    )
)
def test_there_is_always_something_to_offer_and_nothing_offered_is_clearly_beaten(rows):
    tried = [Tried(number, (kept, green), changed) for number, (changed, kept, green) in enumerate(rows)]
    found = sparse_front(BOTH, tried)
    assert found
    for each in found:
        assert 0 <= preference(BOTH, each, tried) <= 1 + 1e-9
        for other in tried:
            gains = [wish.better(a, b) for wish, a, b in zip(BOTH, other.values, each.values, strict=True)]
            assert not (min(gains) >= 0 and any(g > w.equal for g, w in zip(gains, BOTH, strict=True)))
