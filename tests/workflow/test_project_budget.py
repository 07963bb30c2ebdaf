"""A budget for an analysis in a project's scenes: the method and the scenes that it pays for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from projects import Timed, make, scenes

from blockweight.errors import BlockweightError
from blockweight.project import AnalysisPlan
from blockweight.render import FakeRenderer
from blockweight.workflow.analysis_steps import Asked, estimate, run
from blockweight.workflow.analysis_view import analysis_view
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, current_plan, plan_analysis, render_analysis
from blockweight.workflow.project_budget import within_budget
from blockweight.workflow.scene_edits import remove_scene, scene_key
from blockweight.workflow.tuning_project import create_project

WANTED = Wanted("IN01-IN03")


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


def test_without_a_budget_all_scenes_are_taken_by_the_method_or_the_usual_one(tuning):
    assert within_budget(tuning, WANTED, " ", None) == WANTED
    assert within_budget(tuning, WANTED, "", "probe") == replace(WANTED, method="probe")


def test_a_time_needs_a_measured_picture_and_then_counts_by_it(tuning):
    with pytest.raises(BlockweightError, match="timed yet"):
        within_budget(tuning, WANTED, "5min", None)
    plan_analysis(tuning, Wanted("IN01"))
    render_analysis(tuning, Timed, SilentProgress())
    count = len(tuning.state().scenes)
    assert within_budget(tuning, WANTED, "9999h", None) == replace(WANTED, scenes=count)


def test_the_command_times_a_first_picture_where_a_budget_is_a_time(tuning):
    made = []

    def renderer():
        made.append(FakeRenderer(0.01))
        return made[-1]

    run(tuning, Asked(blocks="IN01", budget="9999h"), renderer, SilentProgress())
    assert analysis_view(tuning).number is not None
    assert len(made[0].rendered) == 1


def test_the_estimate_says_what_the_budget_buys(tuning):
    told = estimate(tuning, Asked(blocks="IN01-IN03", budget="8pictures"))
    assert told.facts["cost"]["pictures"] == 8
    assert told.lines[1].startswith("2 scenes")


def test_an_analysis_in_the_first_scenes_is_stale_only_when_those_change(tuning):
    plan_analysis(tuning, replace(WANTED, scenes=1))
    state = tuning.state()
    plan = current_plan(state)
    assert (plan.scenes, plan.part) == (state.scenes[:1], True)
    assert not analysis_view(tuning).stale
    remove_scene(tuning, scene_key(state.scenes[0]))
    assert analysis_view(tuning).stale


def test_all_scenes_by_number_are_no_part(tuning):
    plan_analysis(tuning, replace(WANTED, scenes=len(tuning.state().scenes)))
    plan: AnalysisPlan = current_plan(tuning.state())
    assert not plan.part


@pytest.mark.parametrize("count", [0, 99, -1])
def test_scenes_that_are_not_there_are_refused(tuning, count):
    with pytest.raises(BlockweightError, match="no first"):
        plan_analysis(tuning, replace(WANTED, scenes=count))


def test_prompts_take_turns_in_a_part_of_the_scenes(tmp_path, locon, model):
    listed = (*scenes(model, "1,2"), *scenes(model, "1,2", "a castle"))
    with create_project(tmp_path / "project", locon, listed) as tuning:
        plan_analysis(tuning, replace(WANTED, scenes=2))
        plan = current_plan(tuning.state())
        assert [(scene.prompt, scene.seed) for scene in plan.scenes] == [("1girl, ゴブ姫", 1), ("a castle", 1)]
        assert not analysis_view(tuning).stale
        plan_analysis(tuning, replace(WANTED, adaptive=True))
        assert current_plan(tuning.state()).scenes[:2] == plan.scenes
        assert not analysis_view(tuning).stale
