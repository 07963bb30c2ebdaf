"""Where new projects go, and which projects a list shows."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import make, render

from blockweight.errors import BlockweightError
from blockweight.workflow.project_list import MOST_SHOWN, listed_projects, project_folders
from blockweight.workflow.projects_folder import folder_name, free_folder, new_folder, projects_folder, projects_in
from blockweight.workflow.recent_projects import forget
from blockweight.workflow.settings import Settings, folder_to_be, load_settings, save_settings
from blockweight.workflow.tuning_rounds import plan_round
from workshop import tree


def test_it_is_in_the_documents_unless_another_is_set(config, tmp_path):
    assert projects_folder(Settings()) == config.parent / "documents" / "Blockweight"
    assert not projects_folder(Settings()).exists()
    assert projects_folder(Settings(projects=tmp_path)) == tmp_path


def test_the_setting_is_kept(tmp_path):
    save_settings(Settings(projects=tmp_path / 'ゴブ"姫'))
    assert load_settings().projects == tmp_path / 'ゴブ"姫'


def test_a_folder_that_is_not_there_yet_may_be_set(tmp_path):
    assert folder_to_be(f" {tmp_path}/new ") == tmp_path / "new"
    assert folder_to_be("  ") is None


@pytest.mark.parametrize("text", ["relative", "~nobody-here/x", "{folder}/file", "\x00/a"])
def test_what_cannot_be_a_folder_is_refused(tmp_path, text):
    (tmp_path / "file").write_text("")
    with pytest.raises(BlockweightError):
        folder_to_be(text.format(folder=tmp_path))


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("ゴブ姫", "ゴブ姫"),
        (" a / b ", "a - b"),
        ("../..", "-"),
        ("..", "project"),
        ("", "project"),
        ("con", "con-project"),
        ("LPT1.x", "LPT1.x-project"),
        ("a\n\x00b", "a--b"),
        ("x" * 500, "x" * 120),
        ("<b>", "-b-"),
    ],
)
def test_a_project_is_called_as_it_is_where_folders_can_be(name, folder):
    assert folder_name(name) == folder


@given(st.text())
def test_a_folders_name_is_one_on_every_system(name):
    made = folder_name(name)
    assert made == Path(made).name
    assert made.strip(" .") == made
    assert not set(made) & set('<>:"/\\|?*')
    assert 0 < len(made.encode()) <= 128


def test_a_new_folder_is_never_another_projects(tmp_path):
    parent = tmp_path / "documents" / "Blockweight"
    assert [new_folder(parent, "girl").name for _ in range(3)] == ["girl", "girl 2", "girl 3"]
    assert free_folder(parent, "girl") == parent / "girl 4"
    assert not (parent / "girl 4").exists()


def test_a_file_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "girl").write_text("mine")
    (tmp_path / "girl 2").symlink_to(tmp_path / "nowhere")
    assert new_folder(tmp_path, "girl") == tmp_path / "girl 3"
    assert free_folder(tmp_path, "girl") == tmp_path / "girl 4"
    assert (tmp_path / "girl").read_text() == "mine"


def test_a_place_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for make_one in (new_folder, free_folder):
        with pytest.raises(BlockweightError, match="choose another folder for projects"):
            make_one(tmp_path / "file", "girl")


def test_the_projects_of_a_folder_are_those_with_a_log_latest_first(tmp_path, locon, model):
    home = tmp_path / "projects"
    for name in ("first", "second"):
        make(home / name, locon, model).close()
    (home / "empty").mkdir()
    os.utime(home / "first" / "project.sqlite", (2e9, 2e9))
    assert [path.name for path in projects_in(home)] == ["first", "second"]
    assert projects_in(tmp_path / "nothing") == ()


def test_the_list_has_those_opened_lately_first_then_those_in_the_folder(tmp_path, locon, model):
    home = tmp_path / "projects"
    make(home / "unopened", locon, model).close()
    forget(home / "unopened")
    make(tmp_path / "elsewhere", locon, model).close()
    found = list(listed_projects(project_folders(Settings(projects=home))))
    assert [(each.name, bool(each.opened)) for each in found] == [("elsewhere", True), ("unopened", False)]


def test_the_one_that_is_named_is_listed_too(tmp_path, locon, model):
    make(tmp_path / "named", locon, model).close()
    forget(tmp_path / "named")
    settings = Settings(projects=tmp_path / "none")
    assert list(project_folders(settings)) == []
    assert list(project_folders(settings, tmp_path / "named")) == [tmp_path / "named"]
    assert list(project_folders(settings, tmp_path)) == []


def test_a_project_is_listed_with_its_lora_weights_and_pictures(tmp_path, locon, model):
    with make(tmp_path / "girl", locon, model) as tuning:
        plan_round(tuning, "Sub", 0.5)
        render(tuning)
    (found,) = listed_projects(project_folders(Settings()))
    assert (found.overview.lora, found.overview.pictures, len(found.overview.values)) == (locon.name, 10, 26)


def test_a_folder_that_is_gone_or_damaged_says_so(tmp_path, locon, model):
    for name in ("gone", "damaged"):
        make(tmp_path / name, locon, model).close()
    shutil.rmtree(tmp_path / "gone")
    (tmp_path / "damaged" / "project.sqlite").write_bytes(b"no database")
    damaged, gone = listed_projects(project_folders(Settings()))
    assert (gone.gone, gone.overview) == (True, None)
    assert "is damaged" in damaged.error


def test_only_so_many_are_looked_into(tmp_path, locon, model):
    with make(tmp_path / "0", locon, model):
        pass
    log = (tmp_path / "0" / "project.sqlite").read_bytes()
    folders = [tmp_path / str(number) for number in range(MOST_SHOWN + 2)]
    for folder in folders[1:]:
        folder.mkdir()
        (folder / "project.sqlite").write_bytes(log)
    before = tree(folders[-1])
    found = list(listed_projects(folders))
    assert [each.overview is not None for each in found] == [True] * MOST_SHOWN + [False] * 2
    assert tree(folders[-1]) == before
