"""Pictures of the tiny transformers: what diffusers' own pipelines draw, with live block weights."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flow_loras
import numpy as np
import pytest
import tiny_flows
import torch
from safetensors.numpy import load_file
from test_flow_places import NAMES, ORIGINALS
from tiny_flows import FLOWS, Flow

from blockweight.lora import Recipe, bake, open_lora, write_lora
from blockweight.plan import Checkpoint, Job, LoraUse, OtherLora, Scene, Variant
from blockweight.render.local import LiveLora
from blockweight.render.local.engines import load_engine
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.pipelines import PipelineEngine
from blockweight.weights import BlockWeights

CPU = torch.device("cpu")
SAME = 2e-5
"""The largest difference of pictures that are equal, of a range from -1 to 1."""


@dataclass(frozen=True)
class Case:
    name: str
    flow: Flow
    folder: Path
    engine: PipelineEngine
    lora: Path

    def scene(self, **changes: Any) -> Scene:
        flow = self.flow
        plain = Scene(
            "scene", Checkpoint(str(self.folder), "x"), "a red dress", "", 3, 2, flow.cfg_scale, flow.sampler[0],
            flow.side, flow.side, scheduler=flow.sampler[1],
        )  # fmt: skip
        return replace(plain, **changes)

    def weights(self, seed: int | None) -> BlockWeights:
        """All ones, or random ones."""
        layout = open_lora(self.lora).family.layout
        drawn = np.random.default_rng(seed).uniform(-1, 1.5, len(layout)).round(2)
        values = [1.0] * len(layout) if seed is None else drawn.tolist()
        return BlockWeights("w", layout, tuple(values), 1.0 if seed is None else 0.6)

    def job(self, seed: int | None = None, **changes: Any) -> Job:
        """With the weights of a seed."""
        return Job(self.scene(**changes), LoraUse("", "lora", 0.8), Variant("v", self.weights(seed)))

    def plain(self, **changes: Any) -> Job:
        return Job(self.scene(**changes), LoraUse("", "lora", 0.8), Variant("v", None))

    def draw(self, jobs: list[Job], lora: Path | None = None) -> torch.Tensor:
        if all(job.variant.weights is None and not job.scene.loras for job in jobs):
            return self.engine.draw(jobs, LiveLoras(), lambda *_: None)
        live = LiveLora(open_lora(lora or self.lora), self.engine.components, self.engine.names)
        others = [live.again() for _ in jobs[0].scene.loras]
        self.engine._prompts.clear()
        try:
            return self.engine.draw(jobs, LiveLoras(live, others), lambda *_: None)
        finally:
            for each in (live, *others):
                each.detach()

    def other(self, seed: int, **changes: Any) -> OtherLora:
        """The same LoRA beside itself, with the weights of a seed."""
        return OtherLora(LoraUse("", "lora", **changes), self.weights(seed))


@pytest.fixture(scope="module", params=FLOWS)
def case(request, tmp_path_factory) -> Case:
    folder = tmp_path_factory.mktemp(request.param)
    flow = FLOWS[request.param]
    saved = tiny_flows.save(request.param, folder / "model")
    engine = load_engine(saved, CPU)
    assert isinstance(engine, PipelineEngine)
    assert engine.families == (flow.family,)
    if flow.tokens:
        engine.kind = replace(engine.kind, tokens=flow.tokens)
    lora = flow_loras.write(folder / "lora.safetensors", engine.pipeline, flow.family)
    return Case(request.param, flow, saved, engine, lora)


def equal(found: torch.Tensor, wanted: torch.Tensor, most: float = SAME) -> None:
    assert wanted.std() > 0.05
    assert float((found - wanted).abs().max()) < most, float((found - wanted).abs().max())


def different(found: torch.Tensor, wanted: torch.Tensor) -> None:
    assert float((found - wanted).abs().max()) > 20 * SAME


def test_a_picture_is_the_one_that_diffusers_draws_from_the_prompts(case):
    scene, pipeline = case.scene(negative_prompt="ugly"), case.engine.pipeline
    call: dict[str, Any] = {"negative_prompt": ["ugly"], "guidance_scale": scene.cfg_scale}
    if case.name in ("flux1", "qwen-image"):
        call |= {"true_cfg_scale": scene.cfg_scale, "guidance_scale": 3.5 if case.name == "flux1" else None}
    if case.name in ("zimage", "krea2"):
        call["guidance_scale"] = scene.cfg_scale - 1
    if case.name == "wan":
        call["num_frames"] = 1
    if case.name == "flux2":
        call["guidance_scale"] = 3.5
    if case.flow.family == "flux2":
        del call["negative_prompt"]
        scene = replace(scene, negative_prompt="")
    if case.name == "sd3":
        call["sigmas"] = [1.0, 0.5]
    call["max_sequence_length"] = case.engine.kind.tokens
    with torch.no_grad():
        output = pipeline(
            prompt=["a red dress"], width=scene.width, height=scene.height, num_inference_steps=2, output_type="pt",
            generator=[torch.Generator().manual_seed(3)], **call,
        )  # fmt: skip
    wanted = (output.frames[:, 0] if case.name == "wan" else output.images) * 2 - 1
    equal(case.draw([case.plain(negative_prompt=scene.negative_prompt)]), wanted)


def test_live_weights_draw_what_merged_weights_draw(case):
    live = case.draw([case.job(1)])
    merged = tiny_flows.pipeline(case.name)
    flow_loras.merge(merged, case.lora, case.flow.family, case.weights(1), 0.8)
    merged.set_progress_bar_config(disable=True)
    equal(live, PipelineEngine(merged, case.engine.kind, CPU).draw([case.plain()], LiveLoras(), lambda *_: None))
    different(live, case.draw([case.plain()]))


def test_several_loras_draw_what_all_of_them_merged_draw(case):
    loras = (case.other(2, strength=-0.3),)
    live = case.draw([case.job(1, loras=loras)])
    merged = tiny_flows.pipeline(case.name)
    for seed, strength in ((1, 0.8), (2, -0.3)):
        flow_loras.merge(merged, case.lora, case.flow.family, case.weights(seed), strength)
    merged.set_progress_bar_config(disable=True)
    equal(live, PipelineEngine(merged, case.engine.kind, CPU).draw([case.plain()], LiveLoras(), lambda *_: None))
    different(live, case.draw([case.job(1)]))
    equal(case.draw([case.plain(loras=(case.other(1, strength=0.8),))]), case.draw([case.job(1)]))


def test_a_range_of_steps_leaves_the_texts_as_they_are(case):
    def draw(steps: int = 2, **changes: Any) -> torch.Tensor:
        return case.draw([case.plain(steps=steps, loras=(case.other(1, **changes),))])

    in_texts = draw(strength=0.0, text_strength=0.8)
    assert torch.equal(draw(strength=0.8, stop=1), in_texts)
    assert torch.equal(draw(strength=0.8, start=2), in_texts), "the second step is counted in the third"
    different(draw(strength=0.8), in_texts)
    late, whole = draw(3, strength=0.8, start=2), draw(3, strength=0.8)
    different(late, whole)
    different(late, draw(3, strength=0.8, stop=1))
    assert torch.equal(draw(3, strength=0.8, stop=3), whole)


def test_live_weights_draw_what_the_baked_file_draws_with_all_ones(case, tmp_path):
    baked = tmp_path / "baked.safetensors"
    bake(case.lora, case.weights(1), baked, Recipe(strength=0.8))
    ones = replace(case.job(), lora=LoraUse("", "baked", 1.0))
    equal(case.draw([ones], baked), case.draw([case.job(1)]))


def test_each_picture_of_a_batch_is_the_one_that_is_drawn_alone(case):
    jobs = [
        case.job(1, prompt="blue", negative_prompt="a very ugly dress"),
        case.plain(seed=8, prompt="a very long red dress that is not blue at all"),
        case.job(2),
    ]
    batch = case.draw(jobs)
    for picture, job in zip(batch, jobs, strict=True):
        equal(picture[None], case.draw([job]))
    different(batch[0], case.draw([case.job(1)])[0])


def test_models_with_layers_that_see_all_samples_in_one_row_draw_batches_unless_a_lora_changes_those(case, tmp_path):
    kind = case.engine.kind
    if not kind.alone:
        pytest.skip("all layers see the samples row by row")
    tensors = {key: value for key, value in load_file(case.lora).items() if not re.search(kind.alone, key)}
    assert len(tensors) < len(load_file(case.lora))
    write_lora(tmp_path / "rows.safetensors", tensors, {})
    jobs = [case.job(1, prompt="blue"), case.plain(seed=8), case.job(2)]
    seen = []
    handle = case.engine.pipeline.transformer.register_forward_pre_hook(
        lambda _, inputs, named: seen.append(len(inputs[0] if inputs else named["hidden_states"])), with_kwargs=True
    )
    batch = case.draw(jobs, tmp_path / "rows.safetensors")
    assert set(seen) in ({3}, {6}), "with guidance in the same batch or apart"
    for picture, job in zip(batch, jobs, strict=True):
        equal(picture[None], case.draw([job], tmp_path / "rows.safetensors"))
    seen.clear()
    case.draw(jobs)
    handle.remove()
    assert set(seen) in ({1}, {2})


def test_the_negative_prompt_and_the_seed_make_a_difference(case):
    picture = case.draw([case.plain()])
    different(case.draw([case.plain(seed=4)]), picture)
    if case.engine.kind.guides(case.engine.pipeline):
        assert not torch.equal(case.draw([case.plain(negative_prompt="blue dress")]), picture)
        assert torch.equal(
            case.draw([case.plain(negative_prompt="blue", cfg_scale=1.0)]), case.draw([case.plain(cfg_scale=1.0)])
        )


def test_a_lora_in_the_originals_names_draws_what_it_draws_in_diffusers_names(case, tmp_path):
    kind = case.name if case.name in ORIGINALS else case.flow.family
    if kind not in ORIGINALS:
        pytest.skip("the original's names are diffusers'")
    modules = [name for each in ORIGINALS[kind] for name in (each.replace(".N.", ".0."), each.replace(".N.", ".1."))]
    modules = [name for name in dict.fromkeys(modules) if _has(case, name)]
    original, split = tmp_path / "original.safetensors", tmp_path / "split.safetensors"
    flow_loras.write_both(original, split, case.engine.pipeline, NAMES[kind], modules)
    jobs = [case.job(1)]
    equal(case.draw(jobs, original), case.draw(jobs, split))
    different(case.draw(jobs, original), case.draw([case.plain()]))


def _has(case: Case, name: str) -> bool:
    """Klein has no guidance embedder, Wan for texts no image embedder, and a first convolution is no matrix."""
    return not (case.name == "klein" and name.startswith("guidance")) and not any(
        word in name for word in ("img_emb", "_img", "patch_embedding", "x_embedder.proj")
    )


def test_whoever_stops_a_batch_waits_for_one_step_at_most(case):
    asked = []

    def stop(done: int, of: int) -> None:
        asked.append((done, of))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case.engine.draw([case.plain(steps=3)], LiveLoras(), stop)
    assert asked == [(1, 3)]
    steps: list[tuple[int, int]] = []
    case.engine.draw([case.plain()], LiveLoras(), lambda done, of: steps.append((done, of)))
    assert steps == [(1, 2), (2, 2)]
