"""Analyses of a tuning project by every method: recorded, stopped, cancelled, undone, and taken elsewhere."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from analyses import OPTIONS, Rendered, write_mask
from PIL import Image
from projects import make, scenes

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.plan import Hires
from blockweight.project import ANALYSED, ANALYSIS_PLANNED, read_archive, write_archive
from blockweight.render import unwatched
from blockweight.workflow import analysis_steps
from blockweight.workflow import tuning as acts
from blockweight.workflow.analysis.findings import read_findings
from blockweight.workflow.analysis.methods import METHODS
from blockweight.workflow.analysis_text import analysis_facts, analysis_lines
from blockweight.workflow.analysis_view import analysis_view
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import (
    Wanted,
    cancel_analysis,
    current_plan,
    plan_analysis,
    preview_analysis,
    render_analysis,
)
from blockweight.workflow.project_masks import keep_mask_file, save_mask
from blockweight.workflow.tuning_project import open_project
from blockweight.workflow.tuning_rounds import RenderedPart
from workshop import FULL, tree, write_lora_file

BLOCKS = "IN01-IN03"
ASKING = ["probe", "sketch", "gradient"]


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


def never():
    raise AssertionError("a renderer was made")


def run(tuning, make_renderer=Rendered, stopped=lambda: False):
    return render_analysis(tuning, make_renderer, SilentProgress(), stopped)


def wanted(method, **options):
    return Wanted(BLOCKS, method=method, **(OPTIONS[method] | options))


def png(width=32, height=24, inside=12):
    array = np.zeros((height, width), np.uint8)
    array[:, :inside] = 255
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_recorded_with_its_folder(tuning, method):
    plan_analysis(tuning, wanted(method))
    assert run(tuning).left == 0
    (found,) = tuning.state().analyses
    read = read_findings(tuning.folder / found.folder)
    assert (read.method, read.table.blocks) == (method, ("IN01", "IN02", "IN03"))
    view = analysis_view(tuning)
    assert (view.number, view.folder, view.plan.method) == (found.number, found.folder, method)
    json.dumps(analysis_facts(view), allow_nan=False)
    assert any("IN02" in line for line in analysis_lines(tuning, view))


@pytest.mark.parametrize("method", METHODS)
def test_a_complete_one_needs_no_renderer_and_is_recorded_once(tuning, method):
    plan_analysis(tuning, wanted(method))
    run(tuning)
    before = tree(tuning.folder / analysis_view(tuning).folder)
    assert run(tuning, never) == RenderedPart(0, 0)
    assert len(plan_analysis(tuning, wanted(method)).analysis_plans) == 1
    assert len(tuning.state().analyses) == 1
    assert tree(tuning.folder / analysis_view(tuning).folder) == before


@pytest.mark.parametrize("method", ASKING)
def test_a_stop_keeps_the_scenes_that_were_asked_about(tuning, method):
    plan_analysis(tuning, wanted(method))
    answers = tuning.folder / "answers"
    assert run(tuning, stopped=answers.exists) == RenderedPart(0, 1)
    assert len(list(answers.iterdir())) == 1
    assert tuning.state().analyses == ()
    renderer = Rendered()
    assert run(tuning, lambda: renderer) == RenderedPart(0, 0)
    assert [job.scene.seed for job in renderer.asked] == [2]
    assert len(tuning.state().analyses) == 1


@pytest.mark.parametrize("method", ["screen", "bisect"])
def test_a_stop_keeps_the_pictures(tuning, method):
    plan_analysis(tuning, wanted(method))
    pictures = tuning.folder / "pictures"
    part = run(tuning, stopped=lambda: len(list(pictures.glob("*.png"))) >= 3)
    assert (part.rendered, part.left > 0, tuning.state().analyses) == (3, True, ())
    renderer = Rendered()
    assert run(tuning, lambda: renderer).left == 0
    assert len(renderer.rendered) == len(list(pictures.glob("*.png"))) - 3


@pytest.mark.parametrize("method", ASKING)
def test_a_cancel_while_the_model_is_asked_ends_it_unrecorded(tuning, method):
    class Cancelled(Rendered):
        def check(self, jobs):
            cancel_analysis(tuning)

    plan_analysis(tuning, wanted(method))
    assert run(tuning, Cancelled).left == 1
    assert (current_plan(tuning.state()), tuning.state().analyses) == (None, ())
    assert not list(tuning.folder.glob("analysis-*"))
    with pytest.raises(BlockweightError, match="No analysis is planned"):
        run(tuning)


def test_a_cancel_while_groups_are_halved_ends_it_unrecorded(tuning):
    class Cancelled(Rendered):
        def render(self, jobs, finished=(), watch=unwatched):
            for rendering in super().render(jobs, finished, watch):
                if len(self.rendered) == 2:
                    cancel_analysis(tuning)
                yield rendering

    plan_analysis(tuning, wanted("bisect"))
    assert run(tuning, Cancelled).rendered == 2
    assert tuning.state().analyses == ()


def test_undo_and_redo_leave_analyses_of_every_method(tuning):
    for method in ("eba", "probe"):
        acts.set_blocks(tuning, "IN01", "0.5" if method == "eba" else "0.25")
        plan_analysis(tuning, wanted(method))
        run(tuning)
    before, view = tuning.state(), analysis_view(tuning)
    for act in (acts.undo, acts.redo):
        state = act(tuning)
        assert (state.analyses, state.analysis_plans) == (before.analyses, before.analysis_plans)
        assert analysis_view(tuning) == view


def test_an_exported_project_has_its_analyses_with_their_folders(tmp_path, tuning):
    mask = save_mask(tuning, png())
    for method in ("eba", "probe", "gradient"):
        plan_analysis(tuning, wanted(method, masks=(mask,)))
        run(tuning)
    write_archive(tuning.project, tmp_path / "a.zip")
    read_archive(tmp_path / "a.zip", tmp_path / "there")
    with open_project(tmp_path / "there") as there:
        assert there.state().analyses == tuning.state().analyses
        assert [plan.method for plan in there.state().analysis_plans] == ["eba", "probe", "gradient"]
        for found in there.state().analyses:
            ours = read_findings(tuning.folder / found.folder)
            assert read_findings(there.folder / found.folder).facts() == ours.facts()
        assert analysis_facts(analysis_view(there)) == analysis_facts(analysis_view(tuning))


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_is_gone_is_asked_for_before_a_renderer_is_made(tuning, model, method):
    plan_analysis(tuning, wanted(method))
    model.rename(model.parent / "elsewhere")
    with pytest.raises(BlockweightError, match=r"The project's model .* is not there; say where it is"):
        run(tuning, never)


@pytest.mark.parametrize("method", METHODS)
def test_a_lora_that_is_gone_is_asked_for_before_a_renderer_is_made(tuning, locon, method):
    plan_analysis(tuning, wanted(method))
    locon.rename(locon.parent / "elsewhere.safetensors")
    with pytest.raises(BlockweightError, match=r"The project's LoRA .* is not there; say where it is"):
        run(tuning, never)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_complete_but_unrecorded_needs_no_model(tuning, model, method):
    """As after a kill between the last picture and the record."""
    plan_analysis(tuning, wanted(method))
    run(tuning)
    plan_analysis(tuning, wanted(method, region="the face"))
    model.rename(model.parent / "elsewhere")
    assert run(tuning, never) == RenderedPart(0, 0)
    assert len(tuning.state().analyses) == 2


def test_an_adaptive_analysis_records_none_where_it_took_no_sample(tuning, model):
    acts.set_scenes(tuning, scenes(model, "1-4"))
    plan_analysis(tuning, Wanted(BLOCKS, 1.0, 1.0000001, adaptive=True))
    assert run(tuning) == RenderedPart(8, 0)
    (found,) = tuning.state().analyses
    assert found.effects["IN02"]["overall"] == [0.0, 0.0, None, None]
    view = analysis_view(tuning)
    assert [pair.figures is None for pair in view.blocks[1].pairs] == [False, False, True, True]
    assert {each.suggestion.verdict.value for each in view.blocks} == {"drop"}
    assert view.blocks[0].suggestion.ground.seeds == 2
    assert found.suggestions == {
        each.block: (each.suggestion.verdict.value, *each.suggestion.reasons) for each in view.blocks
    }
    assert view.cost.finished == view.cost.pictures == 8
    assert run(tuning, never) == RenderedPart(0, 0)


def test_an_adaptive_analysis_goes_on_after_a_stop(tuning, model):
    acts.set_scenes(tuning, scenes(model, "1-4"))
    plan_analysis(tuning, Wanted(BLOCKS, adaptive=True))
    pictures = tuning.folder / "pictures"
    assert run(tuning, stopped=lambda: len(list(pictures.glob("*.png"))) >= 9).left > 0
    assert analysis_view(tuning).number is None
    assert run(tuning).left == 0
    view = analysis_view(tuning)
    assert view.suggested_from >= 2
    assert all(each.suggestion is not None for each in view.blocks)


def test_suggestions_of_an_adaptive_analysis_are_applied(tuning, model):
    acts.set_scenes(tuning, scenes(model, "1-4"))
    plan_analysis(tuning, Wanted(BLOCKS, 1.0, 1.0000001, adaptive=True))
    run(tuning)
    assert acts.apply_suggestions(tuning).weights.weight("IN02") == 0


def test_a_probe_suggests_nothing_to_apply(tuning):
    plan_analysis(tuning, wanted("probe"))
    run(tuning)
    with pytest.raises(BlockweightError, match="The analysis suggests nothing"):
        acts.apply_suggestions(tuning)


def test_a_plan_keeps_all_that_was_asked(tuning):
    asked = Wanted(BLOCKS, method="eba", adaptive=True, aspects="structure, colour", aims="green,light", pairs=3)
    plan_analysis(tuning, asked)
    plan = current_plan(tuning.state())
    assert (plan.adaptive, plan.aspects, plan.aims, plan.pairs) == (
        True, ("structure", "colour"), ("green", "light"), 3,
    )  # fmt: skip
    plan_analysis(tuning, wanted("probe", levels=3))
    assert (current_plan(tuning.state()).method, current_plan(tuning.state()).levels) == ("probe", 3)


def test_a_plan_with_nothing_unusual_is_told_as_ever(tuning):
    plan_analysis(tuning, Wanted(BLOCKS))
    run(tuning)
    told = {event.kind: event.body for event in tuning.project.log.read()}
    assert set(told[ANALYSIS_PLANNED]) - {"id"} == {"blocks", "range", "threshold", "masks", "region", "scenes"}
    assert told[ANALYSED]["folder"] == "analysis-01"


def test_aspects_and_objectives_are_in_the_folder(tuning):
    plan_analysis(tuning, Wanted(BLOCKS, aspects="colour", aims="light", pairs=2))
    run(tuning)
    found = read_findings(tuning.folder / analysis_view(tuning).folder)
    assert found.table.aspects == ("diff", "change", "colour", "light")
    assert len(found.interactions.blocks) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "gradient"}, "needs something to go up"),
        ({"method": "probe", "aims": "green"}, "finishes no pictures"),
        ({"method": "probe", "adaptive": True}, "takes all scenes alike"),
        ({"aims": "green:inside"}, "needs a mask"),
        ({"aims": "beauty"}, "There is no objective 'beauty'"),
        ({"aspects": "beauty"}, "There is no aspect 'beauty'"),
        ({"aspects": "colour:inside"}, "is measured under a mask, and none was given"),
        ({"aspects": "embedding"}, "needs a model that looks at pictures"),
        ({"levels": 0}, "1 to 5 noise levels, not 0"),
        ({"levels": 6}, "1 to 5 noise levels, not 6"),
        ({"pairs": 1}, "of 2 to 16 blocks, not of 1"),
        ({"pairs": 17}, "of 2 to 16 blocks, not of 17"),
        ({"pairs": -1}, "of 2 to 16 blocks, not of -1"),
    ],
)
def test_what_a_method_cannot_find_is_not_planned(tuning, options, words):
    before = tuning.state()
    with pytest.raises(BlockweightError, match=words):
        plan_analysis(tuning, Wanted(BLOCKS, **options))
    assert tuning.state() == before


def test_rest_is_planned_and_rendered_beside_the_blocks(tmp_path, model):
    lora = write_lora_file(tmp_path / "rest.safetensors", FULL.blocks, ["lora_unet_conv_out"])
    with make(tmp_path / "project", lora, model) as tuning:
        plan_analysis(tuning, Wanted("IN01,REST", 0.25, 0.75))
        assert current_plan(tuning.state()).blocks == ("IN01", REST)
        renderer = Rendered()
        run(tuning, lambda: renderer)
        told = [(job.variant.weights.weight("IN01"), job.variant.weights.rest) for job in renderer.rendered[:3]]
        assert told == [(0.75, 0.75), (0.25, 0.75), (0.75, 0.25)]
        assert analysis_view(tuning).blocks[1].block == REST


def test_rest_is_left_out_where_the_lora_is_known_to_have_none(tuning, locon):
    plan_analysis(tuning, Wanted("IN01,REST"))
    assert current_plan(tuning.state()).blocks == ("IN01",)
    locon.rename(locon.with_name("elsewhere.safetensors"))  # nobody knows then
    plan_analysis(tuning, Wanted("IN01,REST"))
    assert current_plan(tuning.state()).blocks == ("IN01", REST)


def test_a_mask_is_of_the_hires_picture_and_not_of_its_first_pass(tmp_path, tuning, model):
    acts.set_scenes(tuning, [replace(each, hires=Hires("Latent", 2.0, steps=4)) for each in scenes(model)])
    with pytest.raises(BlockweightError, match="32×24 pixels, the scenes have 64×48"):
        save_mask(tuning, png())
    names = (save_mask(tuning, png(64, 48, 24)), keep_mask_file(tuning, write_mask(tmp_path / "m.png", 24, 64, 48)))
    assert names[0] == names[1]
    plan_analysis(tuning, Wanted(BLOCKS, masks=names[:1]))
    assert run(tuning).left == 0
    assert all(each.effects.inside is not None for each in analysis_view(tuning).blocks)


def test_a_mask_that_is_not_kept_yet_can_be_estimated_with_and_is_not_kept(tmp_path, tuning):
    asked = analysis_steps.Asked(BLOCKS, masks=(write_mask(tmp_path / "m.png", 12),), aims="green:inside")
    told = analysis_steps.estimate(tuning, asked)
    assert told.lines[0] == "8 pictures, no time measured yet"
    assert not list((tuning.folder / "masks").glob("*"))
    assert tuning.state().analysis_plans == ()


def test_the_estimate_of_questions_is_told_as_pictures(tuning):
    cost = preview_analysis(tuning, wanted("probe"))
    assert (cost.pictures, cost.finished) == (0, 0)
    assert 0 < cost.asked < 8
