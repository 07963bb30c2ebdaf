"""`blockweight project scenes`, `demo`, `rename` and `forget`, as a person types them."""

from __future__ import annotations

import json

import pytest

from blockweight.workflow.recent_projects import recent_projects


@pytest.fixture
def scenes(blockweight, locon, model, tmp_path, monkeypatch):
    """`blockweight project scenes …` on a project in one scene."""
    monkeypatch.chdir(tmp_path)
    files = ("--lora", locon, "--model", model)
    made = blockweight("project", "new", "girl", *files, "--prompt", "1girl", "--size", "32x24", "--negative", "blurry")
    assert made.code == 0
    return lambda command, *rest: blockweight("project", "scenes", command, "girl", *rest)


def test_scenes_are_listed_added_changed_and_removed(scenes):
    assert scenes("list").out.splitlines() == [
        "  1  '1girl' seed 1, 32x24, 20 steps of DPM++ 2M Karras, CFG 7",
        "     without 'blurry'",
    ]
    scenes("add", "--prompt", "2girls", "--prompt", "3girls", "--seeds", "1-2", "--negative", "")
    scenes("change", "3", "--sampler", "Euler", "--cfg", "5")
    assert scenes("remove", "1").out.splitlines() == [
        "  1  '2girls' seed 1, 32x24, 20 steps of DPM++ 2M Karras, CFG 7",
        "  2  '2girls' seed 2, 32x24, 20 steps of Euler, CFG 5",
        "  3  '3girls' seed 1, 32x24, 20 steps of DPM++ 2M Karras, CFG 7",
        "  4  '3girls' seed 2, 32x24, 20 steps of DPM++ 2M Karras, CFG 7",
    ]


def test_json_has_the_numbers(scenes):
    (scene,) = json.loads(scenes("list", "--json").out)
    assert (scene["number"], scene["prompt"], scene["seed"]) == (1, "1girl", 1)


@pytest.mark.parametrize(
    ("command", "rest", "words"),
    [
        ("add", (), "has these scenes already"),
        ("add", ("--seeds", "x"), "is not a seed"),
        ("change", ("1", "--steps", "many"), "no number of steps"),
        ("change", ("2", "--cfg", "5"), "no scene 2"),
        ("remove", ("1",), "needs a scene"),
        ("remove", ("0",), "no scene 0"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(scenes, command, rest, words):
    before = scenes("list").out
    ended = scenes(command, *rest)
    assert (ended.code, words in ended.err) == (2, True)
    assert scenes("list").out == before


def test_the_demo_is_made_in_the_folder_for_projects_and_opened_again(blockweight, config):
    folder = config.parent / "documents" / "Blockweight" / "Gobuhime demo"
    for _ in range(2):
        ended = blockweight("project", "demo")
        assert (ended.code, ended.out.splitlines()[0]) == (0, f"Folder:  {folder}")
    assert [path.name for path in folder.parent.iterdir()] == ["Gobuhime demo"]


def test_a_project_is_forgotten(blockweight, scenes, tmp_path):
    assert blockweight("project", "forget", "girl").code == 0
    assert recent_projects() == ()
    assert (tmp_path / "girl" / "project.sqlite").exists()


def test_a_project_is_renamed(blockweight, scenes):
    assert blockweight("project", "rename", "girl", "王女").out.splitlines()[0] == "Project:  王女"
    assert "王女" in blockweight("project", "list").out
    ended = blockweight("project", "rename", "girl", " ")
    assert (ended.code, ended.err) == (2, "Error: A project needs a name; give it one.\n")
