"""Choosing by preference in a project: begun, rendered with pauses, judged blind, undone, and the best taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image
from projects import after, make, scenes

from blockweight.errors import BlockweightError
from blockweight.project import FEW, PLANE, PREFERRED
from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.choosing.asking import ChoosingAsked, ask_choosing
from blockweight.workflow.choosing.proposing import current_best, few_round, plane_round
from blockweight.workflow.choosing.running import (
    begin_choosing,
    choice_jobs,
    choosing_cost,
    end_choosing,
    judge,
    place_names,
    plan_plane,
    render_choices,
    take_preferred,
)
from blockweight.workflow.choosing.steps import judged, run
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis

BY_HAND = "a=IN01;b=IN02;c=IN03"
ASKED = ChoosingAsked(segments=BY_HAND)


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as made:
        acts.set_scenes(made, scenes(model, "1-3"))
        yield made


def keys(tuning):
    return sorted(path.stem for path in (tuning.folder / "pictures").glob("*.png"))


def shown(tuning):
    render_choices(tuning, FakeRenderer, SilentProgress())
    return tuning.state().choosing


def liked(choosing, like):
    """The name of the picture that `like` gives most, and of the one that it gives least."""
    names = place_names(choosing.open)
    ranked = sorted(range(len(names)), key=lambda place: like(choosing.open.points[place]))
    return names[ranked[-1]], names[ranked[0]]


def test_a_persons_choices_lead_to_what_they_like(tuning):
    begin_choosing(tuning, ASKED)

    def like(point):
        return -abs(point[0] - 0.25) - abs(point[1] - 0.75)

    for _ in range(8):
        judge(tuning, *liked(shown(tuning), like))
    assert like(current_best(tuning.state().choosing)) >= -0.25
    state = take_preferred(tuning, event_id="one")
    best = current_best(state.choosing)
    assert [state.weights.weight(block) for block in ("IN01", "IN02", "IN03")] == list(best)
    assert state.undo.kind == PREFERRED
    assert state.undo.body["evidence"]["rounds"] == 8
    assert take_preferred(tuning, event_id="one").version == state.version


def test_the_best_so_far_is_in_every_round_and_its_place_is_drawn(tuning):
    begin_choosing(tuning, ASKED)
    places = set()
    for _ in range(6):
        choosing = shown(tuning)
        assert choosing.open.points[choosing.open.control] == current_best(choosing)
        places.add(choosing.open.control)
        judge(tuning, "B")
    assert len(places) > 1


def test_undo_shows_the_same_round_again_and_nothing_is_rendered_twice(tuning):
    begin_choosing(tuning, ASKED)
    first = shown(tuning)
    judge(tuning, "A", "C")
    second = shown(tuning)
    before = keys(tuning)
    assert acts.undo(tuning).choosing == first
    judge(tuning, "A", "C")
    assert shown(tuning).open == second.open
    assert keys(tuning) == before


def test_a_stopped_round_is_gone_on_with_and_not_judged_before(tuning):
    begin_choosing(tuning, ASKED)
    part = render_choices(tuning, FakeRenderer, SilentProgress(), after(tuning, 3))
    assert (part.rendered, part.left) == (3, 5)
    with pytest.raises(BlockweightError, match="not rendered whole"):
        judge(tuning, "A")
    assert render_choices(tuning, FakeRenderer, SilentProgress()).rendered == 5
    assert choosing_cost(tuning, tuning.state().choosing).finished == 8
    judge(tuning)


def test_the_same_choices_and_seed_give_the_same_rounds(tmp_path, locon, model):
    rounds = []
    for name in ("one", "other"):
        with make(tmp_path / name, locon, model) as tuning:
            begin_choosing(tuning, ASKED)
            for best in ("A", "D", ""):
                shown(tuning)
                judge(tuning, best)
            rounds.append(tuning.state().choosing.rounds)
    assert rounds[0] == rounds[1]


def test_a_plane_is_picked_from_moves_there_and_shrinks(tuning):
    begin_choosing(tuning, ASKED)
    plan_plane(tuning, plane=True)
    choosing = shown(tuning)
    assert choosing.open.kind == PLANE
    assert len(choice_jobs(tuning.state(), choosing)) == 25
    assert choosing.open.points[choosing.open.control] == (1.0, 1.0, 1.0)
    judge(tuning, "C3")
    then = tuning.state().choosing
    assert then.open.points[then.open.control] == choosing.open.points[12]

    def furthest(shown):
        centre = shown.points[shown.control]
        return max(abs(value - middle) for point in shown.points for value, middle in zip(point, centre, strict=True))

    # Two directions move a segment by at most twice the reach, of which a pick takes three tenths.
    assert furthest(then.open) <= 2 * 0.5 * 0.7 + 0.001
    assert plan_plane(tuning, plane=False).choosing.open.kind == FEW
    assert acts.undo(tuning).choosing == then


def test_a_plane_goes_the_way_that_blocks_were_measured_to_matter(tuning):
    plan_analysis(tuning, Wanted("IN01-IN03", 0.5, 1.0))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    begun = begin_choosing(tuning, ASKED).choosing
    least = begun.matters.index(min(begun.matters))
    shown = plane_round(begun)
    assert {point[least] for point in shown.points} == {1.0}
    assert len(set(shown.points)) == 25


def test_segments_come_from_the_analysis_and_can_be_edited(tuning):
    with pytest.raises(BlockweightError, match=r"no complete analysis.*tune analyze"):
        ask_choosing(tuning, ChoosingAsked())
    plan_analysis(tuning, Wanted("IN01-IN03", 0.5, 1.0))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    found = ask_choosing(tuning, ChoosingAsked()).segments
    assert {block for each in found for block in each.blocks} <= {"IN01", "IN02", "IN03"}
    assert len(found) > len(ask_choosing(tuning, ChoosingAsked(segments="1")).segments) == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"segments": "a=OUT01"}, "OUT01 is fixed"),
        ({"scenes": (4,)}, "no scene 4"),
        ({"grid": "0,1", "between": (0.0, 1.0)}, "give one of them"),
        ({"grid": "1"}, "2 to 21 different"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(tuning, asked, words):
    with pytest.raises(BlockweightError, match=words):
        ask_choosing(tuning, replace(ASKED, **asked))


def test_what_cannot_be_judged_is_one_sentence(tuning):
    with pytest.raises(BlockweightError, match="begin with"):
        judge(tuning, "A")
    begin_choosing(tuning, ASKED)
    with pytest.raises(BlockweightError, match="Nothing was judged yet"):
        take_preferred(tuning)
    shown(tuning)
    with pytest.raises(BlockweightError, match="no picture 'X'"):
        judge(tuning, "X")
    with pytest.raises(BlockweightError, match="Another round"):
        judge(tuning, "A", number=2)
    begin_choosing(tuning, ChoosingAsked(segments="a=IN01"))
    with pytest.raises(BlockweightError, match="two segments"):
        plan_plane(tuning, plane=True)
    end_choosing(tuning)
    assert tuning.state().choosing is None


def test_a_command_writes_the_round_as_a_picture_that_tells_nothing(tuning):
    told = run(tuning, ASKED, None, FakeRenderer, SilentProgress())
    assert Image.open(told.facts["file"]).width > 4 * 32
    assert told.facts["pictures"] == ["A", "B", "C", "D"]
    assert "weights" not in str(told.facts["judged"])
    told = judged(tuning, "B", "D", FakeRenderer, SilentProgress())
    assert told.facts["judged"][0]["best"] == "B"
    assert told.facts["stands"]["settled"] in (True, False)
    assert told.facts["file"].endswith("round-02.png")
    assert few_round(tuning.state().choosing).points == tuning.state().choosing.open.points
