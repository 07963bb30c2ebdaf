"""Whether weights hold elsewhere: the table that the command left, or how to make one."""

from __future__ import annotations

import pytest
import tuned

from blockweight.render import FakeRenderer
from blockweight.studio.projects import identity_of
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.transfer import TransferAsked
from blockweight.workflow.transfer_steps import run


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
    assert "他でも" in client.get(place, headers={"accept-language": "ja"}).text


@pytest.mark.parametrize("wrong", ["x", "[]", '{"weights": "", "table": [1]}'])
def test_a_table_that_was_changed_by_hand_is_one_sentence(client, project, place, wrong):
    folder = project.folder / "transfer-01"
    folder.mkdir()
    (folder / "transfer.json").write_text(wrong)
    page = client.get(place)
    assert (page.status_code, "cannot be read" in page.text) == (200, True)
