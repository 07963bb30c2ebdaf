"""What live block weights cost beside a LoRA merged into the weights, and how long it takes to change them.

    .venv/bin/python benchmarks/live.py [--tiny] [--size 512x512] [--batches 1,4,8] [--kinds lora,locon,loha]

On a UNet of Stable Diffusion 1.5's size with random weights, and LoRAs made for it. See README.md here for what the
columns mean.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora, write_lora
from blockweight.plan import Variant
from blockweight.render.local import SD1_CONFIG, LiveLora, pick_device
from blockweight.render.local.models import dtype_on
from blockweight.weights import BlockWeights

SD1 = family_by_name("sd1")
TINY = {"block_out_channels": (32, 64, 128, 128), "attention_head_dim": 4, "cross_attention_dim": 64}
KINDS = ("lora", "lora128", "locon", "loha", "lokr", "dora", "full")
ATTENTION_ONLY = ("lora", "lora128", "dora")


def factor(size: int) -> int:
    """The divisor nearest below √size, as LyCORIS takes it for LoKr."""
    return max(n for n in range(1, math.isqrt(size) + 1) if size % n == 0)


def tensors_of(kind: str, name: str, layer: nn.Module, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One module, so large that its change is some percent of the weight."""
    out, inputs, *kernel = layer.weight.shape
    flat = inputs * math.prod(kernel)
    small = 0.02 / math.sqrt(flat)

    def sample(*shape: int, spread: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape, np.float32) * spread).astype(np.float16)

    if kind == "full":
        made = {"diff": sample(out, inputs, *kernel, spread=small)}
    elif kind == "loha":
        rank = 8
        made = {"hada_w1_a": sample(out, rank, spread=small), "hada_w1_b": sample(rank, flat, spread=0.35)}
        made |= {"hada_w2_a": sample(out, rank), "hada_w2_b": sample(rank, flat, spread=0.35)}
        made["alpha"] = np.array(rank, np.float16)
    elif kind == "lokr":
        a, b = factor(out), factor(inputs)
        made = {"lokr_w1": sample(a, b, spread=small), "lokr_w2": sample(out // a, inputs // b, *kernel)}
        made["alpha"] = np.array(1, np.float16)
    else:
        rank = 128 if kind == "lora128" else 16
        ones = [1] * len(kernel)
        made = {"lora_up.weight": sample(out, rank, *ones, spread=small / math.sqrt(rank))}
        made |= {"lora_down.weight": sample(rank, inputs, *kernel), "alpha": np.array(rank, np.float16)}
        if kind == "dora":
            norms = layer.weight.detach().float().transpose(0, 1).flatten(1).norm(dim=1)
            made["dora_scale"] = norms.reshape(1, inputs, *ones).cpu().numpy()
    return {f"{name}.{role}": values for role, values in made.items()}


def write_kind(path: Path, unet: nn.Module, kind: str) -> Path:
    rng = np.random.default_rng(5)
    tensors: dict[str, np.ndarray] = {}
    for name, layer in unet.named_modules():
        attention = ".attentions." in name
        if isinstance(layer, nn.Linear | nn.Conv2d) and (attention or kind not in ATTENTION_ONLY):
            tensors |= tensors_of(kind, f"lora_unet_{name.replace('.', '_')}", layer, rng)
    write_lora(path, tensors, {})
    return path


def weighed(values: Sequence[float]) -> Variant:
    return Variant("v", BlockWeights("w", SD1.layout, tuple(values), 1.0))


def same(count: int) -> list[Variant]:
    """All pictures with the same block weights."""
    return [weighed([0.7] * len(SD1.layout))] * count


def analysis(count: int) -> list[Variant]:
    """An Effective Block Analyzer run: in every picture another block is changed."""
    length = len(SD1.layout)
    # The attention blocks, which every kind of LoRA changes.
    blocks = [4, 5, 7, 8, 13, 17, 18, 19, 2, 3, 20, 21, 22, 23, 24, 25]
    return [weighed([0.5 if n == blocks[i % len(blocks)] else 1.0 for n in range(length)]) for i in range(count)]


def random(count: int, seed: int = 0) -> list[Variant]:
    """Every picture with other weights in every block."""
    rng = np.random.default_rng(seed)
    return [weighed(rng.uniform(0.1, 1.0, len(SD1.layout)).round(3)) for _ in range(count)]


WAYS: dict[str, Callable[[int], list[Variant]]] = {"same": same, "analysis": analysis, "random": random}


class Bench:
    """A UNet and its inputs for a batch of pictures, two rows each (with and without the prompt)."""

    def __init__(self, unet: nn.Module, size: tuple[int, int], device: torch.device) -> None:
        self.unet, self.size, self.device = unet, size, device

    def data(self, pictures: int) -> tuple[Tensor, Tensor]:
        made = torch.Generator().manual_seed(1)
        width, height = self.size
        like = next(self.unet.parameters())
        sample = torch.randn(pictures, 4, height // 8, width // 8, generator=made)
        context = torch.randn(2 * pictures, 77, self.unet.config.cross_attention_dim, generator=made)
        return torch.cat([sample, sample]).to(like), context.to(like)

    def run(self, data: tuple[Tensor, Tensor]) -> Tensor:
        step = torch.tensor(300, device=self.device)
        found: Tensor = self.unet(data[0], step, encoder_hidden_states=data[1]).sample
        return found

    def seconds(self, call: Callable[[], Any]) -> float:
        self.wait()
        started = time.perf_counter()
        call()
        self.wait()
        return time.perf_counter() - started

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def memory(self) -> int:
        return torch.cuda.memory_allocated() if self.device.type == "cuda" else 0


def overhead(bench: Bench, live: LiveLora, pictures: int, repetitions: int) -> dict[str, list[float]]:
    """Seconds of one pass of the UNet, without a LoRA (which costs what a merged one does) and with each way's weights;
    the ways take turns."""
    data = bench.data(pictures)
    times: dict[str, list[float]] = {"merged": []} | {name: [] for name in WAYS}
    plain = [Variant("plain", None)] * pictures
    for number in range(repetitions + 1):
        for name, spent in times.items():
            live.set_samples((plain if name == "merged" else WAYS[name](pictures)) * 2, 1.0)
            bench.run(data)
            found = bench.seconds(lambda: bench.run(data))
            if number:  # the first is for warming up
                spent.append(found)
    return times


def switching(bench: Bench, live: LiveLora, repetitions: int) -> dict[str, list[float]]:
    """Seconds that new weights add to the first pass, for one picture of the smallest size."""
    data = bench.data(1)
    ones = [1.0] * len(SD1.layout)
    found: dict[str, list[float]] = {"set": [], "one block": [], "all blocks": []}
    for number in range(repetitions + 1):
        changed = {"one block": weighed([0.5 if n == 4 else 1.0 for n in range(len(ones))])}
        changed["all blocks"] = random(1, seed=number)[0]
        for name, variant in changed.items():
            live.set_samples([weighed(ones)] * 2, 1.0)
            bench.run(data)
            steady = bench.seconds(lambda: bench.run(data))
            given = bench.seconds(lambda v=variant: live.set_samples([v] * 2, 1.0))
            first = bench.seconds(lambda: bench.run(data))
            if number:
                found[name].append(max(0.0, given + first - steady))
                found["set"].append(given)
    return found


def check(bench: Bench, live: LiveLora) -> float:
    """The largest difference between a picture in a batch and the same alone, relative to the LoRA's effect on it."""
    pictures = 3
    sample, context = bench.data(pictures)
    variants = [*analysis(pictures - 1), *random(1)]
    live.set_samples([Variant("plain", None)] * (2 * pictures), 1.0)
    plain = bench.run((sample, context)).float()
    live.set_samples(variants * 2, 1.0)
    together = bench.run((sample, context)).float()
    worst = 0.0
    for number, variant in enumerate(variants):
        rows = [number, number + pictures]
        live.set_samples([variant] * 2, 1.0)
        alone = bench.run((sample[rows], context[rows])).float()
        effect = (alone - plain[rows]).norm()
        worst = max(worst, float((together[rows] - alone).norm() / effect))
    return worst


def spread(values: Sequence[float], unit: float = 1.0, digits: int = 2) -> str:
    three = (min(values) * unit, statistics.median(values) * unit, max(values) * unit)
    return " – ".join(f"{value:.{digits}f}" for value in three)


def measure(bench: Bench, kind: str, folder: Path, batches: Sequence[int], repetitions: int) -> None:
    path = write_kind(folder / f"{kind}.safetensors", bench.unet, kind)
    size = path.stat().st_size
    held = bench.memory()
    try:
        taken = time.perf_counter()
        live = LiveLora(open_lora(path), {"unet": bench.unet})
        taken = time.perf_counter() - taken
    except BlockweightError as error:
        print(f"{kind}: {error}")
        return
    attached = bench.memory() - held
    off = check(bench, live)
    used = bench.memory() - held
    memory = f", {attached / 2**20:.0f} MiB on the device, {used / 2**20:.0f} in use" if held else ""
    print(f"\n{kind}: {size / 2**20:.0f} MiB, attached in {taken:.1f} s{memory}; batch against single: {off:.1e}")
    for pictures in batches:
        times = overhead(bench, live, pictures, repetitions)
        base = statistics.median(times.pop("merged"))
        ratios = "".join(f"{spread([t / base for t in found]):>24}" for found in times.values())
        print(f"  batch {pictures:<3}{base * 1000:>10.1f} ms{ratios}", flush=True)
    found = switching(bench, live, repetitions)
    print("  switching, ms: " + ", ".join(f"{name} {spread(values, 1000, 1)}" for name, values in found.items()))
    live.detach()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tiny", action="store_true", help="a small UNet, for CPUs")
    parser.add_argument("--size", default=None, metavar="WxH", help="default: 512x512, with --tiny 128x128")
    parser.add_argument("--batches", default="1,4,8")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--threads", type=int, help="CPU threads; default: torch's")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    width, height = (int(side) for side in (given.size or ("128x128" if given.tiny else "512x512")).split("x"))
    device = pick_device()
    config = UNet2DConditionModel.load_config(SD1_CONFIG / "unet") | (TINY if given.tiny else {})
    torch.manual_seed(0)
    with torch.device(device):
        unet = UNet2DConditionModel.from_config(config).eval().requires_grad_(requires_grad=False)
    nn.Module.to(unet, dtype_on(device))
    bench = Bench(unet, (width, height), device)
    what = torch.cuda.get_device_name() if device.type == "cuda" else f"{device}, {torch.get_num_threads()} threads"
    count = sum(p.numel() for p in unet.parameters())
    print(
        f"UNet of {count / 1e6:.0f} M weights, {width}×{height}, {dtype_on(device)}, torch {torch.__version__}, {what}"
    )
    print(f"{'':12}{'merged':>11}{'times merged: ' + 'same':>24}{'analysis':>24}{'random':>24}")
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for kind in given.kinds.split(","):
            measure(bench, kind, Path(folder), [int(b) for b in given.batches.split(",")], given.repetitions)


if __name__ == "__main__":
    try:
        main()
    except BlockweightError as error:
        raise SystemExit(str(error)) from None
