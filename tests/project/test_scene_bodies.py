"""Scenes as events keep them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from blockweight.plan import Control, Hires, LoraUse, OtherLora, Part, Scene, Start
from blockweight.project.plain import plot_scene_from, scene_body, scene_from
from workshop import SCENE, weights_of

LATER = ("scheduler", "variation_seed", "variation_strength", "eta", "noise_source", "hires", "guidance")
PARTS = ("vae", "start", "controls", "loras", "preview", "renderer")
FULL = replace(
    SCENE,
    scheduler="Karras",
    variation_seed=2**63 - 1,
    variation_strength=0.25,
    eta=0.0,
    noise_source="NV",
    hires=Hires("Lanczos", 1.5, 64, 0, 7, 0.3),
    vae=Part("anime.safetensors", "a" * 64),
    controls=(Control(Part("canny", "b" * 64), Part("lines.png", "c" * 64), 0.5, 0.1, 0.9, "x", "y"),),
    loras=(
        OtherLora(LoraUse("coat.safetensors", "e" * 64, 0.8, 0.5, 3, 12), weights_of("MIDD")),
        OtherLora(LoraUse("hat.safetensors", "f" * 64), weights_of("ALL")),
    ),
    preview=True,
    guidance=3.5,
    renderer="local:cpu",
)
OVER = replace(FULL, hires=None, start=Start(Part("sketch.png", "d" * 64), 0.3, "Crop and resize"))


def read_again(scene: Scene) -> Scene:
    return replace(plot_scene_from(json.loads(json.dumps(scene_body(scene)))), checkpoint=scene.checkpoint)


@pytest.mark.parametrize("scene", [SCENE, FULL, replace(FULL, eta=None, hires=None), OVER])
def test_a_scene_is_read_back_as_it_was(scene):
    assert read_again(scene) == scene
    assert read_again(scene).facts() == scene.facts()


def test_a_scene_of_an_older_log_is_what_it_was():
    for later in ((*LATER, *PARTS), PARTS):
        old = {name: value for name, value in scene_body(SCENE).items() if name not in later}
        assert replace(scene_from(old), checkpoint=SCENE.checkpoint) == SCENE


def test_a_body_says_no_place_of_this_machine():
    far = OVER.moved(lambda _, path: f"/home/somebody/{path}")
    assert "somebody" not in json.dumps(scene_body(far))
    assert scene_body(far) == scene_body(OVER)


@pytest.mark.parametrize(
    "change",
    [
        {"eta": "much"},
        {"variation_strength": float("nan")},
        {"variation_seed": -1},
        {"noise_source": 3},
        {"hires": {"upscaler": "Latent"}},
        {"hires": 2},
        {"vae": "anime"},
        {"vae": {"path": "anime"}},
        {"start": {"picture": {"path": "a", "digest": "b"}, "denoising": "much", "resize": "x"}},
        {"controls": [{"model": {"path": "a", "digest": "b"}}]},
        {"controls": 3},
        {"loras": [{"use": {"path": "a", "digest": "b"}}]},
        {"loras": "coat"},
        {"preview": 1},
        {"guidance": "strong"},
        {"renderer": 1},
    ],
)
def test_what_no_scene_wrote_is_refused(change):
    with pytest.raises((ValueError, KeyError, TypeError)):
        scene_from({**scene_body(FULL), **change})


def test_only_a_plots_scenes_name_their_renderer():
    with pytest.raises(ValueError, match="renderer"):
        scene_from(scene_body(replace(SCENE, renderer="webui+http://elsewhere:7860")))
