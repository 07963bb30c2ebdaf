"""From suggestions to weights, and from a round's measurements to decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.measure import Suggestion, Verdict
from blockweight.workflow.decide import NEGLIGIBLE, Trial, decide, starting_weights
from workshop import FULL

LEVELS = st.floats(-20, 20)
TRIALS = st.lists(st.tuples(LEVELS, LEVELS), max_size=8).map(
    lambda pairs: [Trial(block, 0.0, *pair) for block, pair in zip(FULL.blocks, pairs, strict=False)]
)
CURRENT = dict.fromkeys(FULL.blocks, 0.5)


def accepted(trials, budget):
    return [decision.block for decision in decide(trials, CURRENT, budget) if decision.accepted]


def test_important_blocks_start_at_1_unimportant_at_0_and_the_others_between():
    suggestions = [
        Suggestion("BASE", Verdict.KEEP, ("",)),
        Suggestion("IN01", Verdict.DROP, ("",)),
        Suggestion("IN02", Verdict.UNKNOWN, ("",)),
    ]
    weights, fixed = starting_weights("Gobuhime", FULL, suggestions)
    assert weights.name == "Gobuhime"
    assert [weights.weight(block) for block in ("BASE", "IN01", "IN02", "IN03")] == [1, 0, 0.5, 0.5]
    assert fixed == ("BASE", "IN01")


def test_the_step_that_costs_least_for_what_it_removes_comes_first():
    trials = [Trial("IN01", 0.0, -10, -5), Trial("IN02", 0.0, -10, -1), Trial("IN03", 0.0, -1, -2)]
    assert accepted(trials, 5.5) == ["IN02", "IN03"]
    assert accepted(trials, 6) == ["IN01", "IN02"]
    assert accepted(trials, 8) == ["IN01", "IN02", "IN03"]


def test_a_cheap_step_is_taken_although_a_dearer_one_did_not_fit():
    assert accepted([Trial("IN01", 0.0, -10, -5), Trial("IN02", 0.0, -0.5, -0.5)], 0.5) == ["IN02"]


def test_a_step_that_loses_nothing_is_taken_whatever_the_budget():
    assert accepted([Trial("IN01", 0.0, 0, 0), Trial("IN02", 0.0, -5, 3)], 0) == ["IN01", "IN02"]


def test_a_step_that_changes_nothing_visible_is_taken_although_it_helps_nobody():
    assert accepted([Trial("IN01", 0.0, 0.1, -0.1), Trial("IN02", 0.0, 0.2, 0.0)], 0) == ["IN01"]


def test_a_step_that_removes_no_harm_is_not_paid_for():
    assert accepted([Trial("IN01", 0.0, 0, -1), Trial("IN02", 0.0, 4, -1), Trial("IN03", 0.0, 4, 2)], 100) == []


def test_a_decision_carries_its_value_and_its_reason():
    taken, dear, useless = decide(
        [Trial("IN01", 0.0, -10, -1), Trial("IN02", 0.0, -10, -50), Trial("IN03", 0.0, 2, -1)], CURRENT, 5
    )
    assert (taken.value, taken.reason) == (0.0, "harm -10.0, good -1.0 levels: accepted")
    assert (dear.value, dear.reason) == (0.5, "harm -10.0, good -50.0 levels: it would cost too much of the good")
    assert (useless.value, useless.reason) == (0.5, "harm +2.0, good -1.0 levels: it takes no harm away")


@given(TRIALS, st.floats(0, 100))
def test_the_visible_losses_never_exceed_the_budget(trials, budget):
    chosen = {decision.block for decision in decide(trials, CURRENT, budget) if decision.accepted}
    losses = [-trial.good for trial in trials if trial.block in chosen]
    assert sum(loss for loss in losses if loss > NEGLIGIBLE) <= budget + 1e-9


@given(TRIALS, st.floats(0, 100))
def test_every_trial_is_decided_in_its_own_place_and_the_refused_stay_as_they_are(trials, budget):
    decisions = decide(trials, CURRENT, budget)
    assert [decision.block for decision in decisions] == [trial.block for trial in trials]
    assert all(decision.value == (0.0 if decision.accepted else 0.5) for decision in decisions)


@given(TRIALS, st.floats(0, 50), st.randoms())
def test_the_order_of_the_trials_does_not_matter(trials, budget, random):
    shuffled = random.sample(trials, len(trials))
    assert set(decide(shuffled, CURRENT, budget)) == set(decide(trials, CURRENT, budget))


@pytest.mark.parametrize("budget", [0, 10])
def test_nothing_tried_nothing_decided(budget):
    assert decide([], CURRENT, budget) == ()
