"""Projects that are not what they were: replaced while they are open, full of links, or with names that are no text."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import zipfile
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from studio_server import HOST, OWN
from tuned import compared, make

from blockweight.studio.app import make_app
from blockweight.studio.door import Address, Door
from blockweight.studio.projects import Desk, identity_of
from blockweight.workflow.settings import Settings, save_settings
from blockweight.workflow.tuning_project import open_project

SECRET = b"nobody's business"
PAGES = ("", "/tune", "/tune/view", "/analyse", "/analyse/view", "/compare", "/compare/view", "/bake")

needs_links = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")


@pytest.fixture
def folder(config, tmp_path, shelf):
    """The folder of a project with pictures, among the projects."""
    save_settings(Settings(loras=(shelf,), projects=tmp_path / "projects"))
    with make(tmp_path / "projects" / "mine", shelf / "princess.safetensors") as tuning:
        compared(tuning)
    return tuning.folder


def address(folder: Path) -> str:
    return f"/projects/{identity_of(folder)}"


def act(client, folder, **data):
    return client.post(f"{address(folder)}/acts", json={"id": "a", **data}, headers={"accept": "*/*"})


def fixed(folder):
    with open_project(folder) as tuning:
        return tuning.state().fixed


def test_what_is_decided_goes_to_the_project_that_was_put_in_the_place_of_an_open_one(client, folder):
    copy = shutil.copytree(folder, folder.with_name("copy"))
    assert act(client, folder, act="fix", blocks="IN01").status_code == 200
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    assert act(client, folder, act="fix", blocks="IN05", id="b").status_code == 200
    assert fixed(folder) == ("IN05",)
    assert client.get(f"{address(folder)}/tune/view").json()["fixed"] == ["IN05"]


def test_a_project_whose_folder_was_moved_away_is_not_there_until_it_is_back(client, folder):
    assert client.get(address(folder)).status_code == 200
    away = folder.rename(folder.with_name("away"))
    assert act(client, folder, act="fix", blocks="IN01").status_code == 404
    away.rename(folder)
    assert act(client, folder, act="fix", blocks="IN01").status_code == 200
    assert fixed(folder) == ("IN01",)


@needs_links
def test_links_in_a_projects_folder_show_nothing_from_elsewhere(client, folder, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    place, key = address(folder), "a" * 32
    for link, path in (
        (f"pictures/{key}.png", f"pictures/{key}.png"),
        (f"thumbnails/96/{key}.jpg", f"thumbnails/96/{key}.jpg"),
        (f"masks/{key[:16]}.png", f"masks/{key[:16]}.png"),
        (f"thumbnails/difference/{key}-{key}-black.png", f"differences/{key}/{key}.png"),
    ):
        file = folder / link
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(secret)
        answer = client.get(f"{place}/{path}")
        assert (answer.status_code in (404, 422), SECRET in answer.content) == (True, False)
    assert secret.read_bytes() == SECRET


@needs_links
def test_a_thumbnail_is_written_to_no_place_that_a_link_says(client, folder, tmp_path):
    picture = next((folder / "pictures").glob("*.png"))
    link = folder / "thumbnails" / "96" / f"{picture.stem}.jpg"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "elsewhere.jpg")
    assert client.get(f"{address(folder)}/thumbnails/96/{picture.stem}.jpg").status_code == 200
    assert not (tmp_path / "elsewhere.jpg").exists()


def test_a_picture_of_another_folder_is_no_cover(client, folder, tmp_path):
    answer = client.post(f"{address(folder)}/bake/metadata/original", data={"cover": "b" * 32})
    assert (answer.status_code, "no picture of the project" in answer.text) == (422, True)


def imported(client, folder, old: str, new: str):
    """The project again as a zip of another hand, with other words in its events."""
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{address(folder)}/export.zip").content))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as target:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "events.jsonl":
                assert old.encode() in data
                data = data.replace(old.encode(), new.encode())
            target.writestr(name, data)
    headers = {"content-type": "application/zip", "accept": "*/*"}
    return client.post("/projects/import?name=other.zip", content=changed.getvalue(), headers=headers)


@pytest.mark.parametrize(("old", "new"), [('"name": "mine"', '"name": "\\ud800"'), ("1girl", "\\udfff"),
                                         ('"label": "ALL"', '"label": "\\ud800"')])  # fmt: skip
def test_a_project_with_half_a_letter_in_its_words_is_not_imported(client, folder, old, new):
    answer = imported(client, folder, old, new)
    assert (answer.status_code, "cannot be read" in answer.json()["error"]) == (422, True)
    assert [path.name for path in folder.parent.iterdir() if path.name != "model"] == ["mine"]


def test_a_lora_whose_name_is_no_text_breaks_no_page(client, folder):
    answer = imported(client, folder, "princess.safetensors", "\\udcff.safetensors")
    for path in ("/", *(f"{answer.json()['place']}{page}" for page in PAGES)):
        assert client.get(path).status_code == 200, path


@pytest.mark.skipif(os.name == "nt", reason="needs names that are bytes")
def test_a_project_folder_whose_name_is_no_text_breaks_no_page(client, folder):
    odd = Path(os.fsdecode(os.fsencode(folder.parent) + b"/\xff"))
    shutil.copytree(folder, odd)
    for path in ("/", *(f"{address(odd)}{page}" for page in PAGES)):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "path", ["compare?number=x", "bake/reports/x", "thumbnails/x/x.jpg", "tune/cost", "events?since=x"]
)
def test_an_address_with_words_for_numbers_leads_nowhere(client, folder, path):
    answer = client.get(f"{address(folder)}/{path}")
    assert (answer.status_code, "There is nothing here" in answer.text) == (404, True)


def test_nothing_is_rendered_for_a_work_that_there_is_not(client, folder):
    answer = client.post(f"{address(folder)}/render", json={"work": "other"}, headers={"accept": "*/*"})
    assert (answer.status_code, "load the page anew" in answer.json()["error"]) == (422, True)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [("rendered", "{}", 200), ("rendered", "[]", 422), ("weights set", "{bad", 422), ("baked", '{"report": {}}', 422)],
)
def test_a_log_with_an_odd_fact_is_read_or_said_and_home_lives(client, folder, kind, body, status):
    log = sqlite3.connect(folder / "project.sqlite")
    with log:
        log.execute("INSERT INTO events (time, kind, body) VALUES ('2026-01-01T00:00:00+00:00', ?, ?)", (kind, body))
    log.close()
    assert client.get("/").status_code == 200
    for page in (*PAGES, "/tune/cost?kind=Sub&step=0.5"):
        assert client.get(f"{address(folder)}{page}").status_code == status, page


def test_an_act_that_the_full_disk_keeps_out_is_no_refusal_and_goes_in_once_there_is_room(folder):
    desk = Desk()
    client = TestClient(make_app(Door(Address()), desk), base_url=f"http://{HOST}", headers=OWN)
    tuning = desk.find(identity_of(folder))
    (pages,) = tuning.project.log._db.execute("PRAGMA page_count").fetchone()
    tuning.project.log._db.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        sent = {"id": f"act {number}", "act": "set cells", "cells": {"IN01": str(number / 7)}}
        answer = client.post(f"{address(folder)}/acts", json=sent)
        if answer.status_code != 200:
            break
    assert answer.status_code == 503, answer.text
    assert "make room if the disk is full" in answer.json()["error"]
    tuning.project.log._db.execute("PRAGMA max_page_count = 1000000")
    assert client.post(f"{address(folder)}/acts", json=sent).status_code == 200
    assert tuning.state().weights.weight("IN01") == number / 7
    desk.close()
