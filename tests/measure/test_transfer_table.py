"""Where a gain holds, for shares made up so that the answer is plain."""

import math

import pytest
from scipy import stats

from blockweight.errors import BlockweightError
from blockweight.measure import Gain, GroupGains, Holds, difference_of, transfer_table


def gains(kept, gone=None):
    lost = [None] * len(kept) if gone is None else gone
    return tuple(Gain(*pair) for pair in zip(kept, lost, strict=True))


def group(name, kept, gone, paired=False):
    return GroupGains(name, gains(kept), gains(kept, gone), paired)


HOME = group("home", (0.90, 0.91, 0.92, 0.93), (0.50, 0.51, 0.52, 0.53))


def test_an_unpaired_difference_has_welchs_interval():
    first, second = (0.9, 0.8, 0.95, 0.7), (0.5, 0.6, 0.4)
    found = difference_of(first, second, paired=False)
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_a_paired_difference_is_taken_scene_by_scene():
    # Scenes that differ much, but each by the same from its pair.
    found = difference_of((0.1, 0.5, 0.9), (0.2, 0.6, 1.0), paired=True)
    assert (found.mean, found.low, found.high) == (pytest.approx(-0.1), pytest.approx(-0.1), pytest.approx(-0.1))
    assert difference_of((0.1, None), (0.2, 0.6), paired=True).low == -math.inf


def test_scenes_without_a_share_are_left_out():
    assert difference_of((None, None), (0.5, 0.6), paired=False) is None
    assert difference_of((None,), (0.5,), paired=True) is None
    assert difference_of((None, 0.5, 0.5), (0.5, 0.5), paired=False).mean == 0


def test_a_group_holds_gains_less_or_is_not_settled():
    groups = [
        group("same", (0.90, 0.91, 0.91, 0.92), (0.50, 0.51, 0.51, 0.52)),
        group("worse", (0.60, 0.61, 0.61, 0.62), (0.20, 0.21, 0.21, 0.22)),
        group("wild", (0.2, 1.5, 0.9, 1.0), (0.0, 1.0, 0.3, 0.7)),
    ]
    rows = {row.name: row for row in transfer_table(HOME, groups)}
    verdicts = {name: rows[name].kept_against.holds for name in ("same", "worse", "wild")}
    assert verdicts == {"same": Holds.HOLDS, "worse": Holds.LESS, "wild": Holds.UNSETTLED}
    assert rows["worse"].gone_against.holds is Holds.LESS
    assert rows["home"].kept_against is None


def test_a_loss_that_is_sure_but_small_holds():
    (_, row) = transfer_table(HOME, [group("near", (0.86, 0.87, 0.88, 0.89), (0.50, 0.51, 0.52, 0.53), paired=True)])
    assert row.kept_against.high < 0
    assert row.kept_against.holds is Holds.HOLDS


def test_more_groups_make_wider_intervals():
    other = group("other", (0.90, 0.91, 0.91, 0.92), (0.5, 0.51, 0.51, 0.52))
    (_, alone), (_, first, *_) = transfer_table(HOME, [other]), transfer_table(HOME, [other] * 4)
    assert first.kept_against.low < alone.kept_against.low


def test_a_group_without_a_mask_is_compared_by_the_whole_picture():
    bare = GroupGains("prompts", gains((0.5, 0.51, 0.52, 0.53)))
    rows = transfer_table(HOME, [bare])
    assert [(row.name, row.masked) for row in rows] == [("home", True), ("home", False), ("prompts", False)]
    assert (rows[2].gone, rows[2].gone_against) == (None, None)


def test_of_a_whole_picture_more_is_no_better_than_less():
    home = GroupGains("home", gains((0.50, 0.51, 0.52)))
    rows = transfer_table(home, [GroupGains("more", gains((0.90, 0.91, 0.92))), GroupGains("same", home.whole)])
    assert [row.kept_against and row.kept_against.holds for row in rows] == [None, Holds.MORE, Holds.HOLDS]


def test_one_scene_settles_nothing():
    (_, row) = transfer_table(HOME, [group("one", (0.9,), (0.5,))])
    assert row.kept_against.holds is Holds.UNSETTLED


def test_pairs_need_as_many_scenes():
    with pytest.raises(BlockweightError, match="make no pairs"):
        transfer_table(HOME, [group("model", (0.9,), (0.5,), paired=True)])
