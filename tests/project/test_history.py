"""Undo, redo, branches, and decisions that arrive twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acts import ACTS, Told, body_of, what_counts
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.project import ANALYSED, BRANCHED, DECIDED, FINISHED, FIXED, REDONE, RENAMED, UNDONE, Event, History


@pytest.fixture
def told():
    told = Told()
    for block in ("IN01", "IN02", "IN03"):
        told(FIXED, {"fix": [block]})
    return told


def replayed(events):
    history = History()
    for event in events:
        history.add(event)
    return history.state()


def test_undo_goes_back_step_by_step_and_redo_forth(told):
    assert told.state.undo.body == {"fix": ["IN03"]}
    assert told(UNDONE).fixed == ("IN01", "IN02")
    assert told(UNDONE).fixed == ("IN01",)
    assert told.state.redo.body == {"fix": ["IN02"]}
    assert told(REDONE).fixed == ("IN01", "IN02")
    assert told(REDONE).fixed == ("IN01", "IN02", "IN03")
    assert told.state.redo is None


def test_a_new_step_leaves_nothing_to_redo(told):
    told(UNDONE)
    told(FIXED, {"fix": ["OUT01"]})
    assert told.state.redo is None
    with pytest.raises(BlockweightError, match="nothing to redo"):
        told.history.check(REDONE, {})


def test_the_first_event_cannot_be_undone(told):
    for _ in range(9):
        told(UNDONE)
    assert told.state.fixed == ()
    with pytest.raises(BlockweightError, match="nothing to undo"):
        told.history.check(UNDONE, {})


def test_a_name_is_the_whole_projects_so_that_no_undo_takes_it_back(told):
    steps = len(told.state.steps)
    assert told(RENAMED, {"name": "王女"}).name == "王女"
    assert told(BRANCHED, {"to": 1}).name == "王女"
    assert len(told.state.steps) == steps
    assert not told.history.check(RENAMED, {"name": "王女"})


def test_a_branch_begins_at_an_earlier_step_and_the_other_stays(told):
    told(BRANCHED, {"to": 2})
    state = told(FIXED, {"fix": ["OUT01"]})
    assert state.fixed == ("IN01", "OUT01")
    assert [(step.number, step.parent, step.active) for step in state.steps] == [
        (1, None, True), (2, 1, True), (3, 2, False), (4, 3, False), (6, 2, True),
    ]  # fmt: skip
    assert told(BRANCHED, {"to": 4}).fixed == ("IN01", "IN02", "IN03")
    with pytest.raises(BlockweightError, match="has no step 5; see"):
        told.history.check(BRANCHED, {"to": 5})


def test_rounds_are_a_tree_with_the_active_branch():
    told = Told()
    first = told.plan().round.number
    told.decide("SubIN01_0.5", "accept")
    second = told.plan().round.number
    told.decide("SubIN02_0.5", "reject")
    told(BRANCHED, {"to": first})
    last = told.decide("SubIN01_0.5", "reject")
    third = told.plan().round.number
    tree = {each.round.number: (each.parent, each.active) for each in told.state.rounds}
    assert tree == {first: (None, True), second: (first, False), third: (first, True)}
    shown = next(each for each in told.state.rounds if each.round.number == first)
    assert (shown.tip, shown.round.choice("SubIN01_0.5").value) == (last.head, "reject")
    other = next(each for each in told.state.rounds if each.round.number == second)
    assert other.round.choice("SubIN02_0.5").value == "reject"
    told(BRANCHED, {"to": first})
    shown = next(each for each in told.state.rounds if each.round.number == first)
    assert (shown.tip, shown.round.choices) == (first, {})


def test_a_decision_of_a_known_id_is_one_decision(told):
    told.plan()
    told.decide("SubIN01_0.5", "accept", id="a")
    told(UNDONE, {"id": "b"})
    before = what_counts(told.state)
    assert what_counts(told.decide("SubIN01_0.5", "accept", id="a")) == before
    assert what_counts(told(UNDONE, {"id": "b"})) == before


@given(st.lists(ACTS, max_size=40))
def test_undo_and_redo_give_the_state_of_the_sequence_without_the_undone(acts):
    told, taken, undone = Told(), [], []
    taken.append(told.events[0])
    for act in acts:
        steps = len(told.state.steps)
        told(*body_of(act, told.state))
        event = told.events[-1]
        if len(told.state.steps) > steps:
            taken.append(event)
            undone = []
        elif event.kind == UNDONE and len(taken) > 1:
            undone.append(taken.pop())
        elif event.kind == REDONE and undone:
            taken.append(undone.pop())
        elif event.kind == ANALYSED:
            continue
        assert what_counts(told.state) == what_counts(replayed(taken))
        assert (told.state.undo or told.state.steps[0]).number == taken[-1].number
        assert (told.state.redo and told.state.redo.number) == (undone[-1].number if undone else None)


@given(st.lists(ACTS, max_size=25), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=10))
def test_events_that_arrive_again_change_nothing(acts, again):
    told = Told()
    for number, act in enumerate(acts):
        kind, body = body_of(act, told.state)
        told(kind, {**body, "id": f"act {number}"})
    events = list(told.events)
    for place, late in again:
        first = place % len(events)
        copies = events[first:] if late % 2 else [events[first]]
        events += [each for each in copies if each.kind in {DECIDED, UNDONE, REDONE, FINISHED, FIXED}]
    numbered = [replace(event, number=number) for number, event in enumerate(events, 1)]
    assert what_counts(replayed(numbered)) == what_counts(told.state)
    assert replayed(numbered).head == told.state.head


def _told(state):
    return state.head, state.analyses, state.analysis_plans


@given(st.lists(ACTS, max_size=30))
def test_what_check_takes_for_a_change_is_one(acts):
    told = Told()
    for act in acts:
        kind, body = body_of(act, told.state)
        try:
            changes = told.history.check(kind, body)
        except BlockweightError:
            changes = False
        before = told.state
        after = told(kind, body)
        assert changes == (_told(before) != _told(after)) or kind == ANALYSED


@given(st.lists(ACTS, max_size=30), st.data())
def test_every_step_can_be_gone_back_to(acts, data):
    told, seen = Told(), {}
    for act in acts:
        told(*body_of(act, told.state))
        seen[told.state.head] = what_counts(told.state)
    if seen:
        target = data.draw(st.sampled_from(sorted(seen)))
        assert what_counts(told(BRANCHED, {"to": target})) == seen[target]


def test_a_damaged_event_is_found_again_and_again():
    history = History()
    for event in (Told().events[0],):
        history.add(event)
    for _ in range(2):
        with pytest.raises(BlockweightError, match="Event 2"):
            history.add(Event(2, "", FIXED, {"fix": 1}))
