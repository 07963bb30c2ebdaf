"""Baking beside a plain copy, and beside loading, scaling and saving with numpy, each a process of its own.

    .venv/bin/python benchmarks/bake.py [--family sdxl] [--repetitions 5]

The LoRA is made here: Stable Diffusion 1.5's linear modules at rank 128 (151 MB), or SDXL's (about 0.9 GB), fp16, 64 as
alpha. The weights have eleven values, 0 among them. CPU seconds and the peak of resident memory are the kernel's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from blockweight.blocks import family_by_name
from blockweight.lora import write_lora
from blockweight.weights import uniform

RANK, ALPHA = 128, 64.0
# Stable Diffusion 1.5 and XL: (level's width, transformers on the way down, up, layers in each, context).
_SD1 = ((320, (1, 2), (9, 10, 11)), (640, (4, 5), (6, 7, 8)), (1280, (7, 8), (3, 4, 5)))
_SDXL = ((640, (4, 5), (3, 4, 5), 2), (1280, (7, 8), (0, 1, 2), 10))

NUMPY = """
import sys
from safetensors import safe_open
from safetensors.numpy import save_file
from blockweight.blocks import family_by_name, parse_key
from blockweight.weights import Context, read_weights
family = family_by_name(sys.argv[3])
weights = read_weights(sys.argv[4], Context(family=family)).weights
tensors = {}
with safe_open(sys.argv[1], "numpy") as file:
    for name in file.keys():
        key = parse_key(name)
        weight = weights.weight(family.block_of(key.module))
        if weight == 0:
            continue
        tensor = file.get_tensor(name)
        tensors[name] = (tensor * weight).astype(tensor.dtype) if key.role == "lora_up" and weight != 1 else tensor
save_file(tensors, sys.argv[2], {})
"""


def modules(family: str) -> dict[str, tuple[int, int]]:
    """Kohya names of the linear modules in attention, with (out, in)."""
    found: dict[str, tuple[int, int]] = {}
    context = 768 if family == "sd1" else 2048
    for width, downs, ups, *layers in _SD1 if family == "sd1" else _SDXL:
        for block in (*(f"input_blocks_{n}" for n in downs), *(f"output_blocks_{n}" for n in ups)):
            for layer in range(layers[0] if layers else 1):
                stem = f"lora_unet_{block}_1_transformer_blocks_{layer}"
                for attention, source in (("attn1", width), ("attn2", context)):
                    for part in ("to_q", "to_k", "to_v", "to_out_0"):
                        inner = source if part in ("to_k", "to_v") else width
                        found[f"{stem}_{attention}_{part}"] = (width, inner)
                found[f"{stem}_ff_net_0_proj"] = (8 * width, width)
                found[f"{stem}_ff_net_2"] = (width, 4 * width)
    for layer in range(12):
        stem = f"lora_te{'' if family == 'sd1' else '1'}_text_model_encoder_layers_{layer}"
        found |= {f"{stem}_self_attn_{part}_proj": (768, 768) for part in ("q", "k", "v", "out")}
        found |= {f"{stem}_mlp_fc1": (3072, 768), f"{stem}_mlp_fc2": (768, 3072)}
    return found


def make_lora(path: Path, family: str) -> Path:
    """A LoRA of that family with random factors."""
    rng = np.random.default_rng(1)
    tensors: dict[str, np.ndarray] = {}
    for name, (out, inner) in modules(family).items():
        tensors[f"{name}.lora_down.weight"] = rng.standard_normal((RANK, inner), np.float32).astype(np.float16)
        tensors[f"{name}.lora_up.weight"] = rng.standard_normal((out, RANK), np.float32).astype(np.float16)
        tensors[f"{name}.alpha"] = np.array(ALPHA, np.float16)
    write_lora(path, tensors, {}, overwrite=True)
    return path


def run(command: list[str]) -> tuple[float, float]:
    """(CPU seconds, peak resident MB) of one process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own commands
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[:3]} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Run the three in turn and print their medians, and the ratios of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=("sd1", "sdxl"), default="sd1")
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    layout = family_by_name(given.family).layout
    values = {block: place % 11 / 10 for place, block in enumerate(layout.blocks)}
    text = uniform("bench", layout, 1.0).with_weights(values).text()
    program = str(Path(sys.executable).with_name("blockweight"))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "a.safetensors"), Path(folder, "b.safetensors")
        # A child's peak begins at its parent's size, so this process stays small.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(make_lora, (source, given.family))
        print(f"{source.stat().st_size / 1e6:.0f} MB, {len(modules(given.family))} modules")
        commands = {
            "cp": ["cp", str(source), str(target)],
            "numpy load, scale, save": [sys.executable, "-c", NUMPY, str(source), str(target), given.family, text],
            "blockweight lora bake": [
                *[program, "lora", "bake", str(source), "--weights", text, "--out", str(target), "--overwrite"]
            ],
        }
        runs = [{name: run(command) for name, command in commands.items()} for _ in range(given.repetitions)]
    print(f"{'':<26}{'CPU s':>18}{'times numpy':>24}{'peak MB':>10}")
    for name in commands:
        cpu = [each[name][0] for each in runs]
        ratios = [each[name][0] / each["numpy load, scale, save"][0] for each in runs]
        print(f"{name:<26}{spread(cpu):>18}{spread(ratios):>24}{max(each[name][1] for each in runs):>10.0f}")


def spread(values: list[float]) -> str:
    """Lowest, median and highest."""
    return " – ".join(f"{value:.2f}" for value in (min(values), statistics.median(values), max(values)))


if __name__ == "__main__":
    main()
