"""An analysis in a tuning project's own scenes: cost, planning, rendering with stops, what it shows and suggests."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from projects import Timed, after, make, scenes

from blockweight.errors import BlockweightError
from blockweight.measure import Verdict, measure_effects, suggest_all
from blockweight.project import read_picture
from blockweight.render import FakeRenderer, unwatched
from blockweight.workflow import analysis_figures
from blockweight.workflow import tuning as acts
from blockweight.workflow.analysis_text import analysis_facts
from blockweight.workflow.analysis_view import analysis_view
from blockweight.workflow.difference_pictures import difference_path
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import (
    Wanted,
    cancel_analysis,
    current_plan,
    plan_analysis,
    preview_analysis,
    render_analysis,
)
from blockweight.workflow.project_masks import save_mask
from blockweight.workflow.tuning_rounds import Cost, RenderedPart
from workshop import RecordedProgress, tree

BLOCKS = "IN01-IN03"


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


def never():
    raise AssertionError("a renderer was made")


def run(tuning, make_renderer=FakeRenderer, stopped=lambda: False):
    return render_analysis(tuning, make_renderer, SilentProgress(), stopped)


def png(width=32, height=24, inside=12):
    """A mask's bytes: the left `inside` columns."""
    array = np.zeros((height, width), np.uint8)
    array[:, :inside] = 255
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


def of(view, block):
    return next(each for each in view.blocks if each.block == block)


def test_the_cost_is_told_before_and_nothing_is_begun(tuning):
    before = tuning.state()
    assert preview_analysis(tuning, Wanted(BLOCKS, 0.5, 1.0)) == Cost(8, 0, None)
    assert tuning.state() == before


def test_the_cost_counts_what_is_there(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    assert run(tuning, Timed) == RenderedPart(8, 0)
    assert preview_analysis(tuning, Wanted("IN01-IN04", 0.5, 1.0)) == Cost(10, 8, 4.0)


def test_an_analysis_finds_what_the_pictures_show(tuning):
    name = save_mask(tuning, png())
    plan_analysis(tuning, Wanted(BLOCKS, 0.5, 1.0, masks=(name,), region="the face"))
    run(tuning)
    view = analysis_view(tuning)
    pictures = tuning.project.pictures.folder
    mask = np.zeros((24, 32), bool)
    mask[:, :12] = True
    pairs = {
        each.block: [(read_picture(pictures, pair.changed), read_picture(pictures, pair.source)) for pair in each.pairs]
        for each in view.blocks
    }
    expected = measure_effects(pairs, mask)
    assert tuple(each.effects for each in view.blocks) == expected
    assert tuple(each.suggestion for each in view.blocks) == suggest_all(expected, region="the face")
    (found,) = tuning.state().analyses
    assert (found.number, found.plan) == (view.number, view.plan.number)
    assert found.effects["IN02"]["inside"] == list(expected[1].inside.samples)


def test_the_source_has_all_blocks_at_the_base_and_one_is_changed(tuning):
    plan_analysis(tuning, Wanted("IN02", -0.25, 0.5))
    renderer = FakeRenderer()
    run(tuning, lambda: renderer)
    weights = [job.variant.weights for job in renderer.rendered]
    assert [(each.weight("IN02"), each.weight("IN01"), each.rest) for each in weights] == [
        (0.5, 0.5, 1.0), (-0.25, 0.5, 1.0), (0.5, 0.5, 1.0), (-0.25, 0.5, 1.0),
    ]  # fmt: skip


def test_without_an_expression_every_block_of_the_lora_is_analysed_and_no_other(tmp_path, lora, model):
    with make(tmp_path / "standard", lora, model) as tuning:
        state = tuning.state()
        assert current_plan(plan_analysis(tuning)).blocks == state.subject.blocks
        assert current_plan(plan_analysis(tuning, Wanted("IN01-IN03"))).blocks == ("IN01", "IN02")
        with pytest.raises(BlockweightError, match=r"changes nothing in IN03; it has BASE, IN01"):
            plan_analysis(tuning, Wanted("IN03"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"blocks": "IN99"}, "There is no block 'IN99'"),
        ({"value": 1.0}, "compares a weight with itself"),
        ({"value": float("nan")}, "must be finite"),
        ({"base": float("inf")}, "must be finite"),
        ({"threshold": 256}, "0 to 255"),
        ({"masks": ["a" * 16]}, "is not in the project; paint it again"),
        ({"masks": ["../project"]}, "is no mask's name"),
        ({"masks": ["a" * 16] * 3}, "3 masks were given for 2 scenes"),
        ({"region": "x" * 81}, "at most 80 letters"),
        ({"region": "a\nb"}, "on one line"),
    ],
)
def test_what_gives_no_analysis_is_refused_and_not_planned(tuning, options, words):
    before = tuning.state()
    with pytest.raises(BlockweightError, match=words):
        plan_analysis(tuning, Wanted(**options))
    assert tuning.state() == before


