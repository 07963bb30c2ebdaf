"""Pictures per second for an Effective Block Analyzer run, several ways, on the same jobs in the same process.

    .venv/bin/python benchmarks/render.py [--model FOLDER_OR_CHECKPOINT] [--lora FILE] [--size 512x512] [--steps 20]
    .venv/bin/python benchmarks/render.py --random --size 512x512 --steps 20 --batches 1,4,8,16,26

See README.md here for what the columns mean.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from torch import Tensor, nn

from blockweight.blocks import Module
from blockweight.demo import embedded
from blockweight.errors import BlockweightError
from blockweight.lora import Lora, open_lora
from blockweight.plan import Checkpoint, Job, LoraUse, Scene, Variant, plan_block_analysis
from blockweight.render import Picture, identify_checkpoint
from blockweight.render.local import LocalRenderer, pick_device
from blockweight.render.local.earlier import make_scheduler
from blockweight.render.local.places import Places
from blockweight.weights import BlockWeights
from random_sd15 import write_model

LARGEST_GAP = 8
"""Levels of 255 by which a picture may differ: batches round otherwise, and fp16 more than fp32."""


@dataclass(frozen=True)
class Way:
    """A way to render: what does it, how many pictures at once, and whether they must equal those of the first way."""

    render: Callable[[Sequence[Job]], list[Picture]]
    batch: int = 1
    exact: bool = True


class PatchedLoop:
    """What a WebUI does: for every picture, W = W0 + Σ strength·w·ΔW for every module, then one picture."""

    def __init__(self, checkpoint: Checkpoint, lora: Lora, device: torch.device) -> None:
        self.lora = lora
        self.renderer = LocalRenderer(device, batch=1)
        plain = Job(scene(checkpoint, (64, 64), 1), LoraUse("", ""), Variant("plain", None))
        self.renderer.check([plain])
        self.layers = layers_by_module(self.renderer._engine(checkpoint).components, lora)
        self.originals = {module: layer.weight.detach().clone() for module, layer in self.layers.items()}
        self.deltas = {module: self._delta(module) for module in self.layers}

    def _delta(self, module: Module) -> Tensor:
        weight = self.originals[module]
        return torch.from_numpy(self.lora.delta(module)).reshape(weight.shape).to(weight)

    def render(self, jobs: Sequence[Job]) -> list[Picture]:
        pictures = []
        for job in jobs:
            assert job.variant.weights is not None
            self._patch(job.variant.weights)
            # The text encoder has changed too, so nothing may be remembered; the base model's name is the only key.
            forget_texts(self.renderer)
            plain = Job(job.scene, job.lora, Variant("plain", None))
            pictures += [rendering.picture for rendering in self.renderer.render([plain])]
        return pictures

    def _patch(self, weights: BlockWeights) -> None:
        with torch.no_grad():
            for module, layer in self.layers.items():
                weight = weights.weight(self.lora.block_of(module))
                torch.add(self.originals[module], self.deltas[module], alpha=weight, out=layer.weight.data)


class AdapterLoop:
    """What diffusers offers: the LoRA loaded beside the weights by PEFT, `set_adapters` for every picture, and one
    picture at a time. Its pictures have one weight for all blocks, so only their number counts."""

    def __init__(self, checkpoint: Checkpoint, lora: Lora, device: torch.device) -> None:
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.pipeline = diffusers.DiffusionPipeline.from_pretrained(
            checkpoint.path, torch_dtype=dtype, local_files_only=True, safety_checker=None, feature_extractor=None
        ).to(device)
        self.pipeline.set_progress_bar_config(disable=True)
        self.pipeline.scheduler = make_scheduler(embedded.SAMPLER, self.pipeline.scheduler.config)
        self.pipeline.load_lora_weights(str(lora.path), adapter_name="lora")

    def render(self, jobs: Sequence[Job]) -> list[Picture]:
        return [self._picture(job) for job in jobs]

    def _picture(self, job: Job) -> Picture:
        scene, weights = job.scene, job.variant.weights
        assert weights is not None
        # One scale for all: diffusers fails on scales by block where a LoRA changes convolutions.
        self.pipeline.set_adapters("lora", adapter_weights=sum(weights.values) / len(weights.values))
        shown = self.pipeline(
            scene.prompt,
            negative_prompt=scene.negative_prompt,
            num_inference_steps=scene.steps,
            guidance_scale=scene.cfg_scale,
            width=scene.width,
            height=scene.height,
            generator=torch.Generator().manual_seed(scene.seed),
            output_type="np",
        ).images[0]
        return (shown * 255).round().astype(np.uint8)


def layers_by_module(components: Mapping[str, nn.Module], lora: Lora) -> dict[Module, nn.Module]:
    """The layer that each module of the LoRA changes."""
    places = Places(components)
    return {module: place.layer for module in lora.modules for place in places.find(module)}


def live(device: torch.device, batch: int) -> Callable[[Sequence[Job]], list[Picture]]:
    renderer = LocalRenderer(device, batch=batch)

    def render(jobs: Sequence[Job]) -> list[Picture]:
        # Each repetition is a run of its own: the embeddings are computed anew, once a run.
        renderer.check(jobs)
        forget_texts(renderer)
        found = {rendering.job.key: rendering.picture for rendering in renderer.render(jobs)}
        return [found[job.key] for job in jobs]

    return render


def forget_texts(renderer: LocalRenderer) -> None:
    """Encode all prompts anew."""
    assert renderer._loaded is not None
    engine: Any = renderer._loaded[1]
    engine._texts = type(engine._texts)()


def scene(checkpoint: Checkpoint, size: tuple[int, int], steps: int) -> Scene:
    prompt = f"1girl, {embedded.TRIGGER_TAGS}, smile, red dress, meadow"
    return Scene("benchmark", checkpoint, prompt, "", 1, steps, embedded.CFG_SCALE, embedded.SAMPLER, *size)


def plan(checkpoint: Checkpoint, lora: Lora, size: tuple[int, int], steps: int, variants: int) -> list[Job]:
    analysis = plan_block_analysis(lora.family.layout, lora.family.layout.blocks, 0.5, 1.0)
    use = LoraUse(str(lora.path), lora.digest)
    changed = [variant for _, variant in analysis.changed][:variants]
    return [Job(scene(checkpoint, size, steps), use, variant) for variant in changed]


@dataclass
class Measured:
    """One way: pictures per second in each repetition, and MiB a picture at most, beside what was there before (None
    where the device does not tell)."""

    speeds: list[float] = field(default_factory=list)
    memory: float | None = None


def measure(ways: Mapping[str, Way], jobs: Sequence[Job], repetitions: int) -> dict[str, Measured]:
    """The ways take turns, to share a slow minute."""
    found = {name: Measured() for name in ways}
    pictures: dict[str, list[Picture]] = {}
    for name, way in ways.items():
        pictures[name] = way.render(jobs[: max(2, way.batch)])
    for number in range(repetitions):
        for name, way in ways.items():
            before = memory_taken(start=True)
            started = time.perf_counter()
            pictures[name] = way.render(jobs)
            found[name].speeds.append(len(jobs) / (time.perf_counter() - started))
            if before is not None:
                found[name].memory = ((memory_taken() or 0) - before) / 2**20 / min(way.batch, len(jobs))
            print(f"  repetition {number + 1}: {name}: {found[name].speeds[-1]:.2f} pictures/s", flush=True)
    first, *others = (name for name, way in ways.items() if way.exact)
    for name in others:
        gap = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(pictures[first], pictures[name], strict=True))
        print(f"  largest difference between '{first}' and '{name}': {gap} of 255")
        if gap > LARGEST_GAP:
            raise SystemExit(f"'{name}' does not give the same pictures, so its speed means nothing.")
    return found


def memory_taken(*, start: bool = False) -> int | None:
    """Bytes that tensors take on the graphics card: at most since the last `start`, or now."""
    if not torch.cuda.is_available():
        return None
    if start:
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    return torch.cuda.max_memory_allocated()


def report(found: Mapping[str, Measured]) -> None:
    base = next(iter(found.values()))
    print(f"\n{'':24}{'pictures/s':>28}{'times re-patched':>28}{'MiB a picture':>16}")
    for name, measured in found.items():
        ratios = [value / of for value, of in zip(measured.speeds, base.speeds, strict=True)]
        memory = "" if measured.memory is None else f"{measured.memory:.0f}"
        print(f"{name:24}{_spread(measured.speeds):>28}{_spread(ratios):>28}{memory:>16}")


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} – {statistics.median(values):.2f} – {max(values):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", type=Path, default=embedded.model_folder())
    parser.add_argument("--lora", type=Path, default=embedded.lora_file("gobuhime-locon"))
    parser.add_argument("--random", action="store_true", help="a model and LoRA of SD1.5's size, with random numbers")
    parser.add_argument("--size", default="64x64", metavar="WxH")
    parser.add_argument("--steps", type=int, default=embedded.STEPS)
    parser.add_argument("--variants", type=int, default=26, help="how many of the 26 to render")
    parser.add_argument("--batches", default="1,26", metavar="N,…", help="how many pictures at once, live")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, help="CPU threads; default: torch's")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as place:
        model, file = write_model(Path(place)) if given.random else (given.model, given.lora)
        run(model, file, given)


def run(model: Path, file: Path, given: argparse.Namespace) -> None:
    width, height = (int(side) for side in given.size.lower().split("x"))
    device = pick_device()
    checkpoint, lora = identify_checkpoint(model), open_lora(file)
    jobs = plan(checkpoint, lora, (width, height), given.steps, given.variants)
    what = torch.cuda.get_device_name() if device.type == "cuda" else f"{device}, {torch.get_num_threads()} threads"
    print(f"{len(jobs)} variants of {width}×{height}, {given.steps} steps, torch {torch.__version__} on {what}")
    ways = {"re-patched, one by one": Way(PatchedLoop(checkpoint, lora, device).render)}
    if model.is_dir():
        ways["diffusers, one by one"] = Way(AdapterLoop(checkpoint, lora, device).render, exact=False)
    for batch in map(int, given.batches.split(",")):
        ways[f"live, {batch} at once"] = Way(live(device, batch), batch)
    report(measure(ways, jobs, given.repetitions))


if __name__ == "__main__":
    try:
        main()
    except BlockweightError as error:
        raise SystemExit(str(error)) from None
