"""Searches as facts: what fits, that they stand beside the tuning history, and what is taken of one as a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from acts import ONES, Told

from blockweight.errors import BlockweightError
from blockweight.measure import Segment
from blockweight.project import (
    CHOSEN,
    SEARCH_CANCELLED,
    SEARCH_PLANNED,
    SEARCHED,
    UNDONE,
    WEIGHTS,
    SearchChoice,
    SearchPlan,
    SearchReference,
    Span,
    TargetStore,
    search_body,
    searched_body,
    target_digest,
)
from workshop import SCENE

SCENES = tuple(replace(SCENE, seed=seed) for seed in (1, 2, 3))
PLAN = SearchPlan(
    number=0,
    wishes="raise kept, green:outside<=4",
    segments=(Segment("a", ("IN01", "IN02")), Segment("b", ("OUT07",))),
    weights=ONES,
    grid=(0.0, 0.5, 1.0),
    limits=(0.0, 1.0),
    scenes=SCENES[:2],
    held=SCENES[2:],
    masks=("0" * 16, "1" * 16),
    held_masks=("2" * 16,),
    target="",
    trials=20,
    sampler="tpe",
    seed=7,
    analysis=3,
)
SPANS = (Span(0.9, 0.8, 1.0), Span(3.0))
CHOICE = SearchChoice(12, (0.5, 1.0), SPANS, SPANS)
BESIDE = SearchReference("all 1", SPANS, SPANS)


@pytest.fixture
def told():
    return Told()


def begin(told, plan=PLAN):
    (*_, begun) = told(SEARCH_PLANNED, search_body(plan)).searches
    return begun


def end(told, number):
    (*_, found) = told(SEARCHED, searched_body(number, "search-01", [CHOICE], [BESIDE])).searches
    return found


def test_a_search_stands_as_it_was_asked_for_whatever_is_tuned_later(told):
    begun = begin(told)
    told(WEIGHTS, {"changes": {"IN01": 0.0}})
    (later,) = told(UNDONE).searches
    named = replace(PLAN, number=begun.number, scenes=begun.scenes, held=begun.held)
    assert later == named
    assert [scene.seed for scene in (*begun.scenes, *begun.held)] == [1, 2, 3]


def test_weights_of_segments_are_weights_of_their_blocks():
    made = PLAN.weights_of((0.5, 1.0), "x")
    assert (made.weight("IN01"), made.weight("IN02"), made.weight("OUT07"), made.weight("IN03")) == (0.5, 0.5, 1.0, 1.0)
    assert (PLAN.changed((0.5, 1.0)), PLAN.changed((0.5, 0.0)), PLAN.changed((1.0, 1.0))) == (2, 3, 0)


def test_the_same_again_is_the_same_also_when_it_is_complete(told):
    first = begin(told)
    assert begin(told) == first
    assert begin(told, replace(PLAN, seed=8)).number > first.number
    complete = end(told, begin(told).number)
    assert begin(told) == complete


def test_what_it_found_is_kept_and_recorded_once(told):
    found = end(told, begin(told).number)
    assert (found.folder, found.choices, found.references) == ("search-01", (CHOICE,), (BESIDE,))
    assert not told.history.check(SEARCHED, searched_body(found.number, "search-02", [CHOICE], [BESIDE]))
    with pytest.raises(BlockweightError, match="nothing to give up"):
        told.history.check(SEARCH_CANCELLED, {"search": found.number})


def test_one_that_was_given_up_is_not_recorded(told):
    begun = begin(told)
    assert told(SEARCH_CANCELLED, {"search": begun.number}).searches[0].cancelled
    with pytest.raises(BlockweightError, match="given up meanwhile"):
        told.history.check(SEARCHED, searched_body(begun.number, "search-01", [CHOICE], [BESIDE]))
    assert begin(told).number > begun.number


def test_what_is_taken_is_a_step_with_its_evidence_and_undo_takes_it_back(told):
    begun = begin(told)
    made = PLAN.weights_of((0.5, 0.0), "ゴブ姫")
    body = {"search": begun.number, "trial": 12, "name": made.name, "values": list(made.values), "rest": 1.0}
    state = told(CHOSEN, {**body, "evidence": {"choice": 1, "seed": 7}})
    assert state.weights == made
    assert state.undo.body["evidence"] == {"choice": 1, "seed": 7}
    assert told(UNDONE).weights == ONES


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (SEARCH_PLANNED, search_body(replace(PLAN, scenes=SCENES[:1], masks=()))),
        (SEARCH_PLANNED, search_body(replace(PLAN, held=(), held_masks=()))),
        (SEARCH_PLANNED, search_body(replace(PLAN, segments=()))),
        (SEARCH_PLANNED, search_body(replace(PLAN, masks=("x", "y")))),
        (SEARCH_PLANNED, search_body(replace(PLAN, limits=(1.0, 1.0)))),
        (SEARCH_PLANNED, search_body(replace(PLAN, wishes="raise  kept"))),
        (SEARCH_PLANNED, search_body(replace(PLAN, target="../x"))),
        (SEARCH_PLANNED, search_body(replace(PLAN, sampler="cma"))),
        (SEARCH_PLANNED, search_body(replace(PLAN, segments=(PLAN.segments[0], Segment("b", ("IN01",)))))),
        (SEARCHED, searched_body(2, "../elsewhere", [CHOICE], [])),
        (SEARCHED, searched_body(2, "search-01", [], [])),
        (SEARCHED, searched_body(2, "search-01", [replace(CHOICE, weights=(1.0,))], [])),
        (SEARCHED, searched_body(2, "search-01", [replace(CHOICE, held=SPANS[:1])], [])),
        (SEARCH_CANCELLED, {"search": 99}),
        (CHOSEN, {"search": 2, "trial": 1, "name": "x", "values": [1.0], "rest": 1.0, "evidence": {}}),
    ],
)
def test_what_no_version_wrote_is_refused(told, kind, body):
    begin(told)
    with pytest.raises(BlockweightError):
        told.history.check(kind, body)


def test_a_target_is_kept_by_what_is_on_it(tmp_path):
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    store = TargetStore(tmp_path)
    name = store.save(picture)
    assert name == target_digest(picture)
    assert np.array_equal(store.load(name), picture)
    (tmp_path / "targets" / f"{name}.png").unlink()
    with pytest.raises(BlockweightError, match="--target"):
        store.load(name)
    with pytest.raises(BlockweightError, match="--target"):
        store.load("../project")
