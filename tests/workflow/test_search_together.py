"""Two LoRAs searched together: their segments, where the search begins, what it is compared with, and what is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from projects import make, scenes

import workshop
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.measure import Segment
from blockweight.plan import LoraUse, OtherLora
from blockweight.render import FakeRenderer
from blockweight.weights import uniform
from blockweight.workflow import tuning as acts
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.scene_edits import scenes_lines
from blockweight.workflow.search.asking import SearchAsked, ask_search
from blockweight.workflow.search.running import begin_search, current_search, run_search, take_choice
from blockweight.workflow.search.view import found_search

BY_HAND = "a=IN01;b=IN02"
ASKED = {
    "objectives": ("raise kept, raise also",),
    "segments": BY_HAND,
    "also": "coat",
    "also_segments": "x=IN01;y=OUT05",
    "grid": "0,0.5,1",
    "sampler": "tpe",
    "budget": "90pictures",
}


@pytest.fixture
def coat(tmp_path):
    """A further LoRA that changes IN01, IN02 and OUT05."""
    return workshop.write_lora_file(tmp_path / "coat.safetensors", ("IN01", "IN02", "OUT05"), seed=2)


def with_coat(scenes, coat, weight=1.0):
    lora = open_lora(coat)
    other = OtherLora(LoraUse(str(coat), lora.digest, 0.8), uniform("coat", lora.family.layout, weight))
    return tuple(replace(scene, loras=(other,)) for scene in scenes)


@pytest.fixture
def tuning(tmp_path, locon, model, coat):
    with make(tmp_path / "project", locon, model) as tuning:
        acts.set_scenes(tuning, with_coat(scenes(model, "1-5"), coat))
        yield tuning


def search(tuning, make_renderer=FakeRenderer, **asked):
    begin_search(tuning, ask_search(tuning, SearchAsked(**{**ASKED, **asked})))
    run_search(tuning, make_renderer, SilentProgress())
    return current_search(tuning.state())


def test_the_weights_of_both_are_searched_and_taken_together(tuning):
    before = tuning.state()
    plan = search(tuning, objectives=("raise kept*3, lower light",))
    assert [segment.name for segment in plan.every_segment] == ["a", "b", "x", "y"]
    number, best = next((n, each) for n, each in enumerate(plan.choices, 1) if each.weights[2:] != (1.0, 1.0))
    state = take_choice(tuning, number)
    assert (state.weights.weight("IN01"), state.weights.weight("IN02")) == best.weights[:2]
    for scene in state.scenes:
        (other,) = scene.loras
        assert [other.weights.weight(block) for block in ("IN01", "IN02", "OUT05")] == [
            best.weights[2], 1.0, best.weights[3],
        ]  # fmt: skip
        assert other.use.strength == 0.8
    assert state.undo.body["also"]["lora"] == "coat.safetensors"
    # The list of scenes shows what is to be baked into the other LoRA.
    told = [line.strip() for line in scenes_lines(state) if "<lora:" in line]
    assert told == [f"with <lora:coat:0.8:lbw={other.weights.vector()}>"] * 5
    undone = acts.undo(tuning)
    assert (undone.scenes, undone.weights) == (before.scenes, before.weights)


def test_it_is_compared_with_neither_each_alone_and_both(tuning):
    plan = search(tuning)
    found = {each.label: [round(span.mean, 2) for span in each.searched] for each in plan.references}
    assert list(found) == ["no LoRA", "princess alone", "coat alone", "both at 1"]
    assert found["no LoRA"] == [0, 0]
    assert found["princess alone"][0] == found["coat alone"][1] == 1
    assert plan.changed((1.0, 1.0, 1.0, 1.0)) == 0
    assert plan.changed((0.0, 1.0, 0.0, 1.0)) == 2


def test_what_a_page_shows_of_it_are_its_own_pictures(tuning):
    search(tuning)
    shown = found_search(tuning)
    assert [row.alone or row.label for row in shown.rows[:5]] == ["no LoRA", "princess", "coat", "both at 1", "1"]
    there = {path.stem for path in tuning.project.pictures.folder.glob("*.png")}
    assert {key for row in shown.rows for key in row.keys} <= there
    assert len({row.keys for row in shown.rows[:4]}) == 4


def test_the_conflict_table_makes_its_segments_and_the_first_points(tuning):
    plan = ask_search(tuning, SearchAsked(**{**ASKED, "also_segments": "2"})).plan
    assert {block for segment in plan.also.segments for block in segment.blocks} == {"IN01", "IN02", "OUT05"}
    assert [segment.name for segment in plan.also.segments] == ["c", "d"]
    plan = ask_search(tuning, SearchAsked(**{**ASKED, "also_segments": "x=IN01;y=IN02;z=OUT05"})).plan
    # Blocks that both change conflict: a with x and b with y, and of z the search knows nothing.
    one, other = ({0, 2}, {1, 3})
    lowered = [{place for place, weight in enumerate(point) if weight < 1} for point in plan.also.first]
    assert len(lowered) == 6
    assert [one, other] in ([lowered[2], lowered[5]], [lowered[5], lowered[2]])
    assert all(len(each) == 1 for each in (*lowered[:2], *lowered[3:5]))


def test_the_first_points_are_tried_first(tuning):
    renderer = FakeRenderer()
    plan = search(tuning, make_renderer=lambda: renderer)
    tried = dict.fromkeys(
        (*map(job.variant.weights.weight, ("IN01", "IN02")), *map(job.scene.loras[0].weights.weight, ("IN01", "OUT05")))
        for job in renderer.rendered
        if job.scene.loras and job.variant.weights is not None
    )
    assert list(tried)[:4] == [(1.0,) * 4, *plan.also.first]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"also": "hat"}, "has a further LoRA 'hat'"),
        ({"also_segments": "x=OUT07"}, "changes nothing in OUT07"),
        ({"also_segments": "a=IN01"}, "Two segments are called 'a'"),
        ({"also": "", "also_segments": ""}, "name it with --also"),
        ({"also": "", "objectives": ("kept",)}, "name it with --also"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(tuning, asked, words):
    with pytest.raises(BlockweightError, match=words):
        ask_search(tuning, SearchAsked(**{**ASKED, **asked}))


def test_a_lora_that_is_not_in_every_scene_alike_is_refused(tuning, model, coat):
    some = scenes(model, "1-5")
    for changed in (
        (*with_coat(some[:4], coat), some[4]),
        (*with_coat(some[:4], coat), *with_coat(some[4:], coat, 0.5)),
    ):
        acts.set_scenes(tuning, changed)
        with pytest.raises(BlockweightError, match="is not in every scene, or not everywhere"):
            ask_search(tuning, SearchAsked(**ASKED))


def test_one_that_is_in_no_scene_any_more_is_not_set(tuning, model):
    search(tuning)
    acts.set_scenes(tuning, scenes(model, "1-5"))
    with pytest.raises(BlockweightError, match="No scene has the LoRA any more"):
        take_choice(tuning, 1)


def test_segments_have_names_of_their_own(tuning):
    plan = ask_search(tuning, SearchAsked(**{**ASKED, "segments": "b=IN01", "also_segments": "1"})).plan
    assert plan.also.segments == (Segment("a", ("IN01", "IN02", "OUT05")),)
