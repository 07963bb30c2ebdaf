"""Probes of scenes with more than a prompt: SDXL, other VAEs, ControlNets, and pictures that are drawn over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny_parts
import tiny_sdxl
import torch
from tiny_loras import weights
from tiny_parts import control_with, picture_file, start_at, vae_part
from tiny_scenes import Tiny, use

from blockweight.plan import Variant
from blockweight.render import ProbeAsk, Probed, identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.weights import BlockWeights, uniform

CPU = torch.device("cpu")
ONE = {"sampler": "Euler", "scheduler": "Karras", "steps": 1}


def ask(tiny: Tiny, plain: BlockWeights, **settings) -> ProbeAsk:
    changed = ({"OUT03": 0.0}, {"BASE": 0.0}, {"IN04": -1.0})
    made = tuple(Variant(str(change), plain.with_weights(change)) for change in changed)
    scene = tiny.scene(**{**ONE, **settings})
    return ProbeAsk(scene, tiny.locon, Variant("source", plain), made, (scene.steps - 1,), decode=True)


def draws_what_it_sees(renderer: LocalRenderer, asked: ProbeAsk) -> Probed:
    """Of scenes with one step, the estimates are the pictures."""
    renderer.check(asked.jobs)
    (found,) = renderer.probe([asked])
    level = found.levels[0]
    made = {rendering.job.key: rendering.picture for rendering in renderer.render(asked.jobs)}
    assert level.source is not None
    assert level.maps.max((1, 2)).min() > 1e-4
    for job, picture in zip(asked.jobs, [level.source, *level.pictures], strict=True):
        assert np.abs(made[job.key].astype(int) - picture.astype(int)).max() <= 1
    return found


@pytest.fixture(scope="module")
def xl(tmp_path_factory) -> Tiny:
    folder, model = tmp_path_factory.mktemp("xl-probe"), tiny_sdxl.pipeline()
    model.save_pretrained(folder / "model", safe_serialization=True)
    lora = use(tiny_sdxl.write_locon(folder / "lora.safetensors", model))
    return Tiny(folder / "model", identify_checkpoint(folder / "model"), lora, lora)


def test_sdxl_is_probed_with_both_text_encoders(xl):
    found = draws_what_it_sees(LocalRenderer(CPU), ask(xl, uniform("source", tiny_sdxl.SDXL.layout, 1.0)))
    assert found.calls == 2 * 4


def test_a_picture_that_is_drawn_over_is_where_the_way_begins(tiny, shared, tmp_path):
    start = start_at(picture_file(tmp_path / "start.png", 1), 0.5)
    found = draws_what_it_sees(shared, ask(tiny, weights(), start=start))
    (noise,) = shared.probe([ask(tiny, weights())])
    assert np.abs(found.levels[0].maps - noise.levels[0].maps).max() > 1e-3


def test_controlnets_take_part(tiny, shared, tmp_path, fresh):
    model = tiny_parts.control_file(tiny_parts.control_of(fresh, 6), tmp_path / "control.safetensors")
    control = control_with(model, picture_file(tmp_path / "map.png", 2))
    found = draws_what_it_sees(shared, ask(tiny, weights(), controls=(control,)))
    (free,) = shared.probe([ask(tiny, weights())])
    assert np.abs(found.levels[0].maps - free.levels[0].maps).max() > 1e-3


def test_a_scenes_own_vae_decodes_the_estimates(tiny, shared, tmp_path, fresh):
    vae = vae_part(tiny_parts.vae_file(tiny_parts.vae_of(fresh, 5), tmp_path / "vae.safetensors"))
    found = draws_what_it_sees(shared, ask(tiny, weights(), vae=vae))
    own = draws_what_it_sees(shared, ask(tiny, weights()))
    assert found.levels[0].source is not None
    assert own.levels[0].source is not None
    assert np.abs(found.levels[0].source.astype(int) - own.levels[0].source).max() > 5
    assert replace(found.ask, scene=own.ask.scene).key == own.ask.key
