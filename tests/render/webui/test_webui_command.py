"""The tutorial's steps over a WebUI, from the command line, with a model that only the WebUI has."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from sites import MIXED

from blockweight.workflow.render_process import RenderProcess
from blockweight.workflow.settings import Settings, save_settings
from blockweight.workflow.tuning_project import open_project
from blockweight.workflow.tuning_rounds import plan_round


@pytest.fixture
def blockweight(place, monkeypatch, command_line):
    """The command line, in a folder of its own."""
    monkeypatch.chdir(place.root)
    return command_line


SCENE = ("--prompt", "1girl, red dress", "--size", "64x64", "--steps", "3", "--sampler", "DPM++ 2M Karras")


def test_the_tutorial_runs_over_a_webui(place, blockweight):
    with place.site() as (webui, _):
        server = ("--renderer", f"webui+{webui.url}")
        (place.own / "anime.safetensors").unlink()
        blockweight("project", "new", "p", "--lora", place.lora.path, "--model", "server:anime", *SCENE, *server)
        told = blockweight("tune", "analyze", "--blocks", "BASE,IN01,M00", "--project", "p", "--json", *server)
        assert [each["block"] for each in json.loads(told)["blocks"]] == ["BASE", "IN01", "M00"]
        blockweight("tune", "set", MIXED, "--project", "p")
        blockweight("tune", "round", "sub", "--project", "p", *server)
        blockweight("tune", "compare", "no LoRA", "current", "--project", "p", *server)
        assert any("lbw=1,1,0.5,0" in body["prompt"] for body in webui.drawn)
        drawn = len(webui.drawn)
        assert len(list(Path("p").rglob("*.png"))) > 8
        blockweight("tune", "compare", "--project", "p", *server)
        assert len(webui.drawn) == drawn


def test_the_studios_process_renders_over_a_webui(place, blockweight):
    with place.site() as (webui, _):
        server = f"webui+{webui.url}"
        model = ("--model", place.scene.checkpoint.path)
        blockweight("project", "new", "p", "--lora", place.lora.path, *model, *SCENE, "--renderer", server)
        with open_project(Path("p")) as tuning:
            plan_round(tuning, "Sub", 0.5)
        process, folder = RenderProcess(server), Path("p").absolute()
        try:
            process.start(folder, "round")
            ends = time.monotonic() + 60
            while process.task(folder).open and time.monotonic() < ends:
                time.sleep(0.02)
            task = process.task(folder)
        finally:
            process.close()
    assert (task.phase, task.error) == ("done", "")
    assert task.done == task.total == len(list(Path("p/pictures").glob("*.png"))) > 1


def test_the_settings_choose_a_server_for_commands(place, blockweight):
    with place.site() as (webui, _):
        save_settings(Settings(renderer=f"webui+{webui.url}"))
        blockweight("analyze", place.lora.path, "--model", "server:anime", *SCENE, "--blocks", "BASE", "--seeds", "1,2")
        assert len(webui.drawn) > 4


def test_pictures_of_another_renderer_are_not_mixed_in(place, blockweight):
    analyze = ("analyze", place.lora.path, "--model", "server:anime", *SCENE, "--blocks", "BASE", "--seeds", "1,2")
    with place.site() as (webui, _):
        blockweight(*analyze, "--renderer", f"webui+{webui.url}")
    with place.site(flavour="A1111") as (webui, _):
        sentence = r"were made with WebUI \(Forge\) .*, this run would use WebUI \(A1111"
        with pytest.raises(RuntimeError, match=sentence):
            blockweight(*analyze, "--prompt", "another", "--renderer", f"webui+{webui.url}")


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("server:none", "has no models that it calls 'none'; it has: 'other', 'anime'"),
        ("server:unread", "has not read its model 'unread' yet"),
    ],
)
def test_a_model_that_nothing_tells_is_refused(place, blockweight, model, sentence):
    place.models["unread"] = ""
    with place.site() as (webui, _), pytest.raises(RuntimeError, match=sentence):
        blockweight("analyze", place.lora.path, "--model", model, *SCENE, "--renderer", f"webui+{webui.url}")


@pytest.mark.parametrize("renderer", [(), ("--renderer", "local")])
def test_a_servers_model_is_refused_without_its_server(place, blockweight, renderer):
    with pytest.raises(RuntimeError, match="'anime' is to be a model of a server, but none is chosen; name it, as in"):
        blockweight("analyze", place.lora.path, "--model", "server:anime", *SCENE, *renderer)


def test_a_project_of_a_servers_model_is_refused_elsewhere(place, blockweight):
    with place.site() as (webui, _):
        server = ("--renderer", f"webui+{webui.url}")
        blockweight("project", "new", "p", "--lora", place.lora.path, "--model", "server:anime", *SCENE, *server)
    with pytest.raises(RuntimeError, match="'server:anime' lies on a server only, and this needs the model itself"):
        blockweight("tune", "round", "sub", "--project", "p")
