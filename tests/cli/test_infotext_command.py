"""`blockweight project new` from an infotext or a picture."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from blockweight.workflow.settings import Settings, save_settings
from infotexts import TUTORIAL
from workshop import FULL, WEIGHTS, tree, write_lora_file, write_model

TEXT = f"""\
1girl, ゴブ姫, red dress <lora:gobuhime:0.75:lbw={WEIGHTS}>
Negative prompt: blurry
Steps: 16, Sampler: Euler a, CFG scale: 6.5, Seed: 7, Size: 32x24, Model: anime, RNG: CPU, Clip skip: 2, ENSD: 1
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with the infotext as a file, and folders with its LoRA and its model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loras").mkdir()
    write_lora_file(tmp_path / "loras" / "gobuhime.safetensors", FULL.blocks)
    write_model(tmp_path / "models" / "anime")
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    save_settings(Settings(models=(tmp_path / "models",), loras=(tmp_path / "loras",)))
    return tmp_path


SHOWN = [
    "Project: p",
    "LoRA:    gobuhime.safetensors (sd1-26, strength 0.75)",
    "Model:   anime",
    "Scenes:  1",
    "         '1girl, ゴブ姫, red dress' seed 7, 32x24, 16 steps of Euler a, CFG 6.5, clip skip 2",
    f"Weights: p:{WEIGHTS}",
]
NOTE = "Note: The sampler's own settings stay as they are.\n"


def test_an_infotext_makes_a_project(blockweight, place):
    ended = blockweight("project", "new", "p", "--infotext", "text.txt")
    assert (ended.code, ended.err) == (0, NOTE)
    assert ended.out.splitlines()[:6] == SHOWN


def test_an_infotext_is_read_from_standard_input(blockweight, place):
    ended = blockweight("project", "new", "p", "--infotext", "-", stdin=TEXT.encode())
    assert ended.out.splitlines()[:6] == SHOWN


def test_a_picture_makes_a_project(blockweight, place):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", TEXT)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(place / "picture.png", pnginfo=info)
    ended = blockweight("project", "new", "p", "--picture", "picture.png")
    assert (ended.code, ended.err) == (0, NOTE)
    assert ended.out.splitlines()[:6] == SHOWN


def test_what_is_typed_counts_more_than_the_infotext_even_if_it_is_the_default(blockweight, place):
    typed = ("--seeds", "1", "--steps", "20", "--cfg", "7", "--prompt", "2girls", "--strength", "1", "--weights", "ALL")
    ended = blockweight("project", "new", "p", "--infotext", "text.txt", *typed, "--json")
    state = json.loads(ended.out)
    (scene,) = state["scenes"]
    assert (scene["prompt"], scene["seed"], scene["steps"], scene["cfg_scale"]) == ("2girls", 1, 20, 7)
    assert (scene["negative_prompt"], scene["sampler"]) == ("blurry", "Euler a")
    assert scene["clip_skip"] == 2
    assert set(state["weights"]["values"].values()) == {1}


def test_the_hires_pass_and_the_schedule_reach_the_project(blockweight, place):
    (place / "text.txt").write_text(TUTORIAL)
    typed = ("--lora", "loras/gobuhime.safetensors", "--model", "models/anime", "--weights", "ALL", "--seeds", "1")
    further = ("--hires-steps", "3", "--noise", "NV", "--variation-seed", "5", "--variation-strength", "0.5")
    ended = blockweight("project", "new", "p", "--infotext", "text.txt", *typed, *further, "--json")
    (scene,) = json.loads(ended.out)["scenes"]
    assert (scene["sampler"], scene["scheduler"], scene["noise_source"]) == ("DPM++ 2M", "Karras", "NV")
    assert scene["variation"] == {"seed": 5, "strength": 0.5}
    assert scene["hires"] == {
        "upscaler": "Latent (nearest-exact)", "scale": 1.5, "width": 0, "height": 0, "steps": 3, "denoising": 0.6,
    }  # fmt: skip
    shown = blockweight("tune", "show", "--project", "p").out.splitlines()[4]
    assert shown.endswith(
        "seed 1, 512x512, 25 steps of DPM++ 2M Karras, CFG 8, clip skip 2, varied by seed 5 at 0.5, noise NV, hires "
        "Latent (nearest-exact) to 768x768 at 0.6"
    )


def test_loras_beside_the_tuned_one_and_rest_reach_the_project(blockweight, place):
    write_lora_file(place / "loras" / "style.safetensors", FULL.blocks, seed=2)
    text = TEXT.replace(">\n", "> <lora:style:0.25>\n", 1).replace("ENSD: 1", 'Blockweight LoRA 1: "rest: 0.5"')
    ended = blockweight("project", "new", "p", "--infotext", "-", "--json", stdin=text.encode())
    assert (ended.code, ended.err) == (0, "")
    state = json.loads(ended.out)
    ((other,),) = (scene["loras"] for scene in state["scenes"])
    assert (other["strength"], set(other["blocks"].values())) == (0.25, {1.0})
    assert state["weights"]["rest"] == 0.5


def test_notes_on_what_was_typed_over_are_left_out(blockweight, place):
    (place / "text.txt").write_text(TUTORIAL)
    typed = ("--lora", "loras/gobuhime.safetensors", "--model", "models/anime", "--weights", "ALL", "--seeds", "1")
    ended = blockweight("project", "new", "p", "--infotext", "text.txt", *typed, "--negative", "")
    assert ended.code == 0
    assert ended.err.splitlines() == []


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (("--infotext", "none.txt"), None, "There is no file 'none.txt'"),
        (("--infotext", "-"), "", "The infotext is empty"),
        (("--infotext", "-"), '{"a": 1}', "The text is JSON"),
        (("--infotext", "-"), "1girl", "A project needs a LoRA; give its path with --lora."),
        (("--infotext", "-"), "1girl <lora:nobody:1>", "The LoRA 'nobody' of the infotext is in none of the folders"),
        (("--infotext", "-"), "<lora:gobuhime:1>\nSteps: 20, Model: none, Seed: 1", "The model 'none' of the infotext"),
        (("--infotext", "-"), "<lora:gobuhime:1>\nSteps: 20, Model: anime", "A project needs a prompt"),
        (("--picture", "text.txt"), None, "is no PNG, JPEG or WebP picture"),
        (("--picture", "none.png"), None, "The picture 'none.png' cannot be read"),
        (("--infotext", "text.txt", "--picture", "text.txt"), None, "give one of the two"),
        ((), None, "A project needs a LoRA; give its path with --lora."),
        (("--lora", "loras/gobuhime.safetensors"), None, "A project needs a model; give its path with --model."),
    ],
)
def test_what_cannot_be_made_a_project_is_refused_in_a_sentence(blockweight, place, arguments, text, words):
    before = tree(place)
    ended = blockweight("project", "new", "p", *arguments, stdin=(text or "").encode())
    (line,) = ended.err.splitlines()
    assert (ended.code, ended.out) == (2, "")
    assert line.startswith("Error: ")
    assert words in line
    assert tree(place) == before
