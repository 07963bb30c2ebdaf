"""`blockweight info` and `blockweight again`."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from blockweight.lora import open_lora
from blockweight.plan import Job, LoraUse, Variant, infotext_of
from blockweight.project import picture_bytes, write_picture
from blockweight.render import fake_picture, identify_checkpoint
from blockweight.weights import uniform
from blockweight.workflow.settings import Settings, save_settings
from infotexts import FORGE
from workshop import FULL, SCENE, tree, write_lora_file, write_model


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A working folder with a picture, and folders with its LoRA and its model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loras").mkdir()
    lora = write_lora_file(tmp_path / "loras" / "princess.safetensors", FULL.blocks)
    model = write_model(tmp_path / "models" / "anime")
    save_settings(Settings(models=(tmp_path / "models",), loras=(tmp_path / "loras",)))
    shown = replace(SCENE, checkpoint=identify_checkpoint(model))
    job = Job(shown, LoraUse(str(lora), open_lora(lora).digest, 0.5), Variant("", uniform("", FULL, 0.5)))
    write_picture(tmp_path / "a.webp", fake_picture(job), infotext_of(job), job.facts())
    return job


def test_info_shows_a_picture(blockweight, made):
    ended = blockweight("info", "a.webp")
    lines = ended.out.splitlines()
    assert (ended.code, ended.err, lines[0]) == (0, "", "a.webp: WEBP, 32x24, made by Blockweight")
    assert f"  key              {made.key}" in lines


def test_info_of_several_goes_on_after_one_that_cannot_be_read(blockweight, made, tmp_path):
    (tmp_path / "b.png").write_bytes(picture_bytes(np.zeros((8, 8, 3), np.uint8), "PNG", FORGE))
    ended = blockweight("info", "a.webp", "none.png", "b.png", "--json")
    first, second, third = json.loads(ended.out)["pictures"]
    assert (first["source"], second["source"]) == ("Blockweight", "WebUI")
    assert third["picture"] == "none.png"
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: none.png: The picture 'none.png' cannot be read")
    assert ended.code == 2


def test_again_renders_the_same_picture(blockweight, made):
    ended = blockweight("again", "a.webp", "--out", "b.png")
    assert (ended.code, ended.out.splitlines()) == (
        0, ["Rendered from the picture's own facts: b.png", "The same pixels."],
    )  # fmt: skip
    (job,) = blockweight.renderer.rendered
    assert job.key == made.key


def test_again_tells_it_as_json(blockweight, made):
    told = json.loads(blockweight("again", "a.webp", "--json").out)
    assert told == {
        "out": "a-again.webp", "exact": True, "key": made.key, "notes": [],
        "drawn_together": 1, "difference": {"most": 0, "share": 0.0},
    }  # fmt: skip


def test_again_without_its_lora_writes_nothing(blockweight, made, tmp_path):
    (tmp_path / "loras" / "princess.safetensors").rename(tmp_path / "elsewhere.safetensors")
    before = tree(tmp_path)
    ended = blockweight("again", "a.webp")
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: The LoRA 'princess' (hash ")
    assert (ended.code, ended.out, tree(tmp_path)) == (2, "", before)
    assert blockweight("again", "a.webp", "--lora", "elsewhere.safetensors").code == 0


def test_again_says_what_an_infotext_cannot_hold(blockweight, made, tmp_path):
    write_picture(tmp_path / "b.jpg", fake_picture(made), infotext_of(made))
    ended = blockweight("again", "b.jpg")
    assert ended.out.startswith("Rendered from its infotext: b-again.jpg\nThe pixels differ by at most ")
    assert "Note: An infotext does not hold which program drew the picture" in ended.err
