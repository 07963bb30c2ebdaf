"""The Analyse page by every method: what it plans and costs, shows when it is complete, and gives away."""

from __future__ import annotations

import io
import json
import re
import shutil
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from blockweight.render import FakeRenderer
from blockweight.report import ASPECT_LABELS, FigureWords
from blockweight.studio.figure_words import FIGURE_WORDS
from blockweight.studio.guard import REPORT_POLICY
from blockweight.studio.projects import identity_of
from blockweight.workflow.analysis_view import analysis_view
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.tuning_project import create_project
from workshop import FULL, write_lora_file

ASKED = {"blocks": "IN01-IN03", "range": "0.5,1", "threshold": 20}
PLAIN = {"accept": "*/*"}


@pytest.fixture
def tuning(config, tmp_path, locon, model):
    scenes = scenes_of(model, ["1girl </script><b>"], "", "1,2,3", 20, 7.0, "Euler a", "32x24")
    with create_project(tmp_path / "p", locon, scenes) as tuning:
        yield tuning


@pytest.fixture
def place(tuning):
    return f"/projects/{identity_of(tuning.folder)}"


def analyse(tuning, **wanted):
    plan_analysis(tuning, Wanted("IN01-IN03", **wanted))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    return analysis_view(tuning).number


def cost(client, place, language="en", **asked):
    return client.post(f"{place}/analyse/cost", json={**ASKED, **asked}, headers={**PLAIN, "accept-language": language})


def shown(client, place):
    return client.get(f"{place}/analyse/view").json()["analysis"]


