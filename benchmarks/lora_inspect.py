"""Seconds, CPU seconds and peak memory of `blockweight lora inspect`, beside a plain read of the same file.

    .venv/bin/python benchmarks/lora_inspect.py [--rank 128] [--repetitions 5]

See README.md here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

READ = """
import sys
with open(sys.argv[1], "rb") as file:
    while file.read(1 << 20):
        pass
"""


def modules() -> Iterator[tuple[str, int, int, bool]]:
    """The modules of a standard SD1 LoRA (sd-scripts): name, outputs, inputs, whether it is a 1×1 convolution."""
    places = [
        (f"down_blocks_{level}_attentions_{n}", width)
        for level, width in ((0, 320), (1, 640), (2, 1280))
        for n in (0, 1)
    ]
    places += [("mid_block_attentions_0", 1280)]
    places += [
        (f"up_blocks_{level}_attentions_{n}", width)
        for level, width in ((1, 1280), (2, 640), (3, 320))
        for n in (0, 1, 2)
    ]
    for place, width in places:
        start = f"lora_unet_{place}"
        layers = f"{start}_transformer_blocks_0"
        yield f"{start}_proj_in", width, width, True
        yield f"{start}_proj_out", width, width, True
        for attention, context in (("attn1", width), ("attn2", 768)):
            yield f"{layers}_{attention}_to_q", width, width, False
            yield f"{layers}_{attention}_to_k", width, context, False
            yield f"{layers}_{attention}_to_v", width, context, False
            yield f"{layers}_{attention}_to_out_0", width, width, False
        yield f"{layers}_ff_net_0_proj", 8 * width, width, False
        yield f"{layers}_ff_net_2", width, 4 * width, False
    for number in range(12):
        layer = f"lora_te_text_model_encoder_layers_{number}"
        for name in ("q", "k", "v", "out"):
            yield f"{layer}_self_attn_{name}_proj", 768, 768, False
        yield f"{layer}_mlp_fc1", 3072, 768, False
        yield f"{layer}_mlp_fc2", 768, 3072, False


def write_sample(path: Path, rank: int) -> None:
    """A LoRA in fp16 with random factors, and the stamp of its hash, as trainers leave it (which has to be checked)."""
    import numpy as np  # noqa: PLC0415 - see main

    from blockweight.lora import write_lora  # noqa: PLC0415

    rng = np.random.default_rng(20261123)
    tensors: dict[str, np.ndarray] = {}
    for name, out, inputs, convolution in modules():
        end = (1, 1) if convolution else ()
        for role, shape, spread in (("lora_up", (out, rank), 0.01), ("lora_down", (rank, inputs), 0.03)):
            values = rng.standard_normal(shape, np.float32) * np.float32(spread)
            tensors[f"{name}.{role}.weight"] = values.astype(np.float16).reshape(*shape, *end)
        tensors[f"{name}.alpha"] = np.array(rank / 2, np.float16)
    write_lora(path, tensors, {"ss_network_dim": str(rank), "ss_output_name": "benchmark"})


def run(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak megabytes of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}.")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def spread(values: list[float], places: int = 2) -> str:
    return " – ".join(f"{value:.{places}f}" for value in (min(values), statistics.median(values), max(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rank", type=int, default=128)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FILE", help="only write the sample")
    given = parser.parse_args()
    if given.write:
        write_sample(given.write, given.rank)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.safetensors"
        # In a process of its own: a child's peak begins at what its parent has in memory.
        run([sys.executable, __file__, "--write", str(path), "--rank", str(given.rank)])
        program = [sys.executable, "-c", "from blockweight.cli.main import main; main()"]
        rows = {
            "plain read": [sys.executable, "-c", READ, str(path)],
            "blockweight --help": [*program, "--help"],
            "lora inspect": [*program, "lora", "inspect", str(path)],
        }
        for command in rows.values():
            run(command)  # the first run fills the file cache
        # In turn, so that a busy moment of the machine meets all rows alike.
        runs = [{name: run(command) for name, command in rows.items()} for _ in range(given.repetitions)]
        print(f"{path.stat().st_size / 1e6:.0f} MB, rank {given.rank}, {given.repetitions} repetitions")
        print(f"{'':<22}{'seconds':>22}{'CPU seconds':>22}{'peak MB':>20}")
        for name in rows:
            wall, cpu, memory = (list(column) for column in zip(*(taken[name] for taken in runs), strict=True))
            print(f"{name:<22}{spread(wall):>22}{spread(cpu):>22}{spread(memory, 0):>20}")


if __name__ == "__main__":
    main()
