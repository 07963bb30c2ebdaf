"""Plots of anything: what the builder sends is read, refused in a sentence, begun once, shown, and taken away."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from pathlib import Path

import pytest
import tuned
from PIL import Image

from blockweight.render import FakeRenderer
from blockweight.studio.plot_words import GROUPS, TITLES
from blockweight.studio.projects import identity_of
from blockweight.workflow.plots.begun import render_plot
from blockweight.workflow.plots.palette import KINDS
from blockweight.workflow.progress import SilentProgress

ASKED = {"x": [], "y": [], "z": [], "scenes": [], "baseline": "none", "fill": "", "title": "", "language": "en"}
PLAIN = {"accept": "*/*"}


@pytest.fixture
def project(shelf, tmp_path):
    with tuned.make(tmp_path / "project", shelf / "princess.safetensors", weights=tuned.MINE) as tuning:
        yield tuning


@pytest.fixture
def place(project):
    return f"/projects/{identity_of(project.folder)}/compare/plots"


def chip(kind, text="", *chosen):
    return {"kind": kind, "text": text, "chosen": list(chosen)}


STEPS = {"x": [chip("steps", "2,4")]}


def preview(client, place, language="en", **asked):
    headers = {**PLAIN, "accept-language": language}
    return client.post(f"{place}/preview", json={**ASKED, "language": language, **asked}, headers=headers)


def act(client, place, **data):
    return client.post(f"{place.removesuffix('/compare/plots')}/acts", json=data, headers=PLAIN)


def begun(client, place, **asked):
    answer = act(client, place, act="begin plot", id="one", **{**ASKED, **STEPS, **asked})
    assert answer.status_code == 200, answer.text
    return client.get(f"{place}/view").json()["shown"]["number"]


def test_every_kind_has_a_name_and_a_group():
    assert set(TITLES) == {kind.name for kind in KINDS}
    assert set(GROUPS) == {kind.group for kind in KINDS}


@pytest.mark.parametrize(("language", "word"), [("en", "Prompt S/R"), ("ja", "プロンプトS/R")])
def test_the_palette_is_in_the_pages_language_and_offers_the_settings_files(client, place, shelf, language, word):
    page = client.get(place, headers={"accept-language": language}).text
    found = json.loads(re.search(r'id="palette-data">(.*?)</script>', page, re.DOTALL)[1])
    assert word in [kind["title"] for kind in found["kinds"]]
    assert {"value": str(shelf / "standard.safetensors"), "name": "standard.safetensors"} in found["files"]["lora"]


def test_what_is_read_and_what_it_costs_is_told_in_the_pages_language(client, place):
    answer = preview(client, place, "ja", x=[chip("weights", "no LoRA\ncurrent")], y=[chip("steps", "2-6 (+2)")]).json()
    assert answer["chips"][0][0]["labels"] == ["LoRAなし", "現在"]
    assert answer["chips"][1][0]["labels"] == ["2", "4", "6"]
    assert answer["shape"] == {"columns": 2, "rows": 6, "grids": 1}
    assert answer["text"] == "画像12枚、所要時間はまだ計測していません"


@pytest.mark.parametrize(
    ("asked", "where", "words"),
    [
        ({"x": [chip("steps", "2,x")]}, 0, "'x'"),
        ({"x": [chip("lora", "", "/etc/passwd")]}, 0, "not in the folders"),
        ({"x": [chip("init-image", "", "/etc/passwd")]}, 0, "not in the project"),
        ({"x": [chip("steps", "2,4"), chip("cfg", "1,2,3")]}, 0, "2 beside 3"),
        ({"y": [chip("blocks", "IN01,IN02")]}, 1, "need weights"),
    ],
)
def test_what_is_wrong_stands_at_its_chip_in_the_pages_language(client, place, asked, where, words):
    assert words in preview(client, place, **asked).json()["chips"][where][0]["error"]
    spoken = preview(client, place, "ja", **asked).json()["chips"][where][0]
    assert (spoken["lang"], spoken["error"].endswith("。")) == ("ja", True)


def png(colour="green", size=(32, 24)):
    held = io.BytesIO()
    Image.new("RGB", size, colour).save(held, "PNG")
    return held.getvalue()


def send(client, place, data, name="my map.png"):
    return client.post(f"{place}/pictures", params={"name": name}, content=data, headers=PLAIN)


def test_a_picture_is_added_to_the_project_and_drawn_over(client, project, place):
    added = [send(client, place, png(colour)).json() for colour in ("green", "red", "green")]
    assert added[0] == added[2]
    paths = [each["value"] for each in added[:2]]
    assert all(path.startswith(str(project.folder / "inputs" / "my_map-")) for path in paths)
    found = json.loads(re.search(r'id="palette-data">(.*?)</script>', client.get(place).text, re.DOTALL)[1])
    assert sorted(paths) == [each["value"] for each in found["files"]["picture"]]
    asked = {"x": [chip("init-image", "", *paths)], "y": [chip("denoise", "0.3,0.5")], "scenes": [1]}
    answer = preview(client, place, **asked).json()
    assert (answer["error"], answer["shape"]) == ("", {"columns": 2, "rows": 2, "grids": 1})
    begun(client, place, **asked)
    (plot,) = project.state().plots
    started = {Path(job.scene.start.picture.path).name for page in plot.jobs for row in page for job in row}
    assert started == {Path(path).name for path in paths}
    assert render_plot(project, FakeRenderer, SilentProgress()).left == 0


@pytest.mark.parametrize(
    ("data", "name"), [(b"no picture", "a.png"), (png()[:60], "a.png"), (png(size=(4097, 4096)), "large.png")]
)
def test_what_is_no_picture_is_refused_in_the_pages_language_and_not_kept(client, project, place, data, name):
    assert send(client, place, data, name).status_code == 422
    spoken = client.post(f"{place}/pictures", params={"name": name}, content=data,
                         headers={**PLAIN, "accept-language": "ja"}).json()  # fmt: skip
    assert (spoken["lang"], spoken["error"].endswith("。")) == ("ja", True)
    assert not list(project.folder.glob("inputs/*"))


@pytest.mark.parametrize("name", ["../../evil.png", "C:\\x\\..", "", "/etc/passwd", "\u3042 <b>.png"])
def test_a_picture_stays_in_the_projects_folder_whatever_it_is_called(client, project, place, name):
    path = Path(send(client, place, png(), name).json()["value"])
    assert path.parent == project.folder / "inputs" and path.is_file()


def test_a_controlnets_pictures_need_a_scene_with_one(client, place):
    value = send(client, place, png()).json()["value"]
    refused = preview(client, place, x=[chip("control-picture", "", value)]).json()
    assert "needs one ControlNet" in refused["chips"][0][0]["error"]


@pytest.mark.parametrize(
    "asked",
    [
        {"x": [chip("control", "/etc/passwd")]},
        {"x": [chip("steps", "2")] * 13},
        {"x": "steps"},
        {"x": [1]},
        {"scenes": [9], **STEPS},
        {"baseline": "above", **STEPS},
        {"language": "xx", **STEPS},
        {"fill": "x", **STEPS},
    ],
)
def test_what_no_page_sends_is_refused_and_begins_nothing(client, project, place, asked):
    assert preview(client, place, **{"language": "en", **asked}).status_code == 422
    assert act(client, place, act="begin plot", id="one", **{**ASKED, **asked}).status_code == 422
    assert project.state().plots == ()


def test_a_plot_is_begun_once_however_often_it_is_sent(client, project, place):
    for _ in range(2):
        begun(client, place)
    assert len(project.state().plots) == 1
    view = client.get(f"{place}/view").json()
    assert view["left"] == "4 pictures, no time measured yet"
    assert view["shown"]["axes"] == ["Steps"]


def test_a_plot_is_shown_rendered_and_taken_away(client, project, place):
    number = begun(client, place)
    assert client.get(f"{place}/{number}/plot.png", headers=PLAIN).status_code == 422
    render_plot(project, FakeRenderer, SilentProgress())
    assert client.get(f"{place}/view").json()["shown"]["complete"]
    kinds = {each: client.get(f"{place}/{number}/plot.{each}") for each in ("png", "webp", "pdf")}
    assert {each: answer.content[:4] for each, answer in kinds.items()} == {
        "png": b"\x89PNG", "webp": b"RIFF", "pdf": b"%PDF",
    }  # fmt: skip
    assert "plot-01.png" in kinds["png"].headers["content-disposition"]


def test_the_plots_page_runs_what_stands_in_it_and_nothing_else(client, project, place):
    number = begun(client, place, title="</script><script>alert(1)</script>")
    answer = client.get(f"{place}/{number}/page")
    policy = answer.headers["content-security-policy"]
    script = re.search(r'<script type="module">(.*?)</script>', answer.text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "<script>alert" not in answer.text
    assert str(project.folder) not in answer.text


def test_a_plot_that_is_not_there_is_one_sentence(client, place):
    for path in ("9/page", "9/plot.png"):
        assert client.get(f"{place}/{path}", headers=PLAIN).status_code == 422
    assert client.get(f"{place}/9/plot.exe", headers=PLAIN).status_code == 404


def test_one_is_given_up_and_another_gone_on_with(client, project, place):
    first = begun(client, place)
    second = act(client, place, act="begin plot", id="two", **{**ASKED, "x": [chip("steps", "6,8")]})
    assert second.status_code == 200
    assert act(client, place, act="resume plot", id="three", plot=first).status_code == 200
    assert project.state().plots[-1].number == first
    assert act(client, place, act="cancel plot", id="four", plot=first).status_code == 200
    assert [plot["number"] for plot in client.get(f"{place}/view").json()["plots"]] != [first]


def test_todays_comparison_leads_to_the_plots_and_back(client, place):
    compare = place.removesuffix("/plots")
    assert f'href="{place}"' in client.get(compare).text
    assert f'href="{compare}"' in client.get(place).text
