"""The Analyse page's requests: what they answer, and what they refuse."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from blockweight.measure import MOST_MORE, GroundKind
from blockweight.render import FakeRenderer
from blockweight.studio.projects import identity_of
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.tuning_project import create_project


def png(width=32, height=24):
    array = np.zeros((height, width), np.uint8)
    array[:, :12] = 255
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def tuning(config, tmp_path, locon, model):
    scenes = scenes_of(model, ["1girl </script><b>"], "", "1,2", 20, 7.0, "Euler a", "32x24")
    with create_project(tmp_path / "ゴブ姫", locon, scenes) as tuning:
        yield tuning


@pytest.fixture
def place(tuning):
    return f"/projects/{identity_of(tuning.folder)}"


@pytest.fixture
def analysed(tuning):
    plan_analysis(tuning, Wanted("IN01-IN03"))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    return tuning


def post_mask(client, place, data, kind="image/png"):
    return client.post(f"{place}/masks", content=data, headers={"content-type": kind, "accept": "*/*"})


def do(client, place, **act):
    return client.post(f"{place}/acts", json={"id": str(act), **act}, headers={"accept": "*/*"})


def shown(client, place):
    return client.get(f"{place}/analyse/view").json()["analysis"]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_says_how_to_begin_and_then_holds_what_was_found(client, place, tuning, language):
    headers = {"accept-language": language}
    page = client.get(f"{place}/analyse", headers=headers)
    assert page.status_code == 200
    assert page.text.count('name="block"') == 26
    plan_analysis(tuning, Wanted("IN01-IN03"))
    page = client.get(f"{place}/analyse", headers=headers).text
    held = json.loads(re.search(r'id="view">(.*?)</script>', page)[1])
    assert [each["block"] for each in held["analysis"]["blocks"]] == ["IN01", "IN02", "IN03"]
    assert len(re.findall(r'name="block"[^>]* checked', page)) == 3
    assert "<b>" not in page


def test_the_page_has_words_for_every_reason(client, place):
    page = client.get(f"{place}/analyse").text
    missing = [kind for kind in GroundKind if f"data-why-{kind.value.replace(' ', '-')}=" not in page]
    assert missing == []


def test_a_reason_is_told_by_its_kind_and_numbers(client, place, tuning):
    plan_analysis(tuning, Wanted("IN01-IN03", 1.0, 1.001))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    assert [each["ground"] for each in shown(client, place)["blocks"]] == [
        {"kind": "nothing", "seeds": 2, "floor": 0.5, "ratio": None, "typical": 1.0, "at_least": False,
         "more": None, "most": MOST_MORE}
    ] * 3  # fmt: skip


def test_the_cost_is_told_in_words(client, place):
    asked = {"blocks": "IN01,IN02", "range": "0.5,1", "threshold": 20}
    answer = client.post(f"{place}/analyse/cost", json=asked).json()
    assert answer.pop("tells")["text"].startswith("2 scenes tell a typical block's effect")
    assert answer == {
        "pictures": 6, "finished": 0, "seconds": None, "text": "6 pictures, no time measured yet",
        "method": "eba", "scenes": 2, "all_scenes": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("blocks", "weights", "words"),
    [
        ("IN99", "0.5,1", "no block"),
        ("IN01", "1,1", "with itself"),
        ("IN01", "x,1", "is not a number"),
        ("", "", "two"),
    ],
)
def test_what_costs_nothing_is_refused(client, place, blocks, weights, words):
    asked = {"blocks": blocks, "range": weights, "threshold": 20}
    answer = client.post(f"{place}/analyse/cost", json=asked, headers={"accept": "*/*"})
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_an_analysis_is_planned_and_cancelled_by_acts(client, place, tuning):
    act = {"act": "plan analysis", "blocks": "IN01", "range": "0.5,1", "threshold": 20, "masks": [], "region": ""}
    assert do(client, place, **act).status_code == 200
    assert do(client, place, **act).status_code == 200
    assert len(tuning.state().analysis_plans) == 1
    assert do(client, place, act="cancel analysis").status_code == 200
    assert shown(client, place) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"range": "1"},
        {"threshold": 300},
        {"threshold": "20"},
        {"masks": "a"},
        {"masks": ["a"]},
        {"region": 5},
        {"blocks": 5},
    ],
)
def test_an_analysis_of_nonsense_is_refused_in_one_sentence(client, place, tuning, wrong):
    act = {
        "act": "plan analysis",
        "blocks": "IN01",
        "range": "0.5,1",
        "threshold": 20,
        "masks": [],
        "region": "",
        **wrong,
    }
    answer = do(client, place, **act)
    assert answer.status_code == 422
    assert len(answer.json()["error"].splitlines()) == 1
    assert tuning.state().analysis_plans == ()


def test_suggestions_are_applied_by_the_number_of_the_analysis_that_was_looked_at(client, place, tuning):
    plan_analysis(tuning, Wanted("IN01-IN03", 1.0, 1.001))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    number = shown(client, place)["number"]
    assert do(client, place, act="apply", blocks="IN02", analysis=number).status_code == 200
    assert [each["applied"] for each in shown(client, place)["blocks"]] == [None, number, None]
    assert tuning.state().weights.weight("IN02") == 0
    assert do(client, place, act="apply", blocks="IN03", analysis=999).status_code == 422
    assert do(client, place, act="revoke", blocks="IN02").status_code == 200
    assert tuning.state().weights.weight("IN02") == 1


def test_a_painted_mask_is_kept_shown_and_measured_with(client, place, analysed):
    name = post_mask(client, place, png()).json()["name"]
    kept = client.get(f"{place}/masks/{name}.png")
    assert kept.headers["content-type"] == "image/png"
    assert np.asarray(Image.open(io.BytesIO(kept.content)))[:, :12].min() == 255
    act = {"act": "plan analysis", "blocks": "IN01-IN03", "range": "0.5,1", "threshold": 20, "masks": [name]}
    assert do(client, place, **act).status_code == 200
    assert set(shown(client, place)["blocks"][0]["effects"]) == {"diff", "overall", "inside", "outside"}


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (png(24, 32), "image/png", "has 24×32 pixels"),
        (b"", "image/png", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "image/png", "cannot be read"),
        (png(), "image/jpeg", "is no PNG"),
        (png(), "application/json", "is no PNG"),
    ],
)
def test_what_is_no_mask_is_refused_and_not_kept(client, place, tuning, data, kind, words):
    answer = post_mask(client, place, data, kind)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert not (tuning.folder / "masks").exists()


def test_a_difference_is_a_picture_for_ever(client, place, analysed):
    pair = shown(client, place)["blocks"][0]["pairs"][0]
    answer = client.get(f"{place}/differences/{pair['changed']}/{pair['source']}.png")
    assert answer.headers["cache-control"].endswith("immutable")
    assert Image.open(io.BytesIO(answer.content)).size == (32, 24)


@pytest.mark.parametrize(
    "path",
    ["masks/aaaaaaaaaaaaaaaa.png", "masks/..%2fproject.sqlite.png", f"differences/{'0' * 32}/{'1' * 32}.png",
     f"differences/..%2f..%2fproject/{'1' * 32}.png", "differences/a/b.png"],
)  # fmt: skip
def test_no_other_file_is_served(client, place, analysed, path):
    assert client.get(f"{place}/{path}").status_code in (404, 422)
