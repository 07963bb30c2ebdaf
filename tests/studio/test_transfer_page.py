"""Whether weights hold elsewhere: asked for, rendered, and its table shown, in the page's language."""

from __future__ import annotations

import re
import shlex

import pytest
import tuned

from blockweight.render import FakeRenderer
from blockweight.studio.guard import REPORT_POLICY
from blockweight.studio.pages import percent
from blockweight.studio.projects import identity_of
from blockweight.workflow.planned_transfer import render_transfer
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.settings import Settings, save_settings
from blockweight.workflow.transfer import TransferAsked
from blockweight.workflow.transfer_form import transfer_command
from blockweight.workflow.transfer_steps import run
from workshop import write_model

ASKED = {"which": "current", "weights": "", "seeds": "11", "prompts": "", "models": [], "home_mask": False}
PLAIN = {"accept": "*/*"}


@pytest.fixture
def project(shelf, tmp_path):
    with tuned.make(tmp_path / "project", shelf / "princess.safetensors", weights=tuned.MINE) as tuning:
        yield tuning


@pytest.fixture
def place(project):
    return f"/projects/{identity_of(project.folder)}/transfer"


def test_without_a_transfer_the_page_gives_the_command(client, place):
    page = client.get(place)
    assert page.status_code == 200
    assert "blockweight transfer" in page.text


def test_the_table_of_the_latest_transfer_is_shown(client, project, place):
    run(project, TransferAsked(seeds="11-12"), FakeRenderer, SilentProgress())
    page = client.get(place).text
    assert all(words in page for words in ("transfer-01", '<th scope="row">home<', '<th scope="row">seeds 11-12<'))
    assert tuned.MINE in page
    assert re.search(r"points \(.+ to .+\)", page)
    assert "他でも" in client.get(place, headers={"accept-language": "ja"}).text


@pytest.mark.parametrize("wrong", ["x", "[]", '{"weights": "", "table": [1]}'])
def test_a_table_that_was_changed_by_hand_is_one_sentence(client, project, place, wrong):
    folder = project.folder / "transfer-01"
    folder.mkdir()
    (folder / "transfer.json").write_text(wrong)
    page = client.get(place)
    assert (page.status_code, "cannot be read" in page.text) == (200, True)


def act(client, place, **data):
    return client.post(f"{place.removesuffix('/transfer')}/acts", json=data, headers=PLAIN)


def cost(client, place, language="en", **asked):
    return client.post(f"{place}/cost", json={**ASKED, **asked}, headers={**PLAIN, "accept-language": language})


def test_a_transfer_is_begun_once_however_often_it_is_sent_and_its_table_comes(client, project, place):
    for _ in range(2):
        assert act(client, place, act="begin transfer", id="one", **ASKED).status_code == 200
    assert len(project.state().transfers) == 1
    view = client.get(f"{place}/view").json()
    assert ("seeds 11" in view["begun"], view["left"], view["found"]) == (True, "9 pictures, no time measured yet", "")
    render_transfer(project, FakeRenderer, SilentProgress())
    view = client.get(f"{place}/view").json()
    assert (view["begun"], '<th scope="row">seeds 11<' in view["found"]) == ("", True)


def test_the_cost_is_told_with_the_scenes_in_the_pages_language(client, project, place, tmp_path):
    save_settings(Settings(loras=(tmp_path / "loras",), models=(tmp_path / "models",)))
    other = write_model(tmp_path / "models" / "a&b <i>", b"other weights")
    told = cost(client, place, models=[str(other)]).json()["text"]
    assert told == "15 pictures, no time measured yet · home (2 scenes), seeds 11 (1 scene), model a&b <i> (2 scenes)"
    assert (
        cost(client, place, "ja").json()["text"]
        == "画像9枚、所要時間はまだ計測していません · 元のシーン （2シーン）、シード 11 （1シーン）"
    )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"seeds": "x"}, "not a seed"),
        ({"seeds": ""}, "Nothing was given"),
        ({"which": "suggested"}, "No weights are suggested"),
        ({"which": "other", "weights": "1,2"}, "length 2"),
        ({"models": ["/"]}, "none of the folders"),
        ({"home_mask": True}, "no mask to take"),
        ({"prompts": 3}, "must be a text"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_begins_nothing(client, project, place, asked, words):
    for language in ("en", "ja"):
        answer = cost(client, place, language, **asked)
        assert answer.status_code == 422
        assert answer.json()["lang"] == language
    assert words in cost(client, place, **asked).json()["error"]
    assert act(client, place, act="begin transfer", id="one", **{**ASKED, **asked}).status_code == 422
    assert project.state().transfers == ()


def test_the_command_is_what_the_form_asks_for_quoted_for_a_shell(client, place, tmp_path):
    save_settings(Settings(loras=(tmp_path / "loras",), models=(tmp_path / "models",)))
    other = write_model(tmp_path / "models" / "it's other", b"other weights")
    weights = tuned.MINE.replace("Mine", "My own")
    asked = {"which": "other", "weights": weights, "prompts": "1girl, blue suit\n\n it's $HOME", "models": [str(other)]}
    lines = cost(client, place, **asked).json()["command"].splitlines()
    assert lines[0] == """printf '%s\\n' '1girl, blue suit' 'it'"'"'s $HOME' > other-prompts.txt"""
    assert shlex.split(lines[1]) == [
        "blockweight", "transfer", "--project", ".", "--weights", weights, "--seeds", "11",
        "--prompts", "other-prompts.txt", "--model", str(other),
    ]  # fmt: skip
    assert transfer_command(TransferAsked(seeds="1-2", home_mask=True)).endswith("--seeds 1-2 --home-mask")
    assert transfer_command(TransferAsked(weights="INS", rest=0.5, seeds="1")) == ""


@pytest.mark.parametrize(("share", "text"), [(-0.002, "0"), (0.004, "0"), (-0.06, "−6"), (0.934, "93")])
def test_a_share_has_a_true_minus_and_no_negative_zero(share, text):
    assert percent(share) == text


def test_markup_in_a_name_stays_text(client, project, place):
    weights = tuned.MINE.replace("Mine", tuned.ODD)
    act(client, place, act="begin transfer", id="one", **{**ASKED, "which": "other", "weights": weights})
    assert tuned.ODD not in client.get(f"{place}/view").json()["begun"]
    render_transfer(project, FakeRenderer, SilentProgress())
    assert tuned.ODD not in client.get(f"{place}/view").json()["found"]
    assert tuned.ODD not in client.get(place).text


def test_only_a_transfers_own_files_are_given_away(client, project, place, tmp_path):
    run(project, TransferAsked(seeds="11"), FakeRenderer, SilentProgress())
    assert client.get(f"{place}/transfer-01/page.html").headers["content-security-policy"] == REPORT_POLICY
    assert client.get(f"{place}/transfer-01/transfer.csv").content.startswith(b"\xef\xbb\xbfgroup,")
    for path in ("transfer-01/settings.json", "transfer-02/page.html", "pictures/page.html", "..%2Fx/page.html"):
        assert client.get(f"{place}/{path}").status_code in (404, 422), path
    table = project.folder / "transfer-01" / "transfer.csv"
    table.unlink()
    table.symlink_to(tmp_path / "model" / "model_index.json")
    assert client.get(f"{place}/transfer-01/transfer.csv").status_code == 422
