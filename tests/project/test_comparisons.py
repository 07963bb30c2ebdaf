"""Comparisons as facts: what fits, what a vote hides, and that they stand beside the tuning history."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acts import SUBJECT, Told
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.plan import Variant
from blockweight.project import (
    BAKED,
    COMPARED,
    REVEALED,
    UNDONE,
    UNVOTED,
    VOTED,
    WEIGHTS,
    Vote,
    bake_body,
    comparison_body,
)
from blockweight.weights import uniform
from workshop import FULL, SCENE

REPORT = dict.fromkeys(("family", "layout", "weights", "data_sha256", "source", "via"), "") | {
    **dict.fromkeys(("max_relative_error", "max_limit", "strength", "rest", "unknown"), 0),
    "filled": [],
    "blocks": {"IN01": {"modules": 1, "weight": None, "action": "mixed"}},
}

VARIANTS = [Variant("no LoRA", None), *(Variant(f"w{n}", uniform(f"w{n}", FULL, n / 4)) for n in range(3))]
SCENES = [replace(SCENE, seed=seed) for seed in range(5)]


@pytest.fixture
def told():
    return Told()


def compare(told, *, blind=True, seed=7):
    told(COMPARED, comparison_body(VARIANTS, SCENES, seed, blind=blind))
    return told.events[-1].number


def vote(told, number, row, best, worst=None):
    return told(VOTED, {"comparison": number, "row": row, "best": best, "worst": worst}).comparisons[-1]


def test_a_comparison_keeps_its_variants_and_scenes_whatever_is_tuned_later(told):
    compare(told)
    (made,) = told(WEIGHTS, {"changes": {"IN01": 0.0}}).comparisons
    assert [(each.label, each.weights) for each in made.variants] == [(each.label, each.weights) for each in VARIANTS]
    assert [scene.seed for scene in made.scenes] == [0, 1, 2, 3, 4]
    assert made.hidden


def test_no_undo_of_a_step_takes_a_comparison_or_a_bake_away(told):
    told(WEIGHTS, {"changes": {"IN01": 0.0}})
    compare(told)
    told(BAKED, bake_body("baked.safetensors", "key", REPORT))
    state = told(UNDONE)
    assert (len(state.comparisons), len(state.bakes)) == (1, 1)
    assert state.weights.weight("IN01") == 1.0


@pytest.mark.parametrize(
    "wrong",
    [{"weights": 1}, {"strength": "1"}, {"rest": -1}, {"filled": "IN01"}, {"blocks": []},
     {"blocks": {"IN01": {"modules": 1, "weight": None, "action": "eaten"}}}],
    ids=str,
)  # fmt: skip
def test_a_bakes_report_that_no_page_could_show_is_not_read(told, wrong):
    with pytest.raises(BlockweightError, match="cannot be read"):
        told(BAKED, bake_body("baked.safetensors", "key", REPORT | wrong))


def test_the_latest_vote_of_a_row_stands_and_the_one_before_it_comes_back(told):
    number = compare(told)
    vote(told, number, 1, 2)
    assert vote(told, number, 1, 3, 0).votes == {1: Vote(1, 3, 0)}
    assert told(UNVOTED, {"comparison": number}).comparisons[-1].votes == {1: Vote(1, 2, None)}
    assert told(UNVOTED, {"comparison": number}).comparisons[-1].votes == {}


def test_a_vote_sent_twice_counts_once(told):
    number = compare(told)
    body = {"comparison": number, "row": 0, "best": 1, "worst": None, "id": "one"}
    told(VOTED, body)
    told(UNVOTED, {"comparison": number})
    assert told(VOTED, body).comparisons[-1].votes == {}


@pytest.mark.parametrize(("row", "best", "worst"), [(5, 0, None), (0, 4, None), (0, 0, 4), (0, 1, 1), (0, None, 1)])
def test_a_vote_for_what_there_is_not_is_refused(told, row, best, worst):
    number = compare(told)
    with pytest.raises(BlockweightError):
        told.history.check(VOTED, {"comparison": number, "row": row, "best": best, "worst": worst})
    assert vote(told, number, row, best, worst).votes == {}


def test_votes_are_closed_once_the_labels_are_revealed(told):
    number = compare(told)
    vote(told, number, 0, 1)
    assert not told(REVEALED, {"comparison": number}).comparisons[-1].hidden
    with pytest.raises(BlockweightError, match="votes are closed"):
        told.history.check(VOTED, {"comparison": number, "row": 1, "best": 1, "worst": None})
    with pytest.raises(BlockweightError, match="votes are closed"):
        told.history.check(UNVOTED, {"comparison": number})
    assert vote(told, number, 1, 1).votes == {0: Vote(0, 1, None)}


def test_an_open_comparison_takes_no_votes(told):
    number = compare(told, blind=False)
    with pytest.raises(BlockweightError, match="blind"):
        told.history.check(VOTED, {"comparison": number, "row": 0, "best": 0, "worst": None})
    with pytest.raises(BlockweightError, match="not blind"):
        told.history.check(REVEALED, {"comparison": number})


def test_a_comparison_of_equal_labels_was_written_by_no_version(told):
    with pytest.raises(BlockweightError, match="cannot be recorded"):
        told.history.check(COMPARED, comparison_body([VARIANTS[1], VARIANTS[1]], SCENES, 1, blind=False))


@given(st.integers(0, 2**32 - 1))
def test_every_row_of_a_blind_comparison_has_all_variants_in_an_order_of_its_seed(seed):
    told = Told()
    compare(told, seed=seed)
    made = told.state.comparisons[-1]
    orders = [made.order(row) for row in range(5)]
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    assert orders == [replace(made, revealed=True).order(row) for row in range(5)]


def test_the_order_is_the_same_in_every_version(told):
    compare(told)
    made = told.state.comparisons[-1]
    assert [made.order(row) for row in range(3)] == [(3, 1, 2, 0), (1, 2, 3, 0), (2, 1, 0, 3)]
    assert replace(made, blind=False).order(0) == (0, 1, 2, 3)


def test_the_weights_at_a_step_are_those_it_led_to(told):
    told(WEIGHTS, {"changes": {"IN01": 0.25}})
    told(UNDONE)
    assert told.history.weights_at(1) == uniform("ゴブ姫", SUBJECT.layout, 1.0)
    assert told.history.weights_at(2).weight("IN01") == 0.25
    with pytest.raises(BlockweightError, match="no step 3"):
        told.history.weights_at(3)
