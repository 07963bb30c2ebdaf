"""Slopes of the tiny models, against differences of pictures drawn by the same renderer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import flow_loras
import numpy as np
import pytest
import tiny_flows
import tiny_sdxl
import torch
from tiny_flows import FLOWS
from tiny_loras import weights
from tiny_scenes import Tiny, use

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Hires, Job, LoraUse, Scene, Variant
from blockweight.render import FakeRenderer, SlopeAsk, Slopes, identify_checkpoint, slope_renderer
from blockweight.render.local import LocalRenderer
from blockweight.render.local import slopes as local_slopes
from blockweight.render.local.recalculation import Recalculation
from blockweight.weights import BlockWeights, uniform

CPU = torch.device("cpu")
AWAY = 2e-3


def cotangent(seed: int, height: int = 16, width: int = 16) -> np.ndarray:
    """A random mean over the picture's values, with a preference that does not cancel out."""
    return np.random.default_rng(seed).normal(0.3, 1, (height, width, 3)) / (height * width)


def asked(renderer: LocalRenderer, job: Job, given: Sequence[np.ndarray] = (), **said) -> Slopes:
    return next(renderer.slopes([SlopeAsk(job, lambda _: given)], **said))


def moved(chosen: BlockWeights, way: dict[str, float], far: float) -> BlockWeights:
    """`far` away from the weights, on the way that says how much of it each block goes."""
    values = tuple(value + far * way.get(block, 0.0) for block, value in chosen.items())
    return BlockWeights("moved", chosen.layout, values, chosen.rest + far * way.get(REST, 0.0))


def differs_by(renderer: LocalRenderer, job: Job, way: dict[str, float], given: np.ndarray) -> float:
    """How fast Σ given · picture grows on a way through the block weights, by two pictures."""
    ends = []
    for far in (AWAY, -AWAY):
        weights = moved(job.variant.weights, way, far)
        ends.append((asked(renderer, replace(job, variant=Variant("end", weights))).picture * given).sum())
    return float(ends[0] - ends[1]) / (2 * AWAY)


def agree(renderer: LocalRenderer, job: Job, ways: Sequence[dict[str, float]], given: np.ndarray) -> Slopes:
    found = asked(renderer, job, [given])
    for way in ways:
        said = sum(slope * way.get(block, 0.0) for block, slope in zip(found.blocks, found.slopes[0], strict=True))
        assert said == pytest.approx(differs_by(renderer, job, way, given), rel=0.03, abs=2e-3)
        assert abs(said) > 0.01
    return found


def random_way(blocks: Sequence[str], seed: int) -> dict[str, float]:
    return dict(zip(blocks, np.random.default_rng(seed).normal(0, 1, len(blocks)), strict=True))


def test_every_blocks_slope_is_what_pictures_on_either_side_say(tiny, shared):
    job = tiny.job(weights(fill=0.3, rest=0.3))
    blocks = (*open_lora(Path(tiny.locon.path)).blocks, REST)
    ways = [random_way(blocks, 1), {"BASE": 1.0}, {REST: 1.0}, {"OUT08": 1.0}]
    assert agree(shared, job, ways, cotangent(1)).blocks == blocks


@pytest.mark.parametrize(
    "changes",
    [
        {"sampler": "Euler a", "scheduler": "Karras"},
        {"sampler": "Heun", "scheduler": "Karras"},
        {"sampler": "UniPC", "scheduler": "Automatic"},
        {"cfg_scale": 1.0},
        {"prompt": "1girl AND red dress :0.7", "negative_prompt": "[blue:green:0.5]"},
        {"sampler": "Euler", "scheduler": "Uniform", "hires": Hires("Latent", 2.0, steps=2, denoising=0.6)},
    ],
)
def test_slopes_go_through_samplers_prompts_and_passes(tiny, shared, changes):
    job = tiny.job(weights(fill=0.3), **changes)
    width, height = job.scene.picture_size
    way = random_way(open_lora(Path(tiny.locon.path)).blocks, 2)
    agree(shared, job, [way], cotangent(2, int(height), int(width)))


