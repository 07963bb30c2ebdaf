"""`--vae`, `--init-image` and `--control…` of the commands, and where their files are said to be."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from blockweight.lora import write_lora
from workshop import FULL, write_lora_file, write_model

MAKE = ("project", "new", "p", "--lora", "goblin.safetensors", "--model", "anime", "--prompt", "1girl")
PARTS = (
    "--vae", "vae.safetensors", "--init-image", "sketch.png", "--denoise", "0.5", "--control", "canny.safetensors",
    "--control-picture", "lines.png", "--control-weight", "0.8",
)  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lora_file(tmp_path / "goblin.safetensors", FULL.blocks)
    write_model(tmp_path / "anime")
    number = np.zeros(1, np.float32)
    write_lora(tmp_path / "vae.safetensors", {"decoder.conv_in.weight": number}, {})
    write_lora(tmp_path / "canny.safetensors", {"control_model.zero_convs.0.0.weight": number}, {})
    Image.new("RGB", (8, 8), "red").save(tmp_path / "sketch.png")
    Image.new("RGB", (8, 8), "white").save(tmp_path / "lines.png")
    return tmp_path


def test_a_project_keeps_all_that_its_scenes_are_made_with(blockweight, place):
    ended = blockweight(*MAKE, *PARTS)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[4].endswith(
        ", CFG 7, over 'sketch.png' at 0.5, ControlNet 'canny.safetensors' by 'lines.png', VAE 'vae.safetensors'"
    )


def test_a_file_that_was_moved_is_said_by_its_content(blockweight, place):
    blockweight(*MAKE, *PARTS)
    blockweight("project", "export", "p")
    (place / "far").mkdir()
    for name in ("lines.png", "vae.safetensors"):
        (place / name).rename(place / "far" / f"moved-{name}")
    imported = json.loads(blockweight("project", "import", "p.zip", "--out", "copy", "--json").out)
    assert sorted(imported["missing"].values()) == ["lines.png", "vae.safetensors"]
    said = blockweight("project", "locate", "copy", "--file", "far/moved-lines.png", "--json")
    assert list(json.loads(said.out)["missing"].values()) == ["vae.safetensors"]
    wrong = blockweight("project", "locate", "copy", "--file", "goblin.safetensors")
    assert wrong.code == 2
    assert "is not a VAE, ControlNet, picture or other LoRA of the project" in wrong.err
    assert blockweight("project", "locate", "copy", "--file", "far/moved-vae.safetensors").code == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--denoise", "0.5"), "no picture to draw over"),
        (("--control", "canny.safetensors"), "ControlNets and their pictures differ in number (1 and 0)"),
        (("--vae", "nowhere.safetensors"), "There is no VAE at 'nowhere.safetensors'"),
        (("--init-image", "anime"), "'anime' cannot be read"),
        (("--init-image", "sketch.png", "--hires-scale", "2"), "has no hires pass"),
        (("--init-image", "sketch.png", "--resize-mode", "bend"), "There is no resize mode 'bend'"),
    ],
)
@pytest.mark.parametrize("command", ["project", "analyze", "round"])
def test_what_does_not_fit_together_is_refused_in_a_sentence(blockweight, place, command, given, words):
    starts = {
        "project": MAKE,
        "analyze": ("analyze", "goblin.safetensors", "--model", "anime", "--prompt", "1girl"),
        "round": ("round", "sub", "goblin.safetensors", "--model", "anime", "--prompt", "1girl", "--weights", "ALL"),
    }
    ended = blockweight(*starts[command], *given)
    assert ended.code == 2
    assert words in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("given", [("--denoise", "2"), ("--control-weight", "9"), ("--vae", "")])
def test_what_is_no_value_of_an_option_is_refused(blockweight, place, given):
    assert blockweight(*MAKE, *given).code == 2


def test_an_infotext_asks_for_the_picture_that_it_cannot_hold(blockweight, place):
    text = "1girl\nSteps: 20, Sampler: Euler, RNG: CPU, Size: 64x64, Denoising strength: 0.4"
    (place / "text.txt").write_text(text, encoding="utf-8")
    make = ("project", "new", "p", "--lora", "goblin.safetensors", "--model", "anime", "--infotext", "text.txt")
    ended = blockweight(*make, "--init-image", "sketch.png")
    assert (ended.code, ended.err) == (0, "")
    assert "over 'sketch.png' at 0.4" in ended.out
    assert "(img2img), so pictures are drawn from noise" in blockweight(make[0], make[1], "q", *make[3:]).err


def test_a_scene_of_a_project_is_given_parts_and_loses_them(blockweight, place):
    blockweight(*MAKE)
    given = blockweight("project", "scenes", "parts", "p", "1", *PARTS)
    assert (given.code, given.err) == (0, "")
    assert "over 'sketch.png' at 0.5, ControlNet 'canny.safetensors' by 'lines.png', VAE 'vae.safetensors'" in given.out
    assert "Missing" not in given.out
    less = blockweight(
        "project", "scenes", "parts", "p", "1", "--without", "control", "--without", "vae", "--denoise", "0.3"
    )
    assert "CFG 7, over 'sketch.png' at 0.3\n" in less.out
    (scene,) = json.loads(blockweight("project", "scenes", "parts", "p", "1", "--without", "init-image", "--json").out)
    assert not {"start", "vae", "controls"} & scene.keys()
    blockweight("tune", "undo", "--project", "p")
    assert "over 'sketch.png' at 0.3" in blockweight("tune", "show", "--project", "p").out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "Nothing was named to give to the scene"),
        (("--without", "hires"), "A scene cannot be without 'hires'; use one of: vae, init-image, control."),
        (("--without", "vae"), "The project has this scene already"),
        (("--denoise", "0.5"), "no picture to draw over"),
        (("--vae", "sketch.png"), "is not a .safetensors file"),
    ],
)
def test_a_scene_is_not_given_what_it_cannot_have(blockweight, place, given, words):
    blockweight(*MAKE)
    ended = blockweight("project", "scenes", "parts", "p", "1", *given)
    assert (ended.code, words in ended.err) == (2, True)
    assert blockweight("project", "scenes", "parts", "p", "2", "--vae", "vae.safetensors").code == 2
