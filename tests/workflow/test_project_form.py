"""The form for a new project, and the demo's project."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import make

from blockweight.errors import BlockweightError
from blockweight.workflow.demo_project import FOLDER, open_demo
from blockweight.workflow.generation_fields import read_generation
from blockweight.workflow.lora_library import Library
from blockweight.workflow.model_library import ModelLibrary
from blockweight.workflow.project_analysis import planned_analysis
from blockweight.workflow.project_form import Shelves, empty_form, filled_form, form_errors, make_project
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.settings import Settings
from infotexts import TUTORIAL
from workshop import WEIGHTS, tree


@pytest.fixture
def shelves(tmp_path, locon, lora, model):
    return Shelves(Library((tmp_path,)), ModelLibrary((tmp_path,)), tmp_path / "projects")


@pytest.fixture
def typed(locon, model):
    form = {"name": "ゴブ姫", "lora": str(locon), "model": str(model), "prompts": "1girl\n\n2girls\n1girl"}
    return {**empty_form(), **form, "seeds": "1-2", "size": "32x24"}


def test_an_empty_form_lacks_a_lora_a_model_and_a_prompt(shelves):
    assert set(form_errors(empty_form(), shelves)) == {"lora", "model", "prompts"}


def test_a_project_is_made_of_every_prompt_with_every_seed(typed, shelves):
    assert form_errors(typed, shelves) == {}
    with make_project(typed | {"weights": WEIGHTS, "strength": "0.8"}, shelves) as tuning:
        state = tuning.state()
        assert tuning.folder == shelves.projects / "ゴブ姫"
    assert [(scene.prompt, scene.seed) for scene in state.scenes] == [
        ("1girl", 1), ("1girl", 2), ("2girls", 1), ("2girls", 2),
    ]  # fmt: skip
    assert (state.name, state.weights.vector(), state.subject.strength) == ("ゴブ姫", WEIGHTS, 0.8)


def test_a_second_project_of_the_same_name_is_another_folder(typed, shelves):
    make_project(typed, shelves).close()
    before = tree(shelves.projects / "ゴブ姫")
    with make_project(typed, shelves) as tuning:
        assert tuning.folder == shelves.projects / "ゴブ姫 2"
    assert tree(shelves.projects / "ゴブ姫") == before


def test_without_a_name_it_is_called_as_the_lora(typed, shelves, locon):
    with make_project(typed | {"name": " "}, shelves) as tuning:
        assert (tuning.folder.name, tuning.state().name) == (locon.stem, locon.stem)


def test_a_path_stands_for_the_choice(typed, shelves, lora):
    with make_project(typed | {"lora_path": f" {lora} "}, shelves) as tuning:
        assert tuning.state().subject.lora == lora.name


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("lora", "/etc/a.safetensors", "none of the folders"),
        ("lora_path", "/etc/a.safetensors", "none of the folders"),
        ("model", "/etc", "none of the folders"),
        ("model_path", "nothing", "none of the folders"),
        ("prompts", " \n", "no prompt"),
        ("prompts", "1girl <lora:a:1>", "neither a file nor in the folders"),
        ("negative", "<lora:a:1>", "write it into the prompt"),
        ("seeds", "1-", "is not a seed"),
        ("size", "512", "is not a size"),
        ("size", "500x512", "the nearest size is 504x512"),
        ("steps", "0", "no number of steps"),
        ("steps", "1e3", "no number of steps"),
        ("cfg", "101", "no CFG scale"),
        ("cfg", "nan", "no CFG scale"),
        ("sampler", "Hein", "no sampler"),
        ("strength", "x", "is not a number"),
        ("weights", "1,2,3", "A vector of length 3"),
        ("weights", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "fill"),
        ("fill", "x", "is not a number"),
        ("name", "a\nb", "one line"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(typed, shelves, field, text, words):
    errors = form_errors(typed | {field: text}, shelves)
    assert list(errors) == [field]
    assert words in errors[field]
    assert not shelves.projects.exists()


@given(st.dictionaries(st.sampled_from(sorted(empty_form())), st.text()))
def test_whatever_is_typed_has_a_project_or_sentences(fields):
    shelves = Shelves(Library(()), ModelLibrary(()), Path("/nowhere"))
    for sentence in form_errors(empty_form() | fields, shelves).values():
        assert "\n" not in sentence


def test_what_only_making_it_shows_leaves_no_folder_behind(typed, shelves, model):
    (model / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(BlockweightError, match="not a diffusers model"):
        make_project(typed, shelves)
    assert not shelves.projects.exists()


def test_a_project_that_is_refused_at_last_leaves_no_folder_behind(typed, shelves):
    with pytest.raises(BlockweightError, match="length 2"):
        make_project(typed | {"weights": "1,2"}, shelves)
    assert list(shelves.projects.iterdir()) == []


def test_an_infotext_fills_the_form_and_what_it_does_not_say_stays(typed, shelves):
    filled = filled_form(typed, read_generation(TUTORIAL, Settings()))
    assert filled["prompts"] == "1girl, gobuhime, longhair, hairornament, choker"
    assert (filled["steps"], filled["cfg"], filled["size"]) == ("25", "8", "512x512")
    assert {name: filled[name] for name in ("name", "lora", "model", "seeds")} == {
        name: typed[name] for name in ("name", "lora", "model", "seeds")
    }


def test_a_prompt_of_several_lines_is_one(typed):
    text = "1girl,\n  red dress\nNegative prompt: bad,\nworse\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5"
    filled = filled_form(typed, read_generation(text, Settings()))
    assert (filled["prompts"], filled["negative"]) == ("1girl, red dress", "bad, worse")


def test_the_lora_of_an_infotext_takes_the_place_of_a_path(typed, locon):
    text = f"1girl <lora:{locon.stem}:0.5>\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5"
    found = read_generation(text, Settings(loras=(locon.parent,)))
    filled = filled_form(typed | {"lora": "", "lora_path": "/elsewhere"}, found)
    assert (filled["lora"], filled["lora_path"], filled["strength"]) == (str(locon), "", "0.5")


def test_an_infotexts_other_loras_stand_in_the_prompt_as_tags(typed, locon, lora):
    text = f"a <lora:{locon.stem}:1:lbw=ALL> <lora:{lora.stem}:1>\nSteps: 20, Sampler: Euler, RNG: CPU"
    found = read_generation(text, Settings(loras=(locon.parent,)))
    assert filled_form(typed, found)["prompts"] == f"a <lora:{lora.stem}:1:lbw={','.join(['1'] * 26)}>"


def test_the_demo_is_made_once_and_then_opened_again(tmp_path):
    with open_demo(tmp_path) as tuning:
        made = tuning.state()
    assert [scene.width for scene in made.scenes] == [64, 64, 64]
    with open_demo(tmp_path) as tuning:
        assert (tuning.folder, tuning.state().version) == (tmp_path / FOLDER, made.version)


def test_the_demo_comes_with_a_mask_so_that_its_suggestions_say_something(tmp_path):
    with open_demo(tmp_path, region="顔") as tuning:
        plan = planned_analysis(tuning.state())
        shares = [mask_of(tuning, name).mean() for name in plan.masks]
    assert (plan.region, len(shares)) == ("顔", 3)
    assert all(0.1 < share < 0.6 for share in shares)


def test_the_demo_is_opened_where_it_was_made(tmp_path):
    with open_demo(tmp_path / "first") as tuning:
        folder = tuning.folder
    with open_demo(tmp_path / "second", [tmp_path, folder]) as tuning:
        assert tuning.folder == folder
    assert not (tmp_path / "second").exists()


def test_another_project_in_the_demos_place_is_left_alone(tmp_path, locon, model):
    make(tmp_path / FOLDER, locon, model).close()
    before = tree(tmp_path / FOLDER)
    with open_demo(tmp_path) as tuning:
        assert tuning.folder == tmp_path / f"{FOLDER} 2"
    assert tree(tmp_path / FOLDER) == before
