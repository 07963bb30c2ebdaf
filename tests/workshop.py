"""Small LoRAs, models, scenes and jobs for the suites above the LoRA files. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from blockweight.blocks import family_by_name
from blockweight.lora import write_lora
from blockweight.plan import Checkpoint, Job, LoraUse, Scene, Variant
from blockweight.weights import BlockWeights, Context, read_weights, uniform
from blockweight.workflow.progress import Bar

SD1 = family_by_name("sd1")
FULL, SHORT = SD1.layouts

WEIGHTS = "1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5"
"""The tutorial's, in 26 blocks."""


def weights_of(text: str, name: str = "NONAME") -> BlockWeights:
    """SD1 weights from their text."""
    return read_weights(text, Context(family=SD1, name=name)).weights


_DOWN = {"IN00": "conv_in", "IN03": "down_blocks_0_downsamplers_0_conv", "IN06": "down_blocks_1_downsamplers_0_conv"}
_DOWN["IN09"] = "down_blocks_2_downsamplers_0_conv"
_DOWN |= {"IN10": "down_blocks_3_resnets_0_conv1", "IN11": "down_blocks_3_resnets_1_conv1"}
_UP = {f"OUT{n:02}": f"up_blocks_0_resnets_{n}_conv1" for n in range(3)}


def module_in(block: str) -> str:
    """The kohya name of one module of an SD1 block, a linear one where the block has any."""
    if block == "BASE":
        return "lora_te_text_model_encoder_layers_0_mlp_fc1"
    if block == "M00":
        return "lora_unet_mid_block_attentions_0_proj_in"
    if block in _DOWN or block in _UP:
        return f"lora_unet_{(_DOWN | _UP)[block]}"
    side, number = ("down", int(block[2:]) - 1) if block.startswith("IN") else ("up", int(block[3:]))
    return f"lora_unet_{side}_blocks_{number // 3}_attentions_{number % 3}_proj_in"


def write_lora_file(path: Path, blocks: Iterable[str], names: Iterable[str] = (), seed: int = 1) -> Path:
    """A LoRA with one small module per block, and under the further kohya names."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}
    for name in (*map(module_in, blocks), *names):
        tensors[f"{name}.lora_down.weight"] = rng.standard_normal((2, 4)).astype(np.float16)
        tensors[f"{name}.lora_up.weight"] = rng.standard_normal((4, 2)).astype(np.float16)
        tensors[f"{name}.alpha"] = np.array(1.0, np.float16)
    write_lora(path, tensors, {})
    return path


def write_model(folder: Path, content: bytes = b"weights") -> Path:
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(content)
    return folder


SCENE = Scene(
    label="red dress",
    checkpoint=Checkpoint("model", "c" * 64),
    prompt="1girl, ゴブ姫, red dress",
    negative_prompt="blurry",
    seed=1,
    steps=16,
    cfg_scale=7.0,
    sampler="Euler a",
    width=32,
    height=24,
)
LORA = LoraUse("loras/gobuhime.safetensors", "d" * 64, 1.0)


def job(weight: float | None = 1.0, scene: Scene = SCENE, lora: LoraUse = LORA, label: str = "ALL") -> Job:
    """A job with one weight for all blocks, or without the LoRA."""
    return Job(scene, lora, Variant(label, None if weight is None else uniform(label, FULL, weight)))


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: relative path → content, None for folders."""
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")
    }


class RecordedProgress:
    """Remembers what was shown: [title, total, done at first, steps], and the lines."""

    def __init__(self) -> None:
        self.tasks: list[list[object]] = []
        self.lines: list[str] = []

    @contextmanager
    def track(self, title: str, total: int, done: int = 0) -> Iterator[object]:
        task: list[object] = [title, total, done, 0]
        self.tasks.append(task)

        yield (bar := Bar(done, lambda _reached: task.__setitem__(3, bar.done - done)))

    def say(self, text: str) -> None:
        self.lines.append(text)
