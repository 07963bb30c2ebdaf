"""`blockweight suggest weights` and `blockweight transfer`, as a person types them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def project(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = blockweight("project", "new", "ゴブ姫", "--lora", locon, "--model", model, "--prompt", "1girl", "--size",
                       "32x24", "--seeds", "1-3")  # fmt: skip
    assert made.code == 0
    array = np.full((24, 32), 255, np.uint8)
    array[:, 3:6] = 0
    Image.fromarray(array).save(tmp_path / "face.png")
    return lambda *arguments: blockweight(*arguments, "--project", "ゴブ姫")


def test_weights_are_suggested_rendered_and_applied(project):
    assert "no complete analysis yet" in project("suggest", "weights").err
    project("tune", "analyze", "--blocks", "IN01-IN03")
    assert "has a mask" in project("suggest", "weights").err
    project("tune", "analyze", "--blocks", "IN01-IN03", "--mask", "face.png", "--region", "the face")
    ended = project("suggest", "weights", "--keep", "80%", "--limit", "0.25", "--render", "--apply")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[:2] == [
        "Analysis: each block at 0.5, the others at 1, in 3 scenes; inside is the face",
        "Budget:   keep at least 80 % of what the LoRA does inside; no weight below 0.25, in steps of 0.05",
    ]
    assert "Page:     ゴブ姫/suggestion-01/page.html" in lines
    told = json.loads(project("tune", "show", "--json").out)
    assert {told["weights"]["values"][block] for block in ("IN02", "IN03")} <= {0.25, 1}
    again = json.loads(project("suggest", "weights", "--change", "2", "--json").out)
    assert (again["keep"], again["change"], again["applied"]) == (None, 2.0, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--keep", "x"), "no share to keep"),
        (("--keep", "90%", "--change", "2"), "give one of them"),
        (("--change", "-1"), "above 0"),
    ],
)
def test_what_is_wrong_with_a_budget_is_one_sentence(project, arguments, words):
    ended = project("suggest", "weights", *arguments)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert words in line


def test_a_transfer_is_estimated_and_run(project):
    project("tune", "set", "0", "--block", "IN02")
    asked = ("transfer", "--seeds", "11-12", "--mask", "face.png")
    assert project(*asked, "--estimate").out.splitlines()[-1] == "15 pictures, no time measured yet"
    lines = project(*asked).out.splitlines()
    assert lines[2].split() == ["group", "scenes", "measured", "kept", "gone", "against", "home"]
    assert lines[3].startswith("home         3       by mask   100 % (100 to 100)")
    assert lines[-1] == "Page:    ゴブ姫/transfer-01/page.html"
    told = json.loads(project(*asked, "--json").out)
    assert [row["group"] for row in told["table"]] == ["home", "seeds 11-12"]
    assert "Nothing was given" in project("transfer").err


def test_rates_and_ranks_of_a_training_are_suggested(project):
    assert "has no analysis yet" in project("suggest", "block-lr").err
    project("tune", "analyze", "--blocks", "IN01-IN03", "--mask", "face.png")
    told = json.loads(project("suggest", "block-lr", "--levels", "876", "--network-dim", "4", "--json").out)
    assert told["weights"].startswith("876:")
    assert "--network_dim 4" in told["text"]
    assert "sd-scripts: --network_module" in project("suggest", "block-lr").out
    assert "no level of 3 groups" in project("suggest", "block-lr", "--levels", "87").err
