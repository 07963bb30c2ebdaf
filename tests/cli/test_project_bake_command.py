"""`blockweight tune bake` and `tune bakes`, and the part of a picture that becomes a cover."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from blockweight.lora.header import read_header
from blockweight.lora.metadata import read_covers
from workshop import WEIGHTS


@pytest.fixture
def tune(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = blockweight("project", "new", "ゴブ姫", "--lora", locon, "--model", model, "--prompt", "1girl", "--size",
                       "32x24", "--weights", f"G:{WEIGHTS}", "--strength", "0.5")  # fmt: skip
    assert made.code == 0
    return lambda *arguments: blockweight("tune", *arguments, "--project", "ゴブ姫")


def test_the_projects_weights_are_baked_and_the_bake_is_listed(tune, tmp_path):
    assert tune("bakes").out == "Nothing was baked in this project yet.\n"
    lines = tune("bake").out.splitlines()
    assert lines[0] == "Baked:    ゴブ姫/princess_0.5_G.safetensors"
    assert f"Weights:  G:{WEIGHTS}" in lines
    assert (tmp_path / "ゴブ姫" / "princess_0.5_G.safetensors").is_file()
    (listed,) = json.loads(tune("bakes", "--json").out)
    assert (listed["file"], listed["there"], listed["report"]["verified"]) == ("princess_0.5_G.safetensors", True, True)
    assert tune("bakes").out.splitlines()[1] == f"      G:{WEIGHTS}, strength 0.5"


def test_other_weights_strength_and_place_are_taken(tune, tmp_path):
    told = json.loads(tune("bake", "--weights", "ALL", "--strength", "1", "-o", "all.safetensors", "--json").out)
    assert (told["strength"], told["output"], told["number"]) == (1, "all.safetensors", 2)
    assert tune("bake", "--weights", "ALL", "-o", "all.safetensors").err.startswith("Error: ")
    assert len(json.loads(tune("bakes", "--json").out)) == 1


def test_a_cover_is_cut_from_a_picture(blockweight, locon, tmp_path):
    picture = tmp_path / "picture.png"
    Image.new("RGB", (300, 200), "red").save(picture)
    set_cover = ("lora", "metadata", "set", locon, "--cover", picture, "--crop")
    assert blockweight(*set_cover, "10,0,100,150").code == 0
    (cover,) = read_covers(read_header(locon).metadata)
    assert (cover.width, cover.height) == (100, 150)
    assert blockweight(*set_cover, "10,0,100,250").err.startswith("Error: The part 10,0,100,250 leads out")
    assert blockweight("lora", "metadata", "set", locon, "--crop", "0,0,1,1").code == 2
