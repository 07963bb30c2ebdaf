"""Least weights: suggested from the pictures that there are, kept, shown in the page's language, set."""

from __future__ import annotations

import html
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from blockweight.render import FakeRenderer
from blockweight.studio.projects import identity_of
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.project_masks import save_mask
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.suggest_steps import budget_of, suggest
from blockweight.workflow.transfer import plan_transfer
from blockweight.workflow.transfer_form import TypedTransfer, asked_transfer
from blockweight.workflow.tuning_project import create_project
from workshop import FULL, tree, write_lora_file


def png():
    """All inside but the columns of IN02 and IN03."""
    array = np.full((24, 32), 255, np.uint8)
    array[:, 3:6] = 0
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def tuning(config, tmp_path, locon, model):
    scenes = scenes_of(model, ["1girl <b>"], "", "1-4", 20, 7.0, "Euler a", "32x24")
    with create_project(tmp_path / "ゴブ姫", locon, scenes) as tuning:
        yield tuning


@pytest.fixture
def analysed(tuning):
    plan_analysis(tuning, Wanted("IN01-IN03", 0.5, 1.0, masks=(save_mask(tuning, png()),), region="<i>face"))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    return tuning


@pytest.fixture
def place(tuning):
    return f"/projects/{identity_of(tuning.folder)}"


def asked(client, place, **form):
    return client.post(f"{place}/suggest", data={"by": "change", "change": "2", **form})


def test_without_an_analysis_the_page_says_why_and_where_to_go(client, place):
    page = client.get(f"{place}/suggest")
    assert page.status_code == 200
    assert "no complete analysis" in page.text
    assert f'href="{place}/analyse"' in page.text
    assert asked(client, place).status_code == 422


def test_levels_need_no_further_picture_and_the_result_stays(client, place, analysed):
    answer = asked(client, place)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{place}/suggest/1")
    for address in (f"{place}/suggest/1", f"{place}/suggest"):
        page = client.get(address).text
        assert "Changes at most 2 levels inside" in page
        assert page.count("/predicted/") == 4
        assert re.search(r'scope="row">IN02</th><td class="number">0<', page)
        assert re.search(r'scope="row">IN01</th><td class="number">1<', page)
    assert "<b>" not in page
    assert "<i>" not in page
    picture = client.get(f"{place}/suggest/1/predicted/1.png")
    assert Image.open(io.BytesIO(picture.content)).size == (32, 24)


def test_a_share_is_refused_with_the_command_while_pictures_without_the_lora_are_missing(client, place, analysed):
    before = tree(analysed.folder)
    answer = asked(client, place, by="keep", keep="80")
    assert answer.status_code == 422
    assert "(missing: 4)" in answer.text
    assert "blockweight suggest weights --keep 80%" in html.unescape(answer.text)
    assert tree(analysed.folder) == before


def test_a_share_is_kept_beside_pictures_that_the_command_rendered(client, place, analysed):
    suggest(analysed, budget_of("80%", None), FakeRenderer, SilentProgress())
    answer = asked(client, place, by="keep", keep="80 %")
    assert answer.headers["location"] == f"{place}/suggest/1"
    page = client.get(answer.headers["location"]).text
    assert "Keeps at least 80 % inside" in page
    assert page.count(f'src="{place}/pictures/') == 8


def test_the_page_is_japanese_in_japanese(client, place, analysed):
    asked(client, place)
    page = client.get(f"{place}/suggest/1", headers={"accept-language": "ja"}).text
    assert "最小の重み" in page
    assert "Predicted" not in page


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"by": "keep", "keep": "x"}, "no share to keep"),
        ({"change": "-1"}, "above 0"),
        ({"change": ""}, "above 0"),
        ({"limit": "2"}, "weight below 1"),
        ({"step": "x"}, "is not a number"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_and_nothing_is_lost(client, place, analysed, form, words):
    answer = asked(client, place, **form)
    assert answer.status_code == 422
    assert words in answer.text
    for name, value in form.items():
        assert name == "by" or f'name="{name}" value="{value}"' in answer.text


def test_the_weights_are_set_once_however_often_the_form_is_sent(client, place, analysed):
    asked(client, place)
    identity = re.search(r'name="id" value="([^"]+)"', client.get(f"{place}/suggest/1").text)[1]
    for _ in range(2):
        answer = client.post(f"{place}/suggest/1/set", data={"id": identity})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{place}/tune")
    state = analysed.state()
    assert (state.weights.weight("IN02"), state.weights.weight("IN01")) == (0.0, 1.0)
    assert client.post(f"{place}/acts", json={"act": "undo", "id": "u"}, headers={"accept": "*/*"}).status_code == 200
    assert analysed.state().weights.weight("IN02") == 1.0


def test_rest_is_set_with_the_blocks(client, tmp_path, config, model):
    lora = write_lora_file(tmp_path / "rest.safetensors", FULL.blocks, ["lora_unet_conv_out"])
    scenes = scenes_of(model, ["1girl"], "", "1-4", 20, 7.0, "Euler a", "32x24")
    with create_project(tmp_path / "rest", lora, scenes) as tuning:
        # The fake renderer draws no stripe for REST, so that it changes nothing and goes down to the lowest weight.
        plan_analysis(tuning, Wanted("IN01,REST", masks=(save_mask(tuning, png()),)))
        render_analysis(tuning, FakeRenderer, SilentProgress())
        place = f"/projects/{identity_of(tuning.folder)}"
        asked(client, place)
        page = client.get(f"{place}/suggest/1").text
        assert "REST, the modules that no block claims, is at 0" in page
        client.post(f"{place}/suggest/1/set", data={"id": re.search(r'name="id" value="([^"]+)"', page)[1]})
        assert tuning.state().weights.rest == 0
        plan = plan_transfer(tuning, asked_transfer(tuning, TypedTransfer("suggested", seeds="11")))
        assert plan.weights.rest == 0


def test_only_a_suggestions_own_files_are_given_away(client, place, analysed, tmp_path):
    asked(client, place)
    for path in ("suggest/2", "suggest/2/predicted/1.png", "suggest/1/predicted/9.png"):
        assert client.get(f"{place}/{path}").status_code == 422, path
    picture = next((analysed.folder / "suggestion-01").glob("predicted-02-*.png"))
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture.read_bytes())
    picture.unlink()
    picture.symlink_to(secret)
    assert client.get(f"{place}/suggest/1/predicted/2.png").status_code == 422


@pytest.mark.parametrize("wrong", ["x", "[]", "{}", '{"predicted": []}', "weights"])
def test_a_suggestion_that_was_changed_by_hand_is_one_sentence(client, place, analysed, wrong):
    asked(client, place)
    file = analysed.folder / "suggestion-01" / "suggestion.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({**facts, "weights": {"text": "", "values": 3}}) if wrong == "weights" else wrong)
    assert client.get(f"{place}/suggest/1").status_code == 422
    page = client.get(f"{place}/suggest")
    assert (page.status_code, "cannot be read" in page.text) == (200, True)


def test_the_analysis_page_leads_there_once_there_is_a_mask(client, place, analysed):
    panel = r'id="least" aria-labelledby="least-title"(.*?)>'
    assert re.search(panel, client.get(f"{place}/analyse").text)[1] == ""
    plan_analysis(analysed, Wanted("IN01-IN03"))
    assert re.search(panel, client.get(f"{place}/analyse").text)[1] == " hidden"
