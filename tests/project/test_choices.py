"""Choosing by preference as steps of the history: what fits, and that undo shows the round again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acts import ONES, Told

from blockweight.errors import BlockweightError
from blockweight.measure import Segment
from blockweight.project import (
    CHOICE_MADE,
    CHOICES_PLANNED,
    CHOOSING_BEGUN,
    CHOOSING_ENDED,
    FEW,
    PLANE,
    PREFERRED,
    REDONE,
    UNDONE,
    ChoiceRound,
    Choosing,
    choice_body,
    choosing_body,
    planned_choices_body,
)
from workshop import SCENE

FIRST = ChoiceRound(FEW, ((1.0, 1.0), (0.5, 1.0), (0.0, 0.5)), 0)
SECOND = ChoiceRound(FEW, ((0.5, 1.0), (0.5, 0.5)), 0)
GRID = ChoiceRound(PLANE, tuple((x / 4, y / 4) for y in range(5) for x in range(5)), 12)
BEGUN = Choosing(
    number=0,
    segments=(Segment("a", ("IN01", "IN02")), Segment("b", ("OUT07",))),
    weights=ONES,
    grid=(0.0, 0.5, 1.0),
    limits=(0.0, 1.0),
    scenes=(SCENE, replace(SCENE, seed=2)),
    seed=7,
    matters=(3.0, 1.0),
    rounds=(FIRST,),
)


@pytest.fixture
def told():
    made = Told()
    made(CHOOSING_BEGUN, choosing_body(BEGUN))
    return made


def test_what_is_begun_is_read_as_it_was_written(told):
    assert told.state.choosing == replace(BEGUN, number=2)


def test_a_choice_is_a_step_and_undo_shows_its_round_again(told):
    begun = told.state.choosing
    made = told(CHOICE_MADE, choice_body(begun, 1, 2, SECOND)).choosing
    assert made.judged == (replace(FIRST, judged=True, best=1, worst=2),)
    assert made.open == SECOND
    assert told(UNDONE).choosing == begun
    assert told(REDONE).choosing == made


def test_a_plane_in_place_of_a_round_leaves_what_was_judged(told):
    made = told(CHOICE_MADE, choice_body(told.state.choosing, None, None, SECOND)).choosing
    plane = told(CHOICES_PLANNED, planned_choices_body(made, GRID)).choosing
    assert (plane.judged, plane.open) == (made.judged, GRID)


def test_it_ends_and_what_is_taken_stays(told):
    begun = told.state.choosing
    taken = {"name": "ゴブ姫", "values": [0.5] * 26, "rest": 1.0}
    told(PREFERRED, {"choosing": begun.number, **taken, "evidence": {"rounds": 3}})
    state = told(CHOOSING_ENDED, {"choosing": begun.number})
    assert state.choosing is None
    assert state.weights.values == (0.5,) * 26
    assert told(UNDONE).choosing == begun


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"choosing": 1}, "begin with"),
        ({"round": 2}, "Another round"),
        ({"best": 3}, "has 3 pictures"),
        ({"best": None}, "say both"),
        ({"best": 2}, "another picture than the best"),
    ],
)
def test_what_does_not_fit_is_one_sentence(told, change, words):
    body = {**choice_body(told.state.choosing, 1, 2, SECOND), **change}
    with pytest.raises(BlockweightError, match=words):
        told.history.check(CHOICE_MADE, body)


def test_of_a_plane_only_the_best_is_picked(told):
    made = told(CHOICES_PLANNED, planned_choices_body(told.state.choosing, GRID)).choosing
    with pytest.raises(BlockweightError, match="only the best"):
        told.history.check(CHOICE_MADE, choice_body(made, 1, 2, GRID))


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": [[1.0, 1.0]]},
        {"points": [[1.0, 1.0], [1.0, 1.0]]},
        {"points": [[1.0], [0.0]]},
        {"control": 3},
        {"kind": PLANE},
        {"points": [[1.0, float("nan")], [0.0, 0.0]]},
    ],
)
def test_a_round_that_no_version_wrote_is_refused(told, wrong):
    body = choosing_body(BEGUN)
    with pytest.raises(BlockweightError, match="cannot be recorded"):
        told.history.check(CHOOSING_BEGUN, {**body, "next": {**body["next"], **wrong}})