def test_a_budget_chooses_the_method_and_the_scenes_and_the_plan_keeps_to_it(client, place, tuning):
    answer = cost(client, place, budget="9pictures").json()
    assert (answer["method"], answer["scenes"], answer["all_scenes"]) == ("eba", 2, 3)
    assert answer["text"] == "8 pictures, no time measured yet"
    act = {"act": "plan analysis", "id": "1", **ASKED, "budget": "9pictures"}
    assert client.post(f"{place}/acts", json=act, headers=PLAIN).status_code == 200
    analysis = shown(client, place)
    assert (len(analysis["scenes"]), analysis["part"], analysis["stale"]) == (2, True, False)
    cheaper = cost(client, place, budget="7pictures").json()
    assert cheaper["method"] == "probe"
    assert cheaper["text"].startswith("no pictures, but questions to the model worth ")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"budget": "1picture"}, "too small"),
        ({"budget": "soon"}, "is no budget"),
        ({"budget": "5min"}, "timed yet"),
        ({"method": "gradient"}, "needs something to go up"),
        ({"method": "gradient", "aims": "green:outside"}, "needs a mask"),
        ({"method": "probe", "aims": "green"}, "finishes no pictures"),
        ({"method": "screen", "pairs": 4}, "cannot tell pairs"),
        ({"method": "probe", "adaptive": True}, "takes all scenes alike"),
        ({"method": "magic"}, "no method"),
        ({"method": "probe", "levels": 6}, "1 to 5 noise levels"),
        ({"pairs": 1}, "2 to 16 blocks"),
        ({"aspects": "smell"}, "no aspect"),
        ({"scenes": 4}, "no first 4"),
        ({"pairs": "2"}, "whole number"),
        ({"method": 5}, "must be a text"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_sentence_in_both_languages(client, place, asked, words):
    answer = cost(client, place, **asked)
    assert (answer.status_code, words in answer.json()["error"]) == (422, True), answer.json()
    if "must be" not in answer.json()["error"] and "'" not in words:
        assert cost(client, place, "ja", **asked).json()["lang"] == "ja"


@pytest.mark.parametrize("method", ["eba", "probe", "sketch", "screen", "bisect", "gradient"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_method_says_what_it_will_be_able_to_tell_in_the_pages_language(client, place, method, language):
    answer = cost(client, place, language, method=method, aims="green" if method == "gradient" else "").json()
    assert answer["tells"]["lang"] == language
    assert answer["tells"]["text"]


def test_pairs_and_scenes_that_may_come_are_part_of_the_cost(client, place):
    assert cost(client, place, pairs=3).json()["pictures"] == 12 + 3 * 3
    assert cost(client, place, adaptive=True).json()["text"].startswith("at least 8 pictures")


def test_the_cost_of_what_is_there_is_nothing(client, place, tuning):
    analyse(tuning, pairs=3)
    assert cost(client, place, pairs=3).json()["text"] == "12 pictures, all rendered already"
    analyse(tuning, method="probe")
    assert cost(client, place, method="probe").json()["text"] == "all of it is there already"


def test_a_probe_shows_blocks_with_intervals_and_figures_and_no_pictures(client, place, tuning):
    analyse(tuning, method="probe", levels=3, aspects="colour", pairs=2)
    analysis = shown(client, place)
    assert [each["name"] for each in analysis["measures"]] == ["change", "colour"]
    assert analysis["measures"][0] == {"name": "change", "aspect": "estimate", "region": "", "unit": ""}
    assert set(analysis["figures"]) == {"strips", "ranking", "steps", "pairs"}
    effect = analysis["blocks"][0]["effects"]["change"]
    assert effect["low"] <= effect["mean"] <= effect["high"]
    assert [each["pairs"] for each in analysis["blocks"]] == [[], [], []]
    assert analysis["work"]["pictures"] == 0 < analysis["work"]["calls"]


def test_whole_pictures_can_be_ranked_by_every_measured_aspect_once_complete(client, place, tuning):
    plan_analysis(tuning, Wanted("IN01-IN03", aspects="structure", aims="green"))
    assert [each["name"] for each in shown(client, place)["measures"]] == ["diff", "overall"]
    render_analysis(tuning, FakeRenderer, SilentProgress())
    analysis = shown(client, place)
    assert [each["name"] for each in analysis["measures"]] == ["diff", "overall", "structure", "green"]
    assert set(analysis["blocks"][0]["effects"]) == {"diff", "overall", "structure", "green"}
    assert "seeds" in analysis["figures"]
    assert analysis["seeds"]["mean"] > 0 and analysis["seeds"]["pairs"] == 3


@pytest.mark.parametrize("method", ["gradient", "sketch"])
def test_gradients_of_a_renderer_that_has_none_fail_in_one_sentence(place, tuning, method):
    with pytest.raises(Exception, match="gradients need the model itself") as caught:
        analyse(tuning, method=method, aims="green" if method == "gradient" else "")
    assert len(str(caught.value).splitlines()) == 1
    assert analysis_view(tuning).number is None


def test_figures_are_drawn_in_the_pages_words_and_colours(client, place, tuning):
    number = analyse(tuning, method="probe", levels=2)
    english = client.get(f"{place}/analyses/{number}/figures/steps.svg")
    assert english.headers["content-type"] == "image/svg+xml"
    assert ">noise level<" in english.text
    assert "var(--ink," in english.text
    assert "style=" not in english.text
    japanese = client.get(f"{place}/analyses/{number}/figures/steps.svg", headers={"accept-language": "ja"}).text
    assert ">ノイズの段階<" in japanese


def test_every_word_of_a_figure_is_in_the_catalogues():
    labels = {part for label in ASPECT_LABELS.values() for part in (label.title, label.unit)} - {""}
    words = {getattr(FigureWords(), each.name) for each in fields(FigureWords)}
    assert words | labels <= set(FIGURE_WORDS)


def test_the_report_is_given_a_page_of_no_sites_own(client, place, tuning):
    answer = client.get(f"{place}/analyses/{analyse(tuning)}/report")
    assert answer.headers.get_list("content-security-policy") == [REPORT_POLICY]
    assert "sandbox" in REPORT_POLICY
    assert "allow-same-origin" not in REPORT_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<svg" in answer.text
    assert "</script><b>" not in answer.text


def test_numbers_are_given_away_as_files(client, place, tuning):
    number = analyse(tuning)
    answer = client.get(f"{place}/analyses/{number}/files/effects.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "IN01" in answer.text
    findings = client.get(f"{place}/analyses/{number}/files/findings.json")
    assert json.loads(findings.content)["method"] == "eba"


@pytest.mark.parametrize(
    "path", ["files/settings.json", "files/..%2fproject.sqlite", "figures/x.svg", "figures/..%2fstrips.svg"]
)
def test_no_other_file_of_an_analysis_is_served(client, place, tuning, path):
    number = analyse(tuning)
    assert client.get(f"{place}/analyses/{number}/{path}").status_code in (404, 422)
    assert client.get(f"{place}/analyses/{number + 1}/report").status_code == 422


def test_a_page_whose_analysis_has_lost_its_folder_says_so_and_stands(client, place, tuning):
    number = analyse(tuning, method="probe")
    shutil.rmtree(tuning.folder / analysis_view(tuning).folder)
    assert client.get(f"{place}/analyse").status_code == 200
    analysis = shown(client, place)
    assert (analysis["measures"], analysis["figures"], bool(analysis["folder"])) == ([], [], True)
    assert client.get(f"{place}/analyses/{number}/report").status_code == 422


def test_the_form_comes_back_as_it_was_asked(client, place, tuning):
    analyse(tuning, method="probe", levels=3, aspects="colour,edges", pairs=2)
    page = client.get(f"{place}/analyse").text
    assert '<option value="probe" selected>' in page
    assert re.findall(r'name="aspect" value="(\w+)" checked', page) == ["colour", "edges"]
    assert re.search(r'name="levels"[^>]* value="3"', page)
    assert re.search(r'name="pairs"[^>]* value="2"', page)


def test_a_colour_in_a_picture_makes_a_mask(client, place, tuning):
    analyse(tuning)
    key = shown(client, place)["sources"][0]["key"]
    picture = np.asarray(Image.open(tuning.project.pictures.folder / f"{key}.png"))
    colour = "".join(f"{level:02x}" for level in picture[3, 5])
    address = f"{place}/colour-masks/{key}.png"
    answer = client.get(address, params={"colour": colour, "tolerance": 8})
    mask = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert (mask.shape, mask[3, 5], 0 < mask.mean() < 255) == ((24, 32), 255, True)
    for wrong in ({"colour": "blue", "tolerance": 8}, {"colour": colour, "tolerance": -1},
                  {"colour": colour, "tolerance": "nan"}):  # fmt: skip
        assert client.get(address, params=wrong).status_code == 422
    assert client.get(f"{place}/colour-masks/..%2fx.png", params={"colour": colour, "tolerance": 8}).status_code != 200


def test_rest_is_offered_where_the_lora_has_modules_that_no_block_claims(client, tmp_path, tuning, model):
    lora = write_lora_file(tmp_path / "rest.safetensors", FULL.blocks, ["lora_unet_conv_out"])
    scenes = scenes_of(model, ["1girl"], "", "1,2", 20, 7.0, "Euler a", "32x24")
    with create_project(tmp_path / "q", lora, scenes) as other:
        page = client.get(f"/projects/{identity_of(other.folder)}/analyse").text
        box = re.search(r'name="block" value="REST"([^>]*)>', page)
        assert "checked" not in box[1]
        analyse(other)  # without it
        plan_analysis(other, Wanted("IN01,REST"))
        render_analysis(other, FakeRenderer, SilentProgress())
        view = client.get(f"/projects/{identity_of(other.folder)}/analyse/view").json()
        assert (view["layout"][-1], view["weights"]["REST"]) == ("REST", "1")
        assert [(each["block"], each["applicable"]) for each in view["analysis"]["blocks"]] == [
            ("IN01", True), ("REST", False),
        ]  # fmt: skip
    assert 'value="REST"' not in client.get(f"/projects/{identity_of(tuning.folder)}/analyse").text


def test_blocks_of_a_halved_group_name_it_and_have_its_figures_as_bounds(client, place, tuning):
    analyse(tuning, method="bisect", value=1.0, base=1.0000001, aims="light")
    blocks = shown(client, place)["blocks"]
    assert {each["group"] for each in blocks} == {"IN01-IN03"}
    assert {each["effects"]["change"]["most"] for each in blocks} == {True}
    assert {each["effects"]["light"]["most"] for each in blocks} == {False}  # it may fall as well as rise
    assert "(" not in blocks[0]["effects"]["change"]["text"]