def test_one_that_was_planned_already_is_not_planned_twice(tuning):
    first = plan_analysis(tuning, Wanted(BLOCKS))
    assert plan_analysis(tuning, Wanted("IN01,IN02,IN03")) == first
    assert len(plan_analysis(tuning, Wanted(BLOCKS), event_id="again").analysis_plans) == 1
    assert len(plan_analysis(tuning, Wanted(BLOCKS, threshold=30)).analysis_plans) == 2


def test_undo_leaves_an_analysis_alone(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning)
    before = analysis_view(tuning)
    state = acts.undo(tuning)
    assert analysis_view(tuning) == before
    assert (len(state.analyses), len(state.analysis_plans)) == (1, 1)


def test_a_stop_is_heard_and_the_next_call_goes_on(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    assert run(tuning, stopped=after(tuning, 3)) == RenderedPart(3, 5)
    assert tuning.state().analyses == ()
    progress = RecordedProgress()
    assert render_analysis(tuning, FakeRenderer, progress) == RenderedPart(5, 0)
    assert progress.tasks == [["Analysing the blocks", 8, 3, 5]]
    assert len(tuning.state().analyses) == 1


def test_a_complete_analysis_needs_no_renderer_and_is_recorded_once(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning)
    assert run(tuning, never) == RenderedPart(0, 0)
    assert len(tuning.state().analyses) == 1


def test_a_mask_that_is_painted_afterwards_needs_no_new_picture(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning)
    plan_analysis(tuning, Wanted(BLOCKS, masks=(save_mask(tuning, png()),)))
    assert analysis_view(tuning).number is None
    assert run(tuning, never) == RenderedPart(0, 0)
    view = analysis_view(tuning)
    assert view.number == tuning.state().analyses[-1].number
    assert all(each.effects.inside is not None for each in view.blocks)
    assert view.typical is not None


def test_every_scene_may_have_a_mask_of_its_own(tuning):
    masks = [save_mask(tuning, png(inside=inside)) for inside in (4, 12)]
    plan_analysis(tuning, Wanted(BLOCKS, masks=tuple(masks)))
    run(tuning)
    told = of(analysis_view(tuning), "IN02").pairs[1]
    folder = tuning.project.pictures.folder
    difference = np.abs(read_picture(folder, told.changed).astype(int) - read_picture(folder, told.source))
    assert told.figures.inside == pytest.approx(difference[:, :12].mean())


def test_what_is_there_is_shown_before_the_rest(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning, stopped=after(tuning, 3))
    view = analysis_view(tuning)
    assert (view.number, view.suggested_from, view.cost) == (None, 0, Cost(8, 3, 0.0))
    first, second, third = view.blocks
    assert [len(each.effects.diff.samples) for each in (first, second)] == [1, 1]
    assert [(pair.source_ready, pair.changed_ready) for pair in third.pairs] == [(True, False), (False, False)]
    assert (third.effects, third.suggestion) == (None, None)


def test_suggestions_begin_with_the_second_whole_scene(tuning, model):
    acts.set_scenes(tuning, scenes(model, "1-3"))
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning, stopped=after(tuning, 9))
    view = analysis_view(tuning)
    assert (view.number, view.suggested_from) == (None, 2)
    assert all(each.suggestion is not None for each in view.blocks)
    with pytest.raises(BlockweightError, match="no analysis yet"):
        acts.apply_suggestions(tuning)


def test_only_new_pictures_are_measured(tuning, monkeypatch):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning, stopped=after(tuning, 3))
    measured = []
    measure = analysis_figures.measure_effects
    monkeypatch.setattr(analysis_figures, "measure_effects", lambda *given: measured.append(given) or measure(*given))
    first = analysis_view(tuning)
    count = len(measured)
    assert count == 2
    assert analysis_view(tuning) == first
    assert len(measured) == count
    run(tuning)
    analysis_view(tuning)
    assert len(measured) == count  # what a complete analysis found is recorded


def test_a_damaged_picture_counts_as_missing_in_the_figures(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning, stopped=after(tuning, 3))
    pair = of(analysis_view(tuning), "IN01").pairs[0]
    analysis_figures._measured.cache_clear()
    (tuning.project.pictures.folder / f"{pair.changed}.png").write_bytes(b"no picture")
    assert of(analysis_view(tuning), "IN01").effects is None
    assert run(tuning) == RenderedPart(6, 0)


