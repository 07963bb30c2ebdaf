"""Which masks a search takes from an analysis that saw some of the project's scenes."""

from __future__ import annotations

import pytest
from projects import make, scenes
from test_search import BOTH, png

from blockweight.errors import BlockweightError
from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.project_masks import save_mask
from blockweight.workflow.search.asking import SearchAsked, ask_search


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        acts.set_scenes(tuning, scenes(model, "1-6"))
        yield tuning


def test_a_mask_for_several_scenes_is_for_those_too_that_the_analysis_did_not_see(tuning):
    some = Wanted("IN01-IN03", 0.5, 1.0, masks=(save_mask(tuning, png()),), scenes=3)
    plan_analysis(tuning, some)
    render_analysis(tuning, FakeRenderer, SilentProgress())
    plan = ask_search(tuning, SearchAsked(BOTH)).plan
    assert (len(plan.masks), len(plan.held_masks)) == (4, 2)
    assert set(plan.masks) == set(plan.held_masks) == set(some.masks)


def test_of_masks_for_some_scenes_alone_the_scene_without_one_is_named(tuning):
    plan_analysis(tuning, Wanted("IN01-IN03", 0.5, 1.0, masks=(save_mask(tuning, png()),) * 6, scenes=3))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    with pytest.raises(BlockweightError, match="has none for '1girl, ゴブ姫', seed 4"):
        ask_search(tuning, SearchAsked(BOTH))
