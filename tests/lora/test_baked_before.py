"""What is made from a baked file by anything but a bake does not claim to be one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blockweight.errors import BlockweightError
from blockweight.lora import (
    RankRule,
    Term,
    bake,
    convert_names,
    merge,
    merge_into_checkpoint,
    open_alike,
    open_checkpoint,
    open_lora,
    read_header,
    resized,
    split,
    unbake,
    write_lora,
)
from blockweight.lora.provenance import BAKED_BEFORE
from blockweight.weights import uniform
from workshop import FULL, module_in, write_lora_file

APPLIED = "blockweight.applied_weights"


@pytest.fixture
def baked(tmp_path):
    source = write_lora_file(tmp_path / "ゴブ姫.safetensors", ("IN04", "OUT03"))
    return bake(source, uniform("w", FULL, 1.0).with_weights({"IN04": 0.5}), tmp_path / "baked.safetensors").out


def merged(baked, out):
    other = write_lora_file(baked.with_name("b.safetensors"), ("IN04",), seed=2)
    merge([Term(lora) for lora in open_alike([baked, other])], out)


def resize(baked, out):
    merge([Term(open_lora(baked))], out, rules=lambda _: RankRule(1), metadata=resized)


def converted(baked, out):
    convert_names(open_lora(baked), "peft", out)


def split_off(baked, out):
    split(open_lora(baked), lambda _: out, blocks=("IN04",))


def into_checkpoint(baked, out):
    names = ("input_blocks.4.1.proj_in", "output_blocks.3.1.proj_in")
    weights = {f"model.diffusion_model.{name}.weight": np.ones((4, 4), np.float16) for name in names}
    weights["model.diffusion_model.time_embed.0.weight"] = np.ones((4, 4), np.float16)
    weights["cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight"] = np.ones((4, 4), np.float16)
    path = baked.with_name("model.safetensors")
    write_lora(path, weights, {})
    merge_into_checkpoint(open_checkpoint(path), [Term(open_lora(baked))], out)


WAYS = [merged, resize, converted, split_off, into_checkpoint]


@pytest.mark.parametrize("make", WAYS)
def test_the_stamp_becomes_a_record_of_the_baked_parent(baked, tmp_path, make):
    out = tmp_path / "out.safetensors"
    make(baked, out)
    metadata = read_header(out).metadata
    assert APPLIED not in metadata
    stamp = json.loads(read_header(baked).metadata[APPLIED])
    assert json.loads(metadata[BAKED_BEFORE]) == [{"file": "baked.safetensors", "stamp": stamp}]


@pytest.mark.parametrize("make", [merged, resize, converted, split_off])
def test_unbake_says_why_there_is_no_way_back(baked, tmp_path, make):
    out = tmp_path / "out.safetensors"
    make(baked, out)
    words = r"was made from a baked file \(baked.safetensors\), so its tensors .*; unbake that file, and make this one"
    for original in (None, tmp_path / "ゴブ姫.safetensors"):
        with pytest.raises(BlockweightError, match=words):
            unbake(out, tmp_path / "back.safetensors", original)


def test_a_bake_of_such_a_file_can_be_taken_back_to_it(baked, tmp_path):
    resize(baked, tmp_path / "small.safetensors")
    again = bake(
        tmp_path / "small.safetensors", uniform("v", FULL, 1.0).with_weights({"OUT03": 2.0}), tmp_path / "v.safetensors"
    ).out
    back = unbake(again, tmp_path / "back.safetensors").out
    assert read_header(back).metadata == read_header(tmp_path / "small.safetensors").metadata
    assert open_lora(back).data_digest == open_lora(tmp_path / "small.safetensors").data_digest


def test_the_record_is_handed_on_once(baked, tmp_path):
    files = split(open_lora(baked), lambda block: tmp_path / f"{block}.safetensors")
    merge([Term(lora) for lora in open_alike([file.path for file in files])], tmp_path / "out.safetensors")
    (told,) = json.loads(read_header(tmp_path / "out.safetensors").metadata[BAKED_BEFORE])
    assert told["file"] == "baked.safetensors"


@pytest.mark.parametrize("text", ["nonsense", "{}", "[1]", '[{"file": 3}]', "[" * 5000])
def test_records_that_make_no_sense_stop_nothing(tmp_path, text):
    name, ones = module_in("IN04"), np.ones((4, 2), np.float16)
    tensors = {f"{name}.lora_up.weight": ones, f"{name}.lora_down.weight": ones.T.copy()}
    write_lora(tmp_path / "a.safetensors", tensors, {BAKED_BEFORE: text, APPLIED: text})
    resize(tmp_path / "a.safetensors", tmp_path / "out.safetensors")
    with pytest.raises(BlockweightError, match="was made from a baked file"):
        unbake(tmp_path / "out.safetensors", tmp_path / "back.safetensors")


@pytest.mark.parametrize("make", WAYS)
def test_what_no_bake_was_in_gets_no_record(tmp_path, make):
    source = write_lora_file(tmp_path / "a.safetensors", ("IN04", "OUT03"))
    make(source, tmp_path / "out.safetensors")
    assert BAKED_BEFORE not in read_header(tmp_path / "out.safetensors").metadata


def test_a_checkpoint_keeps_the_record_of_what_was_merged_into_it_before(baked, tmp_path):
    into_checkpoint(baked, tmp_path / "once.safetensors")
    plain = write_lora_file(tmp_path / "plain.safetensors", ("IN04",), seed=2)
    checkpoint = open_checkpoint(tmp_path / "once.safetensors")
    merge_into_checkpoint(checkpoint, [Term(open_lora(plain))], tmp_path / "twice.safetensors")
    once, twice = (read_header(tmp_path / f"{name}.safetensors").metadata[BAKED_BEFORE] for name in ("once", "twice"))
    assert twice == once
