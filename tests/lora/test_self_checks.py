"""What comes out of the disk other than it went in gets no name: every command compares before it is done."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from lora_files import Q, leftovers, linear, sample, write

from blockweight.errors import BlockweightError
from blockweight.lora import (
    RankRule,
    Term,
    convert_names,
    extract,
    merge,
    open_checkpoint,
    open_lora,
    split,
)

TENSOR = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight"
TEXT = "cond_stage_model.transformer.text_model.final_layer_norm.weight"


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def source(tmp_path, rng):
    return write(tmp_path / "a.safetensors", linear(Q, rng))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


@pytest.fixture
def spoil(monkeypatch):
    """Makes a function of a module give something else where `when` says so of its arguments."""

    def patch(module, name, change, when=lambda *_: True):
        found = sys.modules[f"blockweight.lora.{module}"]
        usual = getattr(found, name)
        monkeypatch.setattr(
            found, name, lambda *told: change(usual(*told)) if when(*told) else usual(*told), raising=True
        )

    return patch


def flipped(chunks):
    return (bytes(255 - byte for byte in chunk) for chunk in chunks)


def refused(folder, act, words):
    before = leftovers(folder)
    with pytest.raises(BlockweightError, match=words):
        act()
    assert leftovers(folder) == before
    assert not (folder / "out.safetensors").exists()


def test_a_merge_that_copies(tmp_path, source, out, spoil):
    spoil("merge_check", "read_chunks", flipped, lambda path, *_: path != source)
    refused(
        tmp_path, lambda: merge([Term(open_lora(source))], out), "is not the weighted sum of the LoRAs'; merge them"
    )


@pytest.mark.parametrize("role", ["lora_A", "lora_B"])
def test_a_conversion(tmp_path, source, out, spoil, role):
    spoil("convert", "read_array", lambda array: -array, lambda path, header, info: role in info.name)
    refused(tmp_path, lambda: convert_names(open_lora(source), "peft", out), "came out changed .*; convert")


def test_a_split(tmp_path, source, out, spoil):
    spoil("split", "read_chunks", flipped, lambda path, *_: path != source)
    refused(tmp_path, lambda: split(open_lora(source), lambda _: out), "was not kept as it is; split")


def test_an_extract_of_what_is_no_projection(tmp_path, rng, out, spoil):
    two = []
    for name in ("tuned", "base"):
        tensors = {TENSOR: sample(rng, 6, 5, dtype=np.float32), TEXT: sample(rng, 4, dtype=np.float32)}
        two.append(open_checkpoint(write(tmp_path / f"{name}.safetensors", tensors)))
    spoil("extract", "truncated", lambda factors: (factors[0] * 1.1, factors[1]))
    refused(tmp_path, lambda: extract(*two, out, RankRule(2)), "came out wrong .*; extract it again")
