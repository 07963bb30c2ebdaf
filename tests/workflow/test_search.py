"""A search for weights in a project: asked for, run, stopped and killed and gone on with, one of its choices taken."""

from __future__ import annotations

import io
import json
import os
import signal
import sys

import numpy as np
import pytest
from PIL import Image
from projects import Timed, make, scenes

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.measure import Segment
from blockweight.project import CHOSEN, Project
from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.project_masks import save_mask
from blockweight.workflow.search.asking import SearchAsked, ask_search
from blockweight.workflow.search.running import (
    begin_search,
    cancel_search,
    current_search,
    run_search,
    search_cost,
    take_choice,
)
from blockweight.workflow.search.steps import estimate, run, show
from blockweight.workflow.search.view import found_search
from blockweight.workflow.tuning_project import open_project
from workshop import RecordedProgress

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

BOTH = ("raise kept, raise gone",)
BY_HAND = "a=IN01;b=IN02;c=IN03"


def png():
    """All inside but the columns of IN02 and IN03."""
    array = np.full((24, 32), 255, np.uint8)
    array[:, 3:6] = 0
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


def analysed(tuning, blocks="IN01-IN03"):
    plan_analysis(tuning, Wanted(blocks, 0.5, 1.0, masks=(save_mask(tuning, png()),)))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    return tuning


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        acts.set_scenes(tuning, scenes(model, "1-6"))
        yield tuning


def search(tuning, make_renderer=FakeRenderer, stopped=lambda: False, **asked):
    usual = {"objectives": BOTH, "budget": "120pictures", "sampler": "tpe"}  # the usual one needs seconds
    begin_search(tuning, ask_search(tuning, SearchAsked(**{**usual, **asked})))
    run_search(tuning, make_renderer, SilentProgress(), stopped)
    return current_search(tuning.state())


def keys(tuning):
    return {path.stem for path in tuning.project.pictures.folder.glob("*.png")}


def logged(tuning):
    return [event.body["job"] for event in tuning.project.log.read("rendered")]


def test_what_works_outside_is_lowered_and_what_works_inside_stays(tuning):
    plan = search(analysed(tuning))
    assert plan.segments == (Segment("a", ("IN01",)), Segment("b", ("IN02",)), Segment("c", ("IN03",)))
    best = plan.choices[0]
    assert best.weights == (1.0, 0.0, 0.0)
    kept, gone = best.searched
    assert (kept.mean, gone.mean) == (pytest.approx(1.0, abs=0.01), pytest.approx(1.0, abs=0.01))
    folder = tuning.folder / plan.folder
    facts = json.loads((folder / "search.json").read_text(encoding="utf-8"))
    assert facts["choices"][0]["weights"]["values"]["IN02"] == 0
    assert "<svg" in (folder / "page.html").read_text(encoding="utf-8")


def test_blocks_that_do_alike_to_what_is_searched_for_share_a_segment(tuning):
    # The fake renderer paints IN01 blue, IN02 red and IN03 green.
    plan_analysis(tuning, Wanted("IN01-IN03", 0.5, 1.0))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    plan = ask_search(tuning, SearchAsked(("raise kept, lower green",), segments="2")).plan
    assert [segment.blocks for segment in plan.segments] == [("IN01", "IN02"), ("IN03",)]
    plan = ask_search(tuning, SearchAsked(("raise kept, lower red",), segments="2")).plan
    assert [segment.blocks for segment in plan.segments] == [("IN01", "IN03"), ("IN02",)]


def test_scenes_held_out_are_never_searched_in_and_always_measured(tuning):
    renderer = FakeRenderer()
    plan = search(analysed(tuning), lambda: renderer)
    assert [scene.seed for scene in plan.scenes] == [1, 2, 3, 4]
    assert [scene.seed for scene in plan.held] == [5, 6]
    weights = {job.variant.weights for job in renderer.rendered if job.scene.seed in (5, 6)}
    offered = {plan.weights_of(each.weights, plan.weights.name).values for each in plan.choices}
    assert {each.values for each in weights if each is not None} <= offered | {(1.0,) * 26}
    for each in (*plan.choices, *plan.references):
        assert all(span.low is not None for span in each.held)


