"""What the log tells of analyses."""

from __future__ import annotations

import pytest
from acts import Told

from blockweight.errors import BlockweightError
from blockweight.project import ANALYSED, ANALYSIS_CANCELLED, ANALYSIS_PLANNED, UNDONE, AnalysisPlan, analysis_body
from workshop import SCENE

BODY = analysis_body(AnalysisPlan(0, ("IN01", "IN02"), 0.5, 1.0, 20, ("a" * 16,), "the face", (SCENE,)))
SUGGESTIONS = {"IN01": ["keep", "works on the face"], "IN02": ["unknown", "unclear"]}
SAMPLES = {"diff": [1.0], "overall": [2.0], "inside": [3.0], "outside": [0.5]}
FOUND = {"suggestions": SUGGESTIONS, "effects": {"IN01": SAMPLES, "IN02": SAMPLES}, "settings": {}}


@pytest.fixture
def told():
    told = Told()
    told(ANALYSIS_PLANNED, BODY)
    return told


def test_a_planned_analysis_is_a_fact_and_no_step(told):
    (plan,) = told.state.analysis_plans
    assert (plan.number, plan.blocks, plan.value, plan.base) == (2, ("IN01", "IN02"), 0.5, 1.0)
    assert (plan.threshold, plan.masks, plan.region, plan.scenes) == (20, ("a" * 16,), "the face", (SCENE,))
    assert told.state.undo is None
    with pytest.raises(BlockweightError, match="nothing to undo"):
        told.history.check(UNDONE, {})


def test_what_it_found_is_told_once(told):
    told(ANALYSED, {**FOUND, "plan": 2})
    state = told(ANALYSED, {**FOUND, "plan": 2})
    assert [(found.number, found.plan) for found in state.analyses] == [(3, 2)]
    assert not told.history.check(ANALYSED, {**FOUND, "plan": 2})


def test_two_analyses_that_found_the_same_are_two(told):
    told(ANALYSED, {**FOUND, "plan": 2})
    told(ANALYSIS_PLANNED, {**BODY, "threshold": 30})
    assert [found.plan for found in told(ANALYSED, {**FOUND, "plan": 4}).analyses] == [2, 4]
    assert [found.plan for found in told(ANALYSED, FOUND).analyses] == [2, 4, None]


def test_one_that_was_cancelled_finds_nothing(told):
    assert told(ANALYSIS_CANCELLED, {"plan": 2}).analysis_plans[0].cancelled
    assert told(ANALYSED, {**FOUND, "plan": 2}).analyses == ()
    with pytest.raises(BlockweightError, match="was cancelled meanwhile"):
        told.history.check(ANALYSED, {**FOUND, "plan": 2})
    assert not told.history.check(ANALYSIS_CANCELLED, {"plan": 2})
    assert len(told(ANALYSIS_PLANNED, BODY).analysis_plans) == 2  # the same may be asked for again


def test_a_complete_one_and_an_unknown_one_cannot_be_cancelled(told):
    told(ANALYSED, {**FOUND, "plan": 2})
    for number, words in ((2, "is complete"), (99, "No analysis of the number 99")):
        with pytest.raises(BlockweightError, match=words):
            told.history.check(ANALYSIS_CANCELLED, {"plan": number})
        assert not told(ANALYSIS_CANCELLED, {"plan": number}).analysis_plans[0].cancelled


def test_an_id_makes_one_analysis(told):
    for _ in range(2):
        state = told(ANALYSIS_PLANNED, {**BODY, "threshold": 30, "id": "a"})
    assert len(state.analysis_plans) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blocks": ["IN99"]}, "There is no block 'IN99'"),
        ({"blocks": []}, "cannot be recorded"),
        ({"blocks": ["IN01", "IN01"]}, "cannot be recorded"),
        ({"range": [1.0, 1.0]}, "cannot be recorded"),
        ({"range": [1.0]}, "cannot be recorded"),
        ({"range": [1.0, float("nan")]}, "cannot be recorded"),
        ({"threshold": 256}, "cannot be recorded"),
        ({"threshold": -1}, "cannot be recorded"),
        ({"masks": ["../project"]}, "cannot be recorded"),
        ({"masks": ["a" * 16] * 2}, "cannot be recorded"),
        ({"scenes": []}, "cannot be recorded"),
        ({"region": 5}, "cannot be recorded"),
    ],
)
def test_what_is_no_analysis_is_not_planned(told, change, words):
    with pytest.raises(BlockweightError, match=words):
        told.history.check(ANALYSIS_PLANNED, {**BODY, **change})


@pytest.mark.parametrize(
    "effects",
    [{}, {"IN01": SAMPLES}, {"IN01": SAMPLES, "IN02": {**SAMPLES, "diff": []}},
     {"IN01": SAMPLES, "IN02": {**SAMPLES, "inside": ["1"]}}],
)  # fmt: skip
def test_measurements_that_do_not_fit_the_plan_are_no_event(told, effects):
    with pytest.raises(BlockweightError, match="Event 3 of the project's log"):
        told(ANALYSED, {**FOUND, "effects": effects, "plan": 2})


def test_a_verdict_that_no_version_gives_is_no_event(told):
    with pytest.raises(BlockweightError, match="Event 3 of the project's log"):
        told(ANALYSED, {**FOUND, "suggestions": {**SUGGESTIONS, "IN02": ["maybe", "x"]}, "plan": 2})
