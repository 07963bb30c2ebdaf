"""The list of recent projects."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from projects import make, render

from blockweight.errors import BlockweightError
from blockweight.workflow.config_folder import config_folder
from blockweight.workflow.overviews import overview
from blockweight.workflow.project_text import list_facts, list_lines
from blockweight.workflow.recent_projects import MOST, forget, recent_projects, remember
from blockweight.workflow.tuning_project import open_project
from blockweight.workflow.tuning_rounds import plan_round, round_grid


@pytest.fixture
def project(tmp_path, locon, model):
    with make(tmp_path / "ゴブ姫", locon, model) as tuning:
        plan_round(tuning, "Sub", 0.5)
        render(tuning)
    return tmp_path / "ゴブ姫"


def names():
    return [each.name for each in recent_projects()]


def test_there_are_none_at_first():
    assert recent_projects() == ()
    assert list(list_lines(list_facts())) == ["No project was opened yet; make one with 'blockweight project new'."]


def test_the_latest_opened_is_first_and_each_is_there_once(tmp_path, project, locon, model):
    make(tmp_path / "second", locon, model).close()
    assert names() == ["second", "ゴブ姫"]
    open_project(project / ".." / "ゴブ姫").close()
    assert names() == ["ゴブ姫", "second"]


def test_only_so_many_are_remembered(tmp_path):
    for number in range(MOST + 5):
        remember(tmp_path / str(number), str(number))
    assert names() == [str(number) for number in range(MOST + 4, 4, -1)]


def test_of_projects_that_are_opened_at_once_none_is_lost(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: remember(tmp_path / str(number), str(number)), range(40)))
    assert sorted(names(), key=int) == [str(number) for number in range(40)]


def test_a_project_is_forgotten_and_its_folder_kept(project):
    forget(project)
    assert recent_projects() == ()
    open_project(project).close()


def test_a_folder_that_is_gone_is_listed_as_such(project):
    shutil.rmtree(project)
    (recent,) = recent_projects()
    assert not recent.there
    assert "error" in list_facts()[0]
    assert "cannot be opened" in next(iter(list_lines(list_facts())))


def test_an_overview_counts_the_pictures_and_has_the_latest_as_cover(project):
    found = overview(project)
    with open_project(project) as tuning:
        last = round_grid(tuning).keys[-1][-1]
    assert (found.pictures, found.cover) == (10, last)
    assert found.weights.startswith("ゴブ姫:1,1")
    (project / "pictures" / f"{last}.png").unlink()
    assert overview(project).cover not in {None, last}
    with pytest.raises(BlockweightError, match="no project in"):
        overview(project / "none")


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"folder": 5}]', "null", "[" * 9999])
def test_a_damaged_list_is_an_empty_one_and_fills_again(project, config, text):
    (config / "recent.json").write_text(text)
    assert recent_projects() == ()
    open_project(project).close()
    assert names() == ["ゴブ姫"]


def test_a_list_that_cannot_be_written_keeps_nobody_from_working(project, config):
    shutil.rmtree(config)
    config.write_text("a file")
    open_project(project).close()
    assert recent_projects() == ()


def test_the_config_folder_is_the_systems_unless_another_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("BLOCKWEIGHT_CONFIG", str(tmp_path))
    assert config_folder() == tmp_path
    monkeypatch.delenv("BLOCKWEIGHT_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert Path(config_folder()).name == "blockweight"
