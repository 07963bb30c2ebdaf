"""Rounds of a tuning project: cost, rendering with stops, and the grid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from projects import Timed, after, make, render, scenes

from blockweight.errors import BlockweightError
from blockweight.project import Choice
from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.tuning_rounds import (
    Cost,
    RenderedPart,
    plan_round,
    preview_round,
    render_round,
    round_cost,
    round_grid,
)
from workshop import RecordedProgress, tree


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


def never():
    raise AssertionError("a renderer was made")


def test_the_references_are_always_part_of_a_round(tuning):
    plan_round(tuning, "Sub", 0.5)
    grid = round_grid(tuning)
    assert [(column.label, column.kind) for column in grid.columns] == [
        ("no LoRA", "without"),
        ("current", "current"),
        ("SubIN01_0.5", "variant"),
        ("SubIN02_0.5", "variant"),
        ("SubIN03_0.5", "variant"),
    ]
    assert len(grid.keys) == 2
    assert len({key for row in grid.keys for key in row}) == 10
    assert not any(any(row) for row in grid.ready)
    render(tuning)
    assert all(all(row) for row in round_grid(tuning).ready)
    assert {f"{key}.png" for row in grid.keys for key in row} == set(tree(tuning.folder / "pictures"))


def test_a_round_of_two_series_shows_the_current_weights_once(tuning):
    plan_round(tuning, "AddSub", 0.5)
    assert [column.label for column in round_grid(tuning).columns] == [
        "no LoRA", "current", "AddIN01_1.5", "AddIN02_1.5", "AddIN03_1.5", "SubIN01_0.5", "SubIN02_0.5", "SubIN03_0.5",
    ]  # fmt: skip


def test_the_cost_is_told_before_and_nothing_is_begun(tuning):
    before = tuning.state()
    assert preview_round(tuning, "Sub", 0.5).cost == Cost(10, 0, None)
    assert tuning.state() == before


def test_the_cost_counts_what_is_there_and_rests_on_the_projects_own_times(tuning):
    plan_round(tuning, "Sub", 0.5)
    render(tuning, Timed)
    planned = preview_round(tuning, "SubAdd", 0.5)
    assert planned.cost == Cost(16, 10, 12.0)
    assert planned.plan.prompt_sr().startswith("Sub, SubIN01_0.5")
    assert round_cost(tuning) == Cost(10, 10, 0.0)


def test_scenes_that_differ_in_their_label_alone_cost_once(tuning, model):
    (scene,) = scenes(model, "1")
    acts.set_scenes(tuning, [scene, replace(scene, label="again")])
    assert preview_round(tuning, "Sub", 0.5).cost.pictures == 5


def test_what_the_cost_says_is_what_is_rendered(tuning):
    for kind in ("Sub", "SubAdd"):
        cost = preview_round(tuning, kind, 0.25).cost
        plan_round(tuning, kind, 0.25)
        assert render(tuning) == RenderedPart(cost.pictures - cost.finished, 0)


def test_a_round_leaves_out_fixed_blocks_and_those_that_the_lora_lacks(tmp_path, lora, model):
    with make(tmp_path / "standard", lora, model) as tuning:
        state = plan_round(tuning, "Sub", 0.5)
    assert [variant.block for variant in state.round.variants] == ["IN01", "IN02"]  # a standard LoRA has no IN03


def test_limits_hold(tuning):
    state = plan_round(tuning, "SubAdd", 0.5, (0.75, 1.0))
    assert {variant.value for variant in state.round.variants} == {0.75}
    assert state.round.limits == (0.75, 1.0)


@pytest.mark.parametrize(
    ("kind", "step", "limits", "words"),
    [
        ("Mul", 0.5, None, "There is no round 'Mul'"),
        ("Sub", 0, None, "must be a number above 0"),
        ("Sub", float("nan"), None, "must be a number above 0"),
        ("Sub", 0.5, (1.0, 0.0), "leave no room"),
        ("Sub", 0.5, (float("-inf"), 1.0), "must be finite"),
        ("Add", 0.5, (0.0, 1.0), "let no block move"),
    ],
)
def test_a_round_that_cannot_be_is_refused_and_not_begun(tuning, kind, step, limits, words):
    before = tuning.state()
    for begin in (preview_round, plan_round):
        with pytest.raises(BlockweightError, match=words):
            begin(tuning, kind, step, limits)
    assert tuning.state() == before


def test_an_empty_round_and_one_that_is_not_open_are_refused(tuning):
    for use in (round_grid, round_cost, render):
        with pytest.raises(BlockweightError, match="No round is open"):
            use(tuning)
    acts.fix(tuning, "IN01-IN03")
    with pytest.raises(BlockweightError, match="Every block is fixed, so the round would be empty"):
        plan_round(tuning, "Sub", 0.5)


def test_a_stop_after_a_batch_keeps_its_pictures_and_the_next_call_goes_on(tuning):
    plan_round(tuning, "Sub", 0.5)

    class Batches(Timed):
        size = 4

    assert render(tuning, Batches, after(tuning, 8)) == RenderedPart(8, 2)
    assert render(tuning) == RenderedPart(2, 0)


def test_a_stop_in_the_middle_of_a_batch_is_heard_at_the_next_step(tuning):
    plan_round(tuning, "Sub", 0.5)

    class Batches(Timed):
        size = 4

    renderer = Batches()
    steps = []

    def stopped():
        steps.append(len(renderer.rendered))
        return len(renderer.rendered) == 6

    assert render(tuning, lambda: renderer, stopped) == RenderedPart(4, 6)
    assert steps[-2:] == [5, 6]
    assert render(tuning) == RenderedPart(6, 0)


def test_a_stop_before_the_first_batch_renders_nothing(tuning):
    plan_round(tuning, "Sub", 0.5)
    assert render(tuning, stopped=lambda: True) == RenderedPart(0, 10)


def test_a_complete_round_needs_no_renderer(tuning):
    plan_round(tuning, "Sub", 0.5)
    render(tuning)
    assert render(tuning, never) == RenderedPart(0, 0)


def test_progress_begins_with_what_is_there(tuning):
    plan_round(tuning, "Sub", 0.5)
    render(tuning, stopped=after(tuning, 2))
    progress = RecordedProgress()
    render_round(tuning, FakeRenderer, progress)
    assert progress.tasks == [["Round Sub", 10, 2, 8]]


def test_a_round_may_be_decided_before_it_is_complete(tuning):
    plan_round(tuning, "Sub", 0.5)
    render(tuning, stopped=after(tuning, 2))
    acts.decide(tuning, "SubIN01_0.5", "accept")
    assert render(tuning) == RenderedPart(8, 0)
    assert tuning.state().round.labels(Choice.ACCEPT) == ("SubIN01_0.5",)


def test_a_scene_added_to_an_open_round_adds_a_row(tuning, model):
    plan_round(tuning, "Sub", 0.5)
    render(tuning)
    acts.set_scenes(tuning, scenes(model, "1-3"))
    assert [all(row) for row in round_grid(tuning).ready] == [True, True, False]
    assert render(tuning) == RenderedPart(5, 0)


def test_the_pictures_of_an_earlier_round_are_shown_in_its_own_scenes(tuning, model):
    first = plan_round(tuning, "Sub", 0.5).round.number
    keys = round_grid(tuning).keys
    acts.finish_round(tuning)
    acts.set_scenes(tuning, scenes(model, "9"))
    plan_round(tuning, "Add", 0.5)
    assert len(round_grid(tuning).keys) == 1
    acts.branch_from(tuning, first)
    assert round_grid(tuning, first).keys == keys
    with pytest.raises(BlockweightError, match="There is no round 99"):
        round_grid(tuning, 99)


def test_a_lora_or_model_that_is_gone_is_asked_for_before_anything_is_rendered(tuning, locon, model, tmp_path):
    plan_round(tuning, "Sub", 0.5)
    locon.rename(tmp_path / "elsewhere.safetensors")
    with pytest.raises(BlockweightError, match=r"LoRA '.*princess.safetensors' .* is not there; say where it is"):
        render(tuning, never)
    (tmp_path / "elsewhere.safetensors").rename(locon)
    model.rename(tmp_path / "other")
    with pytest.raises(BlockweightError, match=r"model '.*model' .* is not there; say where it is"):
        render(tuning, never)


def test_a_file_that_was_replaced_is_not_taken_for_the_projects(tuning, locon, model):
    plan_round(tuning, "Sub", 0.5)
    (model / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"other weights")
    with pytest.raises(BlockweightError, match="is not the file any more that the project was made with"):
        render(tuning, never)


def test_a_file_that_was_only_touched_is_taken_and_its_stamp_renewed(tuning, model):
    plan_round(tuning, "Sub", 0.5)
    file = model / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes())
    render(tuning)
    acts.set_scenes(tuning, scenes(model, "5"))
    render(tuning)
    assert [event.kind for event in tuning.project.log.read()].count("located") == 1
