"""Pictures per second for an Effective Block Analyzer run, three ways, on the same jobs in the same process.

    .venv/bin/python benchmarks/render.py [--model FOLDER_OR_CHECKPOINT] [--lora FILE] [--size 512x512] [--steps 20]

See README.md here for what the columns mean.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

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
from blockweight.weights import BlockWeights

LARGEST_GAP = 8
"""Levels of 255 by which a picture may differ: batches round otherwise, and fp16 more than fp32."""


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


def layers_by_module(components: Mapping[str, nn.Module], lora: Lora) -> dict[Module, nn.Module]:
    """The layer that each module of the LoRA changes."""
    named = {
        (component, path.replace(".", "_")): layer
        for component, part in components.items()
        for path, layer in part.named_modules()
    }
    return {
        m: named.get((m.component, m.path)) or named[m.component, m.path.removeprefix("text_model_")]
        for m in lora.modules
    }


def live(device: torch.device, batch: int | None) -> Callable[[Sequence[Job]], list[Picture]]:
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


def measure(
    ways: Mapping[str, Callable[[Sequence[Job]], list[Picture]]], jobs: Sequence[Job], repetitions: int
) -> dict[str, list[float]]:
    """Pictures per second by way and repetition. The ways take turns, to share a slow minute."""
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    pictures: dict[str, list[Picture]] = {}
    for name, render in ways.items():
        pictures[name] = render(jobs[:2])
    for number in range(repetitions):
        for name, render in ways.items():
            started = time.perf_counter()
            pictures[name] = render(jobs)
            speeds[name].append(len(jobs) / (time.perf_counter() - started))
            print(f"  repetition {number + 1}: {name}: {speeds[name][-1]:.2f} pictures/s", flush=True)
    first, *others = pictures
    for name in others:
        gap = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(pictures[first], pictures[name], strict=True))
        print(f"  largest difference between '{first}' and '{name}': {gap} of 255")
        if gap > LARGEST_GAP:
            raise SystemExit(f"'{name}' does not give the same pictures, so its speed means nothing.")
    return speeds


def report(speeds: Mapping[str, Sequence[float]]) -> None:
    base = next(iter(speeds))
    print(f"\n{'':24}{'pictures/s':>28}{'times re-patched':>28}")
    for name, values in speeds.items():
        ratios = [value / of for value, of in zip(values, speeds[base], strict=True)]
        print(f"{name:24}{_spread(values):>28}{_spread(ratios):>28}")


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} – {statistics.median(values):.2f} – {max(values):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", type=Path, default=embedded.model_folder())
    parser.add_argument("--lora", type=Path, default=embedded.lora_file("gobuhime-locon"))
    parser.add_argument("--size", default="64x64", metavar="WxH")
    parser.add_argument("--steps", type=int, default=embedded.STEPS)
    parser.add_argument("--variants", type=int, default=26, help="how many of the 26 to render")
    parser.add_argument("--batch", type=int, help="the most in one batch; default: a megapixel, 26 at most")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, help="CPU threads; default: torch's")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    width, height = (int(side) for side in given.size.lower().split("x"))
    device = pick_device()
    checkpoint, lora = identify_checkpoint(given.model), open_lora(given.lora)
    jobs = plan(checkpoint, lora, (width, height), given.steps, given.variants)
    what = torch.cuda.get_device_name() if device.type == "cuda" else f"{device}, {torch.get_num_threads()} threads"
    print(f"{len(jobs)} variants of {width}×{height}, {given.steps} steps, torch {torch.__version__} on {what}")
    ways = {
        "re-patched, one by one": PatchedLoop(checkpoint, lora, device).render,
        "live, one by one": live(device, 1),
        "live, batched": live(device, given.batch),
    }
    report(measure(ways, jobs, given.repetitions))


if __name__ == "__main__":
    try:
        main()
    except BlockweightError as error:
        raise SystemExit(str(error)) from None
