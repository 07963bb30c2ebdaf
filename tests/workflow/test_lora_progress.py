"""Work on LoRA files says how far it is, and ends where it said that it would."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

from blockweight.lora import write_lora
from blockweight.workflow.lora_algebra import convert_file, merge_files, resize_file, split_file
from blockweight.workflow.lora_checkpoints import extract_file, merge_checkpoint_file
from blockweight.workflow.lora_conflicts import compare_files
from blockweight.workflow.progress import Bar
from workshop import write_lora_file

UNET = "model.diffusion_model."
TEXT = "cond_stage_model.transformer.text_model."


class Recording:
    """What was announced and what was done of it."""

    def __init__(self):
        self.tasks = []

    @contextmanager
    def track(self, title, total, done=0):
        task = {"title": title, "total": total, "done": done}
        self.tasks.append(task)

        def reach(units):
            task["done"] = units

        yield Bar(done, reach)


@pytest.fixture
def progress():
    return Recording()


@pytest.fixture
def place(tmp_path):
    """Two LoRAs, and two checkpoints with a layer that differs, one that does not, convolutions, and what no LoRA
    changes; the base lacks a layer."""
    write_lora_file(tmp_path / "a.safetensors", ["IN04", "OUT03"], ["lora_unet_time_embedding_linear_1"])
    write_lora_file(tmp_path / "b.safetensors", ["IN04"], seed=2)
    rng = np.random.default_rng(1)
    base = {
        f"{UNET}input_blocks.4.1.proj_in.weight": (4, 4),
        f"{UNET}output_blocks.3.1.proj_in.weight": (4, 4),
        f"{UNET}time_embed.0.weight": (4, 4),
        f"{UNET}time_embed.0.bias": (4,),
        f"{UNET}input_blocks.3.0.op.weight": (4, 4, 3, 3),
        f"{TEXT}embeddings.token_embedding.weight": (4, 4),
        f"{TEXT}encoder.layers.0.mlp.fc1.weight": (4, 4),
    }
    base = {name: rng.standard_normal(shape).astype(np.float16) for name, shape in base.items()}
    tuned = base | {key: value + np.float16(0.5) for key, value in base.items() if "4.1.proj_in" in key or "op" in key}
    tuned[f"{TEXT}encoder.layers.1.mlp.fc1.weight"] = base[f"{TEXT}encoder.layers.0.mlp.fc1.weight"]
    write_lora(tmp_path / "base.safetensors", base, {})
    write_lora(tmp_path / "tuned.safetensors", tuned, {})
    return tmp_path


def ended(progress):
    (task,) = progress.tasks
    assert task["done"] == task["total"] > 0
    return task["total"]


@pytest.mark.parametrize(("conv_rank", "layers"), [("", 4), ("2", 5)])
def test_extract_ends_where_it_said(place, progress, conv_rank, layers):
    out = place / "out.safetensors"
    given = {"rank": "2", "conv_rank": conv_rank, "precision": "fp16", "overwrite": False}
    report = extract_file(place / "tuned.safetensors", place / "base.safetensors", out, progress, **given)
    assert ended(progress) == 3 * layers
    assert len(report.layers) + report.same == layers


@pytest.mark.parametrize("weights", ["", f":1:{','.join(['1'] * 4 + ['0'] + ['1'] * 21)}"])
def test_merging_into_a_checkpoint_ends_where_it_said(place, progress, weights):
    specs = [str(place / "a.safetensors"), f"{place / 'b.safetensors'}{weights}"]
    given = {"fill": None, "rest": None, "overwrite": False}
    report, _ = merge_checkpoint_file(place / "base.safetensors", specs, place / "out.safetensors", progress, **given)
    assert ended(progress) == 2 * report.changed


def test_merge_ends_where_it_said(place, progress):
    specs = [str(place / "a.safetensors"), f"{place / 'b.safetensors'}:0.5"]
    given = {"rank": "auto", "fill": None, "rest": None, "names": "", "precision": "keep", "overwrite": False}
    merge_files(specs, place / "out.safetensors", progress, **given)
    assert ended(progress) == 2 * 3


def test_resize_ends_where_it_said(place, progress):
    given = {"rank": "1", "ranks": "", "precision": "keep", "overwrite": False}
    resize_file(place / "a.safetensors", place / "out.safetensors", progress, **given)
    assert ended(progress) == 2 * 3


def test_split_convert_and_conflicts_end_where_they_said(place):
    source, out = place / "a.safetensors", place / "out.safetensors"
    for work, units in (
        (lambda told: split_file(source, place / "parts", told, blocks="", overwrite=False), 3),
        (lambda told: convert_file(source, out, "peft", told, precision="exact", overwrite=False), 3),
        (
            lambda told: compare_files(
                str(source), str(place / "b.safetensors"), told, fill=None, rest=None, plot=None
            ),
            3,
        ),
    ):
        progress = Recording()
        work(progress)
        assert ended(progress) == units
