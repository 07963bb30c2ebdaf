"""What the log tells of plans of every method, and of folders and samples that were not taken."""

from __future__ import annotations

import pytest
from acts import Told

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.project import ANALYSED, ANALYSIS_PLANNED, AnalysisPlan, analysis_body
from workshop import SCENE

PLAIN = AnalysisPlan(0, ("IN01", REST), 0.5, 1.0, 20, (), "", (SCENE, SCENE))
FURTHER = {"method": "probe", "adaptive": True, "aspects": ("colour",), "aims": ("light",), "pairs": 3, "levels": 2}
SUGGESTIONS = {"IN01": ["keep", "works"], REST: ["unknown", "unclear"]}
SAMPLES = {"diff": [1.0, 2.0], "overall": [2.0, 3.0]}
GAPS = {"diff": [1.0, None], "overall": [2.0, None]}


def planned(**changes):
    told = Told()
    told(ANALYSIS_PLANNED, analysis_body(AnalysisPlan(**{**PLAIN.__dict__, **changes})))
    return told


def found(effects, **further):
    return {"suggestions": SUGGESTIONS, "effects": effects, "settings": {}, "plan": 2, **further}


def test_all_of_a_plan_is_read_back():
    (plan,) = planned(**FURTHER).state.analysis_plans
    assert plan == AnalysisPlan(**{**PLAIN.__dict__, **FURTHER, "number": 2})


def test_a_plan_from_before_there_were_methods_is_one_block_at_a_time():
    body = analysis_body(PLAIN)
    assert not set(body) & set(FURTHER)
    (plan,) = planned().state.analysis_plans
    assert (plan.method, plan.adaptive, plan.aspects, plan.aims, plan.pairs, plan.levels) == (
        "eba",
        False,
        (),
        (),
        0,
        1,
    )


def test_what_was_found_before_there_were_folders_has_none():
    told = planned()
    (facts,) = told(ANALYSED, found({"IN01": SAMPLES, REST: SAMPLES})).analyses
    assert facts.folder == ""


def test_the_folder_is_told():
    told = planned()
    (facts,) = told(ANALYSED, found({"IN01": SAMPLES, REST: SAMPLES}, folder="analysis-07")).analyses
    assert facts.folder == "analysis-07"


@pytest.mark.parametrize("folder", ["../analysis-01", "analysis-1", "analysis-01/x", "pictures", 5])
def test_another_folder_is_no_event(folder):
    with pytest.raises(BlockweightError, match="Event 3 of the project's log"):
        planned()(ANALYSED, found({"IN01": SAMPLES, REST: SAMPLES}, folder=folder))


def test_samples_that_were_not_taken_are_an_adaptive_analysis():
    effects = {"IN01": GAPS, REST: SAMPLES}
    (facts,) = planned(adaptive=True)(ANALYSED, found(effects)).analyses
    assert facts.effects["IN01"]["overall"] == [2.0, None]
    with pytest.raises(BlockweightError, match="Event 3 of the project's log"):
        planned()(ANALYSED, found(effects))


def test_an_adaptive_analysis_has_a_sample_of_every_block():
    with pytest.raises(BlockweightError, match="Event 3 of the project's log"):
        planned(adaptive=True)(ANALYSED, found({"IN01": {**GAPS, "diff": [None, None]}, REST: SAMPLES}))


def test_another_method_needs_no_samples_and_no_suggestions():
    told = planned(method="probe")
    (facts,) = told(ANALYSED, {**found({}, folder="analysis-01"), "suggestions": {}}).analyses
    assert (facts.effects, facts.suggestions, facts.plan) == ({}, {}, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "magic"}, "cannot be recorded"),
        ({"method": 5}, "cannot be recorded"),
        ({"adaptive": "yes"}, "cannot be recorded"),
        ({"pairs": -1}, "cannot be recorded"),
        ({"pairs": 2.5}, "cannot be recorded"),
        ({"levels": 0}, "cannot be recorded"),
        ({"levels": 6}, "cannot be recorded"),
        ({"aspects": "colour"}, "cannot be recorded"),
        ({"aspects": ["beauty"]}, "There is no aspect 'beauty'"),
        ({"aims": ["beauty"]}, "There is no objective 'beauty'"),
        ({"aims": ["light", "light"]}, "named twice"),
        ({"aims": ["light,green"]}, "cannot be recorded"),
    ],
)
def test_what_no_method_can_find_is_not_planned(change, words):
    with pytest.raises(BlockweightError, match=words):
        Told().history.check(ANALYSIS_PLANNED, {**analysis_body(PLAIN), **change})


def test_another_method_is_another_plan():
    told = planned()
    assert not told.history.check(ANALYSIS_PLANNED, analysis_body(PLAIN))
    for name, value in FURTHER.items():
        plan = AnalysisPlan(**{**PLAIN.__dict__, name: value})
        assert told.history.check(ANALYSIS_PLANNED, analysis_body(plan)), name
