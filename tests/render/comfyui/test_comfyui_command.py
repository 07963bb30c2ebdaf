"""The tutorial's steps over a ComfyUI, from the command line, with a model that only the ComfyUI has."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from blockweight.errors import BlockweightError
from blockweight.render.comfyui import server_checkpoint
from blockweight.render.remote import read_addresses

SCENE = ("--prompt", "1girl, (red:1.2) dress", "--size", "64x64", "--steps", "3", "--sampler", "DPM++ 2M Karras")


@pytest.fixture
def blockweight(tmp_path, monkeypatch, command_line):
    """The command line, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return command_line


def test_the_tutorial_runs_over_a_comfyui(comfyui, blockweight, locon):
    server = ("--renderer", comfyui.address)
    model = "server:SD15/anime.safetensors"
    blockweight("project", "new", "p", "--lora", locon, "--model", model, *SCENE, *server)
    told = blockweight("tune", "analyze", "--blocks", "BASE,IN01,M00", "--project", "p", "--json", *server)
    changes = {each["block"]: each["effects"]["overall"]["mean"] for each in json.loads(told)["blocks"]}
    assert set(changes) == {"BASE", "IN01", "M00"} and all(changes.values())
    blockweight("tune", "set", ",".join(["1"] * 12 + ["0.5"] * 14), "--project", "p")
    blockweight("tune", "round", "sub", "--project", "p", *server)
    blockweight("tune", "compare", "no LoRA", "current", "--project", "p", *server)
    assert len(comfyui.uploaded) == 26
    drawn = len(comfyui.drawn)
    assert drawn == len(comfyui.posted) > 20
    blockweight("tune", "compare", "--project", "p", *server)
    assert len(comfyui.drawn) == drawn
    assert len(list(Path("p").rglob("*.png"))) > drawn


def test_a_model_that_only_a_comfyui_has_is_refused_for_several_servers(comfyui, blockweight, locon):
    server = f"{comfyui.address},comfyui+http://127.0.0.1:1"
    model = ("--model", "server:SD15/anime.safetensors")
    with pytest.raises(RuntimeError, match=r"does not tell whether its 'SD15/anime.safetensors' is the same file"):
        blockweight("analyze", locon, *model, *SCENE, "--renderer", server)


def test_a_servers_model_is_told_by_server_name_and_metadata(comfyui):
    (address,) = read_addresses(comfyui.address)
    plain = server_checkpoint(address, "SD15/anime.safetensors")
    assert plain.path == "server:SD15/anime.safetensors"
    assert server_checkpoint(address, "anime.safetensors") == plain
    comfyui.metadata["SD15/anime.safetensors"] = {"modelspec.title": "Anime"}
    assert server_checkpoint(address, "anime.safetensors").digest != plain.digest
    assert server_checkpoint(replace(address, url=address.url.replace("127.0.0.1", "localhost")), "model").path
    with pytest.raises(BlockweightError, match=r"no model called 'none' \(it has 'SD15/anime.safetensors', 'model"):
        server_checkpoint(address, "none")
