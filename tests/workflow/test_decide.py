"""From suggestions to weights, and from a round's measurements to decisions."""

from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.measure import Suggestion, Verdict
from blockweight.workflow.decide import VISIBLE, Trial, decide, starting_weights
from workshop import FULL

PERCENT = st.floats(-20, 20)
TRIALS = st.lists(st.tuples(PERCENT, PERCENT), max_size=8).map(
    lambda pairs: [Trial(block, 0.0, *pair) for block, pair in zip(FULL.blocks, pairs, strict=False)]
)
CURRENT = dict.fromkeys(FULL.blocks, 1.0)


class Addition:
    """A measurement in which the trials' effects add up in proportion to the step, from a harm and a good of 100 %."""

    def __init__(self, trials: list[Trial], extra_cost: float = 0.0) -> None:
        self.trials = trials
        self.extra_cost = extra_cost
        self.tried: list[str] = []

    def __call__(self, title, weights):
        self.tried.append(title)
        steps = {trial.block: 1.0 - weights[trial.block] for trial in self.trials}
        harm = 100 + fsum(steps[trial.block] * trial.harm for trial in self.trials)
        good = 100 + fsum(steps[trial.block] * trial.good for trial in self.trials)
        together = sum(step > 0 for step in steps.values())
        return harm, good - self.extra_cost * max(0, together - 1)


def decided(trials, least_good, extra_cost=0.0):
    decisions = decide(trials, CURRENT, Addition(trials, extra_cost), least_good)
    return {decision.block: decision.value for decision in decisions if decision.accepted}


def test_only_unimportant_blocks_start_at_0():
    suggestions = [
        Suggestion("BASE", Verdict.KEEP, ("",)),
        Suggestion("IN01", Verdict.DROP, ("",)),
        Suggestion("IN02", Verdict.UNKNOWN, ("",)),
    ]
    weights, fixed = starting_weights("Gobuhime", FULL, suggestions)
    assert weights.name == "Gobuhime"
    assert [weights.weight(block) for block in ("BASE", "IN01", "IN02", "IN03")] == [1, 0, 1, 1]
    assert fixed == ("BASE", "IN01")


def test_the_step_that_costs_least_for_what_it_removes_comes_first():
    trials = [Trial("IN01", 0.0, -10, -5), Trial("IN02", 0.0, -10, -1), Trial("IN03", 0.0, -1, -2)]
    measure = Addition(trials)
    decide(trials, CURRENT, measure, 0)
    assert measure.tried[1:] == ["IN02 at 0", "IN01 at 0", "IN03 at 0"]


def test_a_step_that_costs_too_much_is_taken_by_half_or_a_quarter():
    assert decided([Trial("IN01", 0.0, -10, -8)], 96) == {"IN01": 0.5}
    assert decided([Trial("IN01", 0.0, -10, -8)], 97) == {"IN01": 0.75}
    assert decided([Trial("IN01", 0.0, -10, -8)], 99) == {}


def test_steps_that_cost_more_together_than_alone_are_not_all_taken():
    trials = [Trial("IN01", 0.0, -10, -1), Trial("IN02", 0.0, -10, -2)]
    assert decided(trials, 95) == {"IN01": 0.0, "IN02": 0.0}
    assert decided(trials, 95, extra_cost=5) == {"IN01": 0.0}


def test_a_step_that_changes_nothing_visible_is_taken_although_it_helps_nobody():
    assert decided([Trial("IN01", 0.0, 0.3, -0.3), Trial("IN02", 0.0, 0.4, 0.0)], 99) == {"IN01": 0.0}


def test_invisible_steps_that_are_seen_together_are_not_taken():
    trials = [Trial(block, 0.0, 0.0, -0.3) for block in FULL.blocks[:12]]
    decisions = decide(trials, CURRENT, Addition(trials), 90)
    assert not any(decision.accepted for decision in decisions)
    assert decisions[0].reason == "seen only together with others of no visible effect"


def test_invisible_steps_do_not_spend_what_is_left_above_the_least_good():
    trials = [Trial("IN01", 0.0, 0.0, -0.3), Trial("IN02", 0.0, 0.0, -0.3), Trial("IN03", 0.0, -50, -0.4)]
    assert decided(trials, 99.5) == {"IN03": 0.0}


def test_a_step_that_removes_much_or_brings_much_good_is_measured():
    trials = [Trial("IN01", 0.0, -20, 0.1), Trial("IN02", 0.0, 0.1, 20)]
    measure = Addition(trials)
    first, second = decide(trials, CURRENT, measure, 0)
    assert measure.tried[1:] == ["IN01 at 0"]
    assert (first.accepted, second.accepted) == (True, False)


