"""Against a running ComfyUI: `BLOCKWEIGHT_TEST_COMFYUI=comfyui+http://127.0.0.1:8188` and, with a LoRA of its first
checkpoint's family, `BLOCKWEIGHT_TEST_COMFYUI_LORA=/path/of/it.safetensors`. `BLOCKWEIGHT_TEST_COMFYUI_MODEL` names
another checkpoint of the server's."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from comfyui_jobs import SMALL

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Checkpoint, Job, LoraUse, Variant
from blockweight.render.comfyui import ComfyuiRenderer
from blockweight.render.comfyui.kinds import NodeKinds
from blockweight.render.remote import Server, find_credentials, read_addresses
from blockweight.weights import uniform

ADDRESS = os.environ.get("BLOCKWEIGHT_TEST_COMFYUI", "")
LORA = os.environ.get("BLOCKWEIGHT_TEST_COMFYUI_LORA", "")
MODEL = os.environ.get("BLOCKWEIGHT_TEST_COMFYUI_MODEL", "")

pytestmark = pytest.mark.skipif(not (ADDRESS and LORA), reason="needs a running ComfyUI and a LoRA")


@pytest.fixture
def live():
    (address,) = read_addresses(ADDRESS)
    return ComfyuiRenderer(address)


@pytest.fixture
def jobs():
    (address,) = read_addresses(ADDRESS)
    kinds = NodeKinds(Server(address, find_credentials(address)))
    name = MODEL or (kinds.options("CheckpointLoaderSimple", "ckpt_name") or ("",))[0]
    scene = replace(SMALL, checkpoint=Checkpoint(f"server:{name}", "c" * 64), width=256, height=256, sampler="Euler")
    lora = open_lora(Path(LORA))
    use, layout = LoraUse(LORA, lora.digest), lora.family.layout
    variants = [
        Variant("all", uniform("ALL", layout, 1.0)),
        Variant(
            "none",
            uniform(
                "NONE",
                layout,
                0.0,
            ),
        ),
    ]
    return [Job(scene, use, variant) for variant in (*variants, Variant("without", None))]


def test_weights_of_0_draw_the_picture_without_the_lora(live, jobs):
    live.check(jobs)
    whole, nothing, without = (rendering.picture for rendering in live.render(jobs))
    assert (whole != without).any()
    # REST keeps its weight of 1.
    assert (nothing == without).all() or open_lora(Path(LORA)).rest


def test_the_same_job_gives_the_same_picture(live, jobs):
    first, second = (next(iter(live.render(jobs[:1]))).picture for _ in range(2))
    assert (first == second).all()


def test_a_model_that_is_not_there_is_refused(live, jobs):
    scene = replace(jobs[0].scene, checkpoint=Checkpoint("server:not-there.safetensors", "n" * 64))
    with pytest.raises(BlockweightError, match=r"no checkpoint called 'not-there.safetensors'"):
        live.check([replace(jobs[0], scene=scene)])
