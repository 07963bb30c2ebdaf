"""Probes of the tiny transformers: the pipelines' own ways, looked at from beside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import flow_loras
import numpy as np
import pytest
import tiny_flows
import torch
from tiny_flows import FLOWS

from blockweight.lora import open_lora
from blockweight.plan import LoraUse, Scene, Variant
from blockweight.render import Pair, ProbeAsk, identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.render.local.engines import load_engine
from blockweight.weights import uniform

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=FLOWS)
def case(request, tmp_path_factory):
    """A renderer and how to ask it: four steps, of which the first and the third are looked at."""
    folder, flow = tmp_path_factory.mktemp(request.param), FLOWS[request.param]
    model = tiny_flows.save(request.param, folder / "model")
    engine = load_engine(model, CPU)
    lora = open_lora(flow_loras.write(folder / "lora.safetensors", engine.pipeline, flow.family))
    use = LoraUse(str(lora.path), lora.digest, 0.8)
    layout = lora.family.layout
    plain = uniform("source", layout, 1.0)
    first, *_, last = (block for block in lora.blocks if block in layout.blocks)
    changed = ({first: 0.0}, {last: 0.0}, {first: 0.0, last: 0.0}, {})
    scene = Scene(
        "scene", identify_checkpoint(model), "a red dress", "", 3, 4, flow.cfg_scale, flow.sampler[0], flow.side,
        flow.side, scheduler=flow.sampler[1],
    )  # fmt: skip

    def ask(at=(0, 2), **changes: Any) -> ProbeAsk:
        made = tuple(Variant(str(change), plain.with_weights(change)) for change in changed)
        return ProbeAsk(
            replace(scene, steps=changes.pop("steps", 4)), use, Variant("source", plain), made, at, **changes
        )

    return LocalRenderer(CPU), ask


def probed(case, ask):
    case[0].check(ask.jobs)
    (found,) = case[0].probe([ask])
    return found


def test_of_one_step_the_estimate_is_the_picture(case):
    renderer, ask = case
    one = ask((0,), steps=1, decode=True)
    if one.scene.sampler != "Euler" or "qwen" in one.lora.path:
        pytest.skip("draws nothing in one step")
    level = probed(case, one).levels[0]
    made = {rendering.job.key: rendering.picture for rendering in renderer.render(one.jobs)}
    for job, picture in zip(one.jobs, [level.source, *level.pictures], strict=True):
        assert np.abs(made[job.key].astype(int) - picture.astype(int)).max() <= 1


def test_the_maps_are_those_of_the_change_at_each_level(case):
    asked = case[1](pairs=(Pair(0, 1, 2), Pair(0, 3, 0)))
    found = probed(case, asked)
    assert [level.step for level in found.levels] == [0, 2]
    assert found.levels[0].sigma == np.inf
    assert 0 < found.levels[1].sigma < 20
    for level in found.levels:
        assert level.maps.shape[0] == 4
        assert level.maps.shape[1] == level.maps.shape[2]
        assert level.maps[:3].max((1, 2)).min() > 1e-4
        assert level.maps[3].max() < 1e-5
        assert level.mixed[1].max() < 1e-5 < level.mixed[0].max()
    rows = 2 if asked.scene.cfg_scale > 1 else 1
    assert found.calls == asked.calls(rows)


def test_a_later_level_is_on_the_way_of_the_rendering(case, monkeypatch):
    """The last level's source, decoded, is the picture that is drawn after it: the last step ends with what the model
    sees there, and the pipeline was left as it was."""
    renderer, ask = case
    one = ask((3,), decode=True)
    level = probed(case, one).levels[0]
    (made,) = renderer.render(one.jobs[:1])
    assert np.abs(made.picture.astype(int) - level.source.astype(int)).max() <= 1