def test_the_strength_of_the_lora_counts(tiny, shared):
    job = tiny.job(weights(fill=0.6), replace(tiny.locon, strength=-0.5))
    found = agree(shared, job, [{"OUT08": 1.0}], cotangent(3))
    assert np.abs(next(iter(shared.render([job]))).picture - found.picture).max() <= 0.51


def test_weights_of_0_have_slopes_too(tiny, shared):
    agree(shared, tiny.job(weights(fill=0.0, rest=0.0)), [{"BASE": 1.0}, {"OUT08": 1.0}], cotangent(4))


def test_each_objective_has_its_own_slopes(tiny, shared):
    job, (one, other) = tiny.job(weights(fill=0.3)), (cotangent(5), cotangent(6))
    both = asked(shared, job, [one, other, 2 * one - other, 0 * one]).slopes
    assert both[2] == pytest.approx(2 * both[0] - both[1], rel=1e-3, abs=1e-4)
    assert not both[3].any()
    assert both[1] == pytest.approx(asked(shared, job, [other]).slopes[0], rel=1e-5)


def test_small_and_large_objectives_keep_their_digits(tiny, shared):
    job, given = tiny.job(weights(fill=0.3)), cotangent(7)
    usual, small, large = asked(shared, job, [given, given * 2.0**-60, given * 2.0**60]).slopes
    assert np.array_equal(small * 2.0**60, usual)
    assert np.array_equal(large * 2.0**-60, usual)


def test_calculating_again_gives_what_keeping_gives(tiny, shared, monkeypatch):
    job, given = tiny.job(weights(fill=0.3)), [cotangent(8), cotangent(9)]
    kept = asked(shared, job, given)
    calls = {"kept": 0, "again": 0}
    for name, room in (("kept", None), ("again", 0)):
        monkeypatch.setattr(local_slopes, "Recalculation", lambda device, _, room=room: Recalculation(device, room))

        def count(_step, name=name):
            calls[name] += 1

        found = asked(shared, job, given, watch=count)
        assert np.array_equal(found.slopes, kept.slopes)
    assert calls == {"kept": 5, "again": 9}


def test_the_picture_is_the_rendered_one_and_neither_disturbs_the_other(tiny, shared):
    job = tiny.job(weights(1, rest=0.4))
    before = next(iter(shared.render([job]))).picture
    found = asked(shared, job, [cotangent(10)])
    assert np.abs(before - found.picture).max() <= 0.51
    assert np.array_equal(next(iter(shared.render([job]))).picture, before)
    assert np.array_equal(asked(shared, job, [cotangent(10)]).slopes, found.slopes)


def test_pictures_may_be_drawn_between_slopes(tiny, shared):
    jobs = [tiny.job(weights(1)), tiny.job(weights(2)), tiny.job(weights(1))]
    wanted = [next(iter(shared.render([job]))).picture for job in jobs]
    for found, picture in zip(shared.slopes([SlopeAsk(job, lambda _: []) for job in jobs]), wanted, strict=True):
        assert np.abs(found.picture - picture).max() <= 0.51
        assert np.array_equal(next(iter(shared.render([found.job]))).picture, picture)


def test_cost_counts_the_way_back(tiny, shared):
    job = tiny.job(weights(fill=0.3))
    found = asked(shared, job, [cotangent(11)])
    assert found.rows == 2 * job.scene.steps
    assert found.cost > found.rows
    assert found.seconds > 0


def test_steps_are_told_and_what_the_watch_raises_ends_it(tiny, shared, monkeypatch):
    monkeypatch.setattr(local_slopes, "Recalculation", lambda device, _: Recalculation(device, 0))
    steps = []
    job = tiny.job(weights(fill=0.3))
    asked(shared, job, [cotangent(12)], watch=steps.append)
    assert [(step.done, step.of) for step in steps] == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]

    class Enough(Exception):
        pass

    def stop(step):
        if step.done == 5:
            raise Enough

    with pytest.raises(Enough):
        asked(shared, job, [cotangent(12)], watch=stop)
    assert np.array_equal(next(iter(shared.render([job]))).picture, next(iter(shared.render([job]))).picture)


