"""`blockweight tune auto`, as a person types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

BOTH = ("--objective", "raise kept", "--objective", "lower green:outside")


@pytest.fixture
def project(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = blockweight("project", "new", "ゴブ姫", "--lora", locon, "--model", model, "--prompt", "1girl", "--size",
                       "32x24", "--seeds", "1-5")  # fmt: skip
    assert made.code == 0
    array = np.full((24, 32), 255, np.uint8)
    array[:, 3:6] = 0
    Image.fromarray(array).save(tmp_path / "face.png")
    return lambda *arguments: blockweight(*arguments, "--project", "ゴブ姫")


def test_a_search_is_estimated_run_shown_and_applied(project):
    project("tune", "analyze", "--blocks", "IN01-IN03", "--mask", "face.png")
    asked = ("tune", "auto", *BOTH, "--budget", "100pictures", "--sampler", "tpe")
    lines = project(*asked, "--estimate").out.splitlines()
    assert lines[:2] == [
        "Search for: raise kept, lower green:outside",
        "Scenes:     3 to search in, 2 held out (seeds 4, 5)",
    ]
    assert lines[-1].startswith("100 pictures, 5 of them rendered already")
    ended = project(*asked)
    assert ended.code == 0
    lines = ended.out.splitlines()
    (head,) = (line for line in lines if "raise kept  " in line and "blocks" in line)
    assert head.split() == ["blocks", "raise", "kept", "lower", "green:outside"]
    assert "Page:     ゴブ姫/search-01/page.html" in lines
    told = json.loads(project("tune", "auto", "--json").out)
    assert (told["folder"], told["rendered"], told["left"]) == ("search-01", 0, 0)
    assert len(told["choices"][0]["held"][0]) == 3
    taken = json.loads(project("tune", "auto", "--apply", "1", "--json").out)
    assert taken["weights"]["values"] == told["choices"][0]["weights"]["values"]
    assert taken["undo"]["text"] == "take choice 1 of a search"
    assert "take choice 1 of a search" in project("tune", "history").out
    assert json.loads(project("tune", "undo", "--json").out)["weights"]["values"]["IN02"] == 1


def test_weights_between_two_ends_and_segments_by_hand(project):
    ended = project("tune", "auto", "--objective", "raise kept, kept<=50%, lower green", "--between", "-0.5", "1.5",
                    "--segments", "face=IN01,IN02;rest=OUT07", "--budget", "80pictures", "--sampler", "tpe",
                    "--json")  # fmt: skip
    told = json.loads(ended.out)
    assert (told["between"], told["grid"]) == ([-0.5, 1.5], [])
    assert told["segments"] == "face=IN01,IN02;rest=OUT07"


def test_what_can_be_copied_is_not_broken_into_lines(project, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    segments = "a=IN01,IN02,IN04,IN05;b=OUT03,OUT05,OUT07,OUT09"
    ended = project("tune", "auto", "--objective", "kept", "--segments", segments, "--budget", "50pictures",
                    "--sampler", "tpe")  # fmt: skip
    assert segments in ended.err


@pytest.mark.parametrize(
    "other", [("--cancel",), ("--objective", "kept"), ("--estimate",), ("--search", "1", "--cancel")]
)
def test_one_thing_is_asked_for_at_a_time(project, other):
    ended = project("tune", "auto", "--apply", "1", *other)
    assert "say one thing at a time" in " ".join(ended.err.split())


def test_a_search_can_be_given_up(project):
    assert "No search is planned" in project("tune", "auto", "--cancel").err
    assert "Say what to search for" in project("tune", "auto").err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--objective", "green"), "Say which way"),
        (("--objective", "raise gone"), "tune analyze --mask"),
        (("--objective", "kept"), "no complete analysis"),
        (("--objective", "kept", "--segments", "a=IN01", "--budget", "5x"), "is no budget"),
    ],
)
def test_what_is_wrong_is_one_sentence(project, arguments, words):
    ended = project("tune", "auto", *arguments)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert words in line
