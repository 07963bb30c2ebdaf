"""VAEs, pictures that are drawn over and ControlNets with SDXL, over a real, tiny model."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_parts
import tiny_sdxl
import torch
from safetensors.torch import save_file
from tiny_parts import control_with, picture_file, start_at, vae_part
from tiny_scenes import Tiny, different, same, use

from blockweight.plan import Hires
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.weights import BlockWeights

WAY = {"sampler": "Euler", "scheduler": "Karras", "steps": 3}


@pytest.fixture(scope="module")
def xl(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    model, folder = tiny_sdxl.pipeline(), tmp_path_factory.mktemp("xl")
    model.save_pretrained(folder / "model", safe_serialization=True)
    lora = use(tiny_sdxl.write_locon(folder / "lora.safetensors", model))
    control = tiny_parts.control_of(model, 6)
    control.save_pretrained(folder / "control-folder")
    save_file(
        {name: value.contiguous() for name, value in control.state_dict().items()}, folder / "control.safetensors"
    )
    tiny_parts.vae_file(tiny_parts.vae_of(model, 5), folder / "vae.safetensors")
    picture_file(folder / "start.png", 1)
    picture_file(folder / "map.png", 2)
    return Tiny(folder / "model", identify_checkpoint(folder / "model"), lora, lora)


@pytest.fixture(scope="module")
def renderer() -> LocalRenderer:
    return LocalRenderer(torch.device("cpu"))


def weights(seed: int) -> BlockWeights:
    layout = tiny_sdxl.SDXL.layout
    values = np.random.default_rng(seed).uniform(0.2, 1.5, len(layout)).round(2)
    return BlockWeights("x", layout, tuple(map(float, values)))


def part(found, number: int):
    return tuple(one[number : number + 1] for one in found)


def test_a_controlnet_is_told_what_sdxls_unet_is_told_and_a_batch_is_its_pictures_one_by_one(xl, renderer, draw):
    folder = xl.folder.parent
    led = control_with(folder / "control.safetensors", folder / "map.png", mode="ControlNet is more important")
    way = {**WAY, "controls": (led,), "hires": Hires("Latent", 1.5, steps=2)}
    jobs = [
        xl.job(weights(1), seed=1, **way),
        xl.job(weights(2), seed=2, **way, prompt="red dress, " * 30),
    ]
    together = draw(renderer, jobs)
    for number, job in enumerate(jobs):
        same(draw(renderer, [job]), part(together, number))
    different(draw(renderer, [xl.job(weights(1), seed=1, **{**way, "controls": ()})]), part(together, 0))


def test_a_controlnet_in_either_form_draws_alike(xl, renderer, draw):
    folder = xl.folder.parent
    file, whole = (
        draw(renderer, [xl.job(None, **WAY, controls=(control_with(folder / name, folder / "map.png"),))])
        for name in ("control.safetensors", "control-folder")
    )
    same(file, whole)


def test_a_picture_is_drawn_over_with_another_vae(xl, renderer, draw):
    folder = xl.folder.parent
    begun = start_at(folder / "start.png", 0.5)
    own = draw(renderer, [xl.job(None, **WAY, start=begun)])
    other = draw(renderer, [xl.job(None, **WAY, start=begun, vae=vae_part(folder / "vae.safetensors"))])
    assert own[0].shape == other[0].shape == (1, 16, 16, 3)
    different(other, own)
