"""Bake & publish: the report stays, files are written only where they may be, and text stays text."""

from __future__ import annotations

import html
import re

import pytest
import tuned
from starlette.testclient import TestClient
from studio_server import HOST, OWN

from blockweight.demo.embedded import lora_file
from blockweight.lora.header import read_header
from blockweight.lora.metadata import read_covers
from blockweight.studio.app import make_app
from blockweight.studio.door import Address, Door
from blockweight.studio.projects import Desk, identity_of
from blockweight.workflow.project_bake import bake_path, find_bake
from workshop import WEIGHTS, tree


@pytest.fixture
def project(shelf, tmp_path):
    options = {"name": tuned.ODD, "weights": tuned.MINE}
    with tuned.make(tmp_path / "project", shelf / "princess.safetensors", **options) as tuning:
        yield tuning


@pytest.fixture
def place(project):
    return f"/projects/{identity_of(project.folder)}/bake"


@pytest.fixture
def metadata(client, project, place):
    """The address of a baked file's metadata."""
    bake(client, project, place)
    return f"{place}/metadata/{find_bake(project.state()).number}"


def bake(client, project, place, **form):
    given = {"weights": tuned.MINE, "folder": str(project.folder), "file": "new.safetensors", **form}
    return client.post(place, data=given)


def baked(project):
    return bake_path(project.state(), find_bake(project.state()))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_shows_what_baking_would_do_with_the_current_weights(client, place, language):
    answer = client.get(place, headers={"accept-language": language})
    assert answer.status_code == 200
    for words in (tuned.MINE, "princess_1.0_Mine.safetensors", "sd-scripts"):
        assert words in html.unescape(answer.text)
    assert ("焼き込みと公開" in answer.text) == (language == "ja")
    assert tuned.ODD not in answer.text


def test_a_report_is_there_after_the_studio_was_started_anew(client, project, place):
    answer = bake(client, project, place)
    assert answer.status_code == 303
    app = make_app(Door(Address()), Desk())
    again = TestClient(app, base_url=f"http://{HOST}", headers={**OWN, "accept": "text/html"})
    report = again.get(answer.headers["location"])
    assert (report.status_code, "Baked and verified" in report.text, tuned.MINE in report.text) == (200, True, True)
    assert "new.safetensors" in again.get(place).text


@pytest.mark.parametrize(
    "form",
    [{"folder": "/"}, {"folder": ""}, {"file": "../new.safetensors"}, {"file": "new.txt"}, {"weights": "1,2"},
     {"strength": "x"}, {"via": "magic"}, {"weights": ""}],
)  # fmt: skip
def test_a_bake_that_is_refused_shows_the_form_with_the_reason_and_writes_nothing(client, project, place, form):
    before = tree(project.folder.parent)
    answer = bake(client, project, place, **form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert tree(project.folder.parent).keys() == before.keys()
    assert project.state().bakes == ()


def test_the_difference_is_shown_before_it_is_written(client, project, metadata):
    form = {"key": "ssmd_display_name", "text": tuned.ODD, "recommended": "", "do": "show"}
    before = baked(project).read_bytes()
    shown = client.post(metadata, data=form)
    assert (shown.status_code, tuned.ODD in shown.text) == (200, False)
    assert f"+ ssmd_display_name: {tuned.ODD}" in html.unescape(shown.text)
    assert baked(project).read_bytes() == before
    written = client.post(metadata, data={**form, "do": "write"})
    assert written.status_code == 303
    assert read_header(baked(project)).metadata["ssmd_display_name"] == tuned.ODD
    assert client.post(metadata, data={**form, "do": "undo"}).status_code == 303
    assert baked(project).read_bytes() == before


def test_a_cover_is_cut_from_a_picture_of_the_project(client, project, metadata):
    tuned.compared(project)
    (key, *_) = re.findall(r'name="cover" value="([0-9a-f]{32})"', client.get(metadata).text)
    client.post(metadata, data={"cover": key, "crop": "0,0,32,48", "do": "write"})
    (cover,) = read_covers(read_header(baked(project)).metadata)
    assert (cover.width, cover.height) == (32, 48)


@pytest.mark.parametrize(
    "form", [{"cover": "../../etc/passwd"}, {"cover": "0" * 32}, {"key": ["a", "b"], "text": "c"}, {"others": "x"}]
)
def test_metadata_that_cannot_be_are_refused_and_the_file_stays(client, project, metadata, form):
    before = baked(project).read_bytes()
    assert client.post(metadata, data={**form, "do": "write"}).status_code == 422
    assert baked(project).read_bytes() == before


def test_only_files_of_the_projects_folders_are_changed(client, project, place, tmp_path):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    bake(client, project, place)
    moved = baked(project).rename(outside / "new.safetensors")
    baked(project).symlink_to(moved)
    number = find_bake(project.state()).number
    assert client.get(f"{place}/metadata/{number}").status_code == 422


@pytest.mark.parametrize("which", ["0", "99", "x", "1e3", "９"])
def test_metadata_of_what_was_not_baked_are_refused(client, place, which):
    assert client.get(f"{place}/metadata/{which}").status_code == 422


def test_the_originals_metadata_can_recommend_the_weights(client, project, place, shelf):
    client.post(f"{place}/metadata/original", data={"recommended": f"G:{WEIGHTS}", "do": "write"})
    assert "blockweight.recommended_weights" in read_header(shelf / "princess.safetensors").metadata


def test_a_lora_that_ships_with_the_program_stays_as_it_is(client, shelf, tmp_path):
    with tuned.make(tmp_path / "embedded", lora_file("gobuhime")) as project:
        place = f"/projects/{identity_of(project.folder)}/bake"
        assert client.get(place).status_code == 200
        answer = client.post(f"{place}/metadata/original", data={"key": "ssmd_author", "text": "me", "do": "write"})
    assert (answer.status_code, "stays as it is" in answer.text) == (422, True)
