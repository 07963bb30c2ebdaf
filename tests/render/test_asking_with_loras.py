"""Probes, slopes and sketches of scenes with further LoRAs and ranges of steps."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import test_slopes
import tiny_loras
import tiny_models
import torch
from safetensors.numpy import load_file, save_file
from test_slopes import agree, cotangent, random_way
from tiny_loras import weights
from tiny_scenes import use

from blockweight.blocks import REST
from blockweight.lora import open_lora
from blockweight.plan import OtherLora, Variant
from blockweight.render import ProbeAsk, SketchAsk, identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.render.local import slopes as local_slopes
from blockweight.render.local.recalculation import Recalculation

CPU = torch.device("cpu")
EULER = {"steps": 6, "sampler": "Euler", "scheduler": "Karras"}
CHANGES = ({"OUT05": 0.2}, {"BASE": 0.0})


@pytest.fixture
def ask(tiny):
    """ask(other LoRAs, **of the tuned one's use) → what OUT05 and BASE do at the third and the last time."""

    def make(loras=(), steps=(2, 5), checkpoint=None, **changes):
        scene = tiny.scene(loras=loras, **EULER)
        scene = scene if checkpoint is None else replace(scene, checkpoint=checkpoint)
        variants = tuple(Variant(str(each), weights(**each)) for each in CHANGES)
        return ProbeAsk(scene, replace(tiny.locon, **changes), Variant("source", weights()), variants, steps)

    return make


def maps(renderer, ask) -> list[np.ndarray]:
    renderer.check(ask.jobs)
    (found,) = renderer.probe([ask])
    return [level.maps for level in found.levels]


def test_a_probe_sees_other_loras_as_part_of_the_model(tiny, shared, fresh, tmp_path, ask):
    other = OtherLora(replace(tiny.standard, strength=0.6), weights(2, BASE=0.5))
    merged = copy.deepcopy(fresh)
    tiny_loras.merge(merged, Path(other.use.path), other.weights, 0.6)
    checkpoint = identify_checkpoint(tiny_models.save_folder(merged, tmp_path / "merged"))
    wanted = maps(LocalRenderer(CPU), ask(checkpoint=checkpoint))
    for found, expected in zip(maps(shared, ask((other,))), wanted, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3 * expected.max())
    plain = maps(shared, ask())
    assert np.abs(plain[0] - wanted[0]).max() > 0.01 * wanted[0].max()


def test_noise_levels_are_those_of_the_scene_without_other_loras(tiny, shared):
    other = OtherLora(replace(tiny.standard, start=2), weights())
    levels = [shared.noise_levels(tiny.job(None, loras=loras, **EULER)) for loras in ((), (other,))]
    assert levels[0] == levels[1]


def test_a_probe_finds_a_block_that_is_off_at_that_step_without_effect_and_texts_with_theirs(shared, ask):
    late = maps(shared, ask(start=4))
    assert late[0][0].max() == 0 < late[0][1].max()
    assert late[1].max((1, 2)).min() > 0
    early = maps(shared, ask(stop=4))
    assert early[0].max((1, 2)).min() > 0
    assert early[1][0].max() == 0 < early[1][1].max()


def test_a_probe_walks_the_way_that_the_range_of_another_lora_makes(tiny, shared, ask):
    def found(**changes):
        return maps(shared, ask((OtherLora(replace(tiny.standard, text_strength=0.0, **changes), weights(2)),)))

    late, off, whole = found(start=4), found(strength=0.0), found()
    assert np.array_equal(late[0], off[0])
    assert not np.array_equal(late[1], off[1])
    assert not np.array_equal(late[0], whole[0])


@pytest.mark.parametrize("room", [None, 0], ids=["kept", "calculated again"])
def test_slopes_are_those_of_the_pictures_with_other_loras_and_ranges(tiny, shared, monkeypatch, room):
    monkeypatch.setattr(local_slopes, "Recalculation", lambda device, _: Recalculation(device, room))
    loras = (
        OtherLora(replace(tiny.standard, strength=0.5), weights(2)),
        OtherLora(replace(tiny.locon, strength=0.3, start=2, stop=4), weights(4)),
    )
    lora = replace(tiny.locon, strength=0.9, text_strength=0.5, stop=3)
    job = tiny.job(weights(fill=0.3, rest=0.3), lora, loras=loras, **EULER)
    blocks = (*open_lora(Path(tiny.locon.path)).blocks, REST)
    agree(shared, job, [random_way(blocks, 1), {"BASE": 1.0}, {"OUT08": 1.0}], cotangent(1))
    before = next(iter(shared.render([job]))).picture
    assert np.abs(test_slopes.asked(shared, job).picture - before).max() < 1.01, "levels are cut off"


def test_where_a_lora_is_off_in_all_steps_its_slopes_are_those_of_texts_alone(tiny, shared, tmp_path):
    job = tiny.job(weights(fill=0.3, rest=0.3), replace(tiny.locon, stop=1), **EULER)
    found = test_slopes.asked(shared, job, [cotangent(1)])
    assert {block for block, slope in zip(found.blocks, found.slopes[0], strict=True) if slope} == {"BASE"}
    tensors = {key: value for key, value in load_file(tiny.standard.path).items() if "lora_te" not in key}
    save_file(tensors, tmp_path / "unet.safetensors")
    silent = replace(job, lora=replace(use(tmp_path / "unet.safetensors"), stop=1))
    assert not test_slopes.asked(shared, silent, [cotangent(1)]).slopes.any()


def test_a_sketch_at_a_step_in_which_the_lora_is_off_sees_texts_alone(tiny, shared, tmp_path):
    other = OtherLora(replace(tiny.standard, stop=2), weights(2))

    def sizes(**changes):
        job = tiny.job(weights(fill=0.3), replace(tiny.locon, **changes), loras=(other,), **EULER)
        found = next(shared.sketches([SketchAsk(job, 2, 1)]))
        return dict(zip(found.blocks, found.sizes[0], strict=True))

    on, off = sizes(stop=3), sizes(stop=2)
    assert min(on.values()) > 0
    assert {block for block, size in off.items() if size} == {"BASE"}
    tensors = {key: value for key, value in load_file(tiny.standard.path).items() if "lora_te" not in key}
    save_file(tensors, tmp_path / "unet.safetensors")
    silent = tiny.job(weights(fill=0.3), replace(use(tmp_path / "unet.safetensors"), stop=1), **EULER)
    assert not next(shared.sketches([SketchAsk(silent, 2, 1)])).sizes.any()
