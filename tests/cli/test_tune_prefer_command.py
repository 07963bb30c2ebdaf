"""`blockweight tune prefer`, as a person types it."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def project(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = blockweight("project", "new", "ゴブ姫", "--lora", locon, "--model", model, "--prompt", "1girl", "--size",
                       "32x24", "--seeds", "1,2")  # fmt: skip
    assert made.code == 0
    return lambda *arguments: blockweight(*arguments, "--project", "ゴブ姫")


def test_rounds_are_judged_shown_as_a_plane_and_the_best_is_applied(project):
    asked = ("tune", "prefer", "--segments", "a=IN01;b=IN02", "--scenes", "1")
    assert "A round: 4 pictures" in project(*asked, "--estimate").out
    begun = project(*asked)
    assert begun.code == 0
    assert "round-01.png" in begun.out
    assert json.loads(project("tune", "prefer", "--json").out)["rendered"] == 0
    made = project("tune", "prefer", "--best", "b", "--worst", "D")
    assert "Round 1: best B, worst D" in made.err
    assert "chance of noticeably better weights" in made.err
    assert json.loads(project("tune", "prefer", "--plane", "--json").out)["kind"] == "plane"
    assert project("tune", "prefer", "--best", "C2").code == 0
    assert project("tune", "prefer", "--few", "--same").code != 0
    taken = json.loads(project("tune", "prefer", "--apply", "--json").out)
    assert taken["undo"]["text"] == "take the preferred weights 'ゴブ姫'"
    assert "judge round 1 of the choices" in project("tune", "history").out
    assert project("tune", "prefer", "--cancel").code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--best", "A"), "begin with 'blockweight tune prefer'"),
        (("--apply",), "begin with"),
        (("--worst", "A"), "say the best too"),
        (("--same", "--best", "A"), "give --same, or"),
        (("--best", "A", "--apply"), "one thing at a time"),
        ((), "tune analyze"),
        (("--segments", "a=XX"), "XX"),
        (("--scenes", "x", "--segments", "a=IN01"), "no scene's number"),
    ],
)
def test_what_is_wrong_is_one_sentence(project, options, words):
    told = project("tune", "prefer", *options)
    assert told.code != 0
    assert words in " ".join(told.err.split())
    assert "Traceback" not in told.err
