"""Scenes are added, changed and removed one by one, and undo takes each of these back."""

from __future__ import annotations

import pytest
from projects import make, render

from blockweight.errors import BlockweightError
from blockweight.plan import Scene
from blockweight.workflow.project_view import project_view
from blockweight.workflow.scene_edits import (
    add_scenes,
    change_scene,
    numbered_scene,
    remove_scene,
    scene_errors,
    scene_fields,
    scene_key,
)
from blockweight.workflow.tuning import fix, set_scenes, undo
from blockweight.workflow.tuning_rounds import plan_round


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "girl", locon, model) as made:
        yield made


def told(state):
    return [(scene.prompt, scene.seed) for scene in state.scenes]


def test_scenes_are_added_with_the_last_ones_settings(tuning):
    before = tuning.state().scenes
    state = add_scenes(tuning, {"prompts": "2girls\n3girls", "seeds": "7,8"})
    assert told(state)[2:] == [("2girls", 7), ("2girls", 8), ("3girls", 7), ("3girls", 8)]
    assert {(scene.steps, scene.sampler, scene.checkpoint) for scene in state.scenes} == {
        (before[0].steps, before[0].sampler, before[0].checkpoint)
    }
    assert undo(tuning).scenes == before


def test_a_scene_that_is_there_is_not_added_twice(tuning):
    assert [seed for _, seed in told(add_scenes(tuning, {"seeds": "1-3"}))] == [1, 2, 3]
    with pytest.raises(BlockweightError, match="these scenes already"):
        add_scenes(tuning, {"seeds": "1"})


def test_a_scene_is_changed_in_its_place(tuning):
    first, second = tuning.state().scenes
    state = change_scene(tuning, scene_key(first), {"cfg": "5.5", "size": "64x32"})
    assert (state.scenes[0].cfg_scale, state.scenes[0].width, state.scenes[0].label) == (5.5, 64, first.label)
    assert state.scenes[1] == second


def test_more_seeds_make_more_scenes_of_one(tuning):
    first = tuning.state().scenes[0]
    assert [seed for _, seed in told(change_scene(tuning, scene_key(first), {"seeds": "5,6"}))] == [5, 6, 2]


def test_a_change_to_another_scene_of_the_project_is_refused(tuning):
    first = tuning.state().scenes[0]
    with pytest.raises(BlockweightError, match="this scene already"):
        change_scene(tuning, scene_key(first), {"seeds": "2"})


def test_a_form_that_changes_nothing_adds_no_step(tuning):
    first = tuning.state().scenes[0]
    before = tuning.state().head
    assert change_scene(tuning, scene_key(first), scene_fields(first)).head == before


def test_a_prompt_of_several_lines_is_kept_as_long_as_nobody_touches_it(tuning):
    first = tuning.state().scenes[0]
    whole = Scene(**{**vars(first), "prompt": "1girl,\nred dress"})
    set_scenes(tuning, [whole])
    changed = change_scene(tuning, scene_key(whole), {**scene_fields(whole), "steps": "5"}).scenes
    assert [(scene.prompt, scene.steps) for scene in changed] == [("1girl,\nred dress", 5)]
    (scene,) = changed
    assert told(change_scene(tuning, scene_key(scene), {"prompts": "1girl,\nblue dress"})) == [
        ("1girl,", 1), ("blue dress", 1),
    ]  # fmt: skip


def test_a_scene_is_removed_but_never_the_last(tuning):
    first, second = tuning.state().scenes
    assert remove_scene(tuning, scene_key(first)).scenes == (second,)
    with pytest.raises(BlockweightError, match="needs a scene"):
        remove_scene(tuning, scene_key(second))


def test_what_is_sent_twice_is_done_once(tuning):
    first, second = tuning.state().scenes
    for _ in range(2):
        assert remove_scene(tuning, scene_key(first), event_id="once").scenes == (second,)


def test_a_scene_that_is_gone_is_refused(tuning):
    with pytest.raises(BlockweightError, match="not there any more"):
        change_scene(tuning, "0" * 16, {"cfg": "5"})
    with pytest.raises(BlockweightError, match="There is no scene 3"):
        numbered_scene(tuning.state(), 3)
    with pytest.raises(BlockweightError, match="There is no scene 0"):
        numbered_scene(tuning.state(), 0)


def test_what_is_wrong_is_said_at_its_field(tuning):
    fields = scene_fields(tuning.state().scenes[0])
    assert scene_errors(tuning, fields) == {}
    assert set(scene_errors(tuning, {**fields, "seeds": "x", "size": "1", "prompts": ""})) == {
        "seeds",
        "size",
        "prompts",
    }


def test_a_size_that_the_model_cannot_draw_is_said_at_its_field_and_changes_nothing(tuning):
    assert (
        "the nearest size is 40x24"
        in scene_errors(tuning, {**scene_fields(tuning.state().scenes[0]), "size": "38x24"})["size"]
    )
    with pytest.raises(BlockweightError, match="the nearest size is 40x24"):
        add_scenes(tuning, {"size": "38x24"})


def test_the_page_shows_a_picture_of_every_scene_that_has_one(tuning):
    assert [each.cover for each in project_view(tuning).scenes] == [None, None]
    plan_round(tuning, "Sub", 0.5)
    render(tuning)
    add_scenes(tuning, {"seeds": "9"})
    fix(tuning, "IN01")
    covers = [each.cover for each in project_view(tuning).scenes]
    assert [cover is not None for cover in covers] == [True, True, False]
    assert covers[0] != covers[1]


def test_the_page_says_which_blocks_the_lora_has_and_which_are_fixed(tmp_path, lora, model):
    with make(tmp_path / "standard", lora, model) as tuning:
        view = project_view(tuning)
    assert ("IN00", False, True) in view.blocks
    assert ("IN01", True, False) in view.blocks
    assert (view.undecided, view.missing) == (2, ())
