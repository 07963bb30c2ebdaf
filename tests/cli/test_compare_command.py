"""`blockweight tune compare`, `vote` and `votes`, as a person types them."""

from __future__ import annotations

import json

import pytest

from workshop import WEIGHTS


@pytest.fixture
def tune(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = blockweight("project", "new", "ゴブ姫", "--lora", locon, "--model", model, "--prompt", "1girl", "--size",
                       "32x24", "--seeds", "1-3")  # fmt: skip
    assert made.code == 0
    return lambda *arguments: blockweight("tune", *arguments, "--project", "ゴブ姫")


def test_a_comparison_is_estimated_and_rendered(blockweight, tune):
    asked = ("compare", "no LoRA", "current", f"Mine:{WEIGHTS}", "--scenes", "1-2")
    assert tune(*asked, "--estimate").out == "6 pictures, no time measured yet\n"
    ended = tune(*asked)
    assert ended.out.splitlines()[1:] == [
        "Pictures: 6 pictures, all rendered already",
        "Variants: no LoRA, step 1, Mine",
    ]
    assert len(blockweight.renderer.rendered) == 6
    assert tune("compare").code == 0


def test_blind_votes_are_cast_taken_back_revealed_and_counted(tune):
    tune("compare", "no LoRA", "ALL", "--blind")
    assert tune("vote", "1", "2", "1").out.splitlines()[2] == "Votes:    1 of 3 rows"
    tune("vote", "2")
    assert tune("votes", "--undo").out.splitlines()[2] == "Votes:    1 of 3 rows"
    told = tune("votes", "--json")
    assert "order" not in told.out
    assert json.loads(told.out)["tally"] == {"rows": 3, "voted": 1}
    counted = tune("votes", "--reveal").out.splitlines()
    assert counted[3] == "Votes:    1 of 3 rows"
    assert counted[4].endswith("best 1 of 1 (95 % interval 1-100 %)")
    assert counted[-1] == "          Too few votes to tell one from chance."
    assert tune("vote", "1", "2").err.startswith("Error: The labels are revealed")


@pytest.mark.parametrize(
    "arguments",
    [("compare",), ("compare", "ALL"), ("votes",), ("vote", "1", "1"), ("compare", "ALL", "x"), ("votes", "--reveal")],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(tune, arguments):
    ended = tune(*arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("Error: ")
