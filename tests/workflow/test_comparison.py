"""Comparisons of a project: what may be compared, what it costs, rendering with stops, votes by place."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import Timed, make

from blockweight.errors import BlockweightError
from blockweight.project import Vote
from blockweight.render import FakeRenderer
from blockweight.weights.hints import shipped_hints
from blockweight.workflow import comparison_steps
from blockweight.workflow import tuning as acts
from blockweight.workflow.compare_view import compare_view, preview_facts, variant_choices
from blockweight.workflow.comparison import (
    Typed,
    compare_again,
    comparison_cost,
    comparison_grid,
    plan_comparison,
    preview_comparison,
    read_variant,
    render_comparison,
    reveal,
    undo_vote,
    vote,
)
from blockweight.workflow.comparison_text import comparison_facts, comparison_lines, tally
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.tuning_rounds import Cost, RenderedPart
from workshop import WEIGHTS

MINE = f"Mine:{WEIGHTS}"
THREE = ("no LoRA", "ALL", MINE)


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


@pytest.fixture
def voting(tuning):
    """A blind comparison, rendered."""
    plan_comparison(tuning, Typed(THREE, blind=True))
    render(tuning)
    return tuning


def render(tuning, make_renderer=FakeRenderer, stopped=lambda: False):
    return render_comparison(tuning, make_renderer, SilentProgress(), stopped)


def latest(tuning):
    return tuning.state().comparisons[-1]


def test_a_variant_is_read_from_any_notation_and_from_the_project(tuning):
    acts.set_each(tuning, {"IN01": "0.25"})
    step = tuning.state().head
    acts.set_each(tuning, {"IN01": "0.75"})
    assert read_variant(tuning, " No lora ").weights is None
    assert read_variant(tuning, "current").weights == tuning.state().weights
    assert read_variant(tuning, f"step {step}").weights.weight("IN01") == 0.25
    assert read_variant(tuning, "INS").weights.weight("OUT11") == 0
    assert read_variant(tuning, f"<lora:x:1:lbw={WEIGHTS}>").weights.vector() == WEIGHTS
    hint = shipped_hints().hints[0]
    assert read_variant(tuning, f"hint {hint.name}", fill=0.0).label == hint.name


@pytest.mark.parametrize(
    "text", ["", "  ", "step 99", "step x", "hint nobody's", "1,2", "\x00", "no  LoRA", "🦊" * 500]
)
def test_what_is_no_variant_is_refused_in_a_sentence(tuning, text):
    with pytest.raises(BlockweightError):
        read_variant(tuning, text)


@given(st.one_of(st.text(), st.text(alphabet="stephintALLno LoRA0123456789:,.-<>=[]{}")))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_is_a_variant_or_refused(tuning, text):
    with suppress(BlockweightError):
        assert read_variant(tuning, text).label


def test_the_cost_is_told_before_and_nothing_is_begun(tuning):
    before = tuning.state()
    assert preview_comparison(tuning, Typed(THREE)).cost == Cost(6, 0, None)
    assert preview_comparison(tuning, Typed(THREE, (2,))).cost == Cost(3, 0, None)
    assert tuning.state() == before


@pytest.mark.parametrize(
    "typed",
    [
        Typed(("ALL",)),
        Typed(("ALL", "current")),  # the project begins at all 1
        Typed(tuple(f"n:{','.join([str(n)] * 26)}" for n in range(27))),
        Typed(tuple(f"n:{','.join([str(n)] * 26)}" for n in range(10)), blind=True),
        Typed(THREE, (0,)),
        Typed(THREE, (3,)),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_written(tuning, typed):
    before = tuning.state()
    with pytest.raises(BlockweightError):
        plan_comparison(tuning, typed)
    assert tuning.state() == before


def test_variants_of_one_name_are_told_apart(tuning):
    plan_comparison(tuning, Typed(("ALL", MINE, f"Mine:{','.join(['0.5'] * 26)}")))
    assert [each.label for each in latest(tuning).variants] == ["ALL", "Mine", "Mine (2)"]


def test_what_was_stopped_goes_on_and_pictures_of_rounds_are_used(tuning):
    plan_comparison(tuning, Typed(THREE))
    part = render(tuning, Timed, stopped=lambda: len(list((tuning.folder / "pictures").glob("*.png"))) >= 2)
    assert part == RenderedPart(2, 4)
    assert comparison_cost(tuning) == Cost(6, 2, 8.0)
    assert render(tuning, Timed) == RenderedPart(4, 0)
    plan_comparison(tuning, Typed((*THREE, "INS")))
    assert comparison_cost(tuning).finished == 6


def test_a_comparison_sent_twice_is_planned_once(tuning):
    plan_comparison(tuning, Typed(THREE), event_id="one")
    plan_comparison(tuning, Typed(THREE), event_id="one")
    assert len(tuning.state().comparisons) == 1


def test_a_blind_grid_says_nothing_of_what_is_what(voting):
    grid = comparison_grid(voting)
    assert [column.label for column in grid.columns] == ["1", "2", "3"]
    assert all(column.weights is None for column in grid.columns)
    reveal(voting)
    plain = comparison_grid(voting)
    assert [column.label for column in plain.columns] == ["no LoRA", "ALL", "Mine"]
    assert [sorted(row) for row in grid.keys] == [sorted(row) for row in plain.keys]
    for row, keys in enumerate(grid.keys):
        assert keys == tuple(plain.keys[row][at] for at in latest(voting).order(row))


def test_a_vote_is_for_the_picture_at_its_place(voting):
    order = latest(voting).order(1)
    vote(voting, 2, 3, 1)
    assert latest(voting).votes == {1: Vote(1, order[2], order[0])}
    assert comparison_facts(voting)["votes"] == [{"row": 2, "best": 3, "worst": 1}]
    undo_vote(voting)
    assert latest(voting).votes == {}


@pytest.mark.parametrize("row", [0, 3, -1])
def test_a_vote_on_a_row_that_there_is_not_is_refused(voting, row):
    with pytest.raises(BlockweightError, match="no row"):
        vote(voting, row, 1)


def test_a_row_that_is_not_rendered_whole_takes_no_vote(tuning):
    plan_comparison(tuning, Typed(THREE, blind=True))
    with pytest.raises(BlockweightError, match="not rendered whole"):
        vote(tuning, 1, 1)


def test_counts_are_hidden_until_the_labels_are_revealed(voting):
    vote(voting, 1, latest(voting).order(0).index(2) + 1)
    vote(voting, 2, None)
    assert comparison_facts(voting)["tally"] == {"rows": 2, "voted": 2}
    assert "Mine" not in "\n".join(comparison_lines(voting))
    reveal(voting)
    counted = tally(latest(voting))
    assert [(count.label, count.best.count) for count in counted.counts] == [("no LoRA", 0), ("ALL", 0), ("Mine", 1)]
    assert (counted.voted, counted.same, counted.leader) == (2, 1, None)
    assert list(comparison_lines(voting))[-1].strip() == "Too few votes to tell one from chance."


def test_a_comparison_can_be_voted_on_again_in_another_order(voting):
    reveal(voting)
    first = latest(voting)
    compare_again(voting, first.number, blind=True)
    again = latest(voting)
    assert (again.variants, again.scenes, again.hidden, again.votes) == (first.variants, first.scenes, True, {})
    assert again.seed != first.seed
    assert comparison_cost(voting).finished == 6


def test_the_preview_says_of_every_variant_what_it_is_or_why_not(tuning):
    facts = preview_facts(tuning, Typed(("no LoRA", "ALL", "bad")))
    assert [bool(row["error"]) for row in facts["variants"]] == [False, False, True]
    assert [row["cells"] and len(row["cells"]) for row in facts["variants"]] == [None, 26, None]
    assert (facts["cost"], bool(facts["error"])) == (None, True)
    assert preview_facts(tuning, Typed(THREE))["cost"] == {"pictures": 6, "finished": 0, "seconds": None}


def test_every_choice_that_is_offered_can_be_read(tuning):
    acts.set_each(tuning, {"IN01": "0.25"})
    choices = variant_choices(tuning.state())
    assert choices.steps[0].title.endswith("set IN01 to 0.25")
    for choice in (*choices.presets, *choices.hints, *choices.steps):
        assert read_variant(tuning, choice.text, fill=0.0)


@pytest.mark.parametrize("weight", ["1", "0.25"])
def test_the_usual_choice_can_be_compared_whether_or_not_anything_is_tuned(tuning, weight):
    acts.set_each(tuning, {"IN01": weight})
    usual = variant_choices(tuning.state()).usual
    assert ("ALL" in usual) == (weight != "1")
    plan_comparison(tuning, Typed(usual))


def test_the_page_shows_the_latest_comparison_or_the_one_asked_for(tuning):
    assert compare_view(tuning)["comparison"] is None
    plan_comparison(tuning, Typed(THREE))
    first = latest(tuning).number
    plan_comparison(tuning, Typed(THREE, (1,)))
    assert compare_view(tuning)["comparison"]["number"] == latest(tuning).number
    assert compare_view(tuning, first)["comparison"]["number"] == first
    with pytest.raises(BlockweightError, match="no comparison 999"):
        compare_view(tuning, 999)


@pytest.mark.parametrize("text", ["x", "0", "3-1", "1-", "1-99999", "-1"])
def test_what_is_no_list_of_scenes_is_refused(text):
    with pytest.raises(BlockweightError, match="scene"):
        comparison_steps.numbers(text)


@pytest.mark.parametrize("text", ["1-3", " 1,2、3 ", "１－３", "1 2 3", "1-2,2-3"])
def test_scenes_are_counted_from_one(text):
    assert comparison_steps.numbers(text) == (1, 2, 3)