def test_a_mask_that_is_gone_leaves_the_page_and_is_asked_for_before_anything_is_rendered(tuning):
    name = save_mask(tuning, png())
    plan_analysis(tuning, Wanted(BLOCKS, masks=(name,)))
    (tuning.folder / "masks" / f"{name}.png").unlink()
    with pytest.raises(BlockweightError, match="paint it again"):
        run(tuning)
    view = analysis_view(tuning)
    assert (view.cost.finished, view.number, view.blocks[0].effects) == (0, None, None)


def test_scenes_that_change_later_leave_the_analysis_as_it_was(tuning, model):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning)
    before = analysis_view(tuning)
    acts.set_scenes(tuning, scenes(model, "9"))
    assert analysis_view(tuning) == replace(before, stale=True)
    assert len(plan_analysis(tuning, Wanted(BLOCKS)).analysis_plans) == 2


def test_suggestions_are_applied_and_shown_as_applied(tuning):
    plan_analysis(tuning, Wanted(BLOCKS, 1.0, 1.001))
    run(tuning)
    view = analysis_view(tuning)
    assert {each.suggestion.verdict for each in view.blocks} == {Verdict.DROP}
    state = acts.apply_suggestions(tuning, "IN02", analysis_number=view.number)
    assert state.weights.weight("IN02") == 0
    assert [each.applied and each.applied.analysis for each in analysis_view(tuning).blocks] == [
        None, view.number, None,
    ]  # fmt: skip
    with pytest.raises(BlockweightError, match="has no analysis 99"):
        acts.apply_suggestions(tuning, analysis_number=99)


def test_a_cancelled_analysis_gives_way_to_the_one_before(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning)
    before = analysis_view(tuning)
    plan_analysis(tuning, Wanted("IN04"))
    run(tuning, stopped=after(tuning, 1))
    cancel_analysis(tuning)
    assert analysis_view(tuning) == before
    with pytest.raises(BlockweightError, match="complete, so there is nothing to cancel"):
        cancel_analysis(tuning)
    assert len(tree(tuning.folder / "pictures")) == 9


def test_a_cancel_from_elsewhere_stops_the_renderer(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))

    class Cancelled(FakeRenderer):
        def render(self, jobs, finished=(), watch=unwatched):
            for rendering in super().render(jobs, finished, watch):
                if len(self.rendered) == 4:
                    cancel_analysis(tuning)
                yield rendering

    assert run(tuning, Cancelled) == RenderedPart(4, 4)
    assert analysis_view(tuning) is None
    assert tuning.state().analyses == ()
    with pytest.raises(BlockweightError, match="No analysis is planned"):
        run(tuning)


def test_what_is_shown_is_plain_values(tuning):
    plan_analysis(tuning, Wanted(BLOCKS, masks=(save_mask(tuning, png()),)))
    run(tuning, stopped=after(tuning, 3))
    facts = analysis_facts(analysis_view(tuning))
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    first = facts["blocks"][0]
    assert first["effects"]["inside"]["low"] is None
    assert first["pairs"][1]["figures"] is None


def test_a_difference_picture_is_what_changed(tuning):
    plan_analysis(tuning, Wanted("IN01"))
    run(tuning)
    pair = of(analysis_view(tuning), "IN01").pairs[0]
    folder = tuning.project.pictures.folder
    with Image.open(difference_path(tuning, pair.changed, pair.source)) as picture:
        drawn = np.asarray(picture)
    expected = np.abs(read_picture(folder, pair.changed).astype(int) - read_picture(folder, pair.source))
    assert np.array_equal(drawn, expected)
    assert drawn.any()
    with Image.open(difference_path(tuning, pair.changed, pair.source, "white")) as picture:
        assert np.array_equal(np.asarray(picture), 255 - drawn)


def test_a_difference_picture_is_made_once_and_for_keys_alone(tuning):
    plan_analysis(tuning, Wanted("IN01"))
    run(tuning)
    pair = of(analysis_view(tuning), "IN01").pairs[0]
    path = difference_path(tuning, pair.changed, pair.source)
    path.write_bytes(b"as it was")
    assert difference_path(tuning, pair.changed, pair.source).read_bytes() == b"as it was"
    for changed, source in (("../x", pair.source), (pair.changed, "0" * 31)):
        with pytest.raises(BlockweightError, match="is no picture's key"):
            difference_path(tuning, changed, source)
    with pytest.raises(BlockweightError, match=r"no picture 0{32} yet"):
        difference_path(tuning, "0" * 32, pair.source)
