"""Sketches of the tiny models, against differences of what they predict, block by block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import flow_loras
import numpy as np
import pytest
import tiny_flows
import torch
from tiny_flows import FLOWS
from tiny_loras import weights

from blockweight.blocks import DENOISERS, REST
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Job, LoraUse, Scene, Variant
from blockweight.render import Sketch, SketchAsk, identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.render.local.sketches import _placed
from blockweight.weights import uniform

CPU = torch.device("cpu")
AT = 1
AWAY = 2e-2


class Enough(Exception):
    pass


def asked(renderer: LocalRenderer, job: Job, mask: np.ndarray | None = None, many: int = 1, **said) -> Sketch:
    return next(renderer.sketches([SketchAsk(job, AT, many, mask)], **said))


def predicted(renderer: LocalRenderer, job: Job, later: Job) -> np.ndarray:
    """What the model predicts the second time for `later`, on the way of `job`: the latents are the same if the
    weights change only after the first time."""
    engine, loras, found = renderer._engine(job.scene.checkpoint), renderer._attach([job]), []

    def seen(prediction: torch.Tensor) -> None:
        found.append(prediction.detach().double().numpy().copy())
        loras.tuned.set_samples([later.variant], job.lora.strength, in_texts=False)
        if len(found) == AT + 1:
            raise Enough

    with torch.no_grad(), engine.texts_anew(), engine.seeing(seen), pytest.raises(Enough):
        engine.draw([job], loras, lambda *_: None)
    return found[AT][0]


def by_differences(renderer: LocalRenderer, job: Job, block: str) -> np.ndarray:
    """∂ prediction / ∂ weight of a block of the denoiser."""
    ends = []
    for far in (AWAY, -AWAY):
        chosen = job.variant.weights
        moved = chosen.with_weights({block: chosen.weight(block) + far}, "moved")
        ends.append(predicted(renderer, job, replace(job, variant=Variant("end", moved))))
    return (ends[0] - ends[1]) / (2 * AWAY)


def projected(slope: np.ndarray, share: np.ndarray) -> float:
    """The size by the one projection of a sketch with the seed 0: |⟨r √share, slope⟩| / √Σ share."""
    random = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (1, *slope.shape), generator=random)[0].numpy() * 2.0 - 1
    return float(abs((signs * np.sqrt(share) * slope).sum()) / np.sqrt(share.sum()))


def test_one_projection_is_that_of_the_predictions_differences(tiny, shared):
    job = tiny.job(weights(fill=0.4, rest=0.4))
    mask = np.zeros((16, 16), bool)
    mask[:8, :11] = True
    found = asked(shared, job, mask)
    assert found.regions == ("", "inside", "outside")
    assert found.blocks == (*open_lora(Path(tiny.locon.path)).blocks, REST)
    for block in ("OUT05", "OUT08", "OUT11"):
        slope = by_differences(shared, job, block)
        share = _placed(mask, torch.from_numpy(slope)[None])[0].numpy()
        inside, outside = projected(slope, share), projected(slope, 1 - share)
        sizes = found.sizes[:, found.blocks.index(block)]
        assert sizes[1:] == pytest.approx([inside, outside], rel=0.05, abs=1e-4)
        assert sizes[1] > 1e-3


def test_many_projections_come_near_the_root_mean_square(tiny, shared):
    job = tiny.job(weights(fill=0.4, rest=0.4))
    slope = by_differences(shared, job, "OUT11")
    found = asked(shared, job, many=60)
    assert found.sizes[0, found.blocks.index("OUT11")] == pytest.approx(np.sqrt((slope**2).mean()), rel=0.3)


def test_both_regions_together_are_the_whole(tiny, shared):
    mask = np.zeros((16, 16), bool)
    mask[:8] = True
    whole, inside, outside = asked(shared, tiny.job(weights(fill=0.4)), mask, many=60).sizes
    assert whole == pytest.approx(np.sqrt((inside**2 + outside**2) / 2), rel=0.3)


def test_the_text_encoder_counts_and_strength_does_too(tiny, shared):
    found = asked(shared, tiny.job(weights(fill=0.4, rest=0.4)), many=4)
    assert (found.sizes[0] > 0).all()
    assert found.blocks[0] == "BASE"
    double = asked(shared, tiny.job(weights(fill=0.2, rest=0.2), replace(tiny.locon, strength=2.0)), many=4)
    assert double.sizes[0] == pytest.approx(2 * found.sizes[0], rel=1e-2)


def test_a_sketch_repeats_and_costs_less_than_a_picture(tiny, shared):
    job = tiny.job(weights(fill=0.4))
    found, again = (asked(shared, job, many=2) for _ in range(2))
    assert np.array_equal(found.sizes, again.sizes)
    assert found.rows == 2 * (AT + 1)
    assert found.cost > found.rows
    other = next(shared.sketches([SketchAsk(job, AT, 2, seed=1)]))
    assert not np.array_equal(other.sizes, found.sizes)


def test_pictures_after_a_sketch_are_the_same(tiny, shared):
    job = tiny.job(weights(1))
    before = next(iter(shared.render([job]))).picture
    asked(shared, job, many=1)
    assert np.array_equal(next(iter(shared.render([job]))).picture, before)
    assert torch.is_grad_enabled()


def test_every_step_is_told(tiny, shared):
    steps = []
    asked(shared, tiny.job(weights()), many=3, watch=steps.append)
    assert [(step.done, step.of) for step in steps] == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_what_cannot_be_sketched_is_refused(tiny, shared):
    job, mask = tiny.job(weights()), np.zeros((16, 16), bool)

    def refused(cause: str, *given, said=job) -> None:
        with pytest.raises(BlockweightError, match=cause):
            next(shared.sketches([SketchAsk(said, *given)]))

    refused("without the LoRA", 0, said=tiny.job(None))
    refused("no step 3", 3)
    refused("no step -1", -1)
    refused("1 projection or more", 0, 0)
    refused("nothing inside or nothing outside", 0, 1, mask)
    refused("mask has 8×8 pixels but the picture 16×16", 0, 1, np.ones((8, 8), bool))


@pytest.mark.parametrize("shape", [(1, 4, 4, 8), (1, 4, 1, 4, 8), (1, 32, 4)])
def test_a_mask_lies_on_latents_as_on_the_picture(shape):
    mask = np.zeros((32, 64), bool)
    mask[:8, :12] = True
    placed = _placed(mask, torch.zeros(shape))
    plane = placed[0, :, 0].reshape(4, 8) if len(shape) == 3 else placed[0, 2].reshape(4, 8)
    assert plane[0].tolist() == [1, 0.5, 0, 0, 0, 0, 0, 0]
    assert placed.shape == shape
    assert not plane[1:].any()


@pytest.mark.parametrize("name", FLOWS)
def test_sketches_of_transformers(name, tmp_path):
    flow, folder = FLOWS[name], tiny_flows.save(name, tmp_path / "model")
    renderer, checkpoint = LocalRenderer(CPU), identify_checkpoint(folder)
    pipeline = renderer._engine(checkpoint).pipeline
    file = open_lora(flow_loras.write(tmp_path / "lora.safetensors", pipeline, flow.family))
    scene = Scene(
        "scene", checkpoint, "a red dress", "", 3, 3, flow.cfg_scale, flow.sampler[0], flow.side, flow.side,
        scheduler=flow.sampler[1],
    )  # fmt: skip
    weights = uniform("w", file.family.layout, 0.2)
    job = Job(scene, LoraUse(str(file.path), file.digest, 0.8), Variant("v", weights))
    found = asked(renderer, job)
    ours = {file.block_of(module) for module in file.modules if module.component in DENOISERS}
    sizes = {block: size for block, size in zip(found.blocks, found.sizes[0], strict=True) if block in ours}
    strongest = max(sizes, key=lambda block: sizes[block])
    slope = by_differences(renderer, job, strongest)
    assert sizes[strongest] == pytest.approx(projected(slope, np.ones_like(slope)), rel=0.05)