def test_of_two_steps_that_cost_nothing_neither_is_dearer():
    # A step that brings good is no cheaper than one that costs none: what it removes counts alike.
    trials = [Trial("IN02", 0.0, -10, 0), Trial("IN01", 0.0, -1, 5)]
    measure = Addition(trials)
    decide(trials, CURRENT, measure, 0)
    assert measure.tried[1:] == ["IN01 at 0", "IN02 at 0"]


class Ceiling(Addition):
    """A measurement in which a second step takes no harm away."""

    def __call__(self, title, weights):
        harm, good = super().__call__(title, weights)
        return max(harm, 100 + min(trial.harm for trial in self.trials)), good


def test_a_step_that_takes_no_harm_away_after_the_others_is_refused():
    trials = [Trial("IN01", 0.0, -10, -1), Trial("IN02", 0.0, -10, -2)]
    first, second = decide(trials, CURRENT, Ceiling(trials), 0)
    assert (first.accepted, second.accepted) == (True, False)
    assert second.reason == "takes no visible harm away after the others"


def test_a_step_that_takes_hardly_any_harm_away_is_not_worth_its_price():
    trials = [Trial("IN01", 0.0, -0.9, -1)]
    (decision,) = decide(trials, CURRENT, Addition(trials), 0)
    assert (decision.accepted, decision.value) == (False, 1.0)


def test_the_reasons_tell_what_was_left_before_and_after():
    trials = [Trial("IN01", 0.0, -10, -1), Trial("IN02", 0.0, -10, -2)]
    reasons = [decision.reason for decision in decide(trials, CURRENT, Addition(trials), 0)]
    assert reasons == ["harm 100 → 90 %, good 100 → 99 %", "harm 90 → 80 %, good 99 → 97 %"]


def test_a_step_that_removes_no_harm_is_not_even_tried():
    trials = [Trial("IN01", 0.0, 0, -1), Trial("IN02", 0.0, 4, -1), Trial("IN03", 0.0, 4, 2)]
    measure = Addition(trials)
    assert not any(decision.accepted for decision in decide(trials, CURRENT, measure, 0))
    assert measure.tried == ["the round's base line"]


def test_when_the_harm_is_gone_nothing_more_is_taken():
    trials = [Trial("IN01", 0.0, -100, -1), Trial("IN02", 0.0, -10, -1)]
    first, second = decide(trials, CURRENT, Addition(trials), 0)
    assert (first.accepted, second.accepted) == (True, False)
    assert second.reason == "not needed, the harm is gone"


def test_a_decision_carries_its_value_and_its_reason():
    trials = [Trial("IN01", 0.0, -10, -1), Trial("IN02", 0.0, -10, -50), Trial("IN03", 0.0, 2, -1)]
    taken, dear, useless = decide(trials, CURRENT, Addition(trials), 95)
    assert (taken.value, taken.reason) == (0.0, "harm 100 → 90 %, good 100 → 99 %")
    assert (dear.value, dear.reason) == (1.0, "costs too much of the good")
    assert (useless.value, useless.reason) == (1.0, "takes no harm away")


@given(TRIALS, st.floats(0, 100), st.floats(0, 5))
def test_the_good_stays_above_the_least_but_for_what_nobody_sees(trials, least, extra_cost):
    measure = Addition(trials, extra_cost)
    decisions = decide(trials, CURRENT, measure, least)
    everything = {decision.block: decision.value for decision in decisions}
    taken = [decision for decision in decisions if decision.accepted and "nothing visible" not in decision.reason]
    kept = measure("", {**CURRENT, **everything})[1]
    assert kept >= (least if taken else 100 - VISIBLE)


@given(TRIALS, st.floats(0, 100))
def test_every_trial_is_decided_once_and_the_refused_stay_as_they_are(trials, least):
    decisions = decide(trials, CURRENT, Addition(trials), least)
    assert sorted(decision.block for decision in decisions) == sorted(trial.block for trial in trials)
    assert all(decision.value < 1.0 if decision.accepted else decision.value == 1.0 for decision in decisions)


@given(TRIALS, st.floats(0, 100), st.randoms())
def test_the_order_of_the_trials_does_not_matter(trials, least, random):
    shuffled = random.sample(trials, len(trials))
    assert decided(shuffled, least) == decided(trials, least)


@pytest.mark.parametrize("least", [0, 100])
def test_nothing_tried_nothing_decided(least):
    assert decide([], CURRENT, Addition([]), least) == ()


def test_a_step_that_costs_nothing_is_taken_also_where_too_little_good_was_left_before():
    decided = decide([Trial("A", 0.0, -40.0, 0.0)], {"A": 1.0}, lambda _, weights: (60 + 40 * weights["A"], 88.0), 90.0)
    assert [(decision.value, decision.accepted) for decision in decided] == [(0.0, True)]
