"""Least weights of a tuning project: from its analysis to predicted pictures, rendered and compared, and applied."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from projects import make, scenes

from blockweight.errors import BlockweightError
from blockweight.measure import Budget, Why
from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.project_masks import save_mask
from blockweight.workflow.suggest_steps import budget_of, parse_share, suggest
from blockweight.workflow.suggest_weights import apply_suggested, render_suggested, suggest_weights
from blockweight.workflow.suggested_weights_page import write_suggested
from blockweight.workflow.suggested_weights_text import suggested_facts
from workshop import RecordedProgress

KEEP = Budget(keep=0.9)


def png():
    """All inside but the columns of IN02 and IN03."""
    array = np.full((24, 32), 255, np.uint8)
    array[:, 3:6] = 0
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


def analysed(tuning, blocks="IN01-IN03", **options):
    plan_analysis(tuning, Wanted(blocks, 0.5, 1.0, masks=(save_mask(tuning, png()),), **options))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    return tuning


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        acts.set_scenes(tuning, scenes(model, "1-4"))
        yield tuning


def run(tuning, budget=KEEP, limit=0.0, step=0.05, make_renderer=FakeRenderer, progress=None):
    return suggest_weights(tuning, budget, limit, step, make_renderer, progress or SilentProgress())


def never():
    raise AssertionError("a renderer was made")


def test_blocks_that_work_outside_are_lowered_and_those_inside_stay(tuning):
    suggested = run(analysed(tuning))
    found = {each.block: (each.weight, each.why) for each in suggested.found.blocks}
    assert found["IN01"][0] == 1.0
    assert found["IN02"] == found["IN03"] == (0.0, Why.LOWERED)
    assert suggested.weights.weight("IN04") == 1.0
    assert suggested.predicted.kept.mean == pytest.approx(1.0, abs=0.01)
    assert suggested.predicted.gone.mean > 0.9


def test_only_the_pictures_without_the_lora_are_rendered_and_their_cost_is_told_before(tuning):
    analysed(tuning)
    renderer, progress = FakeRenderer(), RecordedProgress()
    run(tuning, make_renderer=lambda: renderer, progress=progress)
    assert [job.variant.weights for job in renderer.rendered] == [None] * 4
    assert progress.lines == ["4 pictures, about 1 s to go"]
    run(tuning, make_renderer=never)


def test_a_budget_in_levels_needs_no_renderer(tuning):
    suggested = run(analysed(tuning), Budget(change=1.0), make_renderer=never)
    assert suggested.predicted.kept is None
    assert suggested.weights.weight("IN02") == 0.0


def test_a_vanished_picture_is_rendered_again(tuning):
    before = run(analysed(tuning))
    next(tuning.project.pictures.folder.glob("*.png")).unlink()
    assert run(tuning).weights == before.weights


def test_what_is_rendered_is_what_the_fake_renderers_sums_foretell(tuning):
    suggested = run(analysed(tuning))
    renderer = FakeRenderer()
    rendered = render_suggested(tuning, suggested, lambda: renderer, SilentProgress())
    assert {job.variant.weights for job in renderer.rendered} == {suggested.weights}
    # Its stripes add up as the model says, but for rounding.
    assert rendered.error.inside.mean < 0.01
    assert rendered.error.outside.mean < 1.0
    assert rendered.figures.gone.mean == pytest.approx(suggested.predicted.gone.mean, abs=0.01)


def test_the_latest_analysis_with_a_mask_counts(tuning):
    first = run(analysed(tuning))
    plan_analysis(tuning, Wanted("IN01", 0.25, 1.0))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    assert run(tuning).plan == first.plan


def test_fixed_blocks_keep_their_weight(tuning):
    acts.set_blocks(analysed(tuning), "IN02", "0.5")
    acts.fix(tuning, "IN02")
    suggested = run(tuning)
    assert suggested.held == {"IN02": 0.5}
    assert (suggested.weights.weight("IN02"), suggested.weights.weight("IN03")) == (0.5, 0.0)


def test_a_fixed_block_that_was_not_analysed_is_refused_unless_it_stands_at_the_base(tuning):
    analysed(tuning)
    acts.set_blocks(tuning, "IN07", "0")
    with pytest.raises(BlockweightError, match="IN07 is fixed at 0, but the analysis left it out"):
        run(tuning)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda tuning: None, "no complete analysis yet"),
        (lambda tuning: plan_analysis(tuning, Wanted("IN01")), "no complete analysis yet"),
        (lambda tuning: plan_analysis(tuning, Wanted("IN01"))
         and render_analysis(tuning, FakeRenderer, SilentProgress()), "has a mask"),
    ],
)  # fmt: skip
def test_without_an_analysis_or_a_mask_it_says_what_to_do(tuning, prepare, words):
    prepare(tuning)
    with pytest.raises(BlockweightError, match=words):
        run(tuning, make_renderer=never)


def test_a_single_scene_is_refused(tuning, model):
    acts.set_scenes(tuning, scenes(model, "1"))
    with pytest.raises(BlockweightError, match="single scene"):
        run(analysed(tuning))


def test_the_predicted_pictures_and_the_page_are_written_before_and_after_rendering(tuning):
    suggested = run(analysed(tuning))
    files = write_suggested(tuning, suggested)
    assert [file.name for file in files] == [
        *(f"predicted-{seed:02}-seed{seed}.png" for seed in (1, 2, 3, 4)), "page.html", "suggestion.json",
    ]  # fmt: skip
    with Image.open(files[0]) as picture:
        assert np.array_equal(np.asarray(picture), suggested.found.pictures[0])
    page = files[4].read_text("utf-8")
    assert "predicted" in page
    assert "As rendered" not in page
    rendered = render_suggested(tuning, suggested, FakeRenderer, SilentProgress())
    assert write_suggested(tuning, suggested, rendered) == files
    assert "As rendered" in files[4].read_text("utf-8")
    assert set(json.loads(files[5].read_text("utf-8"))) > {"weights", "predicted", "rendered", "error", "blocks"}


def test_what_is_told_is_plain_values(tuning):
    facts = suggested_facts(run(analysed(tuning)))
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_the_suggestion_is_applied_and_undone(tuning):
    before = analysed(tuning).state().weights
    suggested = run(tuning)
    assert apply_suggested(tuning, suggested).weights == suggested.weights
    assert acts.undo(tuning).weights == before


def test_one_command_suggests_renders_and_applies(tuning):
    told = suggest(analysed(tuning), KEEP, FakeRenderer, SilentProgress(), render=True, apply=True)
    text = "\n".join(told.lines)
    assert "keep at least 90 % of what the LoRA does inside; no weight below 0, in steps of 0.05" in text
    assert "predicted" in text
    assert "from the rendered ones" in text
    assert told.facts["applied"]
    assert tuning.state().weights.weight("IN02") == 0.0


@pytest.mark.parametrize(("text", "share"), [("90%", 0.9), (" 0.9 ", 0.9), ("９０ ％", 0.9), (".5", 0.5)])
def test_a_share_is_read_as_people_write_it(text, share):
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["", "90", "100%", "0", "-5%", "nan", "%", "9 0%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(BlockweightError, match="no share to keep"):
        parse_share(text)


def test_one_budget_is_given_or_the_usual_one():
    assert budget_of(None, None) == Budget(keep=0.9)
    assert budget_of(None, 2.0) == Budget(change=2.0)
    with pytest.raises(BlockweightError, match="give one of them"):
        budget_of("90%", 2.0)
