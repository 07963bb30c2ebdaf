"""What events make of a tuning project."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from acts import ONES, START, SUGGESTIONS, Told

from blockweight.errors import BlockweightError
from blockweight.plan import Checkpoint, Embedding
from blockweight.project import (
    ANALYSED,
    APPLIED,
    CREATED,
    DECIDED,
    FINISHED,
    FIXED,
    LOCATED,
    REVOKED,
    SCENES,
    WEIGHTS,
    Choice,
    Event,
    History,
    scenes_body,
)
from blockweight.project.plain import scene_body, scene_from
from workshop import FULL, LORA, SCENE

HERE = replace(SCENE, checkpoint=Checkpoint("model", SCENE.checkpoint.digest))


@pytest.fixture
def told():
    return Told()


def test_a_new_project_has_its_scenes_and_weights_and_nothing_to_undo(told):
    state = told.state
    assert (state.name, state.scenes, state.weights, state.fixed) == ("ゴブ姫", (HERE,), ONES, ())
    assert (state.subject.layout, state.lora.digest, state.lora.strength) == (FULL, LORA.digest, 1.0)
    assert (state.undo, state.redo, state.round, state.rounds) == (None, None, None, ())
    assert state.version == state.head == 1


def test_a_second_first_event_changes_nothing(told):
    assert what(told(CREATED, {**START, "name": "other"})) == what(Told().state)


def what(state):
    return state.name, state.weights, state.fixed


def test_weights_are_set_whole_or_block_by_block(told):
    told(WEIGHTS, {"name": "half", "values": [0.5] * 26, "rest": 0.25})
    state = told(WEIGHTS, {"changes": {"IN05": -1, "REST": 2}})
    assert (state.weights.name, state.weights.weight("IN05"), state.weights.weight("M00")) == ("half", -1, 0.5)
    assert state.weights.rest == 2


def test_blocks_are_fixed_in_the_layouts_order_and_unfixed(told):
    told(FIXED, {"fix": ["OUT03", "BASE"]})
    assert told(FIXED, {"fix": ["IN01"], "unfix": ["BASE"]}).fixed == ("IN01", "OUT03")


def test_a_block_that_the_layout_lacks_changes_nothing(told):
    before = what(told.state)
    for kind, body in ((WEIGHTS, {"changes": {"D07": 1}}), (FIXED, {"fix": ["D07"]})):
        assert what(told(kind, body)) == before
        assert len(told.state.steps) == 1


def test_scenes_are_replaced(told):
    scenes = [replace(SCENE, seed=seed, cfg_scale=1) for seed in (1, 2)]
    assert [scene.facts() for scene in told(SCENES, scenes_body(scenes)).scenes] == [scene.facts() for scene in scenes]


def test_accepting_fixes_the_block_at_the_variants_value(told):
    told.plan()
    state = told.decide("SubIN01_0.5", "accept")
    assert (state.weights.weight("IN01"), state.fixed) == (0.5, ("IN01",))
    assert state.round.choice("SubIN01_0.5") is Choice.ACCEPT


def test_rejecting_fixes_the_block_as_it_was_when_the_round_was_planned(told):
    told.plan()
    told(WEIGHTS, {"changes": {"IN01": 0.1}})
    state = told.decide("SubIN01_0.5", "reject")
    assert (state.weights.weight("IN01"), state.fixed) == (1.0, ("IN01",))


def test_a_decision_taken_back_leaves_the_block_as_it_was_and_not_fixed(told):
    told.plan()
    for choice in ("accept", "reject"):
        told.decide("SubIN01_0.5", choice)
        state = told.decide("SubIN01_0.5", "undecided")
        assert (state.weights.weight("IN01"), state.fixed, state.round.choices) == (1.0, (), {})


def test_accepting_another_variant_of_a_block_takes_the_first_acceptance_back(told):
    told.plan("SubAdd")
    told.decide("SubIN01_0.5", "accept")
    state = told.decide("AddIN01_1.5", "accept")
    assert state.weights.weight("IN01") == 1.5
    assert state.round.labels(Choice.ACCEPT) == ("AddIN01_1.5",)
    assert told.decide("AddIN01_1.5", "undecided").fixed == ()


def test_rejecting_one_variant_leaves_the_other_of_its_block_accepted(told):
    told.plan("SubAdd")
    told.decide("SubIN01_0.5", "accept")
    state = told.decide("AddIN01_1.5", "reject")
    assert (state.weights.weight("IN01"), state.fixed) == (0.5, ("IN01",))
    state = told.decide("SubIN01_0.5", "undecided")
    assert (state.weights.weight("IN01"), state.fixed) == (1.0, ("IN01",))


def test_the_same_decision_twice_is_one_step(told):
    told.plan()
    first = told.decide("SubIN01_0.5", "accept")
    assert told.decide("SubIN01_0.5", "accept").steps == first.steps


def test_an_accepted_block_that_was_moved_since_can_be_accepted_again(told):
    told.plan()
    told.decide("SubIN01_0.5", "accept")
    told(WEIGHTS, {"changes": {"IN01": 0.7}})
    assert told.decide("SubIN01_0.5", "accept").weights.weight("IN01") == 0.5


def test_of_two_decisions_on_one_variant_the_higher_sequence_number_stands(told):
    told.plan()
    told.decide("SubIN01_0.5", "accept", sequence=7)
    assert told.decide("SubIN01_0.5", "reject", sequence=6).round.choice("SubIN01_0.5") is Choice.ACCEPT
    assert told.decide("SubIN02_0.5", "reject", sequence=1).round.choice("SubIN02_0.5") is Choice.REJECT
    assert told.state.sequence == 7


def test_a_decision_on_another_round_than_the_open_one_changes_nothing(told):
    first = told.plan().round.number
    told.plan()
    body = {"round": first, "variant": "SubIN01_0.5", "choice": "accept", "sequence": 1}
    assert told(DECIDED, body).weights == ONES
    with pytest.raises(BlockweightError, match=r"round of .SubIN01_0.5. is not open any more"):
        told.history.check(DECIDED, body)


def test_a_base_line_or_a_variant_that_is_not_there_cannot_be_decided(told):
    number = told.plan().round.number
    for label in ("Sub", "SubIN01_0.25", ""):
        body = {"round": number, "variant": label, "choice": "accept", "sequence": 1}
        with pytest.raises(BlockweightError, match=r"has no variant .* to decide; it has SubIN01_0.5"):
            told.history.check(DECIDED, body)


def test_a_finished_round_keeps_what_was_decided_and_takes_no_more(told):
    number = told.plan().round.number
    told.decide("SubIN01_0.5", "accept")
    state = told(FINISHED, {"round": number})
    assert (state.round, state.weights.weight("IN01"), state.fixed) == (None, 0.5, ("IN01",))
    assert state.rounds[0].round.labels(Choice.ACCEPT) == ("SubIN01_0.5",)
    assert told(DECIDED, {"round": number, "variant": "SubIN02_0.5", "choice": "accept", "sequence": 2}).fixed == (
        "IN01",
    )


def test_a_suggestion_is_applied_and_revoked_with_what_was_before(told):
    told(WEIGHTS, {"changes": {"IN01": 0.3, "IN02": 0.4}})
    told(FIXED, {"fix": ["IN02"]})
    applied = told(APPLIED, {"analysis": 2, "weights": {"IN01": 1.0, "IN02": 0.0}, "fixed": ["IN01", "IN02"]})
    assert (applied.weights.weight("IN01"), applied.weights.weight("IN02")) == (1.0, 0.0)
    assert set(applied.applied) == {"IN01", "IN02"}
    state = told(REVOKED, {"blocks": ["IN01"]})
    assert (state.weights.weight("IN01"), state.weights.weight("IN02"), state.fixed) == (0.3, 0.0, ("IN02",))
    state = told(REVOKED, {"blocks": ["IN02"]})
    assert (state.weights.weight("IN02"), state.fixed, state.applied) == (0.4, ("IN02",), {})


def test_what_is_done_to_a_block_by_hand_ends_the_suggestions_hold_on_it(told):
    told(APPLIED, {"analysis": 2, "weights": {"IN01": 0.0, "IN02": 0.0}, "fixed": ["IN01", "IN02"]})
    assert set(told(WEIGHTS, {"changes": {"IN01": 0.5}}).applied) == {"IN02"}
    with pytest.raises(BlockweightError, match="No suggestion for 'IN01' is applied"):
        told.history.check(REVOKED, {"blocks": ["IN01"]})


def test_an_analysis_is_kept_whatever_is_undone(told):
    told("suggested", SUGGESTIONS)
    told(FIXED, {"fix": ["IN01"]})
    told(ANALYSED, {"suggestions": SUGGESTIONS, "effects": {"IN01": {"diff": [1.0, 2.0]}}})
    state = told("undone")
    (analysis,) = state.analyses
    assert analysis.suggestions["IN01"] == ("keep", "works on the face")
    assert analysis.effects == {"IN01": {"diff": [1.0, 2.0]}}


def test_another_analysis_comes_after_the_first(told):
    told("suggested", SUGGESTIONS)
    state = told("suggested", {"IN01": ["drop", "other seeds"]})
    assert [analysis.suggestions["IN01"][0] for analysis in state.analyses] == ["keep", "drop"]


def test_paths_are_where_the_project_was_told_last(told):
    assert set(told.state.unplaced) == {LORA.digest, SCENE.checkpoint.digest}
    state = told(LOCATED, {"places": {LORA.digest: {"path": "/loras/a.safetensors", "stamp": "1"}}})
    assert (state.lora.path, state.unplaced) == ("/loras/a.safetensors", {SCENE.checkpoint.digest: "model"})
    state = told(LOCATED, {"places": {SCENE.checkpoint.digest: {"path": "/models/m", "stamp": "1"}}})
    assert state.scenes[0].checkpoint.path == "/models/m"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (WEIGHTS, {}),
        (WEIGHTS, {"changes": [1]}),
        (WEIGHTS, {"changes": {"IN01": "1"}}),
        (WEIGHTS, {"changes": {"IN01": float("nan")}}),
        (WEIGHTS, {"name": "a", "values": [1], "rest": 1}),
        (FIXED, {"fix": "IN01"}),
        (SCENES, {"scenes": []}),
        (SCENES, {"scenes": [{}]}),
        (DECIDED, {"round": 1, "variant": "a", "choice": "maybe", "sequence": 1}),
        (DECIDED, {"round": 1, "variant": "a", "choice": "accept", "sequence": "1"}),
        (LOCATED, {"places": {"d": "/path"}}),
        (FIXED, {"fix": [], "id": 5}),
        ("branched", {"to": "x"}),
        ("suggested", {"IN01": "keep"}),
    ],
)
def test_an_event_that_no_version_wrote_is_one_sentence(told, kind, body):
    with pytest.raises(BlockweightError, match=r"^Event 2 of the project's log .* cannot be read .*put a copy"):
        told(kind, body)


def test_events_of_other_kinds_are_no_step():
    history = History()
    history.add(Event(1, "2026", "rendered", {"job": "a", "seconds": None}))
    assert not history.created


HELD = Embedding("EasyNegative", "/embeddings/easynegative.safetensors", "a" * 64)


def test_a_scene_is_read_back_with_its_embeddings_by_file_name():
    scene = replace(SCENE, clip_skip=2, embeddings=(HELD,))
    body = json.loads(json.dumps(scene_body(scene)))
    assert scene_from(body) == replace(scene, embeddings=(replace(HELD, path="easynegative.safetensors"),))
    assert "/embeddings" not in json.dumps(body)


def test_a_scene_of_before_clip_skip_and_embeddings_is_read_with_neither():
    body = {key: value for key, value in scene_body(SCENE).items() if key not in ("clip_skip", "embeddings")}
    assert scene_from(body) == SCENE


@pytest.mark.parametrize("odd", [{"clip_skip": 0}, {"clip_skip": "2"}, {"embeddings": [{}]}, {"embeddings": [1]}])
def test_a_scene_with_odd_values_is_no_scene(odd):
    with pytest.raises((ValueError, KeyError, TypeError)):
        scene_from({**scene_body(SCENE), **odd})


def test_embeddings_are_where_the_project_was_told_last(told):
    state = told(SCENES, scenes_body([replace(SCENE, embeddings=(HELD,))]))
    assert state.unplaced[HELD.digest] == "easynegative.safetensors"
    state = told(LOCATED, {"places": {HELD.digest: {"path": "/there/e.safetensors", "stamp": "1"}}})
    assert state.scenes[0].embeddings == (replace(HELD, path="/there/e.safetensors"),)
    assert HELD.digest not in state.unplaced
