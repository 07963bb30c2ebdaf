"""What is known of searched weights goes along in the file into which they are baked."""

from __future__ import annotations

import json

import pytest
from projects import make, scenes

from blockweight.lora import open_lora
from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.baking import Recipe, Typed
from blockweight.workflow.choosing.asking import ChoosingAsked
from blockweight.workflow.choosing.running import begin_choosing, judge, render_choices, take_preferred
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_bake import bake_project, with_defaults
from blockweight.workflow.search.asking import SearchAsked, ask_search
from blockweight.workflow.search.running import begin_search, run_search, take_choice

BY_HAND = "a=IN01;b=IN02"


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        acts.set_scenes(tuning, scenes(model, "1-4"))
        yield tuning


def baked(tuning, text="", **recipe):
    """What the stamp of a bake says."""
    typed, strength = with_defaults(tuning.state(), Typed(text), None)
    report, _, _ = bake_project(tuning, typed, Recipe(**{"strength": strength, **recipe}), overwrite=True)
    return json.loads(open_lora(report.out).header.metadata["blockweight.applied_weights"])


@pytest.fixture
def plan(tuning):
    asked = SearchAsked(("kept>=10%, lower red",), "60pictures", BY_HAND, "0,0.5,1", sampler="tpe")
    begin_search(tuning, ask_search(tuning, asked))
    run_search(tuning, FakeRenderer, SilentProgress())
    take_choice(tuning, 1)
    return tuning.state().searches[0]


def test_what_a_search_found_goes_along_with_its_scenes_held_out(tuning, plan):
    told = baked(tuning)["evidence"]
    assert (told["by"], told["objectives"], told["seed"]) == ("search", "kept>=10%, lower red", 1)
    assert told["scenes"] == ["1girl, ゴブ姫, seed 1", "1girl, ゴブ姫, seed 2"]
    assert told["held_scenes"] == ["1girl, ゴブ姫, seed 3", "1girl, ゴブ姫, seed 4"]
    kept, _ = plan.choices[0].held
    assert told["held"]["kept>=10%"] == [pytest.approx(each, abs=1e-3) for each in (kept.mean, kept.low, kept.high)]
    assert list(told["searched"]) == ["kept>=10%", "lower red"]


@pytest.mark.parametrize(
    ("text", "recipe"),
    [("", {"strength": 0.5}), ("", {"te": 0.5}), ("1," + "0.25," * 24 + "1", {})],
    ids=["strength", "text encoder", "weights"],
)
def test_what_does_something_else_than_was_measured_carries_none(tuning, plan, text, recipe):
    assert "evidence" not in baked(tuning, text, **recipe)


def test_what_was_undone_is_no_evidence(tuning, plan):
    taken = tuning.state().weights.text()
    acts.undo(tuning)
    assert "evidence" not in baked(tuning, taken)


def test_what_was_preferred_says_after_how_many_rounds(tuning):
    begin_choosing(tuning, ChoosingAsked(segments=BY_HAND, scenes=(1,)))
    render_choices(tuning, FakeRenderer, SilentProgress())
    judge(tuning, "B")
    take_preferred(tuning)
    told = baked(tuning)["evidence"]
    assert (told["by"], told["rounds"], told["scenes"]) == ("preference", 1, ["1girl, ゴブ姫, seed 1"])
    assert 0 <= told["better_elsewhere"] <= 1