def test_what_has_no_slopes_is_refused_before_anything_is_drawn(tiny, shared):
    with pytest.raises(BlockweightError, match="without the LoRA"):
        shared.slopes([SlopeAsk(tiny.job(None), lambda _: [])])
    enlarged = tiny.job(
        weights(), sampler="Euler", scheduler="Uniform", hires=Hires("Lanczos", 2.0, steps=2, denoising=0.6)
    )
    with pytest.raises(BlockweightError, match="no gradient goes through that"):
        shared.slopes([SlopeAsk(enlarged, lambda _: [])])
    with pytest.raises(BlockweightError, match="sampler"):
        shared.slopes([SlopeAsk(tiny.job(weights(), sampler="Nonsense"), lambda _: [])])
    assert slope_renderer(shared) is shared
    with pytest.raises(BlockweightError, match="--renderer local"):
        slope_renderer(FakeRenderer())


def test_numbers_that_are_none_are_refused(tiny, shared):
    job = tiny.job(weights(fill=0.3))
    with pytest.raises(BlockweightError, match="gradient of the scene 'scene' came out"):
        asked(shared, job, [np.full((16, 16, 3), np.nan)])
    with pytest.raises(BlockweightError, match="picture of the scene 'scene' came out"):
        asked(shared, tiny.job(weights(fill=60000.0), prompt="x"), [cotangent(1)])


def test_no_memory_is_said_in_a_sentence(tiny, shared, monkeypatch):
    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(local_slopes, "_back", full)
    with pytest.raises(BlockweightError, match="16×16 pixels does not fit into the memory"):
        asked(shared, tiny.job(weights(fill=0.3)), [cotangent(1)])


def test_slopes_of_sdxl_reach_both_text_encoders(tmp_path):
    model = tiny_sdxl.pipeline()
    model.save_pretrained(tmp_path / "model", safe_serialization=True)
    lora = use(tiny_sdxl.write_locon(tmp_path / "lora.safetensors", model))
    xl = Tiny(tmp_path / "model", identify_checkpoint(tmp_path / "model"), lora, lora)
    blocks = open_lora(Path(lora.path)).blocks
    job = xl.job(uniform("w", tiny_sdxl.SDXL.layout, 0.3))
    agree(LocalRenderer(CPU), job, [random_way(blocks, 3), {"BASE": 1.0}], cotangent(13))


@pytest.mark.parametrize("name", FLOWS)
def test_slopes_of_transformers(name, tmp_path):
    flow, folder = FLOWS[name], tiny_flows.save(name, tmp_path / "model")
    renderer = LocalRenderer(CPU)
    checkpoint = identify_checkpoint(folder)
    pipeline = renderer._engine(checkpoint).pipeline
    file = open_lora(flow_loras.write(tmp_path / "lora.safetensors", pipeline, flow.family))
    lora = LoraUse(str(file.path), file.digest, 0.8)
    scene = Scene(
        "scene", checkpoint, "a red dress", "", 3, 3, flow.cfg_scale, flow.sampler[0], flow.side, flow.side,
        scheduler=flow.sampler[1],
    )  # fmt: skip
    job = Job(scene, lora, Variant("v", uniform("w", file.family.layout, 0.2)))
    list(renderer.render([job]))  # what a model keeps from drawing pictures must not stand in the way
    blocks = (*file.blocks, REST) if file.rest else file.blocks
    found = agree(renderer, job, [random_way(blocks, 4)], cotangent(14, flow.side, flow.side))
    assert found.blocks == blocks
    assert found.rows == 3 * (1 if flow.cfg_scale == 1 else 2)
