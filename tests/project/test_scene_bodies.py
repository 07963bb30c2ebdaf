"""Scenes as events keep them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from blockweight.plan import Hires, Scene
from blockweight.project.plain import scene_body, scene_from
from workshop import SCENE

LATER = ("scheduler", "variation_seed", "variation_strength", "eta", "noise_source", "hires", "guidance")
FULL = replace(
    SCENE,
    scheduler="Karras",
    variation_seed=2**63 - 1,
    variation_strength=0.25,
    eta=0.0,
    noise_source="NV",
    hires=Hires("Lanczos", 1.5, 64, 0, 7, 0.3),
    guidance=3.5,
)


def read_again(scene: Scene) -> Scene:
    return replace(scene_from(json.loads(json.dumps(scene_body(scene)))), checkpoint=scene.checkpoint)


@pytest.mark.parametrize("scene", [SCENE, FULL, replace(FULL, eta=None, hires=None)])
def test_a_scene_is_read_back_as_it_was(scene):
    assert read_again(scene) == scene
    assert read_again(scene).facts() == scene.facts()


def test_a_scene_of_an_older_log_is_what_it_was():
    old = {name: value for name, value in scene_body(SCENE).items() if name not in LATER}
    assert replace(scene_from(old), checkpoint=SCENE.checkpoint) == SCENE


@pytest.mark.parametrize(
    "change",
    [
        {"eta": "much"},
        {"variation_strength": float("nan")},
        {"variation_seed": -1},
        {"noise_source": 3},
        {"hires": {"upscaler": "Latent"}},
        {"hires": 2},
        {"guidance": "strong"},
    ],
)
def test_what_no_scene_wrote_is_refused(change):
    with pytest.raises((ValueError, KeyError, TypeError)):
        scene_from({**scene_body(FULL), **change})
