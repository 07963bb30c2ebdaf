"""What a person does to a tuning project."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import make, scenes

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.project import Choice, Project
from blockweight.render import FakeRenderer
from blockweight.weights import parse_blocks
from blockweight.workflow import tuning as acts
from blockweight.workflow.analysis.findings import read_findings
from blockweight.workflow.analysis.own_lora import Typed, analyse_lora
from blockweight.workflow.overviews import overview
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.recent_projects import recent_projects
from blockweight.workflow.tuning_project import create_project, open_project, typed_weights
from blockweight.workflow.tuning_rounds import plan_round
from blockweight.workflow.tuning_text import block_text
from workshop import FULL, SHORT, WEIGHTS, tree, write_lora_file


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "ゴブ姫", locon, model) as tuning:
        yield tuning


def test_a_project_begins_with_the_lora_at_one_under_the_folders_name(tmp_path, locon, model):
    with create_project(tmp_path / "ゴブ姫", locon, scenes(model)) as tuning:
        state = tuning.state()
    assert (state.name, state.weights.text()) == ("ゴブ姫", "ゴブ姫:" + ",".join(["1"] * 26))
    assert (state.subject.lora, state.lora.path) == ("princess.safetensors", str(locon))
    assert state.scenes == tuple(scenes(model))
    assert state.unplaced == {}


def test_a_project_may_begin_with_weights_in_any_notation(tmp_path, locon, model):
    with create_project(
        tmp_path / "p", locon, scenes(model), weights=f"<lora:x:1:lbw={WEIGHTS}>", rest=0.5, strength=0.8
    ) as tuning:
        state = tuning.state()
    assert (state.weights.text(), state.weights.rest, state.lora.strength) == (f"x:{WEIGHTS}", 0.5, 0.8)


def test_what_was_opened_again_is_what_was_left(tuning):
    acts.set_weights(tuning, f"G:{WEIGHTS}")
    with open_project(tuning.folder) as again:
        assert again.state() == tuning.state()
        acts.fix(again, "IN01")
    assert "IN01" in tuning.state().fixed


def test_a_project_is_made_once_and_opened_where_one_is(tmp_path, tuning, locon, model):
    with pytest.raises(BlockweightError, match="is a tuning project already"):
        create_project(tuning.folder, locon, scenes(model))
    for place in ("none", "a\0b"):
        with pytest.raises(BlockweightError, match=r"no project in .*; check the path, or make one"):
            open_project(tmp_path / place)
    assert not (tmp_path / "none").exists()


def test_bad_input_makes_no_project(tmp_path, lora, locon, model):
    before = tree(tmp_path)
    for wrong in (
        {"weights": "1,2"},
        {"weights": ",".join(["0.5"] * 17)},
        {"name": "a\nb"},
        {"strength": float("nan")},
    ):
        with pytest.raises(BlockweightError):
            create_project(tmp_path / "new", locon, scenes(model), **wrong)
    nan = [replace(scenes(model)[0], cfg_scale=float("nan"))]
    with pytest.raises(BlockweightError, match="cannot be recorded"):
        create_project(tmp_path / "new", locon, nan)
    with pytest.raises(BlockweightError, match="needs a scene"):
        create_project(tmp_path / "new", locon, [])
    with pytest.raises(BlockweightError):
        create_project(tmp_path / "new", tmp_path / "none.safetensors", scenes(model))
    assert tree(tmp_path) == before


def test_weights_are_read_for_the_lora_whose_file_is_gone(tmp_path, lora, model):
    with create_project(tmp_path / "p", lora, scenes(model)) as tuning:
        lora.unlink()
        state = acts.set_weights(tuning, "G:" + ",".join(["0.5"] * len(SHORT)))
        assert state.weights.layout == FULL  # a standard LoRA has nothing in the blocks that 17 numbers leave out
        assert (state.weights.weight("IN01"), state.weights.weight("IN00")) == (0.5, 1.0)


def test_a_layout_made_to_measure_comes_back(tmp_path, model):
    names = [f"lora_unet_double_blocks_{number}_img_attn_proj" for number in range(25)]
    lora = write_lora_file(tmp_path / "large.safetensors", [], names)
    with create_project(tmp_path / "p", lora, scenes(model)) as tuning:
        pass
    with open_project(tmp_path / "p") as tuning:
        layout = tuning.state().subject.layout
        assert layout == open_lora(lora).family.layout
        assert "D24" in layout.blocks
        vector = ",".join(["0.5"] * len(layout))
        assert acts.set_weights(tuning, vector).weights.vector() == vector


def test_short_weights_are_refused_or_filled_as_everywhere(tuning):
    short = ",".join(["0.5"] * 17)
    with pytest.raises(BlockweightError, match="add --fill 0"):
        acts.set_weights(tuning, short)
    weights, filled = typed_weights(tuning.state(), short, fill=0.0)
    assert acts.set_weights(tuning, short, fill=0.0).weights == weights
    assert "IN00" in filled


def test_some_blocks_are_set_by_an_expression(tuning):
    state = acts.set_blocks(tuning, "in01-in03, mid", "-0.25")
    assert [state.weights.weight(block) for block in ("IN01", "IN03", "M00", "IN04")] == [-0.25, -0.25, -0.25, 1.0]
    assert acts.set_blocks(tuning, "rest", "0").weights.rest == 0


@pytest.mark.parametrize(("blocks", "value"), [("IN99", "1"), ("IN01", "x"), ("", "1"), ("IN01", "nan"), ("IN01", "")])
def test_a_block_or_number_that_is_none_changes_nothing(tuning, blocks, value):
    before = tuning.state()
    with pytest.raises(BlockweightError):
        acts.set_blocks(tuning, blocks, value)
    assert tuning.state() == before


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text()
    | st.lists(st.sampled_from(["1", "0.5", ",", ":", "G", "%", "R", "<lora:a:1:lbw=", ">"])).map("".join)
)
def test_any_text_is_weights_or_one_sentence(tuning, text):
    try:
        acts.set_weights(tuning, text)
        acts.fix(tuning, text)
    except BlockweightError as error:
        assert len(str(error).splitlines()) == 1


@given(st.sets(st.sampled_from(FULL.blocks)))
def test_blocks_as_text_read_back(blocks):
    assert set(parse_blocks(block_text(blocks, FULL), FULL, empty=())) == blocks


def test_a_decision_needs_an_open_round_and_a_known_word(tuning):
    with pytest.raises(BlockweightError, match="No round is open"):
        acts.decide(tuning, "SubIN01_0.5", Choice.ACCEPT)
    plan_round(tuning, "Sub", 0.5)
    with pytest.raises(BlockweightError, match="'maybe' is no decision; use one of: accept, reject, undecided"):
        acts.decide(tuning, "SubIN01_0.5", "maybe")
    assert acts.decide(tuning, " subin01_0.5 ", "accept").weights.weight("IN01") == 0.5


def test_what_cannot_be_recorded_is_one_sentence(tuning, model):
    before = plan_round(tuning, "Sub", 0.5)
    with pytest.raises(BlockweightError, match="cannot be recorded"):
        acts.decide(tuning, "SubIN01_0.5", "accept", sequence=-1)
    with pytest.raises(BlockweightError, match="cannot be recorded"):
        acts.set_scenes(tuning, [replace(scenes(model)[0], cfg_scale=float("inf"))])
    assert tuning.state() == before


def test_a_decision_on_a_round_that_was_left_is_refused(tuning):
    first = plan_round(tuning, "Sub", 0.5).round.number
    plan_round(tuning, "Sub", 0.25)
    with pytest.raises(BlockweightError, match="not open any more, so nothing was decided"):
        acts.decide(tuning, "SubIN01_0.75", "accept", round_number=first)


def test_a_decision_is_undone_and_redone(tuning):
    plan_round(tuning, "Sub", 0.5)
    decided = acts.decide(tuning, "SubIN01_0.5", "accept")
    assert acts.undo(tuning).weights.weight("IN01") == 1.0
    again = acts.redo(tuning)
    assert (again.weights, again.fixed, again.round) == (decided.weights, decided.fixed, decided.round)
    with pytest.raises(BlockweightError, match="nothing to redo"):
        acts.redo(tuning)


def test_a_branch_from_a_step_leaves_the_other_as_it_was(tuning):
    planned = plan_round(tuning, "Sub", 0.5)
    old = acts.decide(tuning, "SubIN01_0.5", "accept")
    acts.branch_from(tuning, planned.head)
    new = acts.decide(tuning, "SubIN02_0.5", "accept")
    assert (new.weights.weight("IN01"), new.weights.weight("IN02")) == (1.0, 0.5)
    assert acts.branch_from(tuning, old.head).weights == old.weights


def test_a_round_may_be_finished_before_all_is_decided(tuning):
    plan_round(tuning, "Sub", 0.5)
    acts.decide(tuning, "SubIN01_0.5", "accept")
    state = acts.finish_round(tuning)
    assert (state.round, "IN02" in state.fixed) == (None, False)
    with pytest.raises(BlockweightError, match="No round is open, so there is none to finish"):
        acts.finish_round(tuning)


def test_scenes_are_changed(tuning, model):
    assert acts.set_scenes(tuning, scenes(model, "7")).scenes == tuple(scenes(model, "7"))
    with pytest.raises(BlockweightError, match="needs a scene"):
        acts.set_scenes(tuning, [])


def suggest(tuning, **verdicts):
    body = {block: [verdict, "because"] for block, verdict in verdicts.items()}
    tuning.project.record("suggested", body)


def test_suggestions_are_applied_at_one_click_and_revoked_one_by_one(tuning):
    suggest(tuning, IN01="keep", IN02="drop", IN03="unknown")
    acts.set_blocks(tuning, "IN01,IN02", "0.3")
    state = acts.apply_suggestions(tuning)
    assert [state.weights.weight(block) for block in ("IN01", "IN02", "IN03")] == [1.0, 0.0, 1.0]
    assert {"IN01", "IN02"} <= set(state.fixed)
    assert "IN03" not in state.fixed
    state = acts.revoke_suggestions(tuning, "IN02")
    assert (state.weights.weight("IN01"), state.weights.weight("IN02"), "IN02" in state.fixed) == (1.0, 0.3, False)
    assert acts.revoke_suggestions(tuning).weights.weight("IN01") == 0.3


def test_what_was_not_suggested_cannot_be_applied(tuning):
    with pytest.raises(BlockweightError, match="no analysis yet; run 'blockweight tune analyze'"):
        acts.apply_suggestions(tuning)
    suggest(tuning, IN01="keep", IN03="unknown")
    with pytest.raises(BlockweightError, match="suggests nothing for 'IN03'"):
        acts.apply_suggestions(tuning, "IN01,IN03")
    with pytest.raises(BlockweightError, match="No suggestion is applied"):
        acts.revoke_suggestions(tuning)
    suggest(tuning, IN03="unknown")
    with pytest.raises(BlockweightError, match="suggests nothing; look"):
        acts.apply_suggestions(tuning)


def test_the_analyze_command_on_the_projects_folder_gives_its_suggestions(tuning, locon, model):
    analyse_lora(locon, scenes(model), tuning.folder, FakeRenderer, SilentProgress(), Typed(blocks="IN01,IN02"))
    (analysis,) = tuning.state().analyses
    assert set(analysis.suggestions) == {"IN01", "IN02"}


def test_an_analysis_is_recorded_with_its_measurements(tuning):
    plan_analysis(tuning, Wanted("IN01,IN02"))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    (told,) = tuning.state().analyses
    findings = read_findings(tuning.folder / told.folder)
    assert told.effects["IN01"]["diff"] == list(findings.table.samples("diff", "IN01"))
    said = findings.suggestions[0]
    assert told.suggestions["IN01"] == (said.verdict.value, *said.reasons)


def test_the_pictures_of_an_earlier_analysis_are_the_projects(tmp_path, locon, model):
    with Project(tmp_path / "p") as project:
        project.record("suggested", {"IN01": ["drop", "does nothing"]})
    with create_project(tmp_path / "p", locon, scenes(model)) as tuning:
        assert acts.apply_suggestions(tuning).weights.weight("IN01") == 0.0


def test_a_project_folder_may_be_moved(tuning, tmp_path):
    state = tuning.state()
    tuning.close()
    shutil.move(tuning.folder, tmp_path / "moved")
    with open_project(tmp_path / "moved") as moved:
        assert moved.state() == state


def test_a_renamed_project_is_listed_by_its_new_name_and_its_folder_stays(tuning):
    assert acts.rename(tuning, " 王女 ").name == "王女"
    assert recent_projects()[0].name == "王女"
    assert overview(tuning.folder).name == "王女"
    assert acts.undo(tuning).name == "王女"


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\udc80"])
def test_what_is_no_name_renames_nothing(tuning, name):
    with pytest.raises(BlockweightError):
        acts.rename(tuning, name)
    assert tuning.state().name == "ゴブ姫"


def test_an_id_makes_an_act_one(tuning):
    plan_round(tuning, "Sub", 0.5, event_id="r")
    plan_round(tuning, "Sub", 0.5, event_id="r")
    assert len(tuning.state().rounds) == 1
    for _ in range(2):
        acts.decide(tuning, "SubIN01_0.5", "accept", event_id="d")
        acts.decide(tuning, "SubIN02_0.5", "reject", event_id="e")
    for _ in range(3):
        state = acts.undo(tuning, event_id="u")
    assert state.round.choices == {"SubIN01_0.5": Choice.ACCEPT}
    acts.finish_round(tuning, event_id="f")
    assert acts.decide(tuning, "SubIN01_0.5", "accept", event_id="d").round is None
