"""The same claims against a real WebUI: `BLOCKWEIGHT_TEST_WEBUI=webui+http://host:7860?loras=/its/folder`, with a LoRA
of its model's family in `BLOCKWEIGHT_TEST_WEBUI_LORA`. The model is the one that it has chosen."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blockweight.lora import open_lora
from blockweight.plan import LoraUse
from blockweight.render.remote import Server, find_credentials, read_addresses
from blockweight.render.webui import WebuiRenderer, discover, server_checkpoint
from blockweight.weights import uniform
from workshop import job

HERE, LORA = os.environ.get("BLOCKWEIGHT_TEST_WEBUI", ""), os.environ.get("BLOCKWEIGHT_TEST_WEBUI_LORA", "")

pytestmark = pytest.mark.skipif(not (HERE and LORA), reason="needs a WebUI in BLOCKWEIGHT_TEST_WEBUI, and a LoRA")


def test_live_and_baked_pictures_agree_and_the_weights_show():
    (address,) = read_addresses(HERE)
    renderer = WebuiRenderer(address)
    site = discover(Server(address, find_credentials(address)))
    lora = open_lora(Path(LORA))
    checkpoint = server_checkpoint(address, str(site.options["sd_model_checkpoint"]))
    scene = replace(job().scene, checkpoint=checkpoint, sampler="Euler", scheduler="Uniform", steps=2)
    scene = replace(scene, width=64, height=64)
    use, layout = LoraUse(LORA, lora.digest), lora.family.layout
    half = uniform("half", layout, 1.0).with_weights(dict.fromkeys(layout.blocks[::2], 0.5))
    plain = job(None, scene, use)
    every = (None, uniform("all", layout, 1.0), half)
    jobs = [replace(plain, variant=replace(plain.variant, weights=each)) for each in every]
    without, whole, mixed = (one.picture.astype(int) for one in renderer.render(jobs))
    assert min(np.abs(a - b).mean() for a, b in ((without, whole), (mixed, whole), (mixed, without))) > 0
