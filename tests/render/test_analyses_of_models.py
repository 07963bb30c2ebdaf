"""Analyses from end to end on tiny models: two steps, few blocks, every method that asks the model itself."""

from __future__ import annotations

from pathlib import Path

import flow_loras
import numpy as np
import pytest
import tiny_flows
import tiny_loras
import tiny_sdxl
import torch
from tiny_flows import FLOWS

from blockweight.blocks import REST
from blockweight.plan import Scene
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.workflow.analysis.findings import read_findings
from blockweight.workflow.analysis.own_lora import Typed, analyse_lora
from blockweight.workflow.progress import SilentProgress

OPTIONS = {"eba": {}, "probe": {}, "sketch": {}, "gradient": {"aims": "light"}}
MAIN = {"eba": "change", "probe": "change", "sketch": "change", "gradient": "light"}


class Case:
    """A model, a LoRA over all of it and a renderer that keeps it loaded."""

    def __init__(self, lora: Path, model: Path, folder: Path, blocks: str, **scene) -> None:
        checkpoint = identify_checkpoint(model)
        usual = {"sampler": "Euler", "cfg_scale": 4.0, "width": 16, "height": 16, "steps": 2} | scene
        self.scenes = [Scene("scene", checkpoint, "1girl, red dress", "", seed, **usual) for seed in (1, 2)]
        self.lora, self.folder, self.blocks = lora, folder, blocks
        self.renderer = LocalRenderer(torch.device("cpu"))

    def analyse(self, method: str, folder: str = "out", **typed):
        options = {"blocks": self.blocks, "weight_range": "0,1", "method": method, **OPTIONS[method], **typed}
        found = analyse_lora(
            self.lora, self.scenes, self.folder / folder, lambda: self.renderer, SilentProgress(), Typed(**options)
        )
        assert found is not None
        return found


@pytest.fixture(scope="module")
def sd1(tmp_path_factory, fresh, tiny):
    folder = tmp_path_factory.mktemp("sd1")
    lora = tiny_loras.write(folder / "locon.safetensors", fresh, "locon", seed=2)
    return Case(lora, tiny.folder, folder, "BASE,OUT11,REST")


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory):
    folder, pipeline = tmp_path_factory.mktemp("sdxl"), tiny_sdxl.pipeline()
    pipeline.save_pretrained(folder / "model", safe_serialization=True)
    lora = tiny_sdxl.write_locon(folder / "locon.safetensors", pipeline)
    return Case(lora, folder / "model", folder, "BASE,M00,REST")


@pytest.fixture(scope="module")
def flux(tmp_path_factory):
    folder, flow = tmp_path_factory.mktemp("flux"), FLOWS["flux1"]
    model = tiny_flows.save("flux1", folder / "model")
    pipeline = tiny_flows.pipeline("flux1")
    lora = flow_loras.write(folder / "lora.safetensors", pipeline, flow.family)
    sampler, scheduler = flow.sampler
    scene = {"sampler": sampler, "scheduler": scheduler, "cfg_scale": flow.cfg_scale}
    return Case(lora, model, folder, "CLIP,T5,D00,S01", width=flow.side, height=flow.side, **scene)


@pytest.fixture(params=["sd1", "sdxl", "flux"])
def case(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("method", OPTIONS)
def test_every_block_has_an_effect_in_every_scene_and_so_have_text_encoders_and_rest(case, method):
    found, written = case.analyse(method)
    assert found.table.blocks == tuple(case.blocks.split(","))
    samples = found.table.values[found.table.aspects.index(MAIN[method])]
    assert np.isfinite(samples).all()
    assert (np.abs(samples) > 1e-4).all()
    assert read_findings(written.folder).facts() == found.facts()


@pytest.mark.parametrize("method", OPTIONS)
def test_the_same_again_asks_nothing_of_the_model(case, method):
    found, _ = case.analyse(method)

    def never(*_):
        raise AssertionError("the model was asked")

    renderer = case.renderer
    asked = {name: getattr(renderer, name) for name in ("render", "probe", "sketches", "slopes")}
    for name in asked:
        setattr(renderer, name, never)
    try:
        again, _ = case.analyse(method)
    finally:
        for name in asked:
            delattr(renderer, name)
    assert again.facts() == found.facts()


def test_a_gradient_foretells_a_small_change(sd1):
    options = {"aims": "light", "weight_range": "0.9,1", "blocks": "OUT11,REST"}
    drawn, _ = sd1.analyse("eba", **options)
    foretold, _ = sd1.analyse("gradient", **options)
    for block in ("OUT11", REST):
        one, other = (np.array(found.table.samples("light", block)) for found in (drawn, foretold))
        # Pictures are of whole levels.
        assert other == pytest.approx(one, abs=0.3, rel=0.3)


def test_a_probe_of_one_step_of_pure_noise_is_kept_and_read(flux):
    scenes, flux.scenes = flux.scenes, [Scene(**{**vars(flux.scenes[0]), "steps": 1})]
    try:
        found, written = flux.analyse("probe", "one step")
    finally:
        flux.scenes = scenes
    assert read_findings(written.folder).facts() == found.facts()
    assert found.steps is None  # one step is no map
