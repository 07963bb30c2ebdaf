"""The Compare page's answers: acts that are done once, what stays hidden, and that text stays text."""

from __future__ import annotations

import html
import json
import re

import pytest
import tuned

from blockweight.studio.projects import identity_of
from blockweight.workflow.comparison import reveal


@pytest.fixture
def project(shelf, tmp_path):
    with tuned.make(tmp_path / "project", shelf / "princess.safetensors") as tuning:
        yield tuning


@pytest.fixture
def place(project):
    return f"/projects/{identity_of(project.folder)}"


def act(client, place, **data):
    return client.post(f"{place}/acts", json=data)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_is_whole_before_and_after_the_first_comparison(client, project, place, language):
    headers = {"accept-language": language}
    for _ in range(2):
        answer = client.get(f"{place}/compare", headers=headers)
        assert answer.status_code == 200
        assert answer.text.rstrip().endswith("</html>")
        assert ("比較" in answer.text) == (language == "ja")
        tuned.compared(project)


def test_a_comparison_is_planned_by_an_act_and_sent_twice_it_stays_one(client, project, place):
    for _ in range(2):
        answer = act(client, place, act="compare", id="one", variants=[*tuned.THREE], scenes=[2], fill="", blind=True)
        assert answer.status_code == 200
    (made,) = project.state().comparisons
    assert (len(made.variants), len(made.scenes), made.blind) == (3, 1, True)


def test_votes_are_acts_with_an_undo(client, project, place):
    tuned.compared(project, blind=True)
    (made,) = project.state().comparisons
    assert act(client, place, act="vote", id="a", comparison=made.number, row=1, best=2, worst=3).status_code == 200
    assert (
        act(client, place, act="vote", id="b", comparison=made.number, row=2, best=None, worst=None).status_code == 200
    )
    view = client.get(f"{place}/compare/view").json()["comparison"]
    assert view["votes"] == [{"row": 1, "best": 2, "worst": 3}, {"row": 2, "best": None, "worst": None}]
    act(client, place, act="undo vote", id="c", comparison=made.number)
    assert len(client.get(f"{place}/compare/view").json()["comparison"]["votes"]) == 1


def test_a_blind_page_holds_no_order_and_no_counts_until_it_is_revealed(client, project, place):
    tuned.compared(project, blind=True)
    text = client.get(f"{place}/compare").text
    view = json.loads(re.search(r'id="view">(.*?)</script>', text, re.DOTALL)[1])["comparison"]
    assert [column["label"] for column in view["grid"]["columns"]] == ["1", "2", "3"]
    assert not {"seed", "order", "counts"} & {*view, *view["tally"]}
    reveal(project)
    shown = client.get(f"{place}/compare/view").json()["comparison"]
    assert [column["label"] for column in shown["grid"]["columns"]] == ["no LoRA", "ALL", "Mine"]
    assert len(shown["tally"]["counts"]) == 3


@pytest.mark.parametrize(
    "data",
    [
        {"act": "compare", "variants": "ALL"},
        {"act": "compare", "variants": ["ALL", "no LoRA"], "scenes": ["1"]},
        {"act": "compare", "variants": ["ALL", "no LoRA"], "scenes": [-1]},
        {"act": "compare", "variants": []},
        {"act": "vote", "comparison": 5, "row": 1, "best": 1},
        {"act": "vote", "comparison": None, "row": 1},
        {"act": "vote", "comparison": 1, "row": "x"},
        {"act": "reveal"},
        {"act": "compare again", "comparison": 99},
    ],
)
def test_an_act_of_another_shape_is_refused_in_a_sentence(client, project, place, data):
    answer = act(client, place, id="one", **data)
    assert answer.status_code == 422
    assert client.get(f"{place}/compare/view").json()["comparisons"] == []


def test_the_preview_tells_the_cost_in_the_pages_language(client, project, place):
    asked = {"variants": [*tuned.THREE], "scenes": [1, 2], "fill": "", "blind": False}
    told = client.post(f"{place}/compare/preview", json=asked, headers={"accept-language": "ja"}).json()
    assert told["text"] == "画像6枚、所要時間はまだ計測していません"
    assert [row["label"] for row in told["variants"]] == ["no LoRA", "ALL", "Mine"]


def test_markup_in_a_name_is_text(client, project, place):
    tuned.compared(project, "ALL", tuned.MINE.replace("Mine", tuned.ODD))
    text = client.get(f"{place}/compare").text
    assert tuned.ODD not in text
    assert "onerror" in html.unescape(text)


def test_a_comparison_that_there_is_not_is_said(client, project, place):
    assert client.get(f"{place}/compare?number=77").status_code == 422


@pytest.mark.parametrize("text", ["\ud800", "\ud800:" + ",".join(["1"] * 26), "hint \ud800", "a\0b:1", "{" * 3000])
def test_the_preview_survives_whatever_is_typed(client, project, place, text):
    answer = client.post(
        f"{place}/compare/preview",
        content=json.dumps({"variants": [text, "ALL"], "scenes": [], "fill": ""}),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 200
    assert answer.json()["variants"][0]["error"]