def test_scenes_that_the_analysis_did_not_see_are_held_out_first(tuning, model):
    acts.set_scenes(tuning, scenes(model, "5,6,1"))
    plan_analysis(tuning, Wanted("IN01-IN03", 0.5, 1.0))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    acts.set_scenes(tuning, scenes(model, "1-6"))
    plan = ask_search(tuning, SearchAsked(("kept",), hold_out=0.5)).plan
    assert [scene.seed for scene in plan.scenes] == [1, 5, 6]
    assert [scene.seed for scene in plan.held] == [2, 3, 4]


def test_what_is_found_costs_no_more_than_was_said(tuning):
    analysed(tuning)
    before = len(keys(tuning))
    asked = SearchAsked(BOTH, budget="120pictures", sampler="tpe")
    told = estimate(tuning, asked)
    assert told.facts["cost"]["pictures"] <= 120
    assert current_search(tuning.state()) is None
    progress = RecordedProgress()
    run(tuning, asked, FakeRenderer, progress)
    assert len(keys(tuning)) - before <= 120
    ((title, total, done, steps),) = progress.tasks
    assert (title, total) == ("The search", told.facts["cost"]["pictures"])
    assert done + steps == total


def test_the_same_search_again_is_shown_and_not_run(tuning):
    asked = SearchAsked(BOTH, budget="120pictures", sampler="tpe")
    first = run(analysed(tuning), asked, FakeRenderer, SilentProgress())

    def never():
        raise AssertionError("a renderer was made")

    again = run(tuning, asked, never, SilentProgress())
    bare = run(tuning, SearchAsked(), never, SilentProgress())
    assert again.facts["choices"] == bare.facts["choices"] == first.facts["choices"]
    assert again.facts["rendered"] == 0


def test_the_sampler_is_chosen_by_budget_and_dimension(tuning, monkeypatch):
    def sampler(**asked):
        return ask_search(tuning, SearchAsked(("kept",), segments=BY_HAND, **asked)).plan.sampler

    assert [sampler(budget=f"{24 + 4 * trials}pictures") for trials in (100, 101, 119, 120)] == [
        "gp", "tpe", "tpe", "nsga2",
    ]  # fmt: skip
    assert sampler(sampler="nsga2") == "nsga2"
    monkeypatch.setattr("blockweight.workflow.search.asking.find_spec", lambda _: None)
    assert sampler(budget="200pictures") == "tpe"
    with pytest.raises(BlockweightError, match="There is no sampler"):
        sampler(sampler="cma")


@pytest.mark.parametrize("sampler", ["gp", "nsga2"])
def test_every_sampler_proposes_weights_that_were_not_tried(tuning, sampler):
    plan = search(
        tuning, objectives=("kept>=50%, lower green",), segments=BY_HAND, sampler=sampler, budget="64pictures"
    )
    facts = json.loads((tuning.folder / plan.folder / "search.json").read_text(encoding="utf-8"))
    assert len(facts["tried"]) == plan.trials == 10
    assert plan.choices[0].searched[0].mean >= 0.5


@pytest.mark.parametrize("pictures", [1, 17, 40])
def test_a_stopped_search_goes_on_to_the_same_end_as_one_that_was_not(tmp_path, locon, model, pictures):
    ended = []
    for name in ("whole", "stopped"):
        with make(tmp_path / name, locon, model) as tuning:
            acts.set_scenes(tuning, scenes(model, "1-4"))
            asked = {"objectives": ("raise kept, lower green",), "segments": BY_HAND, "between": (0.0, 1.0)}
            count = 0

            def stopped(name=name):
                nonlocal count
                count += name == "stopped"
                return count > 4 * pictures

            plan = search(tuning, stopped=stopped, **asked)
            if name == "stopped":
                assert not plan.choices
                run_search(tuning, FakeRenderer, SilentProgress())
                plan = current_search(tuning.state())
            assert len(logged(tuning)) == len(set(logged(tuning)))
            ended.append((keys(tuning), plan.choices))
    assert ended[0] == ended[1]


