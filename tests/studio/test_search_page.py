"""The Search pages: a search asked for, run and taken; choices judged blind, and what they come to."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
import tuned
from PIL import Image

from blockweight.render import FakeRenderer
from blockweight.studio.guard import REPORT_POLICY
from blockweight.studio.projects import identity_of
from blockweight.studio.search_form import search_of_form
from blockweight.workflow.choosing.proposing import current_best
from blockweight.workflow.choosing.running import render_choices
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.search.form import auto_command
from blockweight.workflow.search.running import run_search
from blockweight.workflow.settings import Settings, save_settings
from blockweight.workflow.tuning import set_scenes

PLAIN = {"accept": "*/*"}
BY_HAND = "a=IN01;b=IN02"
ASKED = {"objectives": "raise kept", "budget": "60pictures", "segments": BY_HAND, "grid": "0,0.5,1", "seeds": "11,12"}
CHOSEN = {"segments": BY_HAND, "grid": "", "seed": "1", "scenes": [1]}


@pytest.fixture
def project(shelf, tmp_path):
    with tuned.make(tmp_path / "project", shelf / "princess.safetensors") as tuning:
        yield tuning


@pytest.fixture
def place(project):
    return f"/projects/{identity_of(project.folder)}"


def act(client, place, name, number, **data):
    return client.post(f"{place}/acts", json={"act": name, "id": f"{name} {number}", **data}, headers=PLAIN)


def test_a_search_is_costed_begun_found_and_taken(client, project, place):
    assert "Nothing was searched for yet" in client.get(f"{place}/search").text
    told = client.post(f"{place}/search/cost", json=ASKED, headers=PLAIN).json()
    assert told["text"].startswith("at most ")
    assert "2 segments · 2 scenes to search in, 2 held out" in told["text"]
    assert "--hold-out-seeds 11,12" in told["command"]
    for _ in range(2):
        assert act(client, place, "begin search", 1, **ASKED).status_code == 200
    assert len(project.state().searches) == 1
    assert "raise kept" in client.get(f"{place}/search/view").json()["begun"]
    run_search(project, FakeRenderer, SilentProgress())
    view = client.get(f"{place}/search/view").json()
    assert view["begun"] == ""
    assert 'data-take="1"' in view["found"]
    assert "offered" in client.get(f"{place}/search/front.svg").text
    japanese = client.get(f"{place}/search/front.svg", headers={"accept-language": "ja"}).text
    assert "候補" in japanese
    assert not re.search(r">[^<]*(offered|held out|no LoRA|to raise|blocks changed)", japanese.split("</desc>")[1])
    assert client.get(f"{place}/search/search-01/page.html").headers["content-security-policy"] == REPORT_POLICY
    assert act(client, place, "take choice", 1, search=1, choice=1).status_code == 200
    plan = project.state().searches[0]
    assert project.state().weights == plan.weights_of(plan.choices[0].weights, plan.weights.name)


def test_all_that_the_command_takes_can_be_typed(client, project, place, tmp_path):
    array = np.zeros((48, 64, 3), np.uint8)
    array[:20] = 255
    files = {name: _saved(array + add) for name, add in (("target", 0), ("example", 1))}
    made = {name: upload(client, place, "targets", data).json()["name"] for name, data in files.items()}
    mask = upload(client, place, "masks", files["target"]).json()["name"]
    typed = {
        "objectives": "likeness, raise light:inside, lower embedding",
        "grid": "",
        "low": "-0.5",
        "high": "1.5",
        "hold_out": "",
        "mask": "file",
        "mask_file": mask,
        "target": made["target"],
        "examples": [made["example"], made["target"]],
        "sampler": "nsga2",
        "seed": "7",
        "also": "coat",
        "also_segments": "x=IN01",
    }
    asked = search_of_form(project, {**ASKED, **typed})
    command = auto_command(project, asked).split()
    for option, *values in (
        ("--between", "-0.5", "1.5"),
        ("--hold-out-seeds", "11,12"),
        ("--hold-out-mask", f"masks/{mask}.png"),
        ("--target", f"targets/{made['target']}.png"),
        ("--example", f"targets/{made['example']}.png"),
        ("--sampler", "nsga2"),
        ("--seed", "7"),
        ("--also", "coat"),
        ("--also-segments", "x=IN01"),
    ):
        at = command.index(option)
        assert command[at + 1 : at + 1 + len(values)] == values
    assert "--grid" not in command
    assert [path.stem for path in asked.examples] == typed["examples"]
    shares = [search_of_form(project, {**ASKED, "hold_out": text}).hold_out for text in ("25 %", "0.25", " ")]
    assert shares == [0.25, 0.25, None]


def test_a_search_near_an_uploaded_target_is_begun(client, project, place):
    name = upload(client, place, "targets", _saved(np.zeros((48, 64, 3), np.uint8))).json()["name"]
    asked = {**ASKED, "objectives": "likeness", "target": name}
    assert act(client, place, "begin search", 1, **asked).status_code == 200
    assert project.state().searches[0].target == name


def test_models_of_pictures_come_from_the_folders_of_the_settings_alone(client, project, place, tmp_path):
    for folder in ("models/clip", "elsewhere/clip", "models/whole/feature"):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
            (tmp_path / folder / name).write_text("{}")
    (tmp_path / "models/whole/model_index.json").write_text("{}")
    save_settings(Settings(models=(tmp_path / "models",)))
    assert re.findall(r'<option value="(/[^"]*)">([^<]*)', client.get(f"{place}/search").text) == [
        (str(tmp_path / "models/clip"), "clip")
    ]
    asked = {**ASKED, "objectives": "raise prompt", "model": str(tmp_path / "elsewhere/clip")}
    answer = client.post(f"{place}/search/cost", json=asked, headers=PLAIN)
    assert "no model of pictures in the folders of the settings" in answer.json()["error"]


def _saved(array):
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


def upload(client, place, where, data):
    return client.post(f"{place}/search/{where}", content=data, headers=PLAIN)


@pytest.mark.parametrize(
    ("where", "array", "words"),
    [
        ("targets", None, "no picture that can be read"),
        ("masks", None, "no mask that can be read"),
        ("masks", np.zeros((8, 8), np.uint8), "of one colour"),
    ],
)
def test_a_file_that_cannot_be_taken_is_one_sentence(client, project, place, where, array, words):
    answer = upload(client, place, where, b"x" if array is None else _saved(array))
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert not (project.folder / where).exists()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"hold_out": "some"}, "is no share"),
        ({"low": "0", "grid": ""}, "takes both of them"),
        ({"mask": "file"}, "No mask is chosen"),
        ({"mask": "x"}, "no mask to choose"),
        ({"target": "0" * 16}, "is not there"),
        ({"examples": "x"}, "list of texts"),
        ({"sampler": "cma"}, "no sampler"),
        ({"objectives": ""}, "Say what to search for"),
        ({"objectives": "gone"}, "needs a mask"),
        ({"budget": "5pictures"}, "too small"),
        ({"segments": ""}, "no complete analysis"),
        ({"seeds": ""}, "2 others to hold out"),
        ({"seed": "x"}, "not a seed"),
        ({"grid": 3}, "must be a text"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence_in_both_languages(client, project, place, asked, words):
    for language in ("en", "ja"):
        headers = {**PLAIN, "accept-language": language}
        answer = client.post(f"{place}/search/cost", json={**ASKED, **asked}, headers=headers)
        assert (answer.status_code, answer.json()["lang"]) == (422, language)
    assert words in client.post(f"{place}/search/cost", json={**ASKED, **asked}, headers=PLAIN).json()["error"]
    assert project.state().searches == ()


def test_choices_are_blind_until_they_are_judged_once(client, project, place):
    told = client.post(f"{place}/search/choose/cost", json=CHOSEN, headers=PLAIN).json()
    assert told["text"] == "A round: 4 pictures, no time measured yet · 2 segments"
    assert "--scenes 1" in told["command"]
    asked = {**CHOSEN, "low": "0.5", "high": "1.5"}
    told = client.post(f"{place}/search/choose/cost", json=asked, headers=PLAIN).json()
    assert "--between 0.5 1.5 --scenes 1" in told["command"]
    assert act(client, place, "begin choosing", 1, **CHOSEN).status_code == 200
    render_choices(project, FakeRenderer, SilentProgress())
    view = client.get(f"{place}/search/choose/view").json()
    assert (view["round"]["names"], view["stands"], view["undo"]) == (["A", "B", "C", "D"], "", False)
    assert "points" not in view["round"]
    assert "weights" not in view["round"]
    for _ in range(2):
        assert act(client, place, "judge", 1, round=1, best="B", worst="D").status_code == 200
    assert len(project.state().choosing.judged) == 1
    view = client.get(f"{place}/search/choose/view").json()
    assert view["undo"]
    assert "chance of noticeably better weights" in view["stands"]
    assert "<strong>B</strong> · best" in view["stands"]
    assert act(client, place, "judge", 2, round=1, best="A", worst="").status_code == 422
    assert act(client, place, "take preferred", 1).status_code == 200
    best = current_best(project.state().choosing)
    assert [project.state().weights.weight(block) for block in ("IN01", "IN02")] == list(best)


def test_a_round_is_shown_in_scenes_of_different_prompts_unless_somebody_chooses(client, project, place):
    first, second = project.state().scenes
    set_scenes(project, (first, second, replace(first, prompt="1boy", label="1boy")))
    page = client.get(f"{place}/search/choose").text
    assert re.findall(r'name="scene" value="(\d)" checked', page) == ["1", "3"]


def test_a_plane_is_shown_and_the_choosing_ended(client, project, place):
    act(client, place, "begin choosing", 1, **CHOSEN)
    assert act(client, place, "show plane", 1, plane=True).status_code == 200
    view = client.get(f"{place}/search/choose/view").json()
    assert (view["round"]["kind"], len(view["round"]["keys"][0])) == ("plane", 25)
    assert act(client, place, "end choosing", 1).status_code == 200
    assert client.get(f"{place}/search/choose/view").json()["round"] is None
    assert "好み" in client.get(f"{place}/search/choose", headers={"accept-language": "ja"}).text


def test_only_a_searchs_own_files_are_given_away(client, place):
    for path in ("search-01/page.html", "pictures/page.html", "..%2Fx/page.html", "front.svg"):
        assert client.get(f"{place}/search/{path}").status_code in (404, 422), path
