"""What a list shows of a project is kept until its log changes."""

from __future__ import annotations

import json

import pytest
from projects import make, render

from blockweight.workflow import overviews
from blockweight.workflow.overviews import overview
from blockweight.workflow.project_list import listed_projects
from blockweight.workflow.tuning import fix, rename
from blockweight.workflow.tuning_project import open_project
from blockweight.workflow.tuning_rounds import plan_round


@pytest.fixture
def folder(tmp_path, locon, model, monkeypatch):
    monkeypatch.setattr(overviews, "_SETTLED", 0.0)
    with make(tmp_path / "ゴブ姫", locon, model) as tuning:
        plan_round(tuning, "Sub", 0.5)
        render(tuning)
    return tmp_path / "ゴブ姫"


@pytest.fixture
def reads(monkeypatch):
    """How often a project's log is really read."""
    read = []
    real = overviews.overview_of
    monkeypatch.setattr(overviews, "overview_of", lambda *opened: read.append(1) or real(*opened))
    return read


def test_a_log_that_did_not_change_is_read_once(folder, reads):
    first = overview(folder)
    assert [overview(folder) for _ in range(3)] == [first] * 3
    assert len(reads) == 1


def test_a_change_is_seen(folder):
    overview(folder)
    with open_project(folder) as tuning:
        rename(tuning, "王女")
        assert overview(folder).name == "王女"
        rename(tuning, "姫")
        assert overview(folder).name == "姫"
    assert overview(folder).name == "姫"


def test_a_log_that_has_just_changed_is_read_again(folder, reads, monkeypatch):
    monkeypatch.setattr(overviews, "_SETTLED", 3600.0)
    overview(folder)
    overview(folder)
    assert len(reads) == 2


def test_a_cover_that_is_gone_is_replaced(folder):
    cover = overview(folder).cover
    (folder / "pictures" / f"{cover}.png").unlink()
    assert overview(folder).cover not in (None, cover)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', "[" * 9999, None, "{folder: {}}"])
def test_kept_overviews_that_are_damaged_fill_again(folder, config, reads, text):
    first = overview(folder)
    file = config / "overviews.json"
    if text is None:
        kept = json.loads(file.read_text())
        text = json.dumps({name: {**each, "overview": {"name": 1}} for name, each in kept.items()})
    file.write_text(text)
    assert [overview(folder), overview(folder)] == [first, first]
    assert len(reads) == 2


def test_only_so_many_are_kept(folder, tmp_path, locon, model, config, monkeypatch):
    monkeypatch.setattr(overviews, "MOST", 1)
    overview(folder)
    make(tmp_path / "second", locon, model).close()
    overview(tmp_path / "second")
    assert [name.rpartition("/")[2] for name in json.loads((config / "overviews.json").read_text())] == ["second"]


def test_a_project_that_is_open_is_not_opened_again_for_the_list(folder, monkeypatch):
    with open_project(folder) as tuning:
        fix(tuning, "IN01")
        monkeypatch.setattr("blockweight.workflow.project_list.overview", None)
        (listed,) = listed_projects([folder], {folder: tuning})
    assert (listed.overview.pictures, listed.error) == (10, "")