def forked(work):
    """Run `work` in a forked process; its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_and_die(folder, line):
    """Go on with the search, but be killed as `kill -9` does after so many lines of the study's journal, every other
    time in the middle of the line."""
    from blockweight.workflow.search.study_journal import LinesFile  # noqa: PLC0415 - needs an extra

    whole, count = LinesFile.append_logs, 0

    def append(self, logs):
        nonlocal count
        count += 1
        if count == line:
            if line % 2:
                with self._path.open("ab") as file:
                    file.write(b'{"op_code":')
            else:
                whole(self, logs)
            os.kill(os.getpid(), signal.SIGKILL)
        whole(self, logs)

    LinesFile.append_logs = append
    with open_project(folder) as mine:
        run_search(mine, FakeRenderer, SilentProgress())


@needs_fork
def test_killed_anywhere_the_rerun_ends_with_the_same_pictures_each_rendered_once(tmp_path, locon, model):
    asked = {"objectives": ("raise kept, green<=1",), "segments": BY_HAND, "budget": "60pictures", "sampler": "tpe"}
    with make(tmp_path / "whole", locon, model) as tuning:
        acts.set_scenes(tuning, scenes(model, "1-4"))
        plan = search(tuning, **asked)
        whole = keys(tuning), plan.choices
    with make(tmp_path / "killed", locon, model) as tuning:
        acts.set_scenes(tuning, scenes(model, "1-4"))
        begin_search(tuning, ask_search(tuning, SearchAsked(**asked)))
    code, line, kills = -signal.SIGKILL, 3, 0
    while code == -signal.SIGKILL:
        code = forked(lambda line=line: run_and_die(tmp_path / "killed", line))
        kills, line = kills + 1, line + 1
    assert code == 0
    assert kills > 10
    with open_project(tmp_path / "killed") as tuning:
        assert len(logged(tuning)) == len(set(logged(tuning)))
        assert (keys(tuning), current_search(tuning.state()).choices) == whole


def test_a_study_that_is_gone_is_made_again_from_the_pictures(tuning):
    plan = search(analysed(tuning))
    before = keys(tuning)
    (tuning.folder / plan.folder / "optuna.journal").write_text("no journal\n")
    cancelled = search(tuning, seed=2, stopped=lambda: len(keys(tuning)) > len(before) + 4)
    journal = next(tuning.folder.glob("search-02/optuna.journal"))
    journal.write_text("no journal\n")
    with pytest.raises(BlockweightError, match="delete it and run the same again"):
        run_search(tuning, FakeRenderer, SilentProgress())
    journal.unlink()
    run_search(tuning, FakeRenderer, SilentProgress())
    assert current_search(tuning.state()).choices
    assert not cancelled.choices
    assert len(logged(tuning)) == len(set(logged(tuning)))


def test_fixed_blocks_stay_and_cannot_be_in_a_segment(tuning):
    acts.set_blocks(analysed(tuning), "IN02", "0.5")
    acts.fix(tuning, "IN02")
    plan = search(tuning)
    assert [segment.blocks for segment in plan.segments] == [("IN01",), ("IN03",)]
    assert {plan.weights_of(each.weights, "x").weight("IN02") for each in plan.choices} == {0.5}
    assert [each.label for each in plan.references] == ["no LoRA", "all 1", "as it was"]
    with pytest.raises(BlockweightError, match="IN02 is fixed"):
        ask_search(tuning, SearchAsked(BOTH, segments=BY_HAND))


def test_what_is_taken_is_undone_and_carries_its_evidence(tuning):
    plan = search(analysed(tuning))
    state = take_choice(tuning, 1, event_id="a")
    assert state.weights == plan.weights_of(plan.choices[0].weights, plan.weights.name)
    assert take_choice(tuning, 1, event_id="a").version == state.version
    evidence = state.undo.body["evidence"]
    assert state.undo.kind == CHOSEN
    assert [scene["seed"] for scene in evidence["held_scenes"]] == [5, 6]
    assert evidence["held"][0][0] == plan.choices[0].held[0].mean
    assert acts.undo(tuning).weights == plan.weights
    with pytest.raises(BlockweightError, match="no choice 99"):
        take_choice(tuning, 99)


def test_what_is_taken_may_be_of_any_complete_search(tuning):
    first = search(analysed(tuning), objectives=("raise gone",))
    last = search(tuning, objectives=("raise kept",))
    assert first.choices[0].weights != last.choices[0].weights
    state = take_choice(tuning, 1, 1)
    assert state.weights == first.weights_of(first.choices[0].weights, state.weights.name)
    assert state.undo.body["search"] == first.number
    begin_search(tuning, ask_search(tuning, SearchAsked(BOTH)))
    assert take_choice(tuning, 1, 2).undo.body["search"] == last.number
    with pytest.raises(BlockweightError, match="no complete search 3; complete are search-01, search-02"):
        take_choice(tuning, 1, 3)
    assert show(tuning, 1).facts["objectives"] == ["raise gone"]


def test_a_search_that_was_given_up_is_not_gone_on_with(tuning):
    asked = ask_search(analysed(tuning), SearchAsked(BOTH))
    begin_search(tuning, asked)
    with pytest.raises(BlockweightError, match="not complete"):
        take_choice(tuning, 1)
    cancel_search(tuning)
    with pytest.raises(BlockweightError, match="No search is planned"):
        run_search(tuning, FakeRenderer, SilentProgress())
    begin_search(tuning, asked)
    assert current_search(tuning.state()) is not None


def test_after_one_that_was_given_up_the_latest_complete_one_is_shown_and_taken_of(tuning):
    found = search(analysed(tuning))
    begin_search(tuning, ask_search(tuning, SearchAsked(("raise gone",))))
    with pytest.raises(BlockweightError, match="of the earlier one with --search 1"):
        take_choice(tuning, 1)
    assert found_search(tuning).folder == found.folder
    cancel_search(tuning)
    told = run(tuning, SearchAsked(), FakeRenderer, SilentProgress())
    assert told.facts["folder"] == found.folder
    assert take_choice(tuning, 1).undo.body["search"] == found.number


def test_no_other_program_renders_meanwhile(tuning):
    begin_search(analysed(tuning), ask_search(tuning, SearchAsked(BOTH)))
    with Project(tuning.folder) as other, other.alone(), pytest.raises(UnavailableError):
        run_search(tuning, FakeRenderer, SilentProgress())


def test_likeness_to_a_target_is_searched_without_a_mask(tuning, tmp_path):
    state = tuning.state()
    Image.fromarray(np.full((24, 32, 3), 30, np.uint8)).save(tmp_path / "target.png")
    plan = search(tuning, objectives=("likeness",), segments=BY_HAND, target=tmp_path / "target.png")
    assert plan.choices[0].weights == (0.0, 0.0, 0.0)
    assert state.weights == tuning.state().weights


def test_further_seeds_are_held_out_with_a_mask_of_their_own_or_homes(tuning, tmp_path):
    analysed(tuning)
    (tmp_path / "mask.png").write_bytes(png())
    asked = {"objectives": BOTH, "seeds": "11,12"}
    for more in ({"seeds_mask": tmp_path / "mask.png"}, {"home_mask": True}):
        plan = ask_search(tuning, SearchAsked(**asked, **more)).plan
        assert (len(plan.scenes), [scene.seed for scene in plan.held]) == (6, [11, 12])
        assert plan.held_masks == plan.masks[:2]
    for objective in ("gone", "kept"):
        with pytest.raises(BlockweightError, match="none for the scenes held out"):
            ask_search(tuning, SearchAsked(**{**asked, "objectives": (objective,)}))


def test_a_budget_in_time_is_one_in_pictures_at_the_projects_own_speed(tuning):
    asked = SearchAsked(("kept",), segments=BY_HAND, budget="10min")
    with pytest.raises(BlockweightError, match="give the budget in pictures"):
        estimate(tuning, asked)
    run(tuning, SearchAsked(("kept",), segments=BY_HAND, budget="4min", sampler="tpe"), Timed, SilentProgress())
    assert estimate(tuning, asked).facts["trials"] == (300 - 2 * 6 - 2 * 6) // 4


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "Say what to search for"),
        ({"objectives": BOTH, "budget": "20pictures"}, "too small: 4 scenes .* at least 56"),
        ({"objectives": (",",)}, "Say what to search for"),
        ({"objectives": BOTH, "hold_out": 0.9}, "0.9 leaves 1 of 6 scenes to search in"),
        ({"objectives": BOTH, "hold_out": 2.0}, "between 0 and 1"),
        ({"objectives": BOTH, "hold_out": 0.5, "seeds": "11-12"}, "give one of them"),
        ({"objectives": BOTH, "seeds": "11"}, "hold out"),
        ({"objectives": BOTH, "home_mask": True}, "give --hold-out-seeds too"),
        ({"objectives": ("likeness",)}, "give --target FILE"),
        ({"objectives": BOTH, "segments": "9"}, "1 to 8 segments"),
        ({"objectives": BOTH, "segments": "a=IN01;b"}, "is no segment"),
        ({"objectives": BOTH, "segments": "a=OUT01"}, "OUT01 is fixed"),
        ({"objectives": BOTH, "grid": "1"}, "2 to 21 different"),
        ({"objectives": BOTH, "grid": "0,1", "between": (0.0, 1.0)}, "give one of them"),
        ({"objectives": BOTH, "between": (1.0, 0.0)}, "the lower one first"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(tuning, asked, words):
    analysed(tuning)
    with pytest.raises(BlockweightError, match=words):
        ask_search(tuning, SearchAsked(**asked))


def test_without_an_analysis_segments_are_given_by_hand(tuning):
    with pytest.raises(BlockweightError, match="needs a mask"):
        ask_search(tuning, SearchAsked(BOTH))
    with pytest.raises(BlockweightError, match=r"no complete analysis.*tune analyze"):
        ask_search(tuning, SearchAsked(("kept",)))
    plan = ask_search(tuning, SearchAsked(("kept",), segments=BY_HAND)).plan
    assert (plan.analysis, len(plan.segments)) == (0, 3)


def test_one_scene_is_refused(tuning, model):
    acts.set_scenes(tuning, scenes(model, "1-3"))
    with pytest.raises(BlockweightError, match="--hold-out-seeds"):
        ask_search(tuning, SearchAsked(("kept",), segments=BY_HAND))


def test_without_optuna_the_next_step_is_told(tuning, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    begin_search(tuning, ask_search(tuning, SearchAsked(("kept",), segments=BY_HAND)))
    with pytest.raises(BlockweightError, match=r"blockweight\[search\]"):
        run_search(tuning, FakeRenderer, SilentProgress())


def test_what_is_left_of_a_search_is_told(tuning):
    analysed(tuning)
    search(tuning, stopped=lambda: len(keys(tuning)) > 60)
    plan = current_search(tuning.state())
    cost = search_cost(tuning, plan)
    assert 0 < cost.finished < cost.pictures
    run_search(tuning, FakeRenderer, SilentProgress())
    cost = search_cost(tuning, current_search(tuning.state()))
    assert cost.finished == cost.pictures
