"""A file that is changed while it is read, at any moment until the result gets its name, makes no result."""

from __future__ import annotations

import os

import numpy as np
import pytest
from lora_files import Q, locon, sample, write

from blockweight.errors import BlockweightError
from blockweight.lora import (
    RankRule,
    Term,
    convert_names,
    extract,
    merge,
    merge_into_checkpoint,
    open_alike,
    open_checkpoint,
    open_lora,
)

TENSOR = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight"


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


def checkpoint(path, rng):
    text = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
    return write(path, {TENSOR: sample(rng, 6, 5, dtype=np.float32), text: sample(rng, 4, dtype=np.float32)})


def touching(path):
    """Sets the file's time of change whenever it is called."""
    return lambda: os.utime(path, ns=(1, 1))


def refused(out, act):
    with pytest.raises(BlockweightError, match="was changed while it was being read, so nothing was written"):
        act()
    assert not out.exists()


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("strength", [1.0, 0.5], ids=["copied", "summed"])
def test_a_parent_of_a_merge(tmp_path, out, number, strength):
    paths = [write(tmp_path / f"{seed}.safetensors", locon(seed=seed)) for seed in (1, 2)]
    loras = open_alike(paths)
    used = [Term(loras[number], strength)] if strength == 1 else [Term(lora, strength) for lora in loras]
    refused(out, lambda: merge(used, out, step=touching(paths[number])))


def test_the_source_of_a_conversion(tmp_path, out):
    tensors = {key: array for key, array in locon().items() if "mid.weight" not in key and "up_blocks_0" not in key}
    path = write(tmp_path / "a.safetensors", tensors)
    refused(out, lambda: convert_names(open_lora(path), "peft", out, step=touching(path)))


@pytest.mark.parametrize("which", ["base", "lora"])
def test_a_checkpoint_and_the_lora_that_goes_into_it(tmp_path, out, rng, which):
    base = checkpoint(tmp_path / "base.safetensors", rng)
    lora = write(tmp_path / "lora.safetensors", {key: array for key, array in locon().items() if Q in key})
    changed = base if which == "base" else lora
    terms = [Term(open_lora(lora))]
    refused(out, lambda: merge_into_checkpoint(open_checkpoint(base), terms, out, step=touching(changed)))


@pytest.mark.parametrize("number", [0, 1])
def test_two_checkpoints_of_an_extraction(tmp_path, out, rng, number):
    paths = [checkpoint(tmp_path / f"{name}.safetensors", rng) for name in "ab"]
    one, two = map(open_checkpoint, paths)
    refused(out, lambda: extract(one, two, out, RankRule(2), step=touching(paths[number])))
